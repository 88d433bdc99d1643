"""New signals."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from capture.errors import InvalidEvent
from capture.events import SignalStatus
from capture.lifecycle.states import FINAL
from capture.lifecycle.vocabulary import canonical_signal, canonical_status
from capture_sql.changes import COLUMNS, Writing, refuse_taken
from capture_sql.database import is_alone
from capture_sql.filling import Fill, fill_in
from capture_sql.positions import keep_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["New", "prepared", "prepared_all", "save"]

_EMPTY: dict[str, Any] = dict.fromkeys(COLUMNS)


class New:
    """A signal that is to be saved: its row, when it came to its state, and a fill it brings."""

    def __init__(self, values: dict[str, Any], status: SignalStatus) -> None:
        self.at_ns: int | None = values.pop("at_ns", None)
        self.fill = Fill.taken_from(values)
        self.event_key: str | None = None
        self.row = {**_EMPTY, **values, "status": str(status), "version": 0}
        self.is_named = self.row["signal_id"] is not None
        if not self.is_named:
            self.row["signal_id"] = f"{time.time_ns():016x}{secrets.token_hex(8)}"


def prepared(signal: Any, status: Any, fields: Mapping[str, Any]) -> New:
    """Return a checked signal, ready to be saved."""
    own = signal.get("status") if isinstance(signal, Mapping) else None
    if own is not None:
        signal = {name: value for name, value in signal.items() if name != "status"}
    state = canonical_status(status)
    if own is not None and state is SignalStatus.GENERATED:
        state = canonical_status(own)
    return New(canonical_signal(signal, fields), state)


def prepared_all(signals: Iterable[Any], status: Any, fields: Mapping[str, Any]) -> list[New]:
    """Return checked signals; an identity that comes twice is refused."""
    found = [prepared(signal, status, fields) for signal in signals]
    seen: set[str] = set()
    for new in found:
        signal_id = new.row["signal_id"]
        if signal_id in seen:
            raise InvalidEvent("signal_id", signal_id, "comes twice")
        seen.add(signal_id)
    return found


def save(connection: Connection, new: Sequence[New], sinks: Sequence[str]) -> list[dict[str, Any]]:
    """Save signals in the order given, and return their rows."""
    if not new:
        return []
    named = [each.row["signal_id"] for each in new if each.is_named]
    if named:
        refuse_taken(connection, named)
    alone = len(new) == 1 and is_alone(connection)
    writing = Writing(connection, sinks, alone=alone)
    saved = []
    filled: dict[str, list[dict[str, Any]]] = {}
    for each in new:
        # A transaction that is repeated must begin with what was prepared, not with what it left.
        row = dict(each.row)
        fill = _save(writing, each, row)
        saved.append(row)
        if fill is not None:
            filled[row["signal_id"]] = [fill]
    writing.finish()
    keep_positions(connection, [row for row in saved if row["signal_id"] in filled], filled)
    return saved


def _save(writing: Writing, new: New, row: dict[str, Any]) -> dict[str, Any] | None:
    at_ns = new.at_ns or writing.now
    row["created_ns"] = writing.now
    row["signal_ns"] = row["signal_ns"] or at_ns
    status = SignalStatus(row["status"])
    if status in FINAL:
        row["finished_ns"] = at_ns
    if status is SignalStatus.SUBMITTED and row["submitted_ns"] is None:
        row["submitted_ns"] = at_ns
    fill = None
    if new.fill.there:
        fill = fill_in(row, new.fill, status, [], new.fill.at_ns or at_ns)
    writing.note(
        row,
        "saved",
        None,
        fill,
        at_ns=at_ns,
        actor=row["actor"],
        reason=row["reason"],
        order_id=row["order_id"],
        event_key=new.event_key,
    )
    return fill
