"""The fast way in: a row whose fields were declared once, appended as plain values."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pandas as pd

from capture.events import EVENTS
from capture.journal.layout import NULL_FLOAT_BITS, NULL_INT, NULL_SMALL
from capture.recorder.blocks import TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.journal import Derived, Layout
    from capture.journal.writer import Append
    from capture.recorder.blocks import LateSource

__all__ = ["OBSERVED", "Channel", "Gather", "Listener", "Share", "event_of"]

Gather = Callable[..., Mapping[str, Any]]
"""Gathers further columns of a block from the columns of its rows."""

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Share(NamedTuple):
    """What becomes, in one table, of records that are a row of several tables.

    Attributes:
        table: a table of `capture.schema.TABLES`.
        columns: the field that each column is read from; "seq" is the number of the first row.
        constants: columns that are equal in all rows.
        derived: identities made of a prefix and a number, which is a column or a field.
        late: gathers further columns of a block from the columns of its rows.
    """

    table: str
    columns: Mapping[str, str]
    constants: Mapping[str, Any] = _NOTHING
    derived: tuple[Derived, ...] = ()
    late: Gather | None = None


class Listener(NamedTuple):
    """Who hears of the rows of one face of a layout."""

    place: int
    observe: Callable[[Any], None]
    late: LateSource | None


class Channel:
    """Appends rows of one layout.

    Attributes:
        layout: the declared form of the rows.
        append: writes one row and returns its sequence number; observers hear of it if there are
            any. It is the journal's own function where nobody listens.
    """

    __slots__ = ("append", "layout")

    def __init__(
        self,
        layout: Layout,
        write: Append,
        listeners: Sequence[Listener],
        words: Sequence[str | None],
    ) -> None:
        """Bind the journal's function, and the observers' if there are any."""
        self.layout = layout
        self.append = write
        for listener in listeners:
            self.append = _observed(layout, self.append, listener, words)


def _observed(
    layout: Layout, write: Append, listener: Listener, words: Sequence[str | None]
) -> Append:
    place, observe, late = listener
    row = _row_class(layout, place, words, late)
    make = EVENTS[layout.rows[place].table].of_row

    def append(*values: Any) -> int:
        seq = write(*values)
        if seq >= 0:
            said = row()
            said.seq, said.values = seq, values
            observe(make(said))
        return seq

    return append


def _row_class(
    layout: Layout, place: int, words: Sequence[str | None], late: LateSource | None
) -> type[Any]:
    """Return a class of mappings that make a row's values when they are first asked for."""
    face, order = layout.rows[place], {f.name: i for i, f in enumerate(layout.fields)}
    at = {
        column: (order[source], layout.kinds[source])
        for column, source in face.columns.items()
        if source != "seq" and column not in {d.name for d in face.derived}
    }

    class Row(dict[str, Any]):
        """The values of one row. `seq` is the number of the record, `values` are its fields."""

        __slots__ = ("seq", "values")
        seq: int
        values: tuple[Any, ...]  # type: ignore[assignment]

        def __missing__(self, name: str) -> Any:
            where = at.get(name)
            if where is None:
                self.update(event_of(layout, self.seq, self.values, words, place))
                if name not in self:
                    raise KeyError(name)
                return self[name]
            index, kind = where
            value = self.values[index]
            if kind != "small" or value == NULL_SMALL:  # what is asked for most needs no call
                value = _plain(value, kind, words)
            self[name] = value
            return value

        def rest(self) -> Mapping[str, Any]:
            """Return every value, gathered ones too."""
            own = event_of(layout, self.seq, self.values, words, place)
            if late is None:
                return own
            return {**own, **_late_values(layout, place, self.seq, self.values, late)}

    return Row


def event_of(
    layout: Layout,
    seq: int,
    values: Sequence[Any],
    words: Sequence[str | None],
    place: int = 0,
) -> Mapping[str, Any]:
    """Return the values that a row itself has, by column name.

    Args:
        layout: the form of the record.
        seq: number of the record, which is that of its first row.
        values: its fields.
        words: the texts that numbers stand for.
        place: which of the record's rows it is.
    """
    face = layout.rows[place]
    fields: dict[str, Any] = {"seq": seq}
    for (name, kind), value in zip(layout.fields, values, strict=True):
        fields[name] = _plain(value, kind, words)
    event = {**face.constants, **{c: fields[source] for c, source in face.columns.items()}}
    event["seq"] = seq + place
    for name, prefix, source in face.derived:
        if event.get(name) is None:
            number = event[source] if source in event else fields[source]
            event[name] = None if number is None else f"{prefix}{number}"
    return event


def _late_values(
    layout: Layout, place: int, seq: int, values: Sequence[Any], late: LateSource
) -> Mapping[str, Any]:
    named = zip(layout.fields, values, strict=True)
    fields = {"seq": seq, **{f.name: value for f, value in named}}
    columns, kinds = layout.rows[place].columns, layout.kinds
    numbers = {c: fields[source] for c, source in columns.items() if kinds[source] not in TEXTS}
    return late.one({**numbers, "seq": seq + place})


def _plain(value: Any, kind: str, words: Sequence[str | None]) -> Any:
    """Return a journal value as a person expects it."""
    match kind:
        case "float":
            return None if value != value and _is_null(value) else value
        case "word":
            return words[value]
        case "time":
            return None if value == NULL_INT else pd.Timestamp(value, unit="ns", tz="UTC")
        case "int":
            return None if value == NULL_INT else value
        case "small" | "flag":
            return None if value == NULL_SMALL else (bool(value) if kind == "flag" else value)
        case _:
            return value


def _is_null(number: float) -> bool:
    return bool(struct.unpack("<Q", struct.pack("<d", number))[0] == NULL_FLOAT_BITS)


OBSERVED: Final = {
    "signals": "on_signal",
    "fills": "on_fill",
    "bars": "on_bar",
    "regimes": "on_regime_change",
    "statuses": "on_status",
}
"""The hook that hears of each table's rows."""
