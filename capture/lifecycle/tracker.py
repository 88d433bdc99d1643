"""The tracker: the batching front of a repository, which never makes its caller wait for it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections import deque
from itertools import islice
from pathlib import Path
from threading import Condition, Thread
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final, Self, get_args

from capture.config import Durability, Overload
from capture.errors import (
    BackendFailed,
    CaptureError,
    CaptureHalted,
    ConfigError,
    StoreError,
    did_you_mean,
)
from capture.events import SignalStatus
from capture.lifecycle.audit import AuditLog
from capture.lifecycle.entries import Entry, signal_entry, status_entry
from capture.lifecycle.spool import Leftover, Spool, leftovers
from capture.lifecycle.storing import Storing
from capture.lifecycle.tracker_statistics import TrackerStatistics

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SignalTracker"]

_LOG: Final = logging.getLogger("capture.lifecycle")
_MOST_AT_ONCE: Final = 1000
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 30.0


class SignalTracker:
    """Takes signals and changes of status at once, and stores them in batches from a thread.

    With the durability "journal", what was accepted survives a kill of the process, with "fsync" a
    power cut as well, with "memory" neither, nor with a database in memory. The next tracker for
    the same database stores what a killed one had not.

    Args:
        repository: where signals are kept.
        batch_size: how many entries are stored together; more if more wait.
        interval_s: the longest that an entry waits for others.
        audit: an audit log, or the folder of one, in which every stored entry is written down.
        durability: "journal", "fsync" or "memory".
        overload: what happens when `max_pending` entries wait: block, halt, or drop and count.
        max_pending: how many entries may wait.
        spool: folder of what is accepted and not stored yet; by default beside a SQLite database,
            else `signals-spool`.
    """

    def __init__(
        self,
        repository: Any,
        batch_size: int = 50,
        interval_s: float = 5.0,
        *,
        audit: AuditLog | str | Path | None = None,
        durability: Durability = "journal",
        overload: Overload = "block",
        max_pending: int = 10_000,
        spool: str | Path | None = None,
    ) -> None:
        _check_count("batch_size", batch_size)
        _check_count("max_pending", max_pending)
        _check_choice("durability", durability, get_args(Durability))
        _check_choice("overload", overload, get_args(Overload))
        if not 0 < interval_s < float("inf"):
            raise ConfigError("interval_s", interval_s, "more than 0 seconds are needed")
        self._batch_size: Final = batch_size
        self._interval_s: Final = interval_s
        self._overload: Final = overload
        self._most: Final = max_pending
        self._synced: Final = durability == "fsync"
        self._own_audit = isinstance(audit, (str, Path))
        log = AuditLog(audit, sync=self._synced) if isinstance(audit, (str, Path)) else audit
        self._storing: Final = Storing(repository, log)
        self._place: Final = str(repository.place)
        self._queue: deque[Entry] = deque()
        self._changed: Final = Condition()
        self._wanted = self._finished = 0
        self._asked = 0
        """How often somebody asked for a flush, which ends a pause."""
        self._accepted = self._dropped = self._recovered = self._batches = self._failures = 0
        self._seconds = 0.0
        self._closing = self._closed = False
        self._process = os.getpid()
        self.trouble: CaptureError | None = None
        """Why the database could not be used when it was tried last; None if it could."""
        self._spool: Spool | None = None
        self._leftovers: list[Leftover] = []
        if durability != "memory" and not _dies_with_us(repository):
            self._begin_spool(Path(spool) if spool is not None else _beside(repository))
        self._thread: Final = Thread(target=self._work, name="capture-tracker", daemon=True)
        self._thread.start()

    def _begin_spool(self, folder: Path) -> None:
        for left in leftovers(folder, self._place):
            if left.damaged is not None:
                _LOG.warning("%s: %s; the rest of it is stored", left.folder, left.damaged)
            self._leftovers.append(left)
            self._queue.extend(map(Entry.recover, left.entries))
        self._recovered = len(self._queue)
        begun = (left.begun_ns for left in self._leftovers)
        self._storing.recovering_since_ns = min(begun, default=None)
        self._spool = Spool(folder, self._place, sync=self._synced)

    # --- taking in ---------------------------------------------------------------------------

    def log_signal(
        self, signal: Any, status: SignalStatus | str = SignalStatus.GENERATED, **fields: Any
    ) -> str | None:
        """Take in a signal and return its identity; None if it was dropped.

        Args:
            signal: a mapping or an object, as `SignalRepository.save_signal` takes it.
            status: the state it is in already.
            **fields: further fields.

        Raises:
            InvalidEvent: a field cannot be what it is.
            CaptureHalted: too much waits, and the policy is to halt.
        """
        entry = signal_entry(signal, status, fields)
        return entry.signal_id if self._put(entry) else None

    def log_status(self, signal_id: str, status: SignalStatus | str, **fields: Any) -> bool:
        """Take in a change of status, after everything of this signal before; False if dropped.

        A change that turns out to be illegal is refused when it is stored: `flush` and `close`
        raise it, and the audit log has it.
        """
        return bool(self._put(status_entry(signal_id, status, fields)))

    async def log_signal_async(
        self, signal: Any, status: SignalStatus | str = SignalStatus.GENERATED, **fields: Any
    ) -> str | None:
        """Take in a signal from a coroutine, whose loop never waits for a disk or for room."""
        entry = signal_entry(signal, status, fields)
        return entry.signal_id if await self._put_async(entry) else None

    async def log_status_async(
        self, signal_id: str, status: SignalStatus | str, **fields: Any
    ) -> bool:
        """Take in a change of status from a coroutine."""
        return await self._put_async(status_entry(signal_id, status, fields))

    async def _put_async(self, entry: Entry) -> bool:
        taken = None if self._synced else self._put(entry, wait=False)
        return bool(await asyncio.to_thread(self._put, entry) if taken is None else taken)

    def _put(self, entry: Entry, *, wait: bool = True) -> bool | None:
        """Put an entry into the queue; False if it is dropped, None if it would have to wait."""
        if self._process != os.getpid():  # a lock that was held at the fork stays so for ever
            mend = "make a tracker of its own after the fork"
            raise StoreError(self._place, "this tracker is another process's", mend)
        with self._changed:
            self._refuse_if_closed()
            if len(self._queue) >= self._most:
                if self._overload == "halt":
                    raise CaptureHalted(len(self._queue), "entries", "max_pending")
                if self._overload == "drop":
                    self._dropped += 1
                    return False
                if not wait:
                    return None
                self._changed.wait_for(lambda: len(self._queue) < self._most or self._closing)
                self._refuse_if_closed()
            if self._spool is not None:
                entry.place = self._spool.add(entry.to_record())
            self._queue.append(entry)
            self._accepted += 1
            if len(self._queue) == 1 or len(self._queue) >= self._batch_size:
                self._changed.notify_all()
        return True

    def _refuse_if_closed(self) -> None:
        if self._closing:
            raise StoreError(self._place, "this tracker is closed", "make a new one")

    # --- storing -----------------------------------------------------------------------------

    def _work(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            with self._changed:
                while not self._is_due() and not self._closing:
                    self._changed.wait(self._patience_s())
                batch = list(islice(self._queue, _MOST_AT_ONCE))
            if not batch:
                return
            error = self._stored(batch)
            with self._changed:
                self.trouble = error
                if error is None:
                    pause_s = _FIRST_PAUSE_S
                    self._let_go(batch)
                self._changed.notify_all()
                if error is not None:
                    self._failures += 1
                    if self._closing:
                        return
                    self._pause(random.uniform(pause_s / 2, pause_s))
                    pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _pause(self, seconds: float) -> None:
        """Leave the database alone for a while; a flush that is asked for now ends it."""
        asked = self._asked
        self._changed.wait_for(lambda: self._asked > asked or self._closing, seconds)

    def _is_due(self) -> bool:
        if not self._queue:
            return False
        if len(self._queue) >= self._batch_size or self._wanted > self._finished:
            return True
        return monotonic() - self._queue[0].since >= self._interval_s or self._queue[0].recovered

    def _patience_s(self) -> float | None:
        if not self._queue:
            return None
        return max(self._interval_s - (monotonic() - self._queue[0].since), 0.0)

    def _stored(self, batch: Sequence[Entry]) -> CaptureError | None:
        """Store a batch, and return what is in the way."""
        started = perf_counter()
        try:
            self._storing.store(batch)
        except CaptureError as exc:
            if self.trouble is None:
                _LOG.warning("%d entries wait: %s", len(self._queue), exc)
            return exc
        except Exception as exc:
            _LOG.exception("storing failed")
            failure = BackendFailed(
                self._place, f"storing failed: {type(exc).__name__}: {exc}", "please report it"
            )
            failure.__cause__ = exc
            return failure
        finally:
            self._seconds += perf_counter() - started
        return None

    def _let_go(self, batch: Sequence[Entry]) -> None:
        for _ in batch:
            self._queue.popleft()
        self._finished += len(batch)
        self._batches += 1
        if self._spool is not None and batch[-1].place:
            self._spool.stored(batch[-1].place)
        if self._leftovers and not (self._queue and self._queue[0].recovered):
            for left in self._leftovers:
                left.remove()
            self._leftovers.clear()

    # --- waiting for it ------------------------------------------------------------------------

    def flush(self) -> None:
        """Return when everything accepted so far is stored.

        Raises:
            BackendFailed: the database cannot be used; what was accepted waits on.
            CaptureError: the first entry that was refused since this was asked last.
        """
        with self._changed:
            self._wait_for(self._accepted + self._recovered)
        self._raise_refusal()

    def _wait_for(self, count: int) -> None:
        """Wait until so many entries are stored; raise if the database refuses now."""
        failures = self._failures
        self._wanted = max(self._wanted, count)
        self._asked += 1
        self._changed.notify_all()
        self._changed.wait_for(
            lambda: (
                self._finished >= count or self._failures > failures or not self._thread.is_alive()
            )
        )
        if self._finished < count:
            raise self._failed()

    def _failed(self) -> BackendFailed:
        waiting = len(self._queue)
        kept = "in this process alone; flush() or close() tries once more"
        if self._spool is not None:
            kept = f"in {self._spool.folder}; a tracker for this database stores them when it can"
        said = f"the database cannot be used ({self.trouble})"
        failure = BackendFailed(self._place, said, f"{waiting} entries wait {kept}")
        failure.__cause__ = self.trouble
        return failure

    def _raise_refusal(self) -> None:
        with self._changed:
            refusal, self._storing.first_refusal = self._storing.first_refusal, None
        if refusal is not None:
            raise refusal

    def close(self) -> None:
        """Store what waits and end; doing it twice is allowed.

        Raises:
            BackendFailed: the database cannot be used; what was accepted is kept where it says.
            CaptureError: the first entry that was refused since `flush`.
        """
        with self._changed:
            if self._closed:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        if self._queue and self._spool is None:
            self._try_once_more()
        self._end()
        if self._queue:
            raise self._failed()
        self._raise_refusal()

    def _try_once_more(self) -> None:
        """Store what is in this process alone; raise and stay open if that cannot be done."""
        while self._queue:
            batch = list(islice(self._queue, _MOST_AT_ONCE))
            self.trouble = self._stored(batch)
            if self.trouble is not None:
                raise self._failed()
            self._let_go(batch)

    def _end(self) -> None:
        self._closed = True
        for left in self._leftovers:  # not stored, and so left to the next tracker
            left.lock.release()
        if self._spool is not None:
            self._spool.close(self._accepted if not self._queue else 0)
        if self._own_audit and self._storing.audit is not None:
            self._storing.audit.close()

    async def flush_async(self) -> None:
        """Do what `flush` does without making the loop wait."""
        await asyncio.to_thread(self.flush)

    async def close_async(self) -> None:
        """Do what `close` does without making the loop wait."""
        await asyncio.to_thread(self.close)

    @property
    def statistics(self) -> TrackerStatistics:
        """What was counted so far."""
        with self._changed:
            return TrackerStatistics(
                accepted=self._accepted,
                stored=self._storing.stored,
                refused=self._storing.refused,
                dropped=self._dropped,
                pending=len(self._queue),
                recovered=self._recovered,
                batches=self._batches,
                failures=self._failures,
                store_seconds=self._seconds,
            )

    def __enter__(self) -> Self:
        """Return the tracker."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    async def __aenter__(self) -> Self:
        """Return the tracker."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close_async()


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(name, value, "a whole number of at least 1 is needed")


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        hint = did_you_mean(str(value), allowed)
        raise ConfigError(name, value, f"choose one of {', '.join(allowed)}.{hint}")


def _dies_with_us(repository: Any) -> bool:
    """Say whether a database is in memory, so that nothing can be stored for it later."""
    return repository.file is None and str(repository.place).startswith("sqlite:")


def _beside(repository: Any) -> Path:
    """Return where the spool of a repository is by default."""
    file = repository.file
    return Path("signals-spool") if file is None else Path(f"{file}-spool")
