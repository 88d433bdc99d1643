"""Runs of pybroker that nobody thought of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from pybroker import FeeMode, FixedSlippageModel, PositionMode, PriceType, StopType

import capture
from tests.adapters.pybroker.runs import Case, Execution, eurusd, goog, several

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    from pybroker import Strategy

__all__ = ["any_run"]

BARS = 60

Act = tuple[str, dict[str, Any]]
Plan = dict[int, list[Act]]


def _doing(plan: Plan) -> Callable[[Any], None]:
    """Return what does on each bar what is planned, whatever the symbol."""

    def planned(ctx: Any) -> None:
        for name, words in plan.get(ctx.bars, ()):
            with suppress(ValueError):
                getattr(Acts, name)(ctx, **words)

    return planned


class Acts:
    """What may be planned."""

    # --- without a look at the portfolio -----------------------------------------------------

    @staticmethod
    def order(ctx: Any, side: str, shares: float, **words: Any) -> None:
        _thinking_again(ctx)
        setattr(ctx, f"{side}_shares", shares)
        if (limit := words.pop("limit", None)) is not None:
            setattr(ctx, f"{side}_limit_price", round(ctx.close_price * limit, 2))
            if (timeout := words.pop("timeout", None)) is not None:
                setattr(ctx, f"{side}_timeout_bars", timeout)
        words.pop("timeout", None)
        if (price := words.pop("price", None)) is not None:
            setattr(ctx, f"{side}_fill_price", price)
        for name, value in words.items():
            setattr(ctx, name, value)

    @staticmethod
    def target(ctx: Any, target: float, way: str) -> None:
        _thinking_again(ctx)
        ctx.set_target_shares(target, dir=way)

    @staticmethod
    def sized(ctx: Any, side: str, part: float) -> None:
        _thinking_again(ctx)
        setattr(ctx, f"{side}_shares", ctx.calc_target_shares(part))

    @staticmethod
    def forget(ctx: Any) -> None:
        _thinking_again(ctx)

    @staticmethod
    def cancel_all(ctx: Any, everywhere: bool) -> None:
        ctx.cancel_all_pending_orders(None if everywhere else ctx.symbol)

    @staticmethod
    def cancel_stops(ctx: Any, kind: StopType | None) -> None:
        ctx.cancel_stops(ctx.symbol, kind)

    @staticmethod
    def note(ctx: Any, signal: bool) -> None:
        capture.note("why", 1.0, signal=ctx if signal else None)

    # --- with one ----------------------------------------------------------------------------

    @staticmethod
    def look(ctx: Any, at: str) -> None:
        found = getattr(ctx, at)
        if callable(found):
            list(found())

    @staticmethod
    def leave(ctx: Any, verb: str) -> None:
        _thinking_again(ctx)
        getattr(ctx, verb)()

    @staticmethod
    def part(ctx: Any, part: float) -> None:
        if held := ctx.long_pos():
            _thinking_again(ctx)
            ctx.sell_shares = float(held.shares) * part

    @staticmethod
    def cancel(ctx: Any, which: int) -> None:
        if waiting := list(ctx.pending_orders()):
            ctx.cancel_pending_order(waiting[which % len(waiting)].id)

    @staticmethod
    def cancel_stop(ctx: Any, which: int) -> None:
        lots = [lot for held in ctx.positions() for lot in held.entries]
        if stops := [stop for lot in lots for stop in lot.stops]:
            ctx.cancel_stop(stops[which % len(stops)].id)

    @staticmethod
    def cancel_of(ctx: Any, kind: StopType | None, lots: bool) -> None:
        for held in list(ctx.positions()):
            for of in held.entries if lots else (held,):
                ctx.cancel_stops(of, kind)


_STOPS = ("stop_loss", "stop_profit", "stop_trailing")
_SAID = (
    *(f"{side}_{what}" for side in ("buy", "sell")
      for what in ("shares", "limit_price", "timeout_bars", "fill_price")),
    *(f"{stop}{what}" for stop in _STOPS for what in ("", "_pct", "_limit", "_exit_price")),
    "hold_bars", "score", "long_score", "short_score",
)  # fmt: skip


def _thinking_again(ctx: Any) -> None:
    """Forget what was wanted on this bar: the host raises where it is told to buy and to sell."""
    for name in _SAID:
        setattr(ctx, name, None)


def _acting(name: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.fixed_dictionaries(words))


_SIDES = st.sampled_from(["buy", "sell"])
# Not so small that they may be the very number of a target that was thought of on the same bar.
_SHARES = st.sampled_from([10, 40, 7.5, 0.0, 1_000_000])
_PARTS = st.sampled_from([0.5, 0.1, 1.0, 0.0])
_PRICES = st.sampled_from([None, *PriceType, 30.0])
_KINDS = st.sampled_from([None, StopType.LOSS, StopType.PROFIT, StopType.TRAILING, StopType.BAR])
_WHICH = st.integers(0, 5)


@st.composite
def _orders(draw: st.DrawFn) -> Act:
    words: dict[str, Any] = {"side": draw(_SIDES), "shares": draw(_SHARES), "price": draw(_PRICES)}
    if draw(st.booleans()):
        words["limit"] = draw(st.sampled_from([0.98, 0.995, 1.005, 1.02]))
        words["timeout"] = draw(st.sampled_from([None, -1, 1, 5]))
    for stop in _STOPS:
        if draw(st.integers(0, 3)) == 3:
            if draw(st.booleans()):
                words[f"{stop}_pct"] = draw(st.sampled_from([1, 2.5, 6]))
            else:
                words[stop] = draw(st.sampled_from([0.5, 3]))
            if draw(st.booleans()):
                words[f"{stop}_exit_price"] = draw(st.sampled_from(list(PriceType)))
            if draw(st.integers(0, 3)) == 3:
                words[f"{stop}_limit"] = draw(st.sampled_from([1.0, 100.0]))
    if draw(st.integers(0, 2)) == 2:
        words["hold_bars"] = draw(st.sampled_from([1, 3, 8]))
    if draw(st.integers(0, 2)) == 2:
        words[draw(st.sampled_from(["long_score", "short_score", "score"]))] = draw(
            st.floats(-5, 5)
        )
    return "order", words


_BLIND = st.one_of(
    _orders(),
    _orders(),
    _orders(),
    _acting("target", target=_PARTS, way=st.sampled_from(["long", "short"])),
    _acting("sized", side=_SIDES, part=_PARTS),
    _acting("forget"),
    _acting("cancel_all", everywhere=st.booleans()),
    _acting("cancel_stops", kind=_KINDS),
    _acting("note", signal=st.booleans()),
)
_LOOKS = st.sampled_from(
    ["total_equity", "cash", "total_margin", "total_market_value", "win_rate", "orders", "trades",
     "positions", "long_positions", "pending_orders", "buying_power"]
)  # fmt: skip
_SEEING = st.one_of(
    _BLIND,
    _BLIND,
    _acting("look", at=_LOOKS),
    _acting("leave", verb=st.sampled_from(["sell_all_shares", "cover_all_shares"])),
    _acting("part", part=st.sampled_from([0.5, 1, 0.3])),
    _acting("cancel", which=_WHICH),
    _acting("cancel_stop", which=_WHICH),
    _acting("cancel_of", kind=_KINDS, lots=st.booleans()),
)


def _enlarge(contexts: Mapping[str, Any]) -> None:
    """Buy more than was wanted; so much that no small number is still the same afterwards."""
    for ctx in contexts.values():
        if ctx.buy_shares is not None:
            ctx.buy_shares += 300


@dataclass(frozen=True)
class Prepared:
    """What is said to a strategy beside its configuration."""

    slippage: float | None = None
    long: int | None = None
    short: int | None = None
    enlarged: bool = False

    def __call__(self, strategy: Strategy) -> None:
        """Say it."""
        if self.slippage is not None:
            strategy.set_slippage_model(FixedSlippageModel(bps=self.slippage))
        if self.long is not None:
            strategy.set_max_long_positions(self.long)
        if self.short is not None:
            strategy.set_max_short_positions(self.short)
        if self.enlarged:
            strategy.set_after_exec(_enlarge)


_CONFIG = st.fixed_dictionaries(
    {"initial_cash": st.sampled_from([20_000, 1_000, 500_000])},
    optional={
        "fees": st.sampled_from([(FeeMode.ORDER_PERCENT, 0.3), (FeeMode.PER_ORDER, 2.0),
                                 (FeeMode.PER_SHARE, 0.05)]),
        "enable_fractional_shares": st.booleans(),
        "round_fill_price": st.booleans(),
        "position_mode": st.sampled_from(list(PositionMode)),
        "buy_delay": st.sampled_from([1, 2, 4]),
        "sell_delay": st.sampled_from([1, 3]),
        "exit_on_last_bar": st.booleans(),
        "leverage": st.sampled_from([1.0, 2.0, 4.0]),
    },
)  # fmt: skip
_PREPARED = st.builds(
    Prepared,
    slippage=st.sampled_from([None, None, 12]),
    long=st.sampled_from([None, None, 1, 2]),
    short=st.sampled_from([None, None, 1]),
    enlarged=st.booleans(),
)
_WORDS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"windows": 2, "train_size": 0.3},
    {"warmup": 3},
)


@cache
def _bars(make: Callable[[], pd.DataFrame], start: int) -> Callable[[], pd.DataFrame]:
    whole = make()
    number = whole.groupby("symbol").cumcount()
    bars = whole[(number >= start) & (number < start + BARS)].reset_index(drop=True)
    return lambda: bars


def _config(drawn: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(drawn)
    if "fees" in config:
        config["fee_mode"], config["fee_amount"] = config.pop("fees")
    return config


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    acts = draw(st.sampled_from([_BLIND, _SEEING]))
    plans = st.dictionaries(st.integers(1, BARS), st.lists(acts, min_size=1, max_size=3))
    make = draw(st.sampled_from([goog, eurusd, several]))
    if make is several:
        groups = draw(st.sampled_from([(("AAA", "BBB", "CCC"),), (("AAA", "BBB"), ("DDD",))]))
    else:
        groups = (("GOOG" if make is goog else "EURUSD",),)
    executions = tuple(Execution(_doing(draw(plans)), symbols) for symbols in groups)
    data = _bars(make, draw(st.sampled_from([0, 200])))
    words = draw(st.sampled_from(_WORDS))
    prepared = draw(_PREPARED)
    case = Case(executions, data, _config(draw(_CONFIG)), prepared, words)
    other = replace(draw(_PREPARED), enlarged=prepared.enlarged)
    return case, replace(case, config=_config(draw(_CONFIG)), prepare=other)
