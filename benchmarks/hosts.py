"""The backtesters whose runs are measured, as one and the same thing to run."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from math import inf
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd

from capture.recorder.blocks import BlockWriter
from capture.recorder.engine import SignalCaptureEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "CLOCK",
    "DENSITIES",
    "OPTIONS",
    "Best",
    "Clock",
    "Host",
    "Run",
    "busy",
    "market",
    "paused",
    "quiet",
]

DENSITIES: Final = ("5%", "100%")
"""How many of the bars have a signal, about."""

OPTIONS: Final[dict[str, Any]] = {"symbol": "EURUSD", "timeframe": "1h", "buffer_size": 262_144}
"""How runs are captured: whoever measures may add to it meanwhile.

No block is full before the run ends; of a long run, one is written when a segment is full.
"""


@dataclass(frozen=True)
class Run:
    """Seconds of one run: before the first bar, step by step, and after the last bar.

    Of a host without bars also what is gathered after its call, and what observers are told.
    """

    before: float
    steps: np.ndarray[Any, Any]
    after: float
    gathering: float = 0.0
    telling: float = 0.0


@dataclass
class Best:
    """The quickest of several runs, piece by piece, in seconds."""

    before: float = inf
    steps: Any = inf
    after: float = inf
    gathering: float = inf
    telling: float = inf

    def add(self, run: Run) -> None:
        """Take in one more run."""
        self.before = min(self.before, run.before)
        self.steps = np.minimum(self.steps, run.steps)
        self.after = min(self.after, run.after)
        self.gathering = min(self.gathering, run.gathering)
        self.telling = min(self.telling, run.telling)

    @property
    def loop(self) -> float:
        """From the first bar to the last."""
        return float(self.steps.sum())

    @property
    def whole(self) -> float:
        """The whole run."""
        return self.before + self.loop + self.after


class Host(Protocol):
    """One backtester.

    Attributes:
        name: as it is called.
        share: which share of the bars a run of it has: a slow one has fewer.
        repeats: how many rounds there are for each of a slow one.
        has_bars: whether it goes bar by bar, so that bars can be observed.
    """

    name: str
    share: float
    repeats: int
    has_bars: bool

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        ...

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        ...

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        ...


@dataclass
class Clock:
    """When each bar of the run that goes on began, and when the last one was done."""

    marks: list[float] = field(default_factory=list)

    def run(self, call: Callable[[], Any], deferring: type | None = None) -> Run:
        """Return what the call took, which goes from bar to bar.

        What is written to the store meanwhile is counted as if it was after the last bar, where all
        of it is written in shorter runs.

        Args:
            call: what runs.
            deferring: what records fills a block at a time with its method `settle`, if anything
                does. The block that is recorded after the last bar is a step of its own: other runs
                have it in the loop.
        """
        self.marks.clear()
        with _spans(deferring, "settle") as blocks, _spans(BlockWriter, "submit") as flushes:
            started = perf_counter()
            call()
            ended = perf_counter()
        marks = np.array(self.marks)
        last = float(marks[-1])
        late = [(begin, end) for begin, end in blocks if begin > last]
        steps = np.append(np.diff(marks), sum(end - begin for begin, end in late))
        for begin, end in flushes:
            if begin < last:
                steps[np.searchsorted(marks, begin) - 1] -= end - begin
            elif any(first <= begin < final for first, final in late):
                steps[-1] -= end - begin
        before = float(marks[0]) - started
        return Run(before, steps, ended - started - before - float(steps.sum()))


@contextmanager
def _spans(place: type | None, name: str) -> Iterator[list[tuple[float, float]]]:
    """List when a method begins and ends meanwhile."""
    spans: list[tuple[float, float]] = []
    if place is None:
        yield spans
        return
    own = vars(place)[name]

    def run(*args: Any, **kwargs: Any) -> Any:
        started = perf_counter()
        try:
            return own(*args, **kwargs)
        finally:
            spans.append((started, perf_counter()))

    setattr(place, name, run)
    try:
        yield spans
    finally:
        setattr(place, name, own)


CLOCK: Final = Clock()


def busy(seconds: float) -> None:
    """Think for so long."""
    until = perf_counter() + seconds
    while perf_counter() < until:
        pass


@cache
def market(bars: int) -> pd.DataFrame:
    """Return so many hourly bars: those that Backtesting.py ships, repeated."""
    from backtesting.test import EURUSD

    repeats = -(-bars // len(EURUSD))
    frame: pd.DataFrame = pd.concat([EURUSD] * repeats).iloc[:bars]
    frame.index = pd.date_range("2010-01-01", periods=bars, freq="h")
    return frame


@contextmanager
def paused() -> Iterator[list[float]]:
    """Sum up what recorders take to open, to write and to seal, meanwhile: calls and seconds."""
    names = ("__init__", "add_base_data", "append_table", "flush", "close")
    own = {name: getattr(SignalCaptureEngine, name) for name in names}
    taken, depth = [0.0], [0]

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            depth[0] += 1
            started = perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                depth[0] -= 1
                if not depth[0]:
                    taken[0] += perf_counter() - started

        return run

    for name, call in own.items():
        setattr(SignalCaptureEngine, name, timed(call))
    try:
        yield taken
    finally:
        for name, call in own.items():
            setattr(SignalCaptureEngine, name, call)


@contextmanager
def quiet() -> Iterator[None]:
    """Hear none of the hosts' warnings, which are of orders that they refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
