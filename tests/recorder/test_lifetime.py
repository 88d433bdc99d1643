"""From the first signal to the sealed recording: threads, forks, exits and second writers."""

from __future__ import annotations

import os
from multiprocessing.reduction import ForkingPickler
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture import SignalCaptureConfig, SignalCaptureEngine
from capture.errors import PartBusy, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture import Recording


@pytest.mark.parametrize("asynchronous", [False, True], ids=["caller", "thread"])
@pytest.mark.parametrize("durability", ["journal", "memory"])
def test_eight_threads_lose_nothing_and_share_one_sequence(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    asynchronous: bool,
    durability: str,
) -> None:
    recorder = engine(buffer_size=64, asynchronous=asynchronous, durability=durability)
    told: list[list[str | None]] = [[] for _ in range(8)]
    together = Barrier(8)

    def work(thread: int) -> None:
        together.wait()
        for n in range(1000):
            said = context(
                n, indicators={f"x{n % 5}": n, "of": thread}, strategy_params={"n": n // 300}
            )
            told[thread].append(recorder.capture_signal(signal(symbol=f"S{thread}"), said))

    threads = [Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    recorder.close()
    found = latest().signals()
    assert list(found["seq"]) == list(range(8000)), "dense"
    assert found["signal_id"].is_unique
    for thread in range(8):
        own = found[found["symbol"] == f"S{thread}"]
        assert list(own["signal_id"]) == told[thread]
        assert set(own["indicator_of"]) == {thread}
        for n in range(5):
            values = own[f"indicator_x{n}"].dropna()
            assert list(values) == list(range(n, 1000, 5))
    assert recorder.statistics.captured == recorder.statistics.flushed == 8000


def test_a_forked_child_may_not_write_and_its_parent_does_not_notice(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(buffer_size=4)
    told = [recorder.capture_signal(signal(), context(n)) for n in range(5)]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = "nothing was raised"
        try:
            recorder.capture_signal(signal(symbol="CHILD"), context(9))
        except PartBusy as exc:
            outcome = f"refused: {exc}"
        except BaseException as exc:
            outcome = repr(exc)
        recorder.close()
        os.write(writer, outcome.encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 10_000).decode()
    os.close(reader)
    os.waitpid(child, 0)
    assert said.startswith("refused")
    assert "belongs to the parent process; make a recorder in each process" in said
    told += [recorder.capture_signal(signal(), context(n)) for n in range(5, 12)]
    recorder.close()
    assert list(latest().signals()["signal_id"]) == told
    assert latest().state == "ended"


def test_a_child_that_was_forked_while_a_thread_wrote_does_not_hang(
    python: Callable[..., Any], root: Path
) -> None:
    done = python(
        """
import os, sys, threading
import capture
engine = capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=sys.argv[1]))
engine.capture_signal({"symbol": "A", "direction": 1}, {"timestamp": 1, "strategy_id": "s"})
held, go = threading.Event(), threading.Event()
def hold():
    with engine.journal.lock:
        held.set()
        go.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    try:
        engine.capture_signal({"symbol": "B", "direction": 1}, {"timestamp": 2, "strategy_id": "s"})
    except capture.errors.PartBusy:
        os._exit(7)
    os._exit(1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go.set()
thread.join()
engine.close()
sys.exit(status)
""",
        root,
    )
    assert done.returncode == 7, done.stderr


def test_a_recorder_cannot_be_pickled(engine: Callable[..., SignalCaptureEngine]) -> None:
    with pytest.raises(PartBusy, match="make a recorder in each process"):
        ForkingPickler.dumps(engine())


def test_what_was_not_closed_is_sealed_when_the_process_ends(
    python: Callable[..., Any], root: Path, latest: Callable[[], Recording]
) -> None:
    done = python(
        """
import sys, capture
def record(asynchronous):
    config = capture.SignalCaptureConfig(storage_path=sys.argv[1], asynchronous=asynchronous)
    engine = capture.SignalCaptureEngine(config)
    for n in range(10):
        engine.capture_signal({"symbol": "A", "direction": 1}, {"timestamp": n, "strategy_id": "s"})
record(False)
record(True)
""",
        root,
    )
    assert (done.returncode, done.stderr) == (0, "")
    store = capture.open(root)
    assert list(store.runs()["state"]) == ["ended", "ended"]
    assert list(store.runs()["signals"]) == [10, 10]
    assert latest().manifest["problem"] == "not closed before the process ended"
    assert capture.verify(store).ok


def test_an_exception_in_the_run_is_kept_as_its_problem(
    root: Path, signal: Callable[..., Any], context: Callable[..., Any]
) -> None:
    config = SignalCaptureConfig(storage_path=root)

    def run() -> None:
        with SignalCaptureEngine(config) as recorder:
            recorder.capture_signal(signal(), context())
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        run()
    recording = capture.open(root).latest()
    assert recording.state == "failed"
    assert recording.manifest["problem"] == "ZeroDivisionError: division by zero"
    assert len(recording.signals()) == 1


def test_closing_twice_is_allowed_and_using_it_afterwards_is_an_error(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    recorder.capture_signal(signal(), context())
    summary = recorder.close()
    assert summary is not None
    assert summary.counts["signals"] == 1
    assert recorder.close() is None
    for use in (
        lambda: recorder.capture_signal(signal(), context(1)),
        lambda: recorder.capture_signal(signal(symbol="NEW"), context(1)),
        lambda: recorder.capture_fill({"side": 1, "size": 1, "price": 1}),
        lambda: recorder.note("x", 1),
        lambda: recorder.word("never seen before"),
    ):
        with pytest.raises(StoreError, match="the recorder is closed; begin a new one"):
            use()
    assert len(latest().signals()) == 1
    assert capture.verify(latest().store).ok


def test_two_recorders_write_into_one_store_at_once(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    root: Path,
) -> None:
    recorders = [engine(backend=backend) for backend in ("parquet", "json", "sql")]
    for n in range(50):
        for recorder in recorders:
            recorder.capture_signal(signal(), context(n))
    for recorder in recorders:
        recorder.close()
    store = capture.open(root)
    assert sorted(store.runs()["run_id"]) == sorted(r.run_id for r in recorders)
    assert list(store.runs()["signals"]) == [50, 50, 50]
    assert capture.verify(store).ok


def test_the_parts_of_a_run_have_one_writer_each(
    root: Path, signal: Callable[..., Any], context: Callable[..., Any]
) -> None:
    config = SignalCaptureConfig(storage_path=root)
    first = SignalCaptureEngine(config)
    run = first._open.folder
    second = SignalCaptureEngine(config, run=run)
    with pytest.raises(PartBusy, match="another writer is at work"):
        run.claim_part(first.part)
    for recorder in (first, second):
        recorder.capture_signal(signal(), context())
    second.close()
    first.close()
    found = capture.open(root).latest().signals()
    assert list(found[["part", "seq"]].itertuples(index=False, name=None)) == [(0, 0), (1, 0)]
    assert found["signal_id"].is_unique


def test_a_recorder_that_could_not_begin_leaves_no_crashed_run(
    root: Path, host: Any, engine: Callable[..., SignalCaptureEngine]
) -> None:
    class Refuses:
        @capture.hookimpl
        def on_run_start(self) -> None:
            raise RuntimeError("not today")

    plugin = host.register(Refuses(), "refuses")
    with pytest.raises(RuntimeError, match="not today"):
        engine(plugin_failure="raise", asynchronous=True)
    assert plugin is None or plugin
    store = capture.open(root)
    assert list(store.runs()["state"]) == ["failed"]
    assert "not today" in store.latest().manifest["problem"]


def test_a_recording_can_be_read_while_it_is_written(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    recorder = engine(buffer_size=3)
    for n in range(10):
        identity = recorder.capture_signal(signal(), context(n))
        found = recorder.recording.signals()
        assert list(found["seq"]) == list(range(n + 1))
        assert found["signal_id"].iloc[-1] == identity
    assert recorder.recording.state == "running"


@pytest.mark.parametrize("durability", ["journal", "fsync", "memory"])
def test_the_counts_are_exact(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    durability: str,
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(buffer_size=10, durability=durability, invalid="quarantine")
    for n in range(25):
        recorder.capture_signal(signal(), context(n))
        recorder.capture_signal(signal(direction="sideways"), context(n))
        recorder.capture_status(None, "submitted", n=None) if n == 3 else None
    counted = recorder.statistics
    assert (counted.captured, counted.quarantined, counted.dropped) == (25, 25, 0)
    assert counted.events == 51
    assert (counted.flushed, counted.pending, counted.flushes) == (50, 1, 5)
    assert counted.capture_seconds > 0
    recorder.close()
    counted = recorder.statistics
    assert (counted.flushed, counted.pending) == (51, 0)
    assert counted.stored_bytes > 0
    assert counted.journal_bytes > 0
    assert len(latest().quarantine()) == 25
    record = latest().parts[0].record
    assert record is not None
    stored = record["statistics"]
    assert (stored["captured"], stored["pending"]) == (25, 0)


def test_a_reader_is_never_disturbed_by_a_recording_that_is_sealed(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    for _ in range(15):
        recorder = engine(buffer_size=5)
        told = [recorder.capture_signal(signal(), context(n)) for n in range(20)]
        closer = Thread(target=recorder.close)
        closer.start()
        while closer.is_alive():
            assert list(recorder.recording.signals()["signal_id"]) == told
        closer.join()
        assert list(recorder.recording.signals()["signal_id"]) == told
