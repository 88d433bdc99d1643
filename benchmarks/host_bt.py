"""Runs of bt."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import bt

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy
from capture_bt.fills import Fills

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Bt"]

_mark = CLOCK.marks.append


class Marked(bt.Algo):  # type: ignore[misc]
    """Says when a bar begins, and thinks for a while."""

    def __init__(self, cost_us: float = 0.0) -> None:
        super().__init__()
        self.cost_us = cost_us

    def __call__(self, target: Any) -> bool:
        """Mark the bar."""
        _mark(perf_counter())
        if self.cost_us:
            busy(self.cost_us / 1e6)
        return True


class OnChange(bt.Algo):  # type: ignore[misc]
    """Lets the others go on when the selection is another than before."""

    def __init__(self) -> None:
        super().__init__()
        self.before: list[str] = []

    def __call__(self, target: Any) -> bool:
        """Compare the selections."""
        before, self.before = self.before, target.temp["selected"]
        return self.before != before


def _sma_cross(prices: pd.DataFrame, cost_us: float) -> bt.Strategy:
    """Holds what is above its average, by the host's own algos, and trades at a cross."""
    ahead = prices.rolling(12).mean() > prices.rolling(36).mean()
    algos = bt.algos
    stack = [Marked(cost_us), algos.SelectWhere(ahead), OnChange(), algos.WeighEqually(),
             algos.Rebalance()]  # fmt: skip
    return bt.Strategy("SmaCross", stack)


def _every_bar(prices: pd.DataFrame) -> bt.Strategy:
    """Holds what there is on even bars and nothing on odd ones, as the host's manual has it."""
    even = prices * 0.0 == 1.0
    even.iloc[::2] = True
    algos = bt.algos
    stack = [Marked(), algos.SelectWhere(even), algos.WeighEqually(), algos.Rebalance()]
    return bt.Strategy("EveryBar", stack)


class Bt:
    """bt."""

    name = "bt"
    share = 0.2
    repeats = 1
    has_bars = True

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        prices = _prices(bars)
        strategy = _sma_cross(prices, 0.0) if density == "5%" else _every_bar(prices)
        return CLOCK.run(_test(strategy, prices, store).run, Fills)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        prices = _prices(bars)
        test = _test(_sma_cross(prices, cost_us), prices, store)
        test.run()
        return test

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        test = _test(capture.replay(recording).into("bt"), _prices(bars), None)
        test.run()
        return test


def _prices(bars: pd.DataFrame) -> pd.DataFrame:
    return bars[["Close"]].set_axis(["EURUSD"], axis=1)


def _test(strategy: Any, prices: pd.DataFrame, store: Path | None) -> bt.Backtest:
    own = strategy if store is None else capture.wrap(strategy, store=store, **OPTIONS)
    return bt.Backtest(own, prices, commissions=_commission, integer_positions=False)


def _commission(quantity: float, price: float) -> float:
    return abs(quantity) * price * 0.0002
