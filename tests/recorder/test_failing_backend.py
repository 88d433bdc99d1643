"""A backend that raises: the journal keeps everything, and without one the caller is told."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import BackendFailed, CaptureWarning
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture import Recording, SignalCaptureEngine


@pytest.mark.parametrize("asynchronous", [False, True], ids=["caller", "thread"])
@pytest.mark.parametrize("durability", ["journal", "fsync"])
def test_the_journal_keeps_what_the_backend_did_not_take(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    root: Path,
    asynchronous: bool,
    durability: str,
) -> None:
    recorder = engine(
        backend="gated", buffer_size=10, asynchronous=asynchronous, durability=durability
    )
    told = [recorder.capture_signal(signal(), context(n)) for n in range(10)]
    recorder.flush()
    told += [recorder.capture_signal(signal(), context(n)) for n in range(10, 15)]
    gate.broken = OSError("the disk is gone")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        told += [recorder.capture_signal(signal(), context(n)) for n in range(15, 55)]
        with pytest.raises(BackendFailed, match="the disk is gone"):
            recorder.flush()
        told += [recorder.capture_signal(signal(), context(n)) for n in range(55, 75)]
    assert [w.category for w in heard] == [CaptureWarning], "told once"
    assert "the journal keeps every event" in str(heard[0].message)
    assert recorder.statistics.captured == 75
    assert recorder.statistics.flushed == 10
    assert recorder.statistics.pending == 65
    with pytest.raises(BackendFailed, match=r"mend the cause, and capture\.open\(\) recovers"):
        recorder.close()
    assert recorder.closed
    assert Store(root, recover=False).latest().state == "crashed"
    gate.broken = None
    recording = latest()
    assert recording.state == "crashed-recovered"
    assert list(recording.signals()["signal_id"]) == told


def test_a_backend_that_fails_when_it_is_sealed_loses_nothing(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(backend="gated", buffer_size=100)
    told = [recorder.capture_signal(signal(), context(n)) for n in range(15)]
    gate.broken = RuntimeError("no more")
    with pytest.raises(BackendFailed, match="RuntimeError: no more"):
        recorder.close()
    gate.broken = None
    assert list(latest().signals()["signal_id"]) == told


@pytest.mark.parametrize("asynchronous", [False, True], ids=["caller", "thread"])
def test_without_a_journal_the_caller_is_told_at_once_and_how_much_is_pending(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    asynchronous: bool,
) -> None:
    recorder = engine(
        backend="gated", buffer_size=10, durability="memory", asynchronous=asynchronous
    )
    for n in range(10):
        recorder.capture_signal(signal(), context(n))
    recorder.flush()
    gate.broken = OSError("the disk is gone")

    def go_on() -> None:
        for n in range(10, 60):
            recorder.capture_signal(signal(), context(n))
            if asynchronous and n == 21:
                recorder.flush()

    with pytest.raises(BackendFailed, match=r"1\d events are pending") as failed:
        go_on()
    assert "flush() or close() tries once more" in str(failed.value)
    accepted = recorder.statistics.captured
    for n in range(3):
        with pytest.raises(BackendFailed):
            recorder.capture_signal(signal(), context(90 + n))
    assert recorder.statistics.captured == accepted
    gate.broken = None
    recorder.flush()
    recorder.capture_signal(signal(), context(100))
    recorder.close()
    recording = latest()
    assert recording.state == "ended"
    assert list(recording.signals()["seq"]) == list(range(accepted + 1))
    assert recorder.statistics.pending == 0


def test_without_a_journal_closing_says_how_much_was_lost(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    recorder = engine(backend="gated", buffer_size=100, durability="memory")
    for n in range(7):
        recorder.capture_signal(signal(), context(n))
    gate.broken = OSError("the disk is gone")
    with pytest.raises(BackendFailed, match="7 events are pending"):
        recorder.close()


def test_rows_of_several_tables_are_not_doubled_when_a_block_is_written_again(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(backend="gated", buffer_size=100, durability="memory")
    for n in range(5):
        recorder.capture_status(recorder.capture_signal(signal(), context(n)), "submitted")

    class OnlyOnce(Exception):
        pass

    passing = gate.pass_through

    def let_one_through() -> None:
        passing()
        if gate.appended == 2:
            raise OnlyOnce

    gate.pass_through = let_one_through
    with pytest.raises(BackendFailed, match="OnlyOnce"):
        recorder.flush()
    recorder.close()
    recording = latest()
    assert len(recording.signals()) == len(recording.statuses()) == 5


def test_an_unknown_backend_is_refused_before_anything_is_written(
    engine: Callable[..., SignalCaptureEngine], root: Path
) -> None:
    with pytest.raises(LookupError, match='Did you mean "parquet"'):
        engine(backend="parket")
    assert not root.exists()
