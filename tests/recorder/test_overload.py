"""What happens when the backend cannot keep up."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import CaptureHalted

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine

SLOW = {"backend": "gated", "asynchronous": True, "buffer_size": 10, "max_pending_blocks": 2}


def accepted(recording: Recording) -> list[str]:
    frame = recording.signals()
    assert list(frame["seq"]) == list(range(len(frame)))
    return list(frame["signal_id"])


def test_block_waits_and_loses_nothing(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(overload="block", **SLOW)
    gate.close()
    told: list[str | None] = []

    def capture_all() -> None:
        for n in range(100):
            told.append(recorder.capture_signal(signal(), context(n)))

    thread = Thread(target=capture_all)
    thread.start()
    assert gate.reached.wait(30)
    thread.join(0.3)
    assert thread.is_alive(), "the caller waits"
    # One block is with the backend, two wait, and the next is full.
    assert len(told) == 39
    assert recorder.statistics.pending == 40
    gate.open.set()
    thread.join(30)
    recorder.close()
    assert accepted(latest()) == told
    assert recorder.statistics.dropped == 0
    assert recorder.statistics.captured == recorder.statistics.flushed == 100


def test_halt_stops_and_keeps_what_was_accepted(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(overload="halt", **SLOW)
    gate.close()
    told = []

    def capture_all() -> None:
        for n in range(100):
            told.append(recorder.capture_signal(signal(), context(n)))
            if n == 9:
                assert gate.reached.wait(30)

    with pytest.raises(CaptureHalted, match="Raise max_pending_blocks") as halted:
        capture_all()
    assert halted.value.pending == 2
    assert len(told) == 40
    for _ in range(3):
        with pytest.raises(CaptureHalted):
            recorder.capture_signal(signal(), context(100))
    assert recorder.statistics.captured == 40
    gate.open.set()
    recorder.flush()
    told.append(recorder.capture_signal(signal(), context(101)))
    recorder.close()
    assert accepted(latest()) == told


def test_drop_counts_exactly_what_it_refused(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(overload="drop", **SLOW)
    gate.close()
    told = []
    for n in range(300):
        told.append(recorder.capture_signal(signal(), context(n)))
        if n == 9:
            assert gate.reached.wait(30)
        if n == 200:
            gate.open.set()
        if n >= 200 and n % 10 == 0:
            recorder.flush()
    recorder.close()
    kept = [identity for identity in told if identity is not None]
    assert told[:40] == kept[:40]
    assert told[40:201] == [None] * 161, "refused while the backend stood still"
    assert None not in told[201:], "accepted again when it went on"
    assert accepted(latest()) == kept
    counted = recorder.statistics
    assert counted.captured + counted.dropped == 300
    assert counted.dropped == 161
    record = latest().parts[0].record
    assert record is not None
    assert record["statistics"]["dropped"] == 161


def test_drop_never_waits_for_a_new_word_or_a_new_column(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(overload="drop", **SLOW)
    gate.close()
    told = []
    for n in range(60):
        said = context(n, indicators={f"x{n}": 1.0})
        told.append(recorder.capture_signal(signal(symbol=f"S{n}"), said))
    gate.open.set()
    recorder.close()
    kept = [identity for identity in told if identity is not None]
    assert accepted(latest()) == kept
    assert recorder.statistics.captured + recorder.statistics.dropped == 60


def test_an_observer_may_look_at_the_counts_while_the_caller_waits(
    engine: Callable[..., SignalCaptureEngine],
    gate: Any,
    host: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    from capture import hookimpl

    seen = []

    class Watch:
        @hookimpl
        def on_flush(self) -> None:
            seen.append(recorder.statistics.flushes)

    host.register(Watch(), "watch")
    recorder = engine(overload="block", **{**SLOW, "buffer_size": 2})
    for n in range(40):
        recorder.capture_signal(signal(), context(n))
    recorder.close()
    assert seen == list(range(1, 21))
