"""Telling observers of the rows of a table, which are there all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from capture.events import EVENTS, Event

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pyarrow as pa

__all__ = ["tell"]

_KEEP_VALUES: Final = cast("Any", vars(Event)["_values"]).__set__
_KEEP_LATE: Final = cast("Any", vars(Event)["_late"]).__set__

_ROWS: Final = 4096
"""Rows whose values become objects of Python at once, column by column, if they are asked for."""


def tell(
    observe: Callable[[Any], None], table: str, rows: pa.Table, *, part: int, first_seq: int
) -> None:
    """Tell an observer of every row.

    Args:
        observe: what is told.
        table: which events they are.
        rows: their values.
        part: part of the run.
        first_seq: number of the first of them.
    """
    kind, new, keep_values, keep_late = EVENTS[table], object.__new__, _KEEP_VALUES, _KEEP_LATE
    for begin in range(0, rows.num_rows, _ROWS):
        some = rows.slice(begin, _ROWS)
        row = _row_class(some, part, first_seq + begin)
        for place in range(some.num_rows):
            values = row()
            values.place = place
            event = new(kind)
            keep_values(event, values)
            keep_late(event, (values.rest,))
            observe(event)


def _row_class(rows: pa.Table, part: int, first_seq: int) -> type[Any]:
    """Return a class of mappings that have a row's values when they are first asked for."""
    names = frozenset(rows.column_names)
    columns: dict[str, list[Any]] = {
        "part": [part] * rows.num_rows,
        "seq": list(range(first_seq, first_seq + rows.num_rows)),
    }

    def column(name: str) -> list[Any]:
        if name not in columns and name in names:
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
            return {name: column(name)[self.place] for name in ("part", "seq", *rows.column_names)}

    return Row
