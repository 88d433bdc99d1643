"""Runs of backtrader."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy
from capture_backtrader.deferring import Deferring

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Backtrader"]

_mark = CLOCK.marks.append


class SmaCross(bt.Strategy):  # type: ignore[misc]
    """Turns round when a fast average crosses a slow one."""

    params = (("fast", 12), ("slow", 36), ("cost_us", 0.0))

    def __init__(self) -> None:
        fast, slow = bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow)
        self.cross = bt.ind.CrossOver(fast, slow)

    def next(self) -> None:
        """Turn round at a cross."""
        _mark(perf_counter())
        if self.p.cost_us:
            busy(self.p.cost_us / 1e6)
        if self.cross[0] > 0:
            self.close()
            self.buy(size=100)
        elif self.cross[0] < 0:
            self.close()
            self.sell(size=100)


class EveryBar(bt.Strategy):  # type: ignore[misc]
    """Opens on even bars and closes on odd ones."""

    def __init__(self) -> None:
        self.line = bt.ind.SMA(period=10)

    def next(self) -> None:
        """Give one signal."""
        _mark(perf_counter())
        if self.position:
            self.close()
        else:
            self.buy(size=100)


class Backtrader:
    """backtrader."""

    name = "backtrader"
    share = 0.2
    repeats = 1
    has_bars = True
    strategies: Final = {"5%": SmaCross, "100%": EveryBar}

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        return self.run_of(self.strategies[density], bars, store)

    def run_of(self, strategy: type, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run this strategy, captured if there is a store."""
        return CLOCK.run(self._cerebro(strategy, bars, store).run, Deferring)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        return self._cerebro(SmaCross, bars, store, cost_us=cost_us).run()

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        return self._cerebro(capture.replay(recording).into("backtrader"), bars, None).run()

    def _cerebro(
        self, strategy: type, bars: pd.DataFrame, store: Path | None, **params: Any
    ) -> Any:
        own = strategy if store is None else capture.wrap(strategy, store=store, **OPTIONS)
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.broker.setcommission(commission=0.0002)
        cerebro.adddata(bt.feeds.PandasData(dataname=bars))
        cerebro.addstrategy(own, **params)
        return cerebro
