"""Questions to the database, and its rows as records."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.errors import InvalidEvent
from capture.events import SignalStatus
from capture.lifecycle.record import FillRecord, HistoryRow, Outcome, SignalRecord
from capture_sql.changes import COLUMNS, rows_of
from capture_sql.filtering import conditions
from capture_sql.tables import fills, history, outcomes, signals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy.engine import Connection

__all__ = [
    "as_outcome",
    "as_record",
    "every",
    "fills_of",
    "history_of",
    "many",
    "one",
    "outcome_of",
]

_AT_ONCE: Final = 1000
_STATES: Final = ("saved", "status")
_SEALS: Final = ("number", "sha256", "prints")
_SIGNAL: Final = tuple(signals.c[name] for name in COLUMNS)
_OUTCOME: Final = tuple(column for column in outcomes.columns if column.name not in _SEALS)
_JOINED: Final = sa.select(
    *_SIGNAL, *(column.label(f"outcome_{column.name}") for column in _OUTCOME)
).select_from(signals.outerjoin(outcomes, signals.c.signal_id == outcomes.c.signal_id))


def one(connection: Connection, signal_id: str) -> SignalRecord | None:
    """Return the record of a signal, or None if there is none."""
    found = rows_of(connection, _JOINED.where(signals.c.signal_id == signal_id))
    return _whole(found[0]) if found else None


def many(
    connection: Connection,
    filters: Mapping[str, Any] | None,
    limit: int | None,
    offset: int,
    *,
    oldest_first: bool,
) -> list[SignalRecord]:
    """Return the records of signals that meet the filters."""
    for name, value in (("limit", limit), ("offset", offset)):
        if value is not None and (type(value) is not int or value < 0):
            raise InvalidEvent(name, value, "must be a whole number of at least 0")
    order = (signals.c.signal_ns, signals.c.number)
    query = _JOINED.where(*conditions(connection, filters or {}))
    query = query.order_by(*(order if oldest_first else (column.desc() for column in order)))
    return [_whole(row) for row in rows_of(connection, query.limit(limit).offset(offset or None))]


def every(connection: Connection, filters: Mapping[str, Any] | None) -> Iterator[SignalRecord]:
    """Yield the records of signals that meet the filters, in the order they were saved."""
    query = _JOINED.where(*conditions(connection, filters or {})).order_by(signals.c.number)
    found = connection.execution_options(yield_per=_AT_ONCE).execute(query)
    for row in found.mappings():
        yield _whole(dict(row))


def history_of(connection: Connection, signal_id: str, *, every: bool) -> list[HistoryRow]:
    """Return the changes of a signal, in order."""
    query = sa.select(history).where(history.c.signal_id == signal_id).order_by(history.c.version)
    if not every:
        query = query.where(history.c.kind.in_(_STATES))
    return [
        HistoryRow(
            signal_id=row["signal_id"],
            version=row["version"],
            kind=row["kind"],
            from_status=None if row["from_status"] is None else SignalStatus(row["from_status"]),
            status=SignalStatus(row["to_status"]),
            at_ns=row["at_ns"],
            recorded_ns=row["recorded_ns"],
            actor=row["actor"],
            reason=row["reason"],
            order_id=row["order_id"],
            detail=MappingProxyType(json.loads(row["detail"] or "{}")),
            event_key=row["event_key"],
        )
        for row in rows_of(connection, query)
    ]


def fills_of(connection: Connection, signal_id: str) -> list[FillRecord]:
    """Return the fills of a signal, in order."""
    query = sa.select(fills).where(fills.c.signal_id == signal_id).order_by(fills.c.version)
    return [
        FillRecord(**{n: v for n, v in row.items() if n not in _SEALS})
        for row in rows_of(connection, query)
    ]


def outcome_of(connection: Connection, signal_id: str) -> Outcome | None:
    """Return the outcome of a signal, or None if it opened no position."""
    found = rows_of(connection, sa.select(*_OUTCOME).where(outcomes.c.signal_id == signal_id))
    return Outcome(**found[0]) if found else None


def as_outcome(row: Mapping[str, Any]) -> Outcome:
    """Return a row of outcomes as a record."""
    return Outcome(**{name: value for name, value in row.items() if name not in _SEALS})


def as_record(row: Mapping[str, Any], outcome: Outcome | None = None) -> SignalRecord:
    """Return a row of signals as a record."""
    values = {name: row[name] for name in COLUMNS if name != "prints"}
    values["status"] = SignalStatus(values["status"])
    values["extra"] = MappingProxyType(json.loads(values["extra"] or "{}"))
    return SignalRecord(**values, outcome=outcome)


def _whole(row: Mapping[str, Any]) -> SignalRecord:
    outcome = None
    if row["outcome_signal_id"] is not None:
        outcome = Outcome(**{column.name: row[f"outcome_{column.name}"] for column in _OUTCOME})
    return as_record(row, outcome)
