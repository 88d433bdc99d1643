"""Which recording a call such as `capture.note` belongs to: the innermost one of this thread."""

from __future__ import annotations

from threading import local
from typing import Any, Final, Protocol

__all__ = ["Notable", "current", "enter", "leave"]


class Notable(Protocol):
    """What an adapter offers while its host runs a strategy."""

    def note(
        self,
        name: str,
        value: Any,
        *,
        signal: Any = None,
        direction: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Keep a named value with the signal, or with the present bar."""
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
