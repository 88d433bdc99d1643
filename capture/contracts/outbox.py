"""What an outbox is to a sender: items to claim, and verdicts on them to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from capture.contracts.remote_sink import Delivery

__all__ = ["DeadLetter", "Outbox", "OutboxCounts", "Verdict"]


class Verdict(NamedTuple):
    """What is to be kept of an item that was claimed.

    Attributes:
        delivery: the item.
        state: what it is from now on.
        attempts: how often it was sent in vain by now.
        at_ns: when it may be claimed again, or when it was sent.
        problem: why it was not accepted, if it was not.
    """

    delivery: Delivery
    state: Literal["pending", "sent", "dead"]
    attempts: int
    at_ns: int
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxCounts:
    """How many items of a sink are in which state.

    Attributes:
        pending: items that were not sent yet.
        sent: items that the remote has.
        dead: items that were given up, until somebody sends them again.
        held: those of the pending ones that wait behind a dead item of the same signal.
        oldest_ns: when the oldest of the pending items was put in; None if there are none.
    """

    pending: int = 0
    sent: int = 0
    dead: int = 0
    held: int = 0
    oldest_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An item that was given up."""

    id: int
    signal_id: str
    sink: str
    kind: str
    attempts: int
    created_ns: int
    problem: str | None


class Outbox(Protocol):
    """Items that wait for remote systems, in a database; several senders may share it."""

    def claim(self, sink: str, limit: int, lease_s: float) -> list[Delivery]:
        """Return items that are due, which are nobody else's until the lease has run out.

        Items of one signal come in order, and none comes while an earlier one is pending with
        somebody else, has to wait, or is dead.
        """
        ...

    def settle(self, verdicts: Sequence[Verdict]) -> int:
        """Keep verdicts, and return how many counted: none whose lease had run out, and was taken.

        Raises:
            StoreError: the database cannot be written; the items come back when the lease ends.
        """
        ...

    def next_due_ns(self, sink: str) -> int | None:
        """Return when the next item may be claimed; None if none is pending that ever may."""
        ...

    def counts(self, sink: str) -> OutboxCounts:
        """Return how many items are in which state."""
        ...

    def sinks(self) -> tuple[str, ...]:
        """Return the names of the sinks that there are items for."""
        ...

    def dead(self, sink: str, limit: int = 1000) -> list[DeadLetter]:
        """Return the items that were given up, oldest first."""
        ...

    def forget(self, sink: str, before_ns: int, *, dry_run: bool = False) -> int:
        """Take away the items that were sent before a moment, and return how many, or would be.

        Neither an item that is pending or dead goes, nor anything of the signals themselves.
        """
        ...

    def resend(self, sink: str, ids: Sequence[int] | None = None) -> int:
        """Make dead items pending again, all or those named, and return how many."""
        ...
