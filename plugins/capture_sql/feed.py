"""A plugin that feeds a repository from every run that is recorded in this process."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import warnings
from collections import deque
from copy import deepcopy
from functools import partial
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Self
from weakref import WeakSet

from capture import get_host, hookimpl
from capture.errors import CaptureWarning
from capture_sql.feeding import COLUMNS, Heard, feed
from capture_sql.repository import SignalRepository

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from capture import CapturedSignal, Fill, Order, StatusChange
    from capture.events import RunInfo, RunSummary
    from capture.store.recording import Recording
    from capture_sql.lots import Lots

__all__ = ["LifecycleFeed", "import_recording"]

_AT_ONCE: Final = 500
_ROWS: Final = 2_000
_FEEDS: Final[WeakSet[LifecycleFeed]] = WeakSet()


def _before_fork() -> None:
    """Let no thread be inside the database while the process forks: its locks would stay held."""
    for each in list(_FEEDS):
        each._writing.acquire()


def _after_fork(in_child: bool) -> None:
    for each in list(_FEEDS):
        each._begin() if in_child else each._writing.release()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=partial(_after_fork, False),
    after_in_child=partial(_after_fork, True),
)


class LifecycleFeed:
    """Writes what becomes of signals into a repository, in batches and in a thread of its own.

    Register it, and every run of this process is fed, live or backtest; the signals have the
    identities of the recording. The run itself only puts events into a queue. If the queue is
    full, or the database fails, the run goes on: what is missing is in the recording, from which
    `import_recording` brings it later.

    Args:
        repository: the repository, or the URL of its database.
        seconds: how long an event waits at most for others to be written with.
        most_waiting: events that wait at most; further ones are left to the recording.
    """

    def __init__(
        self,
        repository: SignalRepository | str | os.PathLike[str] | None = None,
        *,
        seconds: float = 5.0,
        most_waiting: int = 100_000,
    ) -> None:
        self._own: Final = not isinstance(repository, SignalRepository)
        self.repository: Final = (
            repository if isinstance(repository, SignalRepository) else SignalRepository(repository)
        )
        self.incomplete: dict[str, str] = {}
        """Runs of which something is missing, and why."""
        self.written = 0
        self._seconds = seconds
        self._most = most_waiting
        self._process = 0
        self._begin()

    def __enter__(self) -> Self:
        get_host().register(self)
        return self

    def __exit__(self, *_: object) -> None:
        get_host().unregister(self)
        self.close()

    # --- what is heard ---

    @hookimpl
    def on_signal(self, signal: CapturedSignal, run: RunInfo) -> None:
        """Put a signal into the queue."""
        self._put(("signals", signal, run))

    @hookimpl
    def on_order(self, order: Order, run: RunInfo) -> None:
        """Put an order into the queue: it says how much a signal asks for."""
        self._put(("orders", order, run))

    @hookimpl
    def on_fill(self, fill: Fill, run: RunInfo) -> None:
        """Put a fill into the queue."""
        self._put(("fills", fill, run))

    @hookimpl
    def on_status(self, change: StatusChange, run: RunInfo) -> None:
        """Put a change of status into the queue."""
        self._put(("statuses", change, run))

    @hookimpl
    def on_run_stop(self, run: RunInfo, summary: RunSummary) -> None:
        """Have the rest written; a worker process, which ends without notice, waits for it."""
        self._wake.set()
        if multiprocessing.parent_process() is not None:
            self.flush()

    # --- what is written ---

    def flush(self) -> None:
        """Wait until everything that was heard is written, or known to be missing."""
        with self._writing:
            while self._waiting:
                self._write_some()

    def close(self) -> None:
        """Write the rest, and let go of a repository that was made here."""
        if self._process != os.getpid() or self._ended.is_set():
            return
        self._ended.set()
        self._wake.set()
        self._thread.join()
        self.flush()
        atexit.unregister(self.close)
        _FEEDS.discard(self)
        if self._own:
            self.repository.close()

    def _begin(self) -> None:
        """Begin with an empty queue and a thread; in a forked process again."""
        self._process = os.getpid()
        self._waiting: deque[tuple[str, Any, RunInfo]] = deque()
        self._lots: dict[tuple[str, int], Lots] = {}
        self._writing = Lock()
        self._wake, self._ended = Event(), Event()
        self._thread = Thread(target=self._work, name="capture-lifecycle", daemon=True)
        self._thread.start()
        atexit.register(self.close)
        _FEEDS.add(self)

    def _put(self, event: tuple[str, Any, RunInfo]) -> None:
        waiting = self._waiting
        if len(waiting) >= self._most:
            self._missing(event[2].run_id, f"more than {self._most} events waited")
        else:
            waiting.append(event)
            if len(waiting) == _AT_ONCE:
                self._wake.set()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._wake.wait(self._seconds)
            self._wake.clear()
            self.flush()

    def _write_some(self) -> None:
        """Write some events in one transaction; whoever calls it holds the lock."""
        taken = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
        runs = {run.run_id for _, _, run in taken}
        try:
            heard = [
                Heard(table, run.run_id, run.part, _values(table, event))
                for table, event, run in taken
                if run.run_id not in self.incomplete
            ]
            if heard:
                self.written += _write(self.repository, heard, self._lots)
        except Exception as error:
            for run_id in runs:
                self._missing(run_id, f"{type(error).__name__}: {error}")

    def _missing(self, run_id: str, why: str) -> None:
        if run_id in self.incomplete:
            return
        self.incomplete[run_id] = why
        warnings.warn(
            f"the repository misses signals of run {run_id} ({why}); the recording has them: "
            f"`capture lifecycle import {run_id}`",
            CaptureWarning,
            stacklevel=2,
        )


def import_recording(repository: SignalRepository, recording: Recording) -> int:
    """Write what a recording has of signals, and the repository has not; return how many events.

    It may be repeated, and go on where a feed or another import was interrupted.
    """
    written = 0
    for part in recording.parts:
        rows = []
        for table, columns in COLUMNS.items():
            found = part.scan(table, list(columns))
            rows += [
                Heard(table, recording.run_id, part.number, _row(columns, values))
                for values in _in_whole_numbers(found).to_pylist()
            ]
        order = list(COLUMNS)
        rows.sort(key=lambda heard: (heard.values["seq"], order.index(heard.table)))
        lots: dict[tuple[str, int], Lots] = {}
        for start in range(0, len(rows), _ROWS):
            written += _write(repository, rows[start : start + _ROWS], lots)
    return written


def _write(
    repository: SignalRepository, heard: list[Heard], lots: dict[tuple[str, int], Lots]
) -> int:
    def work(connection: Connection) -> tuple[int, dict[tuple[str, int], Lots]]:
        # A transaction may be done again, and then begins with what was held before it.
        after = deepcopy(lots)
        return feed(connection, heard, after, repository.sinks), after

    written, after = repository.database.write(work)
    lots.update(after)
    return written


def _values(table: str, event: Any) -> dict[str, Any]:
    return {name: getattr(event, name, None) for name in COLUMNS[table]}


def _row(columns: tuple[str, ...], values: dict[str, Any]) -> dict[str, Any]:
    return {name: values.get(name) for name in columns}


def _in_whole_numbers(table: Any) -> Any:
    """Return a table with its times as nanoseconds, which no object of Python holds."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            whole = table.column(place).cast(pa.timestamp("ns", "UTC")).cast(pa.int64())
            table = table.set_column(place, field.name, whole)
    return table
