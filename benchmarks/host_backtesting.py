"""Runs of Backtesting.py."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import backtesting.backtesting
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy, quiet
from capture_backtesting.deferring import Deferred

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Backtesting"]

_mark = CLOCK.marks.append


def _sma(values: Any, length: int) -> Any:
    return pd.Series(values).rolling(length).mean()


class SmaCross(Strategy):  # type: ignore[misc]
    """Turns round when a fast average crosses a slow one, as in the host's own manual."""

    fast = 12
    slow = 36
    cost_us = 0.0

    def init(self) -> None:
        """Declare both averages."""
        self.fast_line = self.I(_sma, self.data.Close, self.fast)
        self.slow_line = self.I(_sma, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn round at a cross."""
        _mark(perf_counter())
        if self.cost_us:
            busy(self.cost_us / 1e6)
        if crossover(self.fast_line, self.slow_line):
            self.position.close()
            self.buy(size=0.5)
        elif crossover(self.slow_line, self.fast_line):
            self.position.close()
            self.sell(size=0.5)


class EveryBar(Strategy):  # type: ignore[misc]
    """Opens on even bars and closes on odd ones."""

    def init(self) -> None:
        """Declare an average, so that there is something to gather."""
        self.line = self.I(_sma, self.data.Close, 10)

    def next(self) -> None:
        """Give one signal."""
        _mark(perf_counter())
        if self.position:
            self.position.close()
        else:
            self.buy(size=0.5)


class Backtesting:
    """Backtesting.py."""

    name = "Backtesting.py"
    share = 1.0
    repeats = 3
    has_bars = True
    strategies: Final = {"5%": SmaCross, "100%": EveryBar}

    def __init__(self) -> None:
        # The progress bar costs more than what is measured here.
        backtesting.backtesting._tqdm = _pass_through

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        return self.run_of(self.strategies[density], bars, store)

    def run_of(self, strategy: type, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run this strategy, captured if there is a store."""
        return CLOCK.run(self._test(strategy, bars, store).run, Deferred)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        return self._test(SmaCross, bars, store).run(cost_us=cost_us)

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        return self._test(capture.replay(recording).into("backtesting"), bars, None).run()

    def _test(self, strategy: type, bars: pd.DataFrame, store: Path | None) -> Backtest:
        with quiet():
            own = strategy if store is None else capture.wrap(strategy, store=store, **OPTIONS)
            return Backtest(bars, own, cash=10_000, commission=0.0002, finalize_trades=True)


def _pass_through(steps: Iterable[Any], **_said: Any) -> Iterable[Any]:
    return steps
