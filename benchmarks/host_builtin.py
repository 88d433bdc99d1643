"""Runs of the built-in backtester."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy, quiet
from capture_builtin import Backtest, Feature, Feed, Needs, Signal, Strategy
from capture_builtin.recording.outcomes import Outcomes

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from capture_builtin.market import Market

__all__ = ["Builtin"]

_mark = CLOCK.marks.append


class SmaCross(Strategy):
    """Turns round when a fast average crosses a slow one."""

    fast = 12
    slow = 36
    cost_us = 0.0

    def needs(self) -> Needs:
        """Declare both averages."""
        averages = {
            "fast": Feature("sma", window=self.fast),
            "slow": Feature("sma", window=self.slow),
        }
        return Needs(features=averages, lookback=self.slow + 1)

    def start(self) -> None:
        """Forget the run before."""
        self._up: bool | None = None

    def generate_signal(self, market: Market) -> Signal | None:
        """Turn round at a cross."""
        _mark(perf_counter())
        if self.cost_us:
            busy(self.cost_us / 1e6)
        up = market.feature("fast") > market.feature("slow")
        if up is self._up:
            return None
        self._up = up
        return Signal(direction=1 if up else -1)


class EveryBar(Strategy):
    """Opens on even bars and closes on odd ones."""

    def needs(self) -> Needs:
        """Declare an average, so that there is something to gather."""
        return Needs(features={"line": Feature("sma", window=10)})

    def generate_signal(self, market: Market) -> int:
        """Give one signal."""
        _mark(perf_counter())
        return market.index % 2


class Builtin:
    """The built-in backtester."""

    name = "built-in"
    # With a signal, a fill and a verdict on every bar, no more than these fit into one block.
    share = 0.6
    repeats = 3
    has_bars = True

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        strategy = SmaCross if density == "5%" else EveryBar
        return CLOCK.run(self._test(strategy, bars, store).run, Outcomes)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        return self._test(SmaCross, bars, store, cost_us=cost_us).run()

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        return self._test(capture.replay(recording).into("builtin"), bars, None).run()

    def _test(
        self, strategy: Any, bars: pd.DataFrame, store: Path | None, **params: Any
    ) -> Backtest:
        with quiet():
            feed = Feed.from_frame(bars, OPTIONS["symbol"], OPTIONS["timeframe"])
            own = strategy if store is None else capture.wrap(strategy, store=store, **OPTIONS)
            return Backtest(
                feed, own, params=params, cash=10_000, size=1_000, commission_rate=0.0002
            )
