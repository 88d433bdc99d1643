"""What a recorder counted and measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from capture.journal import Journal

__all__ = ["Counters", "Statistics", "measure"]

_PATIENCE_SECONDS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """A recorder's counts at one moment.

    Attributes:
        captured: signals accepted.
        events: events of every kind accepted, signals among them.
        flushed: events that reached the backend.
        pending: events accepted that have not reached it yet.
        dropped: events refused by the overload policy `drop`.
        quarantined: events that could not be recorded as they were.
        flushes: blocks written.
        capture_seconds: time spent in `capture_signal`.
        flush_seconds: time spent writing blocks.
        journal_bytes: bytes in the journal.
        stored_bytes: bytes handed to the backend, before compression.
    """

    captured: int = 0
    events: int = 0
    flushed: int = 0
    pending: int = 0
    dropped: int = 0
    quarantined: int = 0
    flushes: int = 0
    capture_seconds: float = 0.0
    flush_seconds: float = 0.0
    journal_bytes: int = 0
    stored_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)


@dataclass
class Counters:
    """The counts that grow while a recorder works; owned by the recorder, under its lock."""

    quarantined: int = 0
    capture_ns: int = 0
    flushed: int = 0
    flushes: int = 0
    flush_seconds: float = 0.0
    stored_bytes: int = 0


def measure(journal: Journal, counters: Counters) -> Statistics:
    """Return the counts at this moment.

    Who waits for a slow backend holds the journal's lock, and nothing changes meanwhile: an
    observer that looks at the counts in the writer's thread is not made to wait for that.
    """
    locked = journal.lock.acquire(timeout=_PATIENCE_SECONDS)
    try:
        return Statistics(
            captured=journal.rows("signals"),
            events=journal.seq,
            flushed=counters.flushed,
            pending=journal.seq - counters.flushed,
            dropped=journal.dropped,
            quarantined=counters.quarantined,
            flushes=counters.flushes,
            capture_seconds=counters.capture_ns / 1e9,
            flush_seconds=counters.flush_seconds,
            journal_bytes=journal.bytes,
            stored_bytes=counters.stored_bytes,
        )
    finally:
        if locked:
            journal.lock.release()
