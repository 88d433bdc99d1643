"""Signals that go from state to state, and the fills that they get on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from capture.errors import InvalidEvent, SignalNotFound, StatusConflict
from capture.events import SignalStatus
from capture.lifecycle.amounts import difference
from capture.lifecycle.states import FINAL, TRANSITIONS, check_transition
from capture.lifecycle.vocabulary import canonical_status, canonical_update
from capture_sql.address import shown
from capture_sql.changes import Writing, as_json, locked
from capture_sql.filling import Fill, fill_in, priced
from capture_sql.positions import fills_of_many, keep_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["Change", "add_fill", "change", "changes", "fill_of", "move"]

_ABOUT: Final = ("actor", "reason", "order_id")
_FIXED: Final = ("run_id", "timeframe", "strength", "entry_price")


@dataclass(frozen=True)
class Change:
    """A checked change of state.

    Attributes:
        signal_id: the signal.
        status: the state it goes to.
        expected_version: the version that the caller read, if that matters.
        at_ns: when it happened; None is now.
        fill: what was filled.
        values: fields of the signal that change with it.
        event_key: the event of a recording that it comes from.
    """

    signal_id: str
    status: SignalStatus
    expected_version: int | None = None
    at_ns: int | None = None
    fill: Fill = field(default_factory=Fill)
    values: dict[str, Any] = field(default_factory=dict)
    event_key: str | None = None


def change(
    signal_id: str, status: Any, expected_version: int | None, fields: Mapping[str, Any]
) -> Change:
    """Return a checked change of state."""
    given = dict(fields)
    overfill = given.pop("overfill", False)
    values = canonical_update(given)
    at_ns = values.pop("at_ns", None)
    fill = replace(Fill.taken_from(values), overfill=overfill)
    state = canonical_status(status)
    if not isinstance(signal_id, str):
        raise InvalidEvent("signal_id", signal_id, "must be a text")
    if state is SignalStatus.SUBMITTED and "submitted_ns" in values:
        at_ns = at_ns or values["submitted_ns"]
    return Change(signal_id, state, expected_version, at_ns or fill.at_ns, fill, values)


def changes(given: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return checked changes of state, each of which came as a mapping."""
    found = []
    for each in given:
        rest = dict(each)
        for name in ("signal_id", "status"):
            if name not in rest:
                raise InvalidEvent(name, None, "is required in every change")
        signal_id, status = rest.pop("signal_id"), rest.pop("status")
        found.append(change(signal_id, status, rest.pop("expected_version", None), rest))
    return found


def fill_of(signal_id: str, quantity: float, price: float, fields: Mapping[str, Any]) -> Change:
    """Return a checked fill; its state is what comes of it, and is decided under the lock."""
    given = {**fields, "executed_quantity": quantity, "executed_price": price}
    return change(signal_id, SignalStatus.PARTIALLY_FILLED, None, given)


def move(
    connection: Connection, wanted: Sequence[Change], sinks: Sequence[str]
) -> list[dict[str, Any]]:
    """Make changes of state, in the order given, and return the row of each one's signal."""
    rows = locked(connection, (each.signal_id for each in wanted))
    writing = Writing(connection, sinks)
    filling = sorted(
        {each.signal_id for each in wanted if each.fill.there and each.signal_id in rows}
    )
    filled = fills_of_many(connection, filling)
    for each in wanted:
        row = _found(connection, rows, each)
        check_transition(each.signal_id, SignalStatus(row["status"]), each.status)
        made = _move(writing, row, each, filled.get(each.signal_id, []))
        if made is not None:
            filled[each.signal_id].append(made)
    writing.finish()
    keep_positions(connection, [rows[signal_id] for signal_id in filling], filled)
    return [rows[each.signal_id] for each in wanted]


