"""Runs of pybroker."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import pybroker
from pybroker import Strategy, StrategyConfig

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy, quiet
from capture_pybroker.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["Pybroker"]

_mark = CLOCK.marks.append
_SHARES: Final = 1000


def _sma(data: Any, length: int) -> Any:
    return pd.Series(data.close).rolling(length).mean().to_numpy()


_FAST: Final = pybroker.indicator("bench_fast", _sma, length=8)
_SLOW: Final = pybroker.indicator("bench_slow", _sma, length=22)


def slow_cross(ctx: Any, cost_us: float) -> None:
    """The same, after some thought."""
    busy(cost_us / 1e6)
    sma_cross(ctx)


def sma_cross(ctx: Any) -> None:
    """Turn round when a fast average crosses a slow one, as in the host's own manual."""
    _mark(perf_counter())
    fast, slow = ctx.indicator("bench_fast"), ctx.indicator("bench_slow")
    if len(fast) < 2:
        return
    if fast[-1] > slow[-1] and fast[-2] <= slow[-2]:
        ctx.buy_shares = _SHARES
    elif fast[-1] < slow[-1] and fast[-2] >= slow[-2]:
        ctx.sell_shares = _SHARES


def every_bar(ctx: Any) -> None:
    """Open on even bars and close on odd ones."""
    _mark(perf_counter())
    if ctx.long_pos():
        ctx.sell_all_shares()
    else:
        ctx.buy_shares = _SHARES


class Pybroker:
    """pybroker."""

    name = "pybroker"
    share = 0.4
    repeats = 2
    has_bars = True

    def __init__(self) -> None:
        pybroker.disable_logging()  # type: ignore[no-untyped-call]
        pybroker.disable_progress_bar()  # type: ignore[no-untyped-call]

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run an execution of this density, captured if there is a store."""
        function = sma_cross if density == "5%" else every_bar
        return CLOCK.run(self._test(function, bars, store), Session)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run an execution that thinks so long about every bar; captured if there is a store."""
        return self._test(slow_cross, bars, store, cost_us=cost_us)()

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        return self._test(capture.replay(recording).into("pybroker"), bars, None)()

    def _test(
        self, function: Any, bars: pd.DataFrame, store: Path | None, **words: Any
    ) -> Callable[[], Any]:
        named = bars.rename(columns=str.lower).rename_axis("date").reset_index()
        data = named.assign(symbol="EURUSD")
        with quiet():
            own = function if store is None else capture.wrap(function, store=store, **OPTIONS)
            config = StrategyConfig(round_fill_price=False)
            strategy = Strategy(data, data["date"].min(), data["date"].max(), config)
            strategy.add_execution(own, "EURUSD", indicators=[_FAST, _SLOW], **words)
        return strategy.backtest
