"""Events other than signals, handed over one by one: checked, laid flat and journaled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture import checks
from capture.errors import InvalidEvent, did_you_mean
from capture.events import EVENTS, Event
from capture.journal import Field, Kind, Layout
from capture.journal.layout import STORAGE
from capture.recorder.book import number_after
from capture.recorder.facts import as_json
from capture.recorder.parts import ORDER_PREFIX
from capture.recorder.plans import RowPlans
from capture.recorder.row_events import event_of
from capture.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.recorder.book import SignalBook
    from capture.recorder.parts import OpenPart

__all__ = ["RowWriter"]

_REQUIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": (),
    "fills": ("side", "size", "price"),
    "statuses": ("status",),
    "regimes": ("classifier", "new"),
    "bars": ("symbol", "timestamp"),
    "notes": ("name",),
}
"""The tables that events can be added to one by one, and what such an event must say."""

_FINITE: Final = frozenset({("fills", "price"), ("fills", "size")})
"""What must be a finite number, for nothing can be said of the event without."""

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

    def __init__(self, part: OpenPart, book: SignalBook) -> None:
        """Write into a part; the book knows the signals that rows point at."""
        self._part = part
        self._book = book
        self._plans: dict[str, RowPlans] = {}

    def write(self, table: str, event: Any, known: Mapping[str, Any]) -> int:
        """Record an event; return its sequence number, or -1 if it was dropped.

        Args:
            table: table that the event goes to.
            event: a mapping, an `Event`, or an object with attributes.
            known: values that stand where the event has none.
        """
        values, extra = self._values(table, event, known)
        seq = self._plans_of(table).append(values, extra)
        observe = self._part.observer(table)
        if observe is not None and seq >= 0:
            observe(EVENTS[table].lazy({"seq": seq}, lambda: self._seen(table, seq, values, extra)))
        if table == "bars" and seq >= 0 and self._part.regimes.watching:
            self._part.regimes.hear(self._seen(table, seq, values, extra))
        return seq

    def check(self, table: str, event: Any) -> None:
        """Raise what `write` would raise for the event's own fields; nothing is recorded."""
        self._values(table, event, {})

    def _values(
        self, table: str, event: Any, known: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        given = {**known, **{k: v for k, v in _mapping(table, event).items() if v is not None}}
        signal, order = given.get("signal_id"), given.get("order_id")
        if isinstance(signal, str) and given.get("signal_seq") is None:
            given["signal_seq"] = self._book.seq_of(signal)
        if isinstance(order, str) and given.get("order_seq") is None and table != "orders":
            given["order_seq"] = number_after(ORDER_PREFIX, order)
        if given.get("strategy_id") is None:
            given["strategy_id"] = self._book.strategy_of(given.get("signal_seq"))
        return _values_of(table, given, self._part.journal.word)

    def _plans_of(self, table: str) -> RowPlans:
        with self._part.journal.lock:
            plans = self._plans.get(table)
            if plans is None:
                plans = self._plans[table] = RowPlans(
                    self._part.journal,
                    table,
                    _fields_of(table),
                    ("extra_",),
                    kinds=self._part.kinds(table),
                    constants=self._part.constants(table, {}),
                    derived=self._part.derived(table, _fields_of(table)),
                )
            return plans

    def _seen(
        self, table: str, seq: int, values: Sequence[Any], extra: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return an event's values as an observer reads them."""
        fields = _fields_of(table)
        derived = self._part.derived(table, fields)
        layout = Layout(0, table, fields, self._part.constants(table, {}), derived)
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
    values = [_value(table, f, given.pop(f.name, None), word) for f in fields]
    extra = {k: v for k, v in given.items() if v is not None and k not in _FILLED_IN}
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


def _value(table: str, field: Field, value: Any, word: Callable[[str | None], int]) -> Any:
    name, kind = field
    if table == "notes" and name == "value":
        return _encoded(name, as_json(value))
    if table == "notes" and name == "name":  # it becomes the name of a column
        return checks.label(name, value, required=True)
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
            return _encoded(name, value if isinstance(value, str) else as_json(value))
        case "time":
            return checks.time_ns(name, value)
        case "float":
            return _real(name, value, finite=(table, name) in _FINITE)
        case _:
            return _whole(name, value)


def _encoded(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidEvent(name, text, "has half of a character") from exc
    return text


def _real(name: str, value: Any, *, finite: bool) -> float | None:
    number = checks.real(name, value)
    if finite and number is not None and not isfinite(number):
        raise InvalidEvent(name, value, "must be a finite number")
    return number


def _whole(name: str, value: Any) -> int:
    if name == "bar_index":
        return checks.bar_index(value) or 0
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise InvalidEvent(name, value, "must be a whole number")
    number = int(value.__index__())
    if not -(2**63) < number < 2**63:
        raise InvalidEvent(name, value, "must be a whole number of less than 64 bits")
    return number
