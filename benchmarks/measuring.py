"""How things are timed: in one process, in turns, without the garbage collector."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

__all__ = [
    "Stopwatch",
    "Timing",
    "interleaved",
    "percentile",
    "timed",
    "turns",
    "undisturbed",
]

_PINS: list[Any] = []
"""What keeps memory in the process that was taken from the system."""


@dataclass(frozen=True)
class Timing:
    """The samples of one variant, in the unit in which they were taken."""

    samples: tuple[float, ...]

    @property
    def minimum(self) -> float:
        """The smallest: what it costs when nothing disturbs."""
        return min(self.samples)

    @property
    def median(self) -> float:
        """The middle: what it costs on this machine as busy as it is."""
        return median(self.samples)


@dataclass
class Stopwatch:
    """Holds what the section took that `timed` timed: seconds, and those of the processor."""

    seconds: float = 0.0
    busy_seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time a section; the garbage collector runs before and not within."""
    watch = Stopwatch()
    gc.collect()
    was_enabled = gc.isenabled()
    gc.disable()
    busy, started = process_time(), perf_counter()
    try:
        yield watch
    finally:
        watch.seconds = perf_counter() - started
        watch.busy_seconds = process_time() - busy
        if was_enabled:
            gc.enable()


def _take_memory() -> None:
    """Have some 20 MB of free memory at hand, so that what is timed takes none from the system.

    A page that is new to the process costs microseconds, and which run is the first to touch it is
    decided by what the runs before it left: some hosts never free what a run has used.
    """
    for size, count in ((400, 40_000), (3_000, 2_000)):
        room = [bytearray(size) for _ in range(count)]
        _PINS.extend(room[:: count // 40])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Have the garbage collected before, and not within, and memory at hand."""
    gc.collect()
    _take_memory()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def interleaved(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Timing]:
    """Run all variants in turn, round by round, and return the samples of each.

    A variant prepares what it needs, times its own section and returns the sample.
    """
    samples: dict[str, list[float]] = {name: [] for name in variants}
    for name in turns(list(variants), rounds):
        samples[name].append(variants[name]())
    return {name: Timing(tuple(taken)) for name, taken in samples.items()}


def turns(names: Sequence[str], rounds: int) -> Iterator[str]:
    """Yield what to run next, each name once in a round.

    What ran before leaves its traces: memory that is free or not, code that is warm or not. So
    each name comes after every other one equally often, in as many rounds as there are names, or
    twice as many if their number is odd; and a machine that grows slow or busy favours none.
    """
    count = len(names)
    # To and fro: 0, 1, -1, 2, -2 ..; between two that are neighbours lies each distance once.
    places = [(place + 1) // 2 * (1 if place % 2 else -1) for place in range(count)]
    for turn in range(rounds):
        own = [names[(place + turn) % count] for place in places]
        yield from reversed(own) if count % 2 and turn // count % 2 else own


def percentile(ordered: Sequence[int], share: float) -> int:
    """Return the sample below which this share of the samples lies, by nearest rank."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
