"""The contract of a repository of signals: it keeps every signal and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from capture.contracts.outbox import Outbox
    from capture.events import SignalStatus

__all__ = ["Repository"]


@runtime_checkable
class Repository(Protocol):
    """What the rest of the product asks of a repository.

    Records are `capture.SignalRecord`; time is UTC nanoseconds. Several processes and threads may
    use one database at the same time.
    """

    def save_signal(self, signal: Any, status: SignalStatus | str = ..., **fields: Any) -> Any:
        """Save a signal and return its record."""
        ...

    def save_signals(
        self, signals: Iterable[Any], status: SignalStatus | str = ..., **fields: Any
    ) -> Sequence[str]:
        """Save many signals at once, all or none, and return their identities."""
        ...

    def update_signal_status(
        self, signal_id: str, status: SignalStatus | str, **fields: Any
    ) -> Any:
        """Move a signal to another state and return its record."""
        ...

    def get_signal_by_id(self, signal_id: str) -> Any:
        """Return the record of a signal, or None if there is none."""
        ...

    def update_signal_statuses(self, changes: Iterable[Mapping[str, Any]]) -> Sequence[Any]:
        """Move many signals in one transaction, all or none, and return their records."""
        ...

    def get_signals(self, filters: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Return the records of signals."""
        ...

    def get_history(self, signal_id: str, *, every: bool = False) -> Sequence[Any]:
        """Return how a signal came to its state, change by change."""
        ...

    def get_execution_stats(self, filters: Mapping[str, Any] | None = None) -> Any:
        """Return how signals fared."""
        ...

    @property
    def place(self) -> str:
        """Which database this is, in a form that holds no password."""
        ...

    @property
    def file(self) -> Path | None:
        """The file of the database, where it is one."""
        ...

    def outbox(self) -> Outbox:
        """Return what remote systems are to be told."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
