"""Events of rows that were just appended: light to make, and read from the row when asked.

A row is told to whoever listens in the moment in which it is accepted, and mostly asked for a value
or two. So an event keeps the row as the journal got it, and each layout has a class of events whose
columns know where in the row their value is. Everything else, which is constants, identities and
what is gathered late, is made when it is first asked for.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import pandas as pd

from capture.events import EVENTS, Event
from capture.journal.layout import NULL_FLOAT_BITS, NULL_INT, NULL_SMALL
from capture.recorder.blocks import TEXTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.journal import Layout
    from capture.recorder.blocks import LateSource

    Row = tuple[Any, ...]
    Hear = Callable[[Row], None]

__all__ = ["event_of", "hearing"]


def hearing(
    layout: Layout,
    place: int,
    words: Sequence[str | None],
    late: LateSource | None,
    observe: Callable[[Event], None],
) -> Hear:
    """Return what makes an event of a record and tells observers of it.

    It takes the record's number and its fields, as one tuple.

    Args:
        layout: the form of the record.
        place: which of the record's rows the event is.
        words: the texts that numbers stand for.
        late: gathers what the row does not bring.
        observe: tells the observers.
    """
    cls = _event_class(layout, place, words, late)
    new, keep = object.__new__, cls._row.__set__

    def hear(row: Row) -> None:
        event = new(cls)
        keep(event, row)
        observe(event)

    return hear


_VALUES: Final = cast("Any", vars(Event)["_values"])
_LATE: Final = cast("Any", vars(Event)["_late"])


class _Unfolding:
    """What events of rows do otherwise than those that were given their values."""

    __slots__ = ()
    _row: Row
    _own: Callable[[Row], Mapping[str, Any]]
    _gathered: tuple[Callable[[Row], Mapping[str, Any]], ...]

    def _unfold(self) -> None:
        """Make the values that are not read from the row itself."""
        try:
            _VALUES.__get__(self)
        except AttributeError:
            row, kind = self._row, type(self)
            _LATE.__set__(self, tuple(partial(gather, row) for gather in kind._gathered))
            _VALUES.__set__(self, kind._own(row))

    def _resolved(self) -> Mapping[str, Any]:
        self._unfold()
        found: Mapping[str, Any] = super()._resolved()  # type: ignore[misc]
        return found

    def _asked(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        self._unfold()
        return super()._asked(name)  # type: ignore[misc]

    def __getattr__(self, name: str) -> Any:
        return self._asked(name)

    def __reduce__(self) -> tuple[Any, ...]:
        plain: Any = EVENTS[self.table](**self.to_dict())
        reduced: tuple[Any, ...] = plain.__reduce__()
        return reduced


def _event_class(
    layout: Layout, place: int, words: Sequence[str | None], late: LateSource | None
) -> Any:
    """Return the class of the events that rows of this form become."""
    face, at = layout.rows[place], {f.name: i for i, f in enumerate(layout.fields, 1)}
    derived = {d.name for d in face.derived}
    base = EVENTS[face.table]
    read: dict[str, Any] = {name: _asking(name) for name in base.__annotations__}
    for column, value in face.constants.items():
        if column not in derived:
            read[column] = _constant(value)
    for column, source in face.columns.items():
        if source != "seq" and column not in derived:
            read[column] = _reading(at[source], layout.kinds[source], words)
    read["seq"] = property(lambda event: event._row[0] + place)

    def own(row: Row) -> Mapping[str, Any]:
        return event_of(layout, row[0], row[1:], words, place)

    def gathered(row: Row) -> Mapping[str, Any]:
        assert late is not None
        return _late_values(layout, place, row, late)

    names = {
        **read,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
        "__slots__": ("_row",),
        "_own": staticmethod(own),
        "_gathered": () if late is None else (gathered,),
    }
    cls: Any = type(base.__name__, (_Unfolding, base), names)
    # Only now: what a class declares when it is made gets a property that reads given values.
    cls.__annotations__ = base.__annotations__
    return cls


def _asking(name: str) -> property:
    """Return a property for a column that is not read from the row itself."""
    return property(lambda event: event._asked(name))


def _constant(value: Any) -> property:
    """Return a property for a column that is equal in all rows."""
    return property(lambda event: value)


def _reading(place: int, kind: str, words: Sequence[str | None]) -> property:
    """Return a property that reads a field of the row as a person expects it."""

    def real(event: Any) -> Any:
        value = event._row[place]
        return value if value == value else _plain(value, kind, words)

    def whole(event: Any) -> Any:
        value = event._row[place]
        return None if value == NULL_INT else value

    def small(event: Any) -> Any:
        value = event._row[place]
        return None if value == NULL_SMALL else value

    quick = {
        "float": real,
        "int": whole,
        "small": small,
        "word": lambda event: words[event._row[place]],
        "text": lambda event: event._row[place],
    }
    return property(quick.get(kind) or (lambda event: _plain(event._row[place], kind, words)))


def event_of(
    layout: Layout,
    seq: int,
    values: Sequence[Any],
    words: Sequence[str | None],
    place: int = 0,
) -> dict[str, Any]:
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


def _late_values(layout: Layout, place: int, row: Row, late: LateSource) -> Mapping[str, Any]:
    fields = dict(zip(("seq", *(f.name for f in layout.fields)), row, strict=True))
    columns, kinds = layout.rows[place].columns, layout.kinds
    numbers = {c: fields[source] for c, source in columns.items() if kinds[source] not in TEXTS}
    return late.one({**numbers, "seq": row[0] + place})


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
