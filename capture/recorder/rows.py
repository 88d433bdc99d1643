"""Events other than signals, handed over one by one: checked, laid flat and journaled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.errors import InvalidEvent, did_you_mean
from capture.events import EVENTS, Event
from capture.journal import Derived, Field, Kind, Layout
from capture.journal.layout import STORAGE
from capture.recorder import checks
from capture.recorder.channel import event_of
from capture.recorder.plans import RowPlans
from capture.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.recorder.parts import OpenPart

__all__ = ["RowWriter"]

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": (),
    "fills": ("side", "size", "price"),
    "statuses": ("status",),
    "regimes": ("classifier", "new"),
    "bars": ("symbol", "timestamp"),
    "notes": ("name", "value"),
}
"""The tables that events can be added to one by one, and what such an event must say."""

_OWN_ORDER_ID: Final = (Derived("order_id", "o", "seq"),)
_FILLED_IN: Final = frozenset({"part", "seq", "recorded_time"})
_WORDS: Final = frozenset(
    {
        "action",
        "actor",
        "call",
        "classifier",
        "effect",
        "new",
        "old",
        "order_type",
        "phase",
        "reason",
        "size_kind",
        "status",
        "strategy_id",
        "symbol",
        "timeframe",
    }
)
"""Texts of which there are few different ones: they are interned."""


class RowWriter:
    """Writes rows of every table but the signals'."""

    def __init__(self, part: OpenPart, seq_of: Callable[[str], int | None]) -> None:
        """Write into a part; `seq_of` knows the sequence number of a signal's identity."""
        self._part = part
        self._seq_of = seq_of
        self._plans: dict[str, RowPlans] = {}

    def write(self, table: str, event: Any, known: Mapping[str, Any]) -> int:
        """Record an event; return its sequence number, or -1 if it was dropped.

        Args:
            table: table that the event goes to.
            event: a mapping, an `Event`, or an object with attributes.
            known: values that stand where the event has none.
        """
        part = self._part
        given = {**known, **{k: v for k, v in _mapping(table, event).items() if v is not None}}
        signal_id = given.get("signal_id")
        if isinstance(signal_id, str):
            given.setdefault("signal_seq", self._seq_of(signal_id))
        values, extra = _values_of(table, given, part.journal.word)
        seq = self._plans_of(table).append(values, extra)
        observe = part.observer(table)
        if observe is not None and seq >= 0:
            observe(EVENTS[table].lazy({"seq": seq}, lambda: self._seen(table, seq, values, extra)))
        return seq

    def _plans_of(self, table: str) -> RowPlans:
        with self._part.journal.lock:
            plans = self._plans.get(table)
            if plans is None:
                plans = self._plans[table] = RowPlans(
                    self._part.journal,
                    table,
                    _fields_of(table),
                    ("extra_",),
                    constants=self._part.constants(table, {}),
                    derived=_OWN_ORDER_ID if table == "orders" else (),
                )
            return plans

    def _seen(
        self, table: str, seq: int, values: Sequence[Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return an event's values as an observer reads them."""
        layout = Layout(0, table, _fields_of(table), self._part.constants(table, {}))
        return {
            **event_of(layout, seq, values, self._part.journal.words),
            **{f"extra_{name}": value for name, value in extra.items()},
        }


@cache
def _fields_of(table: str) -> tuple[Field, ...]:
    """Return the fields of a table whose rows are given one by one."""
    return tuple(
        Field(column.name, _kind(column.name, column.type))
        for column in TABLES[table].columns
        if column.name not in _FILLED_IN
    )


def _kind(name: str, wanted: pa.DataType) -> Kind:
    if wanted == pa.string():
        return "word" if name in _WORDS else "text"
    if pa.types.is_timestamp(wanted):
        return "time"
    if wanted == pa.int8():
        return "small"
    return "float" if pa.types.is_floating(wanted) else "int"


def _values_of(
    table: str, given: dict[str, Any], word: Callable[[str | None], int]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the values of the table's fields, and the extra ones."""
    for name in _REQUIRED[table]:
        if given.get(name) is None:
            raise InvalidEvent(name, None, f"is required for {table}")
    fields = _fields_of(table)
    values = [_value(f, given.pop(f.name, None), word) for f in fields]
    extra = {k: v for k, v in given.items() if k not in _FILLED_IN}
    if extra and not TABLES[table].dynamic:
        name = next(iter(extra))
        hint = did_you_mean(str(name), [f.name for f in fields])
        raise InvalidEvent(str(name), extra[name], f"{table} have no such field.{hint}")
    return values, extra


def _mapping(table: str, event: Any) -> Mapping[str, Any]:
    if isinstance(event, Mapping):
        return event
    if isinstance(event, Event):
        return event.to_dict()
    names = [f.name for f in _fields_of(table)]
    found = {name: getattr(event, name) for name in names if hasattr(event, name)}
    if not found:
        raise InvalidEvent(table, event, "must be a mapping, or an object with attributes")
    return found


def _value(field: Field, value: Any, word: Callable[[str | None], int]) -> Any:
    name, kind = field
    if value is None:
        return None if kind == "text" else STORAGE[kind].null
    if name in {"side", "direction"}:
        return checks.direction(value)
    if name == "status":
        return word(checks.status(value))
    match kind:
        case "word":
            return word(checks.label(name, value))
        case "text":
            return _text(name, value)
        case "time":
            return checks.time_ns(name, value)
        case "float":
            return checks.real(name, value)
        case _:
            return _whole(name, value)


def _text(name: str, value: Any) -> str:
    if name == "value" or not isinstance(value, str):
        return json.dumps(value, default=repr, ensure_ascii=False)
    return value


def _whole(name: str, value: Any) -> int:
    if name == "bar_index":
        return checks.bar_index(value) or 0
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidEvent(name, value, "must be a whole number")
    return int(value.__index__())
