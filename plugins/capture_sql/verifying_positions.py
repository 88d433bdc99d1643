"""Whether positions are what their fills and valuations come to, and these what was written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.lifecycle.verification import DatabaseFinding
from capture_sql.chains import changed_fields
from capture_sql.positions import fills_of_many, valued
from capture_sql.tables import fills, marks, outcomes, signals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlalchemy.engine import Connection

__all__ = ["changed_positions", "found_changed", "streamed"]

_AT_ONCE: Final = 2000
_CHANGED: Final = "it is not what was written"
_UNTOLD: Final = frozenset({"version", "sha256", "prints"})


def changed_positions(
    connection: Connection, suspect: Collection[str | None]
) -> Iterator[DatabaseFinding]:
    """Yield valuations that were changed, and positions that were, or that are missing.

    Args:
        connection: to one state of the database.
        suspect: signals whose fills are not what was written, so that nothing follows from them.
    """
    last: dict[str, tuple[float, int]] = {}
    for row in streamed(connection, sa.select(marks).order_by(marks.c.number)):
        changed = list(found_changed("marks", row, f"valuation {row['number']}: "))
        yield from changed
        if not changed:
            last |= {one: (price, row["at_ns"]) for one, price in json.loads(row["prices"]).items()}
    missing = _entered(connection) | _still_there(connection, last)
    for some in _some(streamed(connection, sa.select(outcomes))):
        sure = [row["signal_id"] for row in some if row["signal_id"] not in suspect]
        filled = fills_of_many(connection, sure)
        for row in some:
            missing.discard(row["signal_id"])
            changed = list(found_changed("outcomes", row))
            yield from changed or _contradictions(row, filled.get(row["signal_id"], []), last)
    for signal_id in sorted(missing):
        yield DatabaseFinding("outcomes", "the outcome is missing", signal_id)


def _contradictions(
    row: dict[str, Any], its_fills: list[dict[str, Any]], last: Mapping[str, tuple[float, int]]
) -> Iterator[DatabaseFinding]:
    """Yield what a position with digests of its own says otherwise than what is chained."""
    signal_id = row["signal_id"]
    marked = last.get(signal_id, (None, None))
    for field, value in zip(("mark_price", "marked_ns"), marked, strict=True):
        if row[field] != value:
            problem = "it is not what the last valuation of the position said"
            yield DatabaseFinding("outcomes", problem, signal_id, field)
    due = valued(dict(row), its_fills)
    for field in row if due is not None else ():
        if field not in _UNTOLD and due is not None and row[field] != due[field]:
            problem = "it is not what the fills of the position come to"
            yield DatabaseFinding("outcomes", problem, signal_id, field)


def _entered(connection: Connection) -> set[str]:
    """Return the signals whose fills opened a position."""
    opened = fills.c.price.is_not(None) & fills.c.quantity.is_not(None)
    query = (
        sa.select(fills.c.signal_id)
        .join(signals, signals.c.signal_id == fills.c.signal_id)
        .where(signals.c.signal_type == "entry", signals.c.side != "flat")
        .where(fills.c.role == "entry", opened)
    )
    return set(connection.execute(query).scalars())


def _still_there(connection: Connection, valued: Mapping[str, Any]) -> set[str]:
    """Return those of the signals whose positions were valued that are in no archive."""
    if not valued:
        return set()
    return valued.keys() & set(connection.execute(sa.select(signals.c.signal_id)).scalars())


def found_changed(table: str, row: Mapping[str, Any], which: str = "") -> Iterator[DatabaseFinding]:
    """Yield the fields of a row that are not what was written."""
    for field in changed_fields(row) or ():
        yield DatabaseFinding(table, f"{which}{_CHANGED}", row.get("signal_id"), field)


def streamed(connection: Connection, query: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of a query, of which only some are held at a time."""
    found = connection.execution_options(yield_per=_AT_ONCE).execute(query)
    yield from map(dict, found.mappings())


def _some(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    held: list[dict[str, Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == _AT_ONCE:
            yield held
            held = []
    yield held
