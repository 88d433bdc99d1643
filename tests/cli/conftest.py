"""A store with a run in it, and two ways to call the command line."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import capture
from capture.cli import cli
from capture.store.run import RunStart

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

STARTED = datetime(2024, 1, 1, tzinfo=UTC)
SIGNALS = 12
HOSTILE = "[red]Cross[/red] \x1b]0;owned\x07"
"""A strategy's name that tries to steer the terminal."""


def record(store: Path, *, signals: int = SIGNALS, strategy: str = "Cross") -> str:
    """Record a run: every third signal is refused, one event is bad; return its identity."""
    config = capture.SignalCaptureConfig(storage_path=store, invalid="quarantine")
    start = RunStart(
        host="engine", strategy=strategy, params={"n1": 10}, settings={"note": "[bold]x\x1b[31m"}
    )
    with capture.SignalCaptureEngine(config, run=start) as engine:
        for number in range(signals):
            give_signal(engine, number)
        engine.capture_signal({"symbol": "GOOG", "direction": "sideways"}, {"strategy_id": "x"})
    return engine.run_id


def give_signal(engine: Any, number: int) -> str:
    """Give one signal, with its order, and let it be refused or filled."""
    signal_id: str = engine.capture_signal(
        {
            "symbol": "GOOG",
            "direction": 1 if number % 2 else -1,
            "strength": 0.5,
            "bar_index": number,
            "order": {"order_type": "market", "size": 10.0, "side": 1},
        },
        {
            "timestamp": STARTED + timedelta(days=number),
            "strategy_id": "[red]Cross[/red]",
            "current_bar": {"close": 100.25 + number},
            "indicators": {"fast": 1.5 * number, "slow": float("nan")},
            "indicator_metadata": {"fast": {"period": 10}},
            "strategy_params": {"n1": 10},
        },
    )
    if number % 3 == 0:
        engine.capture_status(
            signal_id, "rejected", "risk_limit", actor="risk", detail="[blink]\x1b[2J too much"
        )
    else:
        fill = {"side": 1, "size": 10.0, "price": 100.5, "signal_id": signal_id}
        engine.capture_status(signal_id, "executed", "filled", actor="broker")
        engine.capture_fill({**fill, "signal_seq": int(signal_id.rsplit(".", 1)[1])})
    return signal_id


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one run; never to be changed."""
    store = tmp_path_factory.mktemp("cli") / "signals"
    record(store, strategy=HOSTILE)
    return store


@pytest.fixture
def store(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one run, in the working folder, named by CAPTURE_STORE."""
    copy = tmp_path / "signals"
    shutil.copytree(pristine, copy)
    monkeypatch.setenv("CAPTURE_STORE", str(copy))
    monkeypatch.chdir(tmp_path)
    return copy


@pytest.fixture
def run_id(store: Path) -> str:
    """The identity of the run in the store."""
    return capture.open(store).latest().run_id


@pytest.fixture
def call() -> Callable[..., Result]:
    """Call the command line in this process."""

    def call(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="capture")

    return call


@pytest.fixture
def shell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Call the command line in a process of its own, whose output goes into pipes."""

    def shell(*words: object, **settings: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "capture", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **settings,
        )

    return shell


@pytest.fixture
def terminal() -> Callable[..., str]:
    """Call the command line in a terminal of so many columns, and return what it would show."""

    def terminal(*words: object, columns: int = 80, **environment: str) -> str:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "LINES")}
        process = subprocess.Popen(
            [sys.executable, "-m", "capture", *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**clean, "TERM": "xterm-256color", **environment},
        )
        os.close(theirs)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            shown += piece
        os.close(ours)
        assert process.wait(60) == 0, shown.decode()
        return shown.decode().replace("\r\n", "\n")

    return terminal
