"""How much quicker a replay is than the strategy that it repeats."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import capture
from benchmarks.hosts import market, quiet
from benchmarks.measuring import interleaved
from benchmarks.overhead import hosts
from benchmarks.report import Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_COSTS_US: Final = (0, 100, 1000)


def run(sizes: Sizes) -> Report:
    """Measure strategies that think for some time about every bar."""
    bars = market(sizes.replay_bars)
    rows = []
    for made in hosts():
        for cost in _COSTS_US:
            with TemporaryDirectory() as folder, quiet():
                store = Path(folder)
                made.original(bars, cost, store)
                recording = capture.open(store).latest()
                ways = {
                    "original": partial(_seconds, made.original, bars, cost, None),
                    "replay": partial(_seconds, made.replay, recording, bars),
                }
                taken = interleaved(ways, sizes.replay_rounds)
            original, again = taken["original"].minimum, taken["replay"].minimum
            rows.append((made.name, cost, original * 1e3, again * 1e3, original / again))
    table = Table(
        f"Replay against the original: {len(bars):,} bars",
        ("host", "strategy costs us/bar", "original ms", "replay ms", "times as fast"),
        tuple(rows),
        (
            f"{sizes.replay_rounds} interleaved rounds, minima; both not recorded. The replay "
            "reads the recording from its store each time.",
            "In vectorbt, which has no bars, the cost stands for features over all of them.",
        ),
    )
    return Report("replaying", (table,))


def _seconds(call: Callable[..., Any], *args: Any) -> float:
    started = perf_counter()
    call(*args)
    return perf_counter() - started
