"""Telling observers of rows that are there all at once: of a block, or of a host's whole table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from capture.events import EVENTS, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

__all__ = ["tell"]

_KEEP_VALUES: Final = cast("Any", vars(Event)["_values"]).__set__
_KEEP_LATE: Final = cast("Any", vars(Event)["_late"]).__set__

_ROWS: Final = 4096
"""Rows whose values become objects of Python at once, column by column, if they are asked for."""


def tell(observers: Mapping[str, Callable[[Any], None]], tables: Mapping[str, pa.Table]) -> None:
    """Tell of rows, in the order in which they are numbered.

    Args:
        observers: who listens, by table.
        tables: by name; the rows of each are in order.
    """
    heard = {name: rows for name, rows in tables.items() if name in observers}
    told = [observers[name] for name in heard]
    events = [_events(name, rows) for name, rows in heard.items()]
    for place in _turns(list(heard.values())):
        told[place](next(events[place]))


def _turns(tables: list[pa.Table]) -> list[int]:
    """Return of which table the next row is, in the order of the rows' numbers."""
    if not tables:
        return []
    seqs = np.concatenate([table.column("seq").to_numpy() for table in tables])
    whose = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
    turns: list[int] = whose[np.argsort(seqs, kind="stable")].tolist()
    return turns


def _events(table: str, rows: pa.Table) -> Iterator[Event]:
    """Yield the events of a table; their values are made when they are asked for."""
    kind, new, keep_values, keep_late = EVENTS[table], object.__new__, _KEEP_VALUES, _KEEP_LATE
    for begin in range(0, rows.num_rows, _ROWS):
        some = rows.slice(begin, _ROWS)
        row = _row_class(some)
        for place in range(some.num_rows):
            values = row()
            values.place = place
            event = new(kind)
            keep_values(event, values)
            keep_late(event, (values.rest,))
            yield event


def _row_class(rows: pa.Table) -> type[Any]:
    """Return a class of mappings that have a row's values when they are first asked for."""
    names = rows.column_names
    known = frozenset(names)
    columns: dict[str, list[Any]] = {}

    def column(name: str) -> list[Any]:
        if name not in columns and name in known:
            columns[name] = rows.column(name).to_pylist()
        return columns[name]

    class Row(dict[str, Any]):
        """The values of the row at `place`."""

        __slots__ = ("place",)
        place: int

        def __missing__(self, name: str) -> Any:
            found = columns.get(name)
            if found is None:
                found = column(name)
            value = self[name] = found[self.place]
            return value

        def rest(self) -> Mapping[str, Any]:
            """Return every value."""
            return {name: column(name)[self.place] for name in names}

    return Row
