"""Runs of the built-in backtester that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

import capture
from capture_builtin import Feed, Strategy
from tests.builtin.market import bars, minutes
from tests.builtin.runs import Case

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["any_run"]

STEPS = 50

Act = tuple[str, dict[str, Any]]


class Planned(Strategy):
    """Does at each moment what its plan says."""

    plan: dict[str, list[Act]] = {}  # noqa: RUF012

    def generate_signal(self, market: Any) -> None:
        """Do what is planned; prices are relative to the last close of the symbol."""
        for name, words in self.plan.get(str(market.step), ()):
            getattr(self, f"_{name}")(market, **words)

    def _want(self, market: Any, way: str, which: int, **said: Any) -> None:
        symbol = self._symbol(market, which)
        close = market[symbol].close
        prices = {name: said.pop(name) * close for name in _PRICES if name in said}
        getattr(self, way)(symbol, **said, **prices)

    def _take_back(self, market: Any, which: int | None) -> None:
        self.cancel(None if which is None else self._symbol(market, which))

    def _note(self, market: Any, value: Any) -> None:
        capture.note("step", value)

    def _look(self, market: Any, at: str, which: int) -> None:
        account = self.portfolio
        if at == "position":
            account.position(self._symbol(market, which))
        else:
            getattr(account, at)

    def _symbol(self, market: Any, which: int) -> str:
        symbols = list(market.symbols)
        return str(symbols[which % len(symbols)])


_PRICES = ("limit", "stop", "stop_loss", "take_profit", "trail")
_WHICH = st.integers(0, 2)
_NEAR = st.sampled_from([0.97, 0.99, 0.998, 1.002, 1.01, 1.03])
_HOW = st.fixed_dictionaries(
    {},
    optional={
        "limit": _NEAR,
        "stop": _NEAR,
        "stop_loss": st.sampled_from([0.97, 0.995, 1.005, 1.03]),
        "take_profit": st.sampled_from([0.97, 0.995, 1.005, 1.03]),
        "trail": st.sampled_from([0.004, 0.03]),
        "valid_bars": st.sampled_from([1, 3, 60]),
        "size": st.sampled_from([0.5, 1.0, 7.0, 40.0, 5_000.0]),
        "strength": st.sampled_from([-1.0, 0.0, 0.3, 1.0]),
        "tag": st.just("tag"),
    },
)
_RESIZED = st.fixed_dictionaries(
    {"kind": st.just("adjustment"), "size": st.sampled_from([1.0, 3.0, 12.0])}
)


@st.composite
def _wants(draw: st.DrawFn) -> Act:
    way = draw(st.sampled_from(["buy", "sell", "buy", "sell", "close"]))
    how = draw(st.one_of(_HOW, _HOW, _HOW, st.just({}) if way == "close" else _RESIZED))
    return "want", {"way": way, "which": draw(_WHICH), **how}


_BLIND = st.one_of(
    _wants(),
    _wants(),
    _wants(),
    st.tuples(st.just("take_back"), st.fixed_dictionaries({"which": st.none() | _WHICH})),
    st.tuples(st.just("note"), st.fixed_dictionaries({"value": st.sampled_from([1, "calm"])})),
)
_SEEING = st.one_of(
    _BLIND,
    _BLIND,
    st.tuples(
        st.just("look"),
        st.fixed_dictionaries(
            {"at": st.sampled_from(["position", "cash", "equity"]), "which": _WHICH}
        ),
    ),
)
_SETTINGS = st.fixed_dictionaries(
    {"cash": st.sampled_from([10_000, 800, 1_000_000])},
    optional={
        "size": st.sampled_from([1.0, 10.0, 0.3]),
        "sizer": st.sampled_from(["units", "equity_fraction"]),
        "by_strength": st.booleans(),
        "lot": st.sampled_from([0.0, 1.0]),
        "pyramiding": st.sampled_from([1, 3]),
        "allow_short": st.booleans(),
        "fill": st.sampled_from(["next_open", "close"]),
        "slippage_fraction": st.sampled_from([0.0, 0.001]),
        "slippage_fixed": st.sampled_from([0.0, 0.05]),
        "commission_rate": st.sampled_from([0.0, 0.001]),
        "commission_per_unit": st.sampled_from([0.0, 0.01]),
        "commission_minimum": st.sampled_from([0.0, 1.0]),
        "leverage": st.sampled_from([1.0, 0.4, 20.0]),
        "max_open_positions": st.sampled_from([None, 1]),
        "max_trades_per_day": st.sampled_from([None, 1, 4]),
        "max_position_units": st.sampled_from([None, 8.0]),
        "max_position_value": st.sampled_from([None, 900.0]),
        "max_gross_exposure": st.sampled_from([None, 0.5]),
        "max_drawdown": st.sampled_from([None, 0.01]),
        "max_daily_loss": st.sampled_from([None, 0.01]),
        "orders": st.sampled_from(["market", "recorded"]),
        "participation": st.sampled_from([None, 0.01]),
        "stop_loss": st.sampled_from([None, 0.01]),
        "take_profit": st.sampled_from([None, 0.01]),
        "trailing_stop": st.sampled_from([None, 0.01]),
    },
)


@cache
def _data(kind: str, seed: int) -> Callable[[], Any]:
    if kind == "one":
        return lambda: Feed.from_frame(bars(STEPS, seed), "ONE")
    if kind == "three":
        return lambda: [Feed.from_frame(bars(STEPS, seed + n), s) for n, s in enumerate("CAB")]
    return lambda: [Feed.from_frame(minutes(STEPS, 1, seed + n, 0.3), f"S{n}") for n in range(3)]


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    acts = draw(st.sampled_from([_BLIND, _SEEING]))
    steps = st.integers(0, STEPS).map(str)
    plan = draw(st.dictionaries(steps, st.lists(acts, min_size=1, max_size=3)))
    data = _data(draw(st.sampled_from(["one", "three", "gappy"])), draw(st.integers(1, 3)))
    case = Case(Planned, data, draw(_SETTINGS), {"plan": plan})
    return case, replace(case, settings=draw(_SETTINGS))
