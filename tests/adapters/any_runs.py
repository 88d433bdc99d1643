"""Runs of Backtesting.py that nobody thought of."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from backtesting import Backtest, Strategy
from backtesting.lib import FractionalBacktest
from hypothesis import strategies as st

from tests.adapters.runs import Case, eurusd, goog

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

__all__ = ["any_run"]

BARS = 60

Act = tuple[str, dict[str, Any]]


class Planned(Strategy):
    """Does at each bar what its plan says."""

    plan: ClassVar[dict[int, list[Act]]] = {}

    def init(self) -> None:
        """Remember what is ordered, and order what the plan has before the first bar."""
        self.placed: list[Any] = []
        self.seen: list[Any] = []
        self._act(0)

    def next(self) -> None:
        """Do what is planned."""
        self._act(len(self.data))

    def _act(self, bar: int) -> None:
        for name, words in self.plan.get(bar, ()):
            getattr(self, f"_{name}")(**words)

    def _order(self, side: str, size: float | None, tag: Any, **prices: float) -> None:
        price = self.data.Close[-1]
        words = {} if size is None else {"size": size}
        asked = {name: price * share for name, share in prices.items()}
        self.placed.append(getattr(self, side)(tag=tag, **words, **asked))

    def _cancel(self, which: int) -> None:
        if self.placed:
            self.placed[which % len(self.placed)].cancel()

    def _cancel_listed(self, which: int) -> None:
        if self.orders:
            self.orders[which % len(self.orders)].cancel()

    def _close(self, portion: float) -> None:
        self.position.close(portion)

    def _close_trade(self, which: int, portion: float) -> None:
        if trade := self._trade(which):
            trade.close(portion)

    def _edit(self, which: int, line: str, share: float | None) -> None:
        if trade := self._trade(which):
            price = None if share is None else self.data.Close[-1] * share
            setattr(trade, line, price)

    def _keep(self, which: int) -> None:
        if trade := self._trade(which):
            self.seen.append(trade)

    def _edit_kept(self, which: int, line: str, share: float | None) -> None:
        if self.seen:
            price = None if share is None else self.data.Close[-1] * share
            setattr(self.seen[which % len(self.seen)], line, price)

    def _trade(self, which: int) -> Any:
        return self.trades[which % len(self.trades)] if self.trades else None

    def _look(self, at: str) -> None:
        getattr(self, at)


def _acting(name: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.fixed_dictionaries(words))


def _near(*shares: float) -> st.SearchStrategy[float]:
    return st.sampled_from(shares)


_SIZES = st.sampled_from([None, 0.1, 0.5, 0.9, 1, 2, 7, 40, 100_000])
_TAGS = st.sampled_from([None, "tag", 3, ("a", 1)])
_WHICH = st.integers(0, 5)
_PORTIONS = st.sampled_from([1.0, 0.5, 0.3, 0.01])
_ABOVE, _BELOW, _ROUND = (1.02, 1.05, 1.2), (0.98, 0.95, 0.8), (0.97, 0.995, 1.005, 1.03)


@st.composite
def _orders(draw: st.DrawFn) -> Act:
    side = draw(st.sampled_from(["buy", "sell"]))
    gain, loss = (_ABOVE, _BELOW) if side == "buy" else (_BELOW, _ABOVE)
    entry = draw(st.sampled_from([(), (), (), ("limit",), ("stop",), ("limit", "stop")]))
    words: dict[str, Any] = {name: draw(_near(*_ROUND)) for name in entry}
    # Far enough from where it may be filled that no setting makes the host refuse the bracket.
    if draw(st.booleans()):
        words["sl"] = draw(_near(*loss)) * (0.95 if loss is _BELOW else 1.05)
    if draw(st.booleans()):
        words["tp"] = draw(_near(*gain)) * (0.95 if gain is _BELOW else 1.05)
    return "order", {"side": side, "size": draw(_SIZES), "tag": draw(_TAGS), **words}


_BLIND = st.one_of(
    _orders(), _orders(), _acting("close", portion=_PORTIONS), _acting("cancel", which=_WHICH)
)
_LINES = st.sampled_from(["sl", "tp"])
_PLACES = st.one_of(st.none(), _near(*_ABOVE, *_BELOW))
_SEEING = st.one_of(
    _BLIND,
    _BLIND,
    _acting("cancel_listed", which=_WHICH),
    _acting("close_trade", which=_WHICH, portion=_PORTIONS),
    _acting("edit", which=_WHICH, line=_LINES, share=_PLACES),
    _acting("keep", which=_WHICH),
    _acting("edit_kept", which=_WHICH, line=_LINES, share=_PLACES),
    _acting("look", at=st.sampled_from(["equity", "position", "trades", "orders"])),
)
_SETTINGS = st.fixed_dictionaries(
    {"cash": st.sampled_from([10_000, 1_000, 250_000])},
    optional={
        "commission": st.sampled_from([0.002, 0.01, (3.0, 0.001)]),
        "spread": st.sampled_from([0.0005, 0.004]),
        "margin": st.sampled_from([0.5, 0.1]),
        "trade_on_close": st.booleans(),
        "hedging": st.booleans(),
        "exclusive_orders": st.booleans(),
        "finalize_trades": st.booleans(),
    },
)


@cache
def _bars(make: Callable[[], pd.DataFrame], start: int) -> Callable[[], pd.DataFrame]:
    bars = make().iloc[start : start + BARS]
    return lambda: bars


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    acts = draw(st.sampled_from([_BLIND, _SEEING]))
    plan = draw(st.dictionaries(st.integers(0, BARS), st.lists(acts, min_size=1, max_size=4)))
    data = _bars(draw(st.sampled_from([goog, eurusd])), draw(st.sampled_from([0, 211, 730])))
    host = draw(st.sampled_from([Backtest, Backtest, FractionalBacktest]))
    case = Case(Planned, data, draw(_SETTINGS), host=host, params={"plan": plan})
    return case, replace(case, settings=draw(_SETTINGS))
