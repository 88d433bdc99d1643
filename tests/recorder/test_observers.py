"""Who watches a recorder hears of everything, and cannot break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from capture import hookimpl
from capture.errors import CaptureWarning
from capture.hookspecs import OBSERVATION_HOOKS
from capture.journal import NULL_FLOAT, Field
from capture.recorder.facts import StrategyFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine


class Watcher:
    """Keeps every event it is told of."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, Any]] = []

    @hookimpl
    def on_run_start(self, run: Any) -> None:
        self.heard.append(("on_run_start", run))

    @hookimpl
    def on_bar(self, bar: Any) -> None:
        self.heard.append(("on_bar", bar))

    @hookimpl
    def on_signal(self, signal: Any) -> None:
        self.heard.append(("on_signal", signal))

    @hookimpl
    def on_fill(self, fill: Any) -> None:
        self.heard.append(("on_fill", fill))

    @hookimpl
    def on_regime_change(self, change: Any) -> None:
        self.heard.append(("on_regime_change", change))

    @hookimpl
    def on_order(self, order: Any) -> None:
        self.heard.append(("on_order", order))

    @hookimpl
    def on_status(self, change: Any) -> None:
        self.heard.append(("on_status", change))

    @hookimpl
    def on_flush(self, report: Any) -> None:
        self.heard.append(("on_flush", report))

    @hookimpl
    def on_run_stop(self, summary: Any) -> None:
        self.heard.append(("on_run_stop", summary))


