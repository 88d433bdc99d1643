"""How long the slowest calls take: most signals cost little, the one that fills a block pays."""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from benchmarks.market import universe
from benchmarks.measuring import percentile
from benchmarks.recording import contexts, opened
from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.recording import Fed
    from benchmarks.sizes import Sizes

__all__ = ["run"]

_POOL: Final = 64
_SHARES: Final = (0.5, 0.99, 0.999, 0.9999)
_SLOWER: Final = 10
"""`capture_signal` is timed for this part of the calls."""


def run(sizes: Sizes) -> Report:
    """Time call by call, with the settings a user gets and with a writer thread."""
    settings: Mapping[str, Mapping[str, Any]] = {
        "default": {},
        "writer thread": {"asynchronous": True},
        "blocks of 1,024": {"buffer_size": 1024},
    }
    depths: Mapping[str, tuple[Callable[[int, Fed], list[int]], int]] = {
        "Channel.append": (_append_calls, sizes.latency_calls),
        "capture_signal": (_signal_calls, sizes.latency_calls // _SLOWER),
    }
    taken = {
        f"{depth}, {how}": _calls(partial(calls, count), **said)
        for depth, (calls, count) in depths.items()
        for how, said in settings.items()
    }
    rows = tuple((name, len(calls), *_cells(calls)) for name, calls in taken.items())
    measured = taken["Channel.append, default"]
    return Report(
        "latency",
        (
            Table(
                "Caller latency, call by call, flush included (journal, Parquet)",
                ("way", "calls", "p50 us", "p99 us", "p99.9 us", "p99.99 us", "max ms"),
                rows,
                (
                    "Each figure includes about 0.1 us for reading the clock. One call in 4,096 "
                    "fills a block and writes it, so p99.9 does not see that call: look at the "
                    "last two columns.",
                    "The calls follow one another without a pause, which is the worst case for "
                    "the writer thread.",
                ),
            ),
        ),
        (
            Figure(
                quantity="caller latency p99.9, flush included",
                measured=percentile(measured, 0.999) / 1e6,
                goal=25.0,
                unit="ms",
                note=f"p99.99 {percentile(measured, 0.9999) / 1e6:.1f}, "
                f"slowest call {measured[-1] / 1e6:.1f}",
            ),
        ),
    )


def _calls(calls: Callable[[Fed], list[int]], **settings: Any) -> list[int]:
    """Return the time of each call in ns, the quickest first."""
    signals = universe(_POOL, symbols=4).signals
    with TemporaryDirectory() as name:
        fed = opened(Path(name), signals, **settings)
        fed.channel.append(*fed.rows[0])
        fed.engine.flush()  # loads what the backend needs
        gc.collect()
        gc.disable()
        try:
            taken = calls(fed)
        finally:
            gc.enable()
        fed.engine.close()
    return sorted(taken)


def _append_calls(count: int, fed: Fed) -> list[int]:
    append, rows, taken = fed.channel.append, fed.rows, []
    for place in range(count):
        row = rows[place % _POOL]
        started = perf_counter_ns()
        append(*row)
        taken.append(perf_counter_ns() - started)
    return taken


def _signal_calls(count: int, fed: Fed) -> list[int]:
    signal, context = contexts(universe(_POOL, symbols=4).signals)[0]
    record, taken = fed.engine.capture_signal, []
    record(signal, context)
    for _ in range(count):
        started = perf_counter_ns()
        record(signal, context)
        taken.append(perf_counter_ns() - started)
    return taken


def _cells(calls: Sequence[int]) -> tuple[float, ...]:
    return (*(percentile(calls, share) / 1e3 for share in _SHARES), calls[-1] / 1e6)
