"""Delivery: what enqueueing costs whoever gives signals, and how many a remote gets a second."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import interleaved
from benchmarks.report import Figure, Report, Table
from capture.lifecycle.delivery import Sender
from capture.lifecycle.tracker import SignalTracker
from capture_http.sink import HttpSink
from capture_sql import SignalRepository

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_RECEIVER: Final = Path(__file__).parents[1] / "examples" / "remote_receiver" / "receiver.py"
_BATCHES: Final = (1, 50, 200)
_SIGNAL: Final = {
    "symbol": "ACME",
    "side": "buy",
    "strategy_id": "bench",
    "signal_type": "entry",
    "entry_price": 100.25,
    "target_price": 110.0,
    "stop_price": 95.0,
    "confidence": 0.75,
    "quality_score": 0.5,
    "requested_quantity": 10,
    "note": "as a live system gives it",
}


def run(sizes: Sizes) -> Report:
    """Measure both tables."""
    with TemporaryDirectory() as name, _receiver(Path(name)) as address:
        folder = Path(name)
        calls = _calls(sizes, folder, address)
        rates = _rates(sizes, folder, address)
    return Report("delivery", (calls[0], rates), calls[1])


@contextmanager
def _receiver(folder: Path) -> Iterator[str]:
    """Run the reference receiver in a process of its own, and return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ("--port", str(port), "--database", str(folder / "received.sqlite"))
    process = subprocess.Popen(
        [sys.executable, "-u", str(_RECEIVER), *words], stdout=subprocess.PIPE, text=True
    )
    try:
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError("the receiver did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


# --- the caller ----------------------------------------------------------------------------------


def _calls(sizes: Sizes, folder: Path, address: str) -> tuple[Table, tuple[Figure, ...]]:
    with socket.socket() as deaf:  # takes connections, and never answers
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        remotes = {
            "no sink": None,
            "remote answers": f"{address}/items",
            "remote is away": "http://127.0.0.1:9/items",
            "remote never answers": f"http://127.0.0.1:{deaf.getsockname()[1]}/items",
        }
        found = {
            name: _call_times(sizes.delivery_signals, folder, url) for name, url in remotes.items()
        }
    rows = tuple(
        (name, len(times), *(_at(times, share) for share in (0.5, 0.99, 0.999)), times[-1])
        for name, times in found.items()
    )
    table = Table(
        "Caller time of SignalTracker.log_signal while signals are stored and delivered (SQLite)",
        ("remote", "calls", "p50 us", "p99 us", "p99.9 us", "max us"),
        rows,
        (
            "One call per millisecond; tracker (journal on) and sender work in threads of the same "
            "process, which is the worst case: they share its interpreter.",
            "The longest call is the longest that the run was ever blocked.",
        ),
    )
    worst = max(_at(times, 0.99) for times in found.values())
    figure = Figure(
        quantity="log_signal while delivering, p99, worst of all remotes",
        measured=worst / 1000,
        goal=20.0,
        unit="ms",
        note=f"the longest call of all: {max(times[-1] for times in found.values()) / 1000:.1f} ms",
    )
    return table, (figure,)


def _call_times(count: int, folder: Path, url: str | None) -> list[float]:
    """Return microseconds of every call, sorted."""
    times = []
    with TemporaryDirectory(dir=folder) as name:
        repository = SignalRepository(
            f"sqlite:///{name}/lifecycle.sqlite", sinks=() if url is None else ("http",)
        )
        sender = None
        if url is not None:
            sink = HttpSink(url, timeout_s=1.0)
            sender = Sender(repository.outbox(), sink, name="http").start()
        with SignalTracker(repository, interval_s=0.2) as tracker:
            for _ in range(count):
                started = perf_counter()
                tracker.log_signal(_SIGNAL)
                times.append((perf_counter() - started) * 1e6)
                sleep(0.001)
        if sender is not None:
            sender.close()
        repository.close()
    return sorted(times)


def _at(times: Sequence[float], share: float) -> float:
    return times[min(int(len(times) * share), len(times) - 1)]


# --- the remote ----------------------------------------------------------------------------------


def _rates(sizes: Sizes, folder: Path, address: str) -> Table:
    count = sizes.delivery_signals
    ways: dict[str, Any] = {
        "httpx.post alone, one by one": partial(_posted, count, address),
        **{
            "Sender, one by one" if size == 1 else f"Sender, batches of {size}": partial(
                _delivered, count, folder, address, size
            )
            for size in _BATCHES
        },
    }
    timings = interleaved(ways, sizes.delivery_rounds)
    bare = timings["httpx.post alone, one by one"].minimum
    rows = tuple(
        (name, count, timing.minimum, timing.median, 1e6 / timing.minimum, timing.minimum / bare)
        for name, timing in timings.items()
    )
    return Table(
        "Items delivered to a receiver on the same machine, which syncs before it answers",
        ("way", "items", "min us", "median us", "items/s", "x bare"),
        rows,
        (
            f"{sizes.delivery_rounds} interleaved rounds. The receiver is a process of its own and "
            "commits with synchronous=FULL; its disk is most of what one item takes.",
            "The sender's figures hold claiming and settling in SQLite; the bare post holds "
            "neither, keeps no outbox, and loses what fails.",
        ),
    )


def _posted(count: int, address: str) -> float:
    """Return microseconds per item of posts that nobody keeps account of."""
    import httpx

    with httpx.Client() as client:
        started = perf_counter()
        for number in range(count):
            key = f"bare-{started}-{number}"
            message = {"idempotency_key": key, "kind": "saved", "signal_id": key, "payload": {}}
            client.post(f"{address}/items", json=message).raise_for_status()
        return (perf_counter() - started) / count * 1e6


def _delivered(count: int, folder: Path, address: str, size: int) -> float:
    """Return microseconds per item that a sender delivers."""
    with TemporaryDirectory(dir=folder) as name:
        repository = SignalRepository(f"sqlite:///{name}/lifecycle.sqlite", sinks=("http",))
        repository.save_signals([_SIGNAL] * count)
        batch_url = None if size == 1 else f"{address}/batches"
        sink = HttpSink(f"{address}/items", batch_url=batch_url, batch=size)
        sender = Sender(repository.outbox(), sink, name="http", claim=max(size, 200))
        started = perf_counter()
        done = sender.drain()
        seconds = perf_counter() - started
        sender.close()
        repository.close()
    if done.sent != count:
        raise RuntimeError(f"{done.sent} of {count} items were delivered")
    return seconds / count * 1e6