def add_fill(connection: Connection, wanted: Change, sinks: Sequence[str]) -> dict[str, Any]:
    """Add a fill and let the state follow from it; return the signal's row."""
    rows = locked(connection, [wanted.signal_id])
    row = _found(connection, rows, wanted)
    before = fills_of_many(connection, [wanted.signal_id])[wanted.signal_id]
    if wanted.fill.fill_id in {each["fill_id"] for each in before}:
        return row
    writing = Writing(connection, sinks)
    status = _state_after(row, wanted)
    if status in TRANSITIONS[SignalStatus(row["status"])]:
        made = _move(writing, row, replace(wanted, status=status), before)
    else:  # the state is final, and the fill came late: it happened all the same
        made = _late(writing, row, wanted, before)
    writing.finish()
    keep_positions(connection, [row], {wanted.signal_id: [*before, made] if made else before})
    return row


def _found(connection: Connection, rows: Mapping[str, Any], wanted: Change) -> dict[str, Any]:
    row: dict[str, Any] | None = rows.get(wanted.signal_id)
    if row is None:
        place = shown(connection.engine.url)
        raise SignalNotFound(wanted.signal_id, place)
    expected = wanted.expected_version
    if expected is not None and expected != row["version"]:
        raise StatusConflict(
            wanted.signal_id, f"version {expected}", f"version {row['version']} ({row['status']})"
        )
    if wanted.at_ns is not None and wanted.event_key is None and wanted.at_ns < row["signal_ns"]:
        raise InvalidEvent("at", wanted.at_ns, f"is before the signal itself ({row['signal_ns']})")
    return row


def _state_after(row: Mapping[str, Any], wanted: Change) -> SignalStatus:
    asked, done = row["requested_quantity"], row["executed_quantity"] or 0.0
    quantity = wanted.fill.quantity or 0.0
    if asked is not None and difference(asked, done) <= quantity:
        return SignalStatus.EXECUTED
    return SignalStatus.PARTIALLY_FILLED


def _move(
    writing: Writing, row: dict[str, Any], wanted: Change, before: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Move a signal whose way was checked; return the fill that came with it."""
    was, at_ns = row["status"], wanted.at_ns or writing.now
    row["status"] = str(wanted.status)
    _take(row, wanted)
    if wanted.status is SignalStatus.SUBMITTED and row["submitted_ns"] is None:
        row["submitted_ns"] = at_ns
    if wanted.status in FINAL:
        row["finished_ns"] = at_ns
    fill = None
    if wanted.fill.there:
        fill = fill_in(row, wanted.fill, wanted.status, before, wanted.fill.at_ns or at_ns)
    elif "submitted_price" in wanted.values:
        priced(row)
    _note(writing, row, "status", was, wanted, fill)
    return fill


def _late(
    writing: Writing, row: dict[str, Any], wanted: Change, before: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    at_ns = wanted.fill.at_ns or wanted.at_ns or writing.now
    fill = fill_in(row, wanted.fill, SignalStatus.EXECUTED, before, at_ns)
    _note(writing, row, "fill", row["status"], wanted, fill)
    return fill


def _take(row: dict[str, Any], wanted: Change) -> None:
    """Take over what a change brings beside the state; who and why are those of this change."""
    row["actor"], row["reason"] = wanted.values.get("actor"), wanted.values.get("reason")
    for name, value in wanted.values.items():
        if name in _FIXED and row[name] not in (None, value):
            raise InvalidEvent(name, value, f"was {row[name]!r} when the signal was given")
        if name == "extra":
            row["extra"] = as_json({**json.loads(row["extra"] or "{}"), **json.loads(value)})
        else:
            row[name] = value


def _note(
    writing: Writing,
    row: dict[str, Any],
    kind: str,
    was: str,
    wanted: Change,
    fill: dict[str, Any] | None,
) -> None:
    detail = {name: value for name, value in wanted.values.items() if name not in _ABOUT}
    if "extra" in detail:
        detail |= json.loads(detail.pop("extra"))
    if fill is not None:
        detail |= {"executed_price": fill["price"], "executed_quantity": fill["quantity"]}
        detail |= {"commission": fill["commission"], "fill_id": fill["fill_id"]}
    writing.note(
        row,
        kind,
        was,
        fill,
        at_ns=wanted.at_ns or writing.now,
        event_key=wanted.event_key,
        detail=as_json({n: v for n, v in detail.items() if v is not None}) if detail else None,
        **{name: wanted.values.get(name) for name in _ABOUT},
    )
