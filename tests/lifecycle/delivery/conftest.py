"""The reference receiver as the real other side, and ways in which it can be a bad one."""

from __future__ import annotations

import importlib.util
import socket
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from capture.lifecycle.delivery import RetryPolicy, Sender
from capture_http.sink import HttpSink
from capture_sql import SignalRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT: Final = Path(__file__).parents[3]
QUICK: Final = RetryPolicy(base_s=0.01, cap_s=0.05)


@pytest.fixture(scope="session")
def receiving() -> Any:
    """The module of the reference receiver."""
    place = ROOT / "examples" / "remote_receiver" / "receiver.py"
    spec = importlib.util.spec_from_file_location("remote_receiver", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Remote:
    """A receiver that can be switched off and on again at the same address, and made to fail."""

    def __init__(self, receiving: Any, folder: Path, token: str | None = None) -> None:
        self._receiving = receiving
        self._database = folder / "received.sqlite"
        self._token = token
        self.faults: list[str] = []
        """What goes wrong next, first one first; nothing if it is empty."""
        self.requests: list[dict[str, str]] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.server: Any = None
        self.url = f"http://127.0.0.1:{self.port}/items"
        self.batch_url = f"http://127.0.0.1:{self.port}/batches"

    def start(self) -> None:
        remote = self

        class Handler(self._receiving.Handler):  # type: ignore[misc, name-defined]
            """Fails in the way that is asked for."""

            def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
                remote.requests.append({k.lower(): v for k, v in self.headers.items()})
                fault = remote.faults.pop(0) if remote.faults else "none"
                if fault == "drop before":
                    self.close_connection = True
                    return
                if fault[:3].isdigit():
                    self.rfile.read(int(self.headers["Content-Length"]))
                    status, _, wait = fault.partition(" ")
                    self.send_response(int(status))
                    if wait:
                        self.send_header("Retry-After", wait)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                said = self.take()
                if fault == "drop after":  # it has the item, and nobody is told
                    self.close_connection = True
                    return
                if fault.startswith("slow"):
                    remote.pause.wait(float(fault.split()[1]))
                self.answer(*said)

            def handle(self) -> None:
                # The sender may have given up waiting, or the remote may just be going away.
                with suppress(ConnectionError, ValueError, sqlite3.ProgrammingError):
                    super().handle()

        self.pause = threading.Event()
        self.server = self._receiving.Receiver(
            self._database, port=self.port, token=self._token, handler=Handler
        )
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        if self.server is not None:
            self.pause.set()
            self.server.shutdown()
            self.server.server_close()
            self._thread.join()
            self.server.inbox.close()
            self.server = None

    @property
    def received(self) -> list[dict[str, Any]]:
        """Everything that was kept, in the order in which it came."""
        inbox = self._receiving.Inbox(self._database)
        try:
            items: list[dict[str, Any]] = inbox.items()
            return items
        finally:
            inbox.close()


@pytest.fixture
def remote(receiving: Any, tmp_path: Path) -> Iterator[Remote]:
    made = Remote(receiving, tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def guarded_remote(
    receiving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Remote]:
    """One that wants a token, which the environment has."""
    monkeypatch.setenv("CAPTURE_HTTP_TOKEN", "tok-3f9a7c51d2e84b60")
    made = Remote(receiving, tmp_path, "tok-3f9a7c51d2e84b60")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def repository(db_url: str) -> Iterator[SignalRepository]:
    """A repository whose changes are put into the outbox for the sink `http`."""
    with SignalRepository(db_url, sinks=("http",)) as made:
        yield made


@pytest.fixture
def sender(repository: SignalRepository, remote: Remote) -> Iterator[Callable[..., Sender]]:
    """Make senders to the remote, which are closed in the end."""
    made: list[Sender] = []

    def make(*, batch: int | None = None, timeout_s: float = 5.0, **settings: Any) -> Sender:
        batches = {} if batch is None else {"batch_url": remote.batch_url, "batch": batch}
        sink = HttpSink(remote.url, timeout_s=timeout_s, **batches)
        settings = {"policy": QUICK, "poll_s": 0.02, **settings}
        made.append(Sender(repository.outbox(), sink, name="http", **settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def give() -> Callable[..., list[str]]:
    """Save signals, each with what became of it, and return their identities."""

    def give(repository: SignalRepository, count: int, prefix: str = "s") -> list[str]:
        ids = repository.save_signals(
            {"signal_id": f"{prefix}{n}", "symbol": "ACME", "side": "buy"} for n in range(count)
        )
        for status in ("submitted", "executed"):
            repository.update_signal_statuses({"signal_id": one, "status": status} for one in ids)
        return list(ids)

    return give


@pytest.fixture
def expect_exactly_once() -> Callable[[Remote, list[str]], None]:
    """Check that a remote has every change of every signal, once and in order."""

    def check(remote: Remote, ids: list[str]) -> None:
        kept: dict[str, list[int]] = {}
        for item in remote.received:
            kept.setdefault(item["signal_id"], []).append(item["payload"]["signal"]["version"])
        assert kept == {one: [1, 2, 3] for one in ids}

    return check
