"""Observers that are told by the block hear of what the backend has, in order, and once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.errors import CaptureError, CaptureWarning, StoreError
from capture.testing.telling import Listener, assert_told

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine


class Story:
    """Keeps what it hears of, and in which thread."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.threads: set[str] = set()

    def _keep(self, hook: str, event: Any) -> None:
        self.heard.append((hook, event.seq))
        self.threads.add(threading.current_thread().name)

    @hookimpl
    def on_bar(self, bar: Any) -> None:
        self._keep("bar", bar)

    @hookimpl
    def on_signal(self, signal: Any) -> None:
        self._keep("signal", signal)

    @hookimpl
    def on_order(self, order: Any) -> None:
        self._keep("order", order)

    @hookimpl
    def on_fill(self, fill: Any) -> None:
        self._keep("fill", fill)

    @hookimpl
    def on_status(self, change: Any) -> None:
        self._keep("status", change)

    @hookimpl
    def on_flush(self) -> None:
        self.heard.append(("flush", -1))


@pytest.fixture
def story(host: Any) -> Story:
    story = Story()
    host.register(story, "story")
    return story


def trade(recorder: SignalCaptureEngine, signal: Any, context: Any, number: int = 0) -> str | None:
    """Record a bar, and a signal with its order, its fill, and what became of it: 5 events."""
    recorder.capture_bar({"symbol": "GOOG", "timestamp": number})
    identity = recorder.capture_signal(signal(), context(number))
    recorder.capture_order({"action": "new", "side": 1, "size": 1}, identity)
    recorder.capture_fill({"side": 1, "size": 1, "price": 1, "signal_id": identity})
    recorder.capture_status(identity, "executed")
    return identity


def test_nothing_is_told_before_the_backend_has_it_and_then_all_in_order(
    engine: Callable[..., SignalCaptureEngine], story: Story, signal: Any, context: Any
) -> None:
    recorder = engine(tell="by_block")
    trade(recorder, signal, context)
    assert story.heard == [("bar", 0)], "bars are told as they happen"
    recorder.flush()
    told = [("signal", 1), ("order", 2), ("fill", 3), ("status", 4)]
    assert story.heard[1:] == [*told, ("flush", -1)]
    trade(recorder, signal, context, 1)
    recorder.close()
    assert story.heard[7:11] == [(kind, number + 5) for kind, number in told]


def test_a_full_block_is_told(
    engine: Callable[..., SignalCaptureEngine], story: Story, signal: Any, context: Any
) -> None:
    recorder = engine(tell="by_block", buffer_size=5)
    for number in range(3):
        trade(recorder, signal, context, number)
        assert [kind for kind, _ in story.heard].count("status") == number + 1
    recorder.close()
    assert [kind for kind, _ in story.heard].count("signal") == 3


def test_what_is_told_is_what_the_recording_says(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    signal: Any,
    context: Any,
    latest: Callable[[], Recording],
) -> None:
    listener = Listener()
    host.register(listener, "listener")
    recorder = engine(tell="by_block", buffer_size=7)
    for number in range(20):
        trade(recorder, signal, context, number)
    recorder.capture_signal(signal(mood="good"), context(20, indicators={"sma": 1.5}))
    recorder.close()
    assert_told(latest(), listener, frozenset())
    told = listener.told[latest().run_id, "signals"]
    assert (told[-1]["indicator_sma"], told[-1]["extra_mood"]) == (1.5, "good")


def test_the_writer_thread_tells(
    engine: Callable[..., SignalCaptureEngine], story: Story, signal: Any, context: Any
) -> None:
    recorder = engine(tell="by_block", buffer_size=5, asynchronous=True)
    for number in range(4):
        trade(recorder, signal, context, number)
    recorder.flush()
    assert "capture-writer" in story.threads
    recorder.close()
    kinds = [kind for kind, _ in story.heard]
    assert [kinds.count(kind) for kind in ("signal", "order", "fill", "status")] == [4, 4, 4, 4]


def test_an_observer_that_raises_is_disabled_and_the_others_hear_on(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    story: Story,
    signal: Any,
    context: Any,
    latest: Any,
) -> None:
    class Faulty:
        @hookimpl
        def on_signal(self, signal: Any) -> None:
            raise ValueError("a defect of the plugin")

    host.register(Faulty(), "faulty")
    recorder = engine(tell="by_block")
    for number in range(3):
        trade(recorder, signal, context, number)
    with pytest.warns(CaptureWarning, match='plugin "faulty" is disabled'):
        recorder.close()
    assert [kind for kind, _ in story.heard].count("signal") == 3
    assert latest().manifest["plugin_failures"]["faulty"]["count"] == 1


def test_what_an_observer_captures_is_recorded_and_told_later(
    engine: Callable[..., SignalCaptureEngine], host: Any, signal: Any, context: Any, latest: Any
) -> None:
    heard = []

    class Answering:
        @hookimpl
        def on_signal(self, signal: Any) -> None:
            recorder.capture_status(signal.signal_id, "missed", "too late")

        @hookimpl
        def on_status(self, change: Any) -> None:
            heard.append(change.seq)

    host.register(Answering(), "answering")
    recorder = engine(tell="by_block", buffer_size=4)
    for number in range(8):
        recorder.capture_signal(signal(), context(number))
    recorder.flush()
    recorder.flush()
    assert len(heard) == 8
    recorder.close()
    assert heard == sorted(latest().statuses()["seq"])


def test_an_observer_cannot_add_to_a_recording_that_is_being_closed(
    engine: Callable[..., SignalCaptureEngine], host: Any, signal: Any, context: Any, latest: Any
) -> None:
    refused = []

    class Late:
        @hookimpl
        def on_signal(self, signal: Any) -> None:
            try:
                recorder.capture_status(signal.signal_id, "missed")
            except CaptureError as exc:
                refused.append(exc)

    host.register(Late(), "late")
    recorder = engine(tell="by_block")
    recorder.capture_signal(signal(), context())
    recorder.close()
    assert [type(exc) for exc in refused] == [StoreError]
    assert (len(latest().signals()), len(latest().statuses())) == (1, 0)


def test_what_the_backend_did_not_take_is_not_told(
    engine: Callable[..., SignalCaptureEngine], story: Story, gate: Any, signal: Any, context: Any
) -> None:
    recorder = engine(tell="by_block", backend="gated-memory", durability="memory")
    gate.broken = OSError("gone")
    trade(recorder, signal, context)
    with pytest.raises(CaptureError, match="gone"):
        recorder.flush()
    assert story.heard == [("bar", 0)]
    gate.broken = None
    recorder.flush()
    recorder.close()
    kinds = [kind for kind, _ in story.heard]
    assert [kinds.count(kind) for kind in ("signal", "order", "fill", "status")] == [1, 1, 1, 1]
