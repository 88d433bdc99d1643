"""Where events go that cannot be recorded as they are: kept whole, with what is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from capture.journal import Field

if TYPE_CHECKING:
    from capture.errors import InvalidEvent
    from capture.journal.appending import Append
    from capture.recorder.parts import OpenPart

__all__ = ["Quarantine"]

_LONGEST_PAYLOAD: Final = 1_000_000
_FIELDS: Final = tuple(Field(name, "text") for name in ("kind", "field", "problem", "payload"))


class Quarantine:
    """Keeps bad events of one part, and counts them."""

    def __init__(self, part: OpenPart) -> None:
        """Begin with none; the table is declared when the first comes."""
        self._part = part
        self._append: Append | None = None

    def keep(self, kind: str, event: Any, exc: InvalidEvent) -> None:
        """Keep an event that was meant for a table."""
        with self._part.journal.lock:
            if self._append is None:
                channel = self._part.channel("quarantine", _FIELDS, constants={}, late=None)
                self._append = channel.append
            self._append(kind, _encodable(exc.field), _encodable(exc.problem), _payload(event))
            self._part.counters.quarantined += 1


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _payload(event: Any) -> str:
    """Return an event as JSON; what cannot be told is named by its type."""
    try:
        text = json.dumps(event, default=_shown, skipkeys=True)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps(_shown(event))
    return text[:_LONGEST_PAYLOAD]


def _shown(value: Any) -> Any:
    try:
        return value.to_dict() if hasattr(value, "to_dict") else repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
