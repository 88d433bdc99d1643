"""Runs of vectorbt, which knows no bar: a run is one step."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import vectorbt as vbt

import capture
from benchmarks.hosts import OPTIONS, Run, busy, paused
from capture.recorder.blocks import BlockWriter
from capture_vectorbt.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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


@contextmanager
def _timed(places: Iterable[tuple[Any, str]]) -> Iterator[dict[str, float]]:
    """Sum up what these functions take meanwhile, in seconds by name."""
    taken: dict[str, float] = {}
    with ExitStack() as ends:
        for place, name in places:
            ends.callback(setattr, place, name, getattr(place, name))
            setattr(place, name, _timing(getattr(place, name), name, taken))
        yield taken


def _timing(call: Callable[..., Any], name: str, taken: dict[str, float]) -> Callable[..., Any]:
    taken[name] = 0.0

    def run(*args: Any, **kwargs: Any) -> Any:
        started = perf_counter()
        try:
            return call(*args, **kwargs)
        finally:
            taken[name] += perf_counter() - started

    return run


class Vectorbt:
    """vectorbt."""

    name = "vectorbt"
    share = 1.0
    repeats = 10
    has_bars = False

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run signals of this density, captured if there is a store."""
        call = _sma_cross if density == "5%" else _every_bar
        if store is None:
            started = perf_counter()
            call(bars).total_return()
            return Run(0.0, np.array([perf_counter() - started]), 0.0)
        places = ((Waiting, "prepare"), (Waiting, "close"), (BlockWriter, "tell"))
        with paused() as writing, _timed(places) as taken:
            started = perf_counter()
            with capture.record(store=store, **OPTIONS):
                entered = perf_counter()
                call(bars).total_return()
            whole = perf_counter() - started
        preparing, closing, telling = (taken[name] for _, name in places)
        opening = entered - started + preparing
        return Run(
            before=opening,
            steps=np.array([whole - opening - closing]),
            after=writing[0],
            gathering=closing - writing[0] - telling,
            telling=telling,
        )

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
