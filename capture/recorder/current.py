"""Which recording a call such as `capture.note` belongs to: the innermost one of this thread."""

from __future__ import annotations

from dataclasses import dataclass
from threading import local
from typing import Any, Final, Protocol

__all__ = ["Notable", "Note", "current", "enter", "leave"]


@dataclass(frozen=True, slots=True)
class Note:
    """What one call of `capture.note` said.

    Attributes:
        name: name of the value.
        value: the value.
        signal: what it belongs to, as the host calls it; by default it belongs to the bar.
        direction: direction of a signal that the strategy would have given; None of other notes.
        reason: why it did not.
    """

    name: str
    value: Any = None
    signal: Any = None
    direction: int | None = None
    reason: str | None = None

    @property
    def refuses(self) -> bool:
        """Whether it tells of a signal that the strategy's own filter refused."""
        return self.direction is not None

    @property
    def side(self) -> int:
        """Sign of the direction."""
        direction = self.direction or 0
        return (direction > 0) - (direction < 0)

    @property
    def said(self) -> Any:
        """The value, with the reason if there is one."""
        return self.value if self.reason is None else {"reason": self.reason, "value": self.value}


class Notable(Protocol):
    """What an adapter offers while its host runs a strategy."""

    def note(self, note: Note) -> None:
        """Keep a note with its signal, or with the present bar."""
        ...


class _Stack(local):
    def __init__(self) -> None:
        self.recordings: list[Notable] = []


_STACK: Final = _Stack()


def current() -> Notable | None:
    """Return what is being recorded in this thread, or None."""
    return _STACK.recordings[-1] if _STACK.recordings else None


def enter(notable: Notable) -> None:
    """Let the notes of this thread go to `notable` from now on."""
    _STACK.recordings.append(notable)


def leave(notable: Notable) -> None:
    """Let the notes of this thread go where they went before; leaving twice is allowed."""
    _STACK.recordings = [other for other in _STACK.recordings if other is not notable]