def test_every_event_is_told_in_order_and_as_it_was_recorded(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    watcher = Watcher()
    host.register(watcher, "watcher")
    recorder = engine()
    recorder.capture_bar({"symbol": "GOOG", "timestamp": 5, "open": 1.0, "own": "x"})
    identity = recorder.capture_signal(
        signal(strength=0.5, mood="good"),
        context(indicators={"sma": 1.5}, current_bar={"Close": 3.0}, current_regime="bull"),
    )
    recorder.capture_signal(signal(signal_id="mine"), context())
    recorder.capture_order({"action": "new", "side": 1, "size": 2.0}, identity)
    recorder.capture_status(identity, "submitted", actor="broker")
    recorder.capture_fill({"signal_id": identity, "side": "buy", "size": 2, "price": 3.0})
    recorder.capture_regime_change({"classifier": "trend", "old": "bear", "new": "bull"})
    recorder.close()

    assert [hook for hook, _ in watcher.heard] == [
        "on_run_start",
        "on_bar",
        "on_signal",
        "on_signal",
        "on_order",
        "on_status",
        "on_fill",
        "on_regime_change",
        "on_flush",
        "on_run_stop",
    ]
    (run, bar, first, second, order, *rest) = [e for _, e in watcher.heard]
    (status, fill, change, flushed, stop) = rest
    assert run.run_id == recorder.run_id
    assert (bar.symbol, bar.open, bar.close, bar.extra_own) == ("GOOG", 1.0, None, "x")
    assert (first.signal_id, second.signal_id) == (identity, "mine")
    assert (first.indicator_sma, first.market_close, first.extra_mood) == (1.5, 3.0, "good")
    assert (first.regime, first.strength, second.strength) == ("bull", 0.5, None)
    assert (order.signal_id, order.action, order.side, order.size) == (identity, "new", 1, 2.0)
    assert (status.signal_id, status.status, status.actor) == (identity, "submitted", "broker")
    assert (fill.side, fill.size, fill.strategy_id) == (1, 2.0, "cross")
    assert (change.old, change.new) == ("bear", "bull")
    assert flushed.rows == {
        "bars": 1,
        "signals": 2,
        "orders": 1,
        "statuses": 1,
        "fills": 1,
        "regimes": 1,
    }
    assert stop.state == "ended"
    assert stop.counts == flushed.rows
    recorded = latest().table("signals").to_pylist()[0]
    told = first.to_dict()
    assert {k: recorded[k] for k in told if k in recorded and k != "timestamp"} == {
        k: v for k, v in told.items() if k in recorded and k != "timestamp"
    }
    assert told["timestamp"] == recorded["timestamp"]


def test_late_fields_are_read_when_they_are_asked_for(
    engine: Callable[..., SignalCaptureEngine], host: Any, latest: Callable[[], Recording]
) -> None:
    prices = np.arange(100.0)
    asked: list[int] = []

    def late(columns: Any) -> dict[str, Any]:
        asked.append(len(columns["bar_index"]))
        return {"indicator_price": prices[columns["bar_index"]]}

    watcher = Watcher()
    host.register(watcher, "watcher")
    recorder = engine(buffer_size=10)
    channel = recorder.channel(
        "signals",
        [Field("bar_index", "int"), Field("direction", "small"), Field("strength", "float")],
        strategy=StrategyFacts("s", {"fast": 1}, {"price": {}}),
        constants={"symbol": "GOOG"},
        late=late,
    )
    for n in range(9):
        channel.append(n * 3, 1, NULL_FLOAT)
    events = [event for hook, event in watcher.heard if hook == "on_signal"]
    assert [event.seq for event in events] == list(range(9))
    assert asked == [], "nothing was gathered"
    assert events[4].indicator_price == 12.0
    assert (events[4].strength, events[4].symbol, events[4].bar_index) == (None, "GOOG", 12)
    assert events[4].signal_id == recorder.signal_id(4)
    assert asked == [1], "one value, once"
    recorder.close()
    found = latest().signals()
    assert list(found["indicator_price"]) == [n * 3.0 for n in range(9)]
    assert not found["late_missing"].any()
    assert asked == [1, 9]


@pytest.mark.parametrize("hook", [h for h in OBSERVATION_HOOKS if h != "on_run_stop"])
def test_an_observer_that_raises_is_disabled_counted_and_named(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    hook: str,
) -> None:
    calls = []

    def fail(_self: Any) -> None:
        calls.append(hook)
        raise ValueError("a defect of the plugin")

    fail.__name__ = hook
    host.register(type("Faulty", (), {hook: hookimpl(fail)})(), "faulty")

    def run() -> None:
        recorder = engine(buffer_size=2)
        exercise(recorder, signal, context)
        recorder.close()

    with pytest.warns(CaptureWarning, match='plugin "faulty" is disabled') as heard:
        run()
    assert len(heard) == 1
    assert calls == [hook]
    failures = latest().manifest["plugin_failures"]
    assert failures["faulty"]["count"] == 1
    assert "a defect of the plugin" in failures["faulty"]["error"]
    assert len(latest().signals()) == 3


@pytest.mark.parametrize("tell", ["at_once", "by_block"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["caller", "thread"])
@pytest.mark.parametrize("hook", ["on_signal", "on_flush", "on_status", "on_fill"])
def test_an_observer_may_stop_the_run_if_the_user_chose_so(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    hook: str,
    asynchronous: bool,
    tell: str,
) -> None:
    def fail(_self: Any) -> None:
        raise ValueError("a defect of the plugin")

    fail.__name__ = hook
    plugin = type("Faulty", (), {hook: hookimpl(fail)})()
    host.register(plugin, "faulty")
    recorder = engine(buffer_size=100, plugin_failure="raise", asynchronous=asynchronous, tell=tell)

    def run() -> None:
        exercise(recorder, signal, context)
        recorder.flush()

    with pytest.raises(ValueError, match="a defect of the plugin"):
        run()
    captured = recorder.statistics.captured
    assert captured >= 1, "the event had been accepted"
    recorder.close()
    assert len(latest().signals()) == captured
    assert latest().state == "ended"


def exercise(recorder: SignalCaptureEngine, signal: Any, context: Any) -> None:
    for n in range(3):
        recorder.capture_bar({"symbol": "GOOG", "timestamp": n})
        identity = recorder.capture_signal(signal(), context(n))
        recorder.capture_order({"action": "new", "side": 1, "size": 1}, identity)
        recorder.capture_status(identity, "submitted")
        recorder.capture_fill({"side": 1, "size": 1, "price": 1})
        recorder.capture_regime_change({"classifier": "trend", "new": "bull"})


def test_a_run_that_could_not_be_sealed_is_told_as_failed(
    engine: Callable[..., SignalCaptureEngine],
    host: Any,
    gate: Any,
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    watcher = Watcher()
    host.register(watcher, "watcher")
    recorder = engine(backend="gated")
    recorder.capture_signal(signal(), context())
    gate.broken = OSError("gone")
    with pytest.raises(Exception, match="gone"):
        recorder.close()
    hook, summary = watcher.heard[-1]
    assert (hook, summary.state) == ("on_run_stop", "failed")
    assert "gone" in summary.problem
