"""Events of a recording, written into the repository: each once, however often they are told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import sqlalchemy as sa

from capture import checks
from capture.errors import InvalidEvent
from capture.events import SignalStatus
from capture.lifecycle.amounts import total
from capture.lifecycle.states import FINAL, TRANSITIONS
from capture_sql.changes import Writing, any_of, as_json, locked
from capture_sql.filling import SIGNS, Fill, fill_in
from capture_sql.lots import Lots
from capture_sql.positions import fills_of_many, keep_positions
from capture_sql.saving import New
from capture_sql.tables import history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

__all__ = ["COLUMNS", "Heard", "feed"]

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "signals": (
        "seq", "signal_id", "strategy_id", "symbol", "timeframe", "timestamp", "recorded_time",
        "direction", "strength", "signal_type", "regime",
    ),
    "orders": (
        "seq", "signal_id", "timestamp", "recorded_time", "order_id", "action", "side", "size",
        "size_kind", "parent_id", "oco_id",
    ),
    "fills": (
        "seq", "signal_id", "strategy_id", "symbol", "timestamp", "recorded_time", "order_id",
        "side", "size", "price", "commission", "expected_price", "trade_number", "effect",
    ),
    "statuses": (
        "seq", "signal_id", "timestamp", "recorded_time", "order_id", "status", "reason", "actor",
        "detail",
    ),
}  # fmt: skip
"""What the repository takes of each table of a recording."""

_SIDES: Final = {1: "buy", -1: "sell", 0: "flat"}
_WORDS: Final = ("strategy_id", "symbol", "timeframe", "regime")
_FILLED: Final = SignalStatus.EXECUTED


class Heard(NamedTuple):
    """An event: which table it is of, of which part of which run, and its values by column."""

    table: str
    run_id: str
    part: int
    values: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What it is known by: no event is written twice."""
        return f"{self.run_id}/{self.part}/{self.values['seq']}"


def feed(
    connection: Connection,
    heard: Sequence[Heard],
    lots: dict[tuple[str, int], Lots],
    sinks: Sequence[str],
) -> int:
    """Write events in the order given, and return how many were new.

    Args:
        connection: the transaction's.
        heard: the events.
        lots: what each part of a run holds; every event goes through it, also one that is there.
        sinks: remote sinks that hear of the changes.
    """
    # One record of the journal may be a signal and its order: the number alone is no key.
    query = sa.select(history.c.event_key)
    keys = [_key(each) for each in heard]
    there = set(
        connection.execute(query.where(any_of(connection, history.c.event_key, keys))).scalars()
    )
    batch = _Batch(connection, heard, sinks)
    written = 0
    for each, key in zip(heard, keys, strict=True):
        opened: float = 0.0
        given: list[tuple[str, float]] = []
        if each.table == "fills" and each.values["size"]:
            opened, given = lots.setdefault((each.run_id, each.part), Lots()).take(each.values)
        if key not in there:
            written += batch.write(each, key, opened, given)
    batch.finish()
    return written


def _key(heard: Heard) -> str:
    return f"{heard.key}/{heard.table}"


