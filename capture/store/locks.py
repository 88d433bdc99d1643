"""Who writes: a lock that the kernel frees when its process dies, however it dies."""

from __future__ import annotations

import fcntl
import os
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final
from weakref import WeakSet

from capture.errors import PartBusy
from capture.store.records import cannot_write

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lock", "is_held"]

# Asking whether a lock is held takes a shared lock for a moment, and a writer that comes just
# then must not be sent away.
_PATIENCE_SECONDS: Final = 0.25
_PAUSE_SECONDS: Final = 0.005


class Lock:
    """An exclusive lock on a file; the file's content says nothing."""

    __slots__ = ("__weakref__", "_file", "path")

    def __init__(self, path: Path, *, patience_seconds: float = _PATIENCE_SECONDS) -> None:
        """Take the lock, or raise PartBusy if somebody else holds it."""
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise cannot_write(path, exc) from exc
        if not _acquired(self._file, patience_seconds):
            os.close(self._file)
            self._file = -1
            raise PartBusy(
                path.parent,
                "another writer is at work here",
                "wait until it has ended, or let this writer take a part of its own",
            )
        _HELD.add(self)

    @property
    def held(self) -> bool:
        """Whether this process holds the lock through this object."""
        return self._file >= 0

    def release(self) -> None:
        """Free the lock; doing it twice is allowed."""
        if self._file >= 0:
            # Closing alone would leave it to a forked child that still has the file open.
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._forget()

    def _forget(self) -> None:
        _HELD.discard(self)
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def _acquired(file: int, patience_seconds: float) -> bool:
    deadline = monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if monotonic() >= deadline:
                return False
            sleep(_PAUSE_SECONDS)
        else:
            return True


def is_held(path: Path) -> bool:
    """Say whether a living process holds the lock at this path; nothing is created."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return False
    finally:
        os.close(file)


_HELD: Final[WeakSet[Lock]] = WeakSet()


def _after_fork() -> None:
    """Let a forked child hold no lock of its parent, whose death must free them all."""
    for lock in list(_HELD):
        lock._forget()


os.register_at_fork(after_in_child=_after_fork)
