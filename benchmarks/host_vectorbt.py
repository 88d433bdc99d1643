"""Runs of vectorbt, which knows no bar: a run is one step."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import vectorbt as vbt

import capture
from benchmarks.hosts import OPTIONS, Run, busy, paused

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Vectorbt"]

_SETTINGS = {"fees": 0.0002, "init_cash": 10_000, "freq": "1h"}


def _sma_cross(bars: pd.DataFrame) -> Any:
    fast, slow = vbt.MA.run(bars.Close, 12), vbt.MA.run(bars.Close, 36)
    entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
    return vbt.Portfolio.from_signals(bars.Close, entries, exits, **_SETTINGS)


def _every_bar(bars: pd.DataFrame) -> Any:
    vbt.MA.run(bars.Close, 10)
    even = np.arange(len(bars)) % 2 == 0
    return vbt.Portfolio.from_signals(bars.Close, even, ~even, **_SETTINGS)


class Vectorbt:
    """vectorbt."""

    name = "vectorbt"
    share = 1.0
    has_bars = False

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run signals of this density, captured if there is a store."""
        call = _sma_cross if density == "5%" else _every_bar
        with paused() as taken:
            started = perf_counter()
            if store is None:
                call(bars).total_return()
            else:
                with capture.record(store=store, **OPTIONS):
                    call(bars).total_return()
            whole = perf_counter() - started
        return Run(0.0, np.array([whole - taken[0]]), taken[0])

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run features that cost so much for every bar; captured if there is a store."""
        busy(cost_us * len(bars) / 1e6)
        if store is None:
            return _sma_cross(bars)
        with capture.record(store=store, **OPTIONS):
            return _sma_cross(bars)

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Make the recorded portfolio again."""
        return capture.replay(recording).into("vectorbt")
