"""The fixtures for plugin authors do what their names say, with the real recorder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from capture import hookimpl
from capture.errors import CaptureWarning
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.events import CapturedSignal, RunInfo
    from capture.host import Host
    from capture.observers import PluginFailures
    from capture.recorder.engine import SignalCaptureEngine
    from tests.host.conftest import Site

    NewEngine = Callable[..., SignalCaptureEngine]

pytest_plugins = ["capture.testing.fixtures"]

SIGNAL = {"symbol": "GOOG", "direction": 1, "signal_type": "entry"}
CONTEXT = {"timestamp": datetime(2024, 1, 2, tzinfo=UTC), "strategy_id": "cross"}


class Watch:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.symbols: list[str] = []

    @hookimpl
    def on_signal(self, signal: CapturedSignal, run: RunInfo) -> None:
        if self.error is not None:
            raise self.error
        self.symbols.append(signal.symbol)


@pytest.fixture
def stranger(site: Site) -> None:
    site.install(
        "capture-stranger",
        {"stranger": "stranger"},
        stranger="from capture import hookimpl\n@hookimpl\ndef on_signal(): raise RuntimeError\n",
    )


def test_the_host_knows_what_comes_with_capture_and_nothing_else(
    stranger: None, capture_host: Host
) -> None:
    assert {report.distribution for report in capture_host.reports()} == {"signal-capture"}
    assert "parquet" in capture_host.backends()


def test_the_host_is_that_of_the_process_during_the_test(capture_host: Host) -> None:
    assert get_host() is capture_host


def test_a_recorder_tells_the_plugin_under_test(
    capture_host: Host, capture_engine: NewEngine, capture_store: Path
) -> None:
    watch: Any = Watch()
    capture_host.register(watch)
    assert not capture_store.exists()
    engine = capture_engine()
    engine.capture_signal(SIGNAL, CONTEXT)
    assert watch.symbols == ["GOOG"]
    engine.close()
    assert len(engine.recording.signals()) == 1
    assert capture_store.is_dir()


def test_an_error_of_the_plugin_under_test_reaches_the_test(
    capture_host: Host, capture_engine: NewEngine
) -> None:
    capture_host.register(Watch(ValueError("mine")))
    engine = capture_engine()
    with pytest.raises(ValueError, match="mine"):
        engine.capture_signal(SIGNAL, CONTEXT)


def test_hooks_can_be_called_by_hand(
    capture_host: Host, capture_run: RunInfo, capture_failures: PluginFailures
) -> None:
    from capture.events import CapturedSignal

    watch = Watch()
    capture_host.register(watch)
    tell = capture_host.bind("on_signal", capture_run, capture_failures)
    assert tell is not None
    tell(CapturedSignal(symbol="EURUSD"))
    assert watch.symbols == ["EURUSD"]


def test_a_run_goes_on_without_a_plugin_that_failed_and_its_record_says_so(
    capture_host: Host, capture_engine: NewEngine
) -> None:
    steady = Watch()
    capture_host.register(steady, name="steady")
    capture_host.register(Watch(ValueError("mine")), name="failing")
    engine = capture_engine(plugin_failure="disable")
    with pytest.warns(CaptureWarning, match='"failing" is disabled'):
        engine.capture_signal(SIGNAL, CONTEXT)
    engine.capture_signal(SIGNAL, CONTEXT)
    engine.close()
    assert steady.symbols == ["GOOG", "GOOG"]
    assert len(engine.recording.signals()) == 2
    failures = engine.recording.manifest["plugin_failures"]
    assert failures == {
        "failing": {
            "count": 1,
            "hook": "on_signal",
            "error": "ValueError: mine",
            "disabled": True,
        }
    }
