"""What recordings say, told without the numbers of their events, so that two can be compared."""

from __future__ import annotations

import re
from typing import Any, Final

__all__ = ["told"]

_ORDER: Final = re.compile(r"\bo\d+\b")
_IDENTITIES: Final = {"signal_id": "signals", "order_id": "orders"}


def told(recording: Any, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table with identities that do not depend on numbers."""
    places = {
        name: {each: place for place, each in enumerate(_column(recording, of, name))}
        for name, of in _IDENTITIES.items()
    }
    orders = places["order_id"]
    rows: list[dict[str, Any]] = (
        recording.table(table).drop_columns(["seq", "recorded_time"]).to_pylist()
    )
    for row in rows:
        for name in ("signal_seq", "order_seq"):
            row.pop(name, None)
        for name, known in places.items():
            if row.get(name) is not None:
                row[name] = known[row[name]]
        for name in ("parent_id", "oco_id", "arguments"):
            if row.get(name) is not None:
                row[name] = _ORDER.sub(lambda found: str(orders[found[0]]), row[name])
    return [{name: value for name, value in row.items() if value == value} for row in rows]


def _column(recording: Any, table: str, name: str) -> list[str]:
    found: list[str] = recording.table(table).column(name).to_pylist()
    return found