class _Batch:
    """The rows that the events of one transaction are about."""

    def __init__(
        self, connection: Connection, heard: Sequence[Heard], sinks: Sequence[str]
    ) -> None:
        self._connection = connection
        about = {e.values["signal_id"] for e in heard if e.values["signal_id"] is not None}
        self._rows = locked(connection, about)
        self._fills = fills_of_many(connection, sorted(self._rows))
        self._writing = Writing(connection, sinks)
        self._filled: set[str] = set()
        self._opening: set[str] = set()

    def write(self, heard: Heard, key: str, opened: float, given: list[tuple[str, float]]) -> int:
        """Write one event; return 1, or 0 if it says nothing of a signal that is known."""
        signal_id = heard.values["signal_id"]
        if heard.table == "signals":
            self._signal(heard, key)
            return 1
        own = 0.0  # units of its own position that a signal gave back, as a bracket's stop does
        for owner, units in given if heard.table == "fills" else ():
            own += units if owner == signal_id else 0.0
            whole = owner == signal_id and units == heard.values["size"]
            self._way_out(heard, owner, units, key if whole else f"{heard.key}/exit/{owner}")
        row = self._row(signal_id)
        if row is None:
            return 0
        if heard.table == "orders":
            return self._order(row, heard, key)
        if heard.table == "fills":
            self._fill(row, heard, key, opened, own)
        else:
            self._status(row, heard, key)
        return 1

    def finish(self) -> None:
        """Write everything."""
        self._writing.finish()
        rows = [self._rows[signal_id] for signal_id in sorted(self._filled)]
        keep_positions(self._connection, rows, self._fills, frozenset(self._opening))

    def _row(self, signal_id: str | None) -> dict[str, Any] | None:
        if signal_id is not None and signal_id not in self._rows:
            self._rows |= locked(self._connection, [signal_id])
            self._fills |= fills_of_many(self._connection, [signal_id])
        return self._rows.get(signal_id or "")

    def _signal(self, heard: Heard, key: str) -> None:
        values = heard.values
        if values["signal_id"] in self._rows:
            raise InvalidEvent("signal_id", values["signal_id"], "is already in the repository")
        moment = _moment(values)
        new = New(
            {
                "signal_id": values["signal_id"],
                "run_id": heard.run_id,
                "side": _SIDES[int(values["direction"])],
                "signal_type": str(values["signal_type"] or "entry"),
                "signal_ns": moment,
                "strength": None if values["strength"] is None else float(values["strength"]),
                **{name: _text(values[name]) for name in _WORDS},
            },
            SignalStatus.GENERATED,
        )
        row = {**new.row, "created_ns": self._writing.now}
        self._rows[row["signal_id"]] = row
        self._fills[row["signal_id"]] = []
        self._writing.note(row, "saved", None, at_ns=moment, event_key=key)

    def _order(self, row: dict[str, Any], heard: Heard, key: str) -> int:
        """Add what an order asks for, if it says that in units and goes the signal's way."""
        values = heard.values
        own = values["action"] == "new" and values["parent_id"] is None and values["oco_id"] is None
        size = values["size"] if values["size_kind"] == "units" else None
        if not own or size is None or not isfinite(size) or size == 0:
            return 0
        if _SIDES.get(values["side"]) != row["side"]:
            return 0
        asked = abs(float(size))
        row["requested_quantity"] = total([row["requested_quantity"] or 0.0, asked])
        self._writing.note(
            row,
            "order",
            row["status"],
            at_ns=_moment(values),
            order_id=values["order_id"],
            event_key=key,
            detail=as_json({"requested_quantity": asked}),
        )
        return 1

    def _fill(self, row: dict[str, Any], heard: Heard, key: str, opened: float, own: float) -> None:
        """Add what a fill took, and what of others' it gave back; its own way out is no fill."""
        values, at_ns = heard.values, _moment(heard.values)
        size = float(values["size"])
        if row["entry_price"] is None and values["expected_price"] is not None:
            row["entry_price"] = float(values["expected_price"])
        parts = [(opened, "entry", ""), (size - opened - own, "reduce", "-reduce")]
        paid = float(values["commission"] or 0.0)
        for units, role, mark in parts:
            if units <= 0:
                continue
            share = paid if units == size else paid * units / size
            fill_id = f"{heard.run_id}/{heard.part}/{values['seq']}{mark}"
            fill = Fill(
                float(values["price"]), units, share, at_ns, fill_id, values["order_id"], True, role
            )
            before = self._fills[row["signal_id"]]
            made = fill_in(row, fill, _FILLED, before, at_ns)
            before.append(made)
            self._writing.note(
                row,
                "fill",
                row["status"],
                made,
                at_ns=at_ns,
                order_id=values["order_id"],
                event_key=None if mark and opened > 0 else key,
            )
        self._filled.add(row["signal_id"])
        if opened > 0 and row["side"] in SIGNS:
            self._opening.add(row["signal_id"])

    def _way_out(self, heard: Heard, owner: str, units: float, key: str) -> None:
        """Note on the signal that opened a position that units of it were given back."""
        row = self._row(owner)
        if row is None:
            return
        values, at_ns = heard.values, _moment(heard.values)
        fill = {
            "signal_id": owner,
            "fill_id": f"{heard.run_id}/{heard.part}/{values['seq']}-exit",
            "role": "exit",
            "quantity": units,
            "price": float(values["price"]),
            "commission": float(values["commission"] or 0.0) * units / float(values["size"]),
            "at_ns": at_ns,
            "order_id": values["order_id"],
        }
        self._fills[owner].append(fill)
        self._writing.note(
            row,
            "outcome",
            row["status"],
            fill,
            at_ns=at_ns,
            order_id=values["order_id"],
            event_key=key,
        )
        self._filled.add(owner)
        self._opening.add(owner)

    def _status(self, row: dict[str, Any], heard: Heard, key: str) -> None:
        """Move the signal, or keep what was said of one of its orders where no way leads there."""
        values, at_ns = heard.values, _moment(heard.values)
        was, wanted = row["status"], SignalStatus(values["status"])
        about: dict[str, Any] = {
            name: _text(values[name]) for name in ("actor", "reason", "order_id")
        }
        kind = "order"
        if wanted in TRANSITIONS[SignalStatus(was)]:
            kind = "status"
            row |= {"status": str(wanted), "actor": about["actor"], "reason": about["reason"]}
            row["order_id"] = about["order_id"] or row["order_id"]
            if wanted is SignalStatus.SUBMITTED and row["submitted_ns"] is None:
                row["submitted_ns"] = at_ns
            if wanted in FINAL:
                row["finished_ns"] = at_ns
        said = {} if values["detail"] is None else {"detail": str(values["detail"])}
        if kind == "order":
            said["status"] = str(wanted)
        self._writing.note(
            row,
            kind,
            was,
            at_ns=at_ns,
            event_key=key,
            detail=as_json(said) if said else None,
            **about,
        )


def _text(value: Any) -> str | None:
    """Return a word as text: an observer may hear of a member of an enumeration."""
    return None if value is None else str(value)


def _moment(values: Mapping[str, Any]) -> int:
    """Return when an event was: at its bar, or else when it was recorded, or heard of."""
    moment = values["timestamp"] if values["timestamp"] is not None else values["recorded_time"]
    return time.time_ns() if moment is None else checks.time_ns("timestamp", moment)
