"""What every change has in common: a new version, its row of history, its place in the outbox."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.errors import InvalidEvent, StatusConflict
from capture_sql.at_once import save_at_once
from capture_sql.chains import extend, link_up, sealed
from capture_sql.tables import fills, outbox, signals

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["COLUMNS", "Writing", "any_of", "as_json", "locked", "refuse_taken", "rows_of"]

COLUMNS: Final = tuple(column.name for column in signals.columns if column.name != "number")
_KEY: Final = "key_of_row"
_VERSION: Final = "version_before"
_UPDATE: Final = (
    signals.update()
    .where(signals.c.signal_id == sa.bindparam(_KEY), signals.c.version == sa.bindparam(_VERSION))
    .values({name: sa.bindparam(name) for name in COLUMNS if name != "signal_id"})
)


@dataclass
class Writing:
    """The changes of one transaction, written together at its end.

    Attributes:
        connection: the transaction's.
        sinks: remote sinks that every change goes to as well.
        now: the moment of the transaction; taken when its locks are held, so that it does not run
            backwards for a signal.
        alone: one new signal is all, and one statement is to be all that is said.
    """

    connection: Connection
    sinks: Sequence[str]
    now: int = field(default_factory=time.time_ns)
    alone: bool = False
    _added: dict[str, dict[str, Any]] = field(default_factory=dict)
    _changed: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    _history: list[dict[str, Any]] = field(default_factory=list)
    _fills: list[dict[str, Any]] = field(default_factory=list)
    _outbox: list[dict[str, Any]] = field(default_factory=list)

    def note(
        self,
        row: dict[str, Any],
        kind: str,
        before: str | None,
        fill: dict[str, Any] | None = None,
        **said: Any,
    ) -> None:
        """Make what was done to a signal's row its next version.

        Args:
            row: the signal as it is now; its version is still that of before.
            kind: what the change is.
            before: the state before, None for a new signal.
            fill: the fill that came with it.
            **said: columns of history that the change itself brings.
        """
        signal_id = row["signal_id"]
        if row["version"] == 0:
            self._added[signal_id] = row
        elif signal_id not in self._added:
            self._changed.setdefault(signal_id, (row["version"], row))
        row["version"] += 1
        row["updated_ns"] = self.now
        sealed(row)
        if fill is not None:
            fill["version"] = row["version"]
            self._fills.append(sealed(fill))
        self._history.append(
            {
                "signal_id": signal_id,
                "version": row["version"],
                "kind": kind,
                "from_status": before,
                "to_status": row["status"],
                "at_ns": self.now,
                "recorded_ns": self.now,
                "actor": None,
                "reason": None,
                "order_id": None,
                "detail": None,
                "event_key": None,
                **said,
                "signal_sha256": row["sha256"],
                "fill_sha256": None if fill is None else fill["sha256"],
            }
        )
        self._tell(row, kind, fill)

    def finish(self) -> None:
        """Write everything."""
        if self.alone:
            (row,), (change,) = self._added.values(), self._history
            end = link_up(self.connection, [change])
            save_at_once(self.connection, row, change, end._asdict(), self._outbox)
            return
        if self._added:
            self.connection.execute(signals.insert(), list(self._added.values()))
        if self._changed:
            self._update()
        if self._fills:
            self.connection.execute(fills.insert(), self._fills)
        extend(self.connection, self._history)
        if self._outbox:
            self.connection.execute(outbox.insert(), self._outbox)

    def _update(self) -> None:
        given = [
            {**row, _KEY: signal_id, _VERSION: before}
            for signal_id, (before, row) in sorted(self._changed.items())
        ]
        done = self.connection.execute(_UPDATE, given)
        if done.rowcount != len(given) and self.connection.dialect.supports_sane_multi_rowcount:
            # Rows are locked before they are read, so this is somebody who goes round the locks.
            first = given[0]
            raise StatusConflict(first[_KEY], f"version {first[_VERSION]}", "another version")

    def _tell(self, row: dict[str, Any], kind: str, fill: dict[str, Any] | None) -> None:
        if not self.sinks:
            return
        said = {n: v for n, v in row.items() if v is not None and n != "prints"}
        if "extra" in said:
            said["extra"] = json.loads(said["extra"])
        payload = {"kind": kind, "signal": said}
        if fill is not None:
            payload["fill"] = {n: v for n, v in fill.items() if v is not None and n != "prints"}
        self._outbox += [
            {
                "signal_id": row["signal_id"],
                "sink": sink,
                "kind": kind,
                "payload": as_json(payload),
                "idempotency_key": f"{row['signal_id']}:{row['version']}:{sink}",
                "created_ns": self.now,
                "attempts": 0,
                "next_attempt_ns": self.now,
                "state": "pending",
                "last_error": None,
                "sent_ns": None,
            }
            for sink in self.sinks
        ]


def locked(connection: Connection, signal_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the rows of signals, which nobody else changes until the transaction ends.

    They are locked in the order of their identity: two transactions never wait for each other.
    """
    wanted = sorted(set(signal_ids))
    query = (
        sa.select(*(signals.c[name] for name in COLUMNS))
        .where(any_of(connection, signals.c.signal_id, wanted))
        .order_by(signals.c.signal_id)
        .with_for_update()
    )
    return {row["signal_id"]: dict(row) for row in rows_of(connection, query)}


def rows_of(connection: Connection, query: Any) -> list[Any]:
    """Return the rows of a query as mappings."""
    return list(connection.execute(query).mappings())


def any_of(connection: Connection, column: Any, values: Sequence[Any]) -> Any:
    """Return the condition that a column has one of any number of values.

    They are one parameter: databases limit how many there may be.
    """
    if len(values) == 1:
        return column == values[0]
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import ARRAY

        return column == sa.func.any(sa.literal(list(values), ARRAY(column.type)))
    each = sa.func.json_each(sa.literal(json.dumps(list(values)), sa.Text)).table_valued("value")
    return column.in_(sa.select(each.c.value))


def as_json(value: Any) -> str:
    """Return a value as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def refuse_taken(connection: Connection, signal_ids: Sequence[str]) -> None:
    """Raise `InvalidEvent` if one of these identities is taken."""
    query = sa.select(signals.c.signal_id).where(
        any_of(connection, signals.c.signal_id, list(signal_ids))
    )
    taken = connection.execute(query.limit(1)).scalar()
    if taken is not None:
        raise InvalidEvent("signal_id", taken, "is already in the repository")
