"""Fixtures for plugin authors: `pytest_plugins = ["capture.testing.fixtures"]` in conftest.py."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from capture.config import SignalCaptureConfig
from capture.events import RunInfo
from capture.host import Host, use_host
from capture.host.sources import built_in
from capture.observers import PluginFailures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["capture_engine", "capture_failures", "capture_host", "capture_run", "capture_store"]


@pytest.fixture
def capture_host() -> Iterator[Host]:
    """The process's plugin host for one test: it knows what comes with capture and nothing else.

    Register the plugin under test in it; whatever records during the test sees that plugin.
    """
    with use_host(Host(built_in())) as host:
        yield host


@pytest.fixture
def capture_store(tmp_path: Path) -> Path:
    """Folder for a store that only this test uses; it is made when something is recorded."""
    return tmp_path / "signals"


@pytest.fixture
def capture_run(capture_store: Path) -> RunInfo:
    """A run, for hooks that are called by hand."""
    return RunInfo(
        run_id="a-run-of-a-test",
        part=0,
        host="test",
        strategy="Strategy",
        store=str(capture_store),
        started_ns=time.time_ns(),
    )


@pytest.fixture
def capture_failures() -> PluginFailures:
    """What goes wrong in hooks that are bound by hand; errors get through to the test."""
    return PluginFailures("raise")


@pytest.fixture
def capture_engine(
    capture_host: Host, capture_store: Path
) -> Iterator[Callable[..., SignalCaptureEngine]]:
    """Make recorders that tell the plugins of `capture_host`: `capture_engine(buffer_size=10)`.

    Register plugins first: observers are bound when a recorder is made. Their errors get through
    to the test, unless it asks for `plugin_failure="disable"`.
    """
    from capture.recorder.engine import SignalCaptureEngine  # heavy

    with ExitStack() as opened:

        def make(**settings: Any) -> SignalCaptureEngine:
            config = SignalCaptureConfig(
                **{"storage_path": capture_store, "plugin_failure": "raise", **settings}
            )
            return opened.enter_context(SignalCaptureEngine(config, host=capture_host))

        yield make
