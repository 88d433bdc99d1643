"""What a remote sink is: it is handed items of the outbox, and says what became of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

__all__ = ["Delivery", "Fate", "RemoteSink", "Said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One item of an outbox, on its way to a remote system.

    Attributes:
        id: its number in the outbox; items of one signal are delivered in this order.
        signal_id: the signal that it is about.
        sink: name of the sink that it is for.
        kind: what happened to the signal.
        payload: what the remote system is to know.
        idempotency_key: the same at every attempt; the remote keeps only one item of a key.
        created_ns: when it was put into the outbox.
        attempts: how often it was sent in vain before.
        lease_ns: until when it is this sender's alone.
    """

    id: int
    signal_id: str
    sink: str
    kind: str
    payload: Mapping[str, Any]
    idempotency_key: str
    created_ns: int
    attempts: int
    lease_ns: int

    def to_message(self) -> dict[str, Any]:
        """Return what goes over the wire."""
        return {
            "idempotency_key": self.idempotency_key,
            "kind": self.kind,
            "signal_id": self.signal_id,
            "created_ns": self.created_ns,
            "payload": dict(self.payload),
        }


class Fate(StrEnum):
    """What became of an item at one attempt."""

    ACCEPTED = "accepted"
    """The remote has it, now or from before."""
    FAILED = "failed"
    """The remote did not take it, or nobody knows; it may do so later."""
    REFUSED = "refused"
    """The remote will never take this item as it is."""
    UNAVAILABLE = "unavailable"
    """The remote takes nothing at the moment, whatever the item."""


class Said(NamedTuple):
    """What the remote said to an item.

    Attributes:
        fate: what became of it.
        problem: in words, unless it was accepted; without secrets, because it is stored.
        retry_after_s: how long the remote asks to wait, if it does.
    """

    fate: Fate
    problem: str | None = None
    retry_after_s: float | None = None


@runtime_checkable
class RemoteSink(Protocol):
    """A remote system, as a sender sees it.

    It is used from one thread at a time. What it is told by its settings must hold no secrets:
    these come from the environment.
    """

    @property
    def most(self) -> int:
        """How many items one call of `send` takes."""
        ...

    @property
    def timeout_s(self) -> float:
        """The longest that one call of `send` takes."""
        ...

    def send(self, items: Sequence[Delivery]) -> Sequence[Said]:
        """Send items, no two of one signal, and return what was said to each, in their order.

        What goes wrong with the remote is said and not raised.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
