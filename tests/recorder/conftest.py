"""Recorders, signals to record, and backends that are slow or fail when the test wants it."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from threading import Event
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from capture import SignalCaptureConfig, SignalCaptureEngine, hookimpl
from capture.contracts.info import BackendInfo
from capture.host import Host, use_host
from capture.host.sources import built_in
from capture.store.memory import MemoryStorageBackend
from capture.store.recording import Recording
from capture.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pyarrow as pa

START = pd.Timestamp("2024-01-01", tz="UTC")


class Gate:
    """Holds up, or breaks, every backend named `gated` or `gated-memory` of one test."""

    def __init__(self) -> None:
        self.open = Event()
        self.open.set()
        self.reached = Event()
        self.broken: Exception | None = None
        self.appended = 0

    def close(self) -> None:
        self.reached.clear()
        self.open.clear()

    def pass_through(self) -> None:
        self.reached.set()
        assert self.open.wait(60), "the test did not open the gate"
        if self.broken is not None:
            raise self.broken
        self.appended += 1


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def host(gate: Gate) -> Iterator[Host]:
    """The process's plugin host for one test, with backends behind a gate."""
    from capture.host import get_host

    parquet = get_host().backend("parquet")

    def behind_the_gate(kind: Any) -> type:
        class Gated(kind):  # type: ignore[misc]
            def append(self, table: str, batch: pa.RecordBatch) -> None:
                gate.pass_through()
                super().append(table, batch)

        return Gated

    class Plugin:
        @hookimpl
        def register_backends(self) -> list[BackendInfo]:
            return [
                BackendInfo("gated", load=lambda: behind_the_gate(parquet)),
                BackendInfo("gated-memory", load=lambda: behind_the_gate(MemoryStorageBackend)),
            ]

    with use_host(Host(built_in())) as host:
        host.register(Plugin(), "gates")
        yield host


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "signals"


@pytest.fixture
def engine(root: Path, host: Host) -> Iterator[Callable[..., SignalCaptureEngine]]:
    """Make recorders; what a test leaves open is given up when it ends."""
    with ExitStack() as opened:

        def make(**settings: Any) -> SignalCaptureEngine:
            config = SignalCaptureConfig(**{"storage_path": root, **settings})
            made = SignalCaptureEngine(config, host=host)
            opened.callback(_give_up, made)
            return made

        yield make


def _give_up(engine: SignalCaptureEngine) -> None:
    if not engine.closed:
        engine.close()


@pytest.fixture
def latest(root: Path) -> Callable[[], Recording]:
    return lambda: open_store(root).latest()


@pytest.fixture
def signal() -> Callable[..., dict[str, Any]]:
    return lambda **words: {"symbol": "GOOG", "direction": 1, **words}


@pytest.fixture
def context() -> Callable[..., dict[str, Any]]:
    return lambda second=0, **words: {
        "timestamp": START + pd.Timedelta(seconds=second),
        "strategy_id": "cross",
        **words,
    }


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a process of its own; arguments are in sys.argv."""

    def run(code: str, *arguments: Any, **words: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **words,
        )

    return run
