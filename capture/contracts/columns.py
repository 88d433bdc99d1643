"""What a stored table may hold, and how it may grow: the rules that all backends share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from capture.errors import InvalidEvent
from capture.filters import Predicate
from capture.schema import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["STORED_TYPES", "admit", "check_table", "describe", "restore", "select"]

STORED_TYPES: Final = (
    pa.bool_(),
    pa.int8(),
    pa.int16(),
    pa.int32(),
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.binary(),
    pa.timestamp("ns", tz="UTC"),
)
"""The types that every backend gives back unchanged."""

_NAMED: Final = {str(type_): type_ for type_ in STORED_TYPES}
_TABLE: Final = re.compile(r"(?!sqlite_|capture_)[a-z][a-z0-9_]*")
_EXACT: Final = 2**53  # beyond it, a float64 cannot tell neighbouring whole numbers apart


def check_table(name: str) -> None:
    """Refuse a table name that could not be the name of a file and of an SQL table."""
    if not _TABLE.fullmatch(name):
        problem = "a table is named with a-z, 0-9 and _, and starts with a letter"
        raise InvalidEvent("table", name, problem + " (not with sqlite_ or capture_)")


def admit(
    table: str,
    batch: pa.RecordBatch,
    known: pa.Schema | None,
    holds: Callable[[str, Predicate], bool],
) -> tuple[pa.Table, pa.Schema]:
    """Return the batch as it is to be stored, and the table's schema with it.

    Args:
        table: name of the table.
        batch: what is to be appended.
        known: the table's schema so far; None if this is its first batch.
        holds: says whether a stored row of the table meets a condition.
    """
    check_table(table)
    schema = _plain(table, batch.schema)
    if known is None:
        return pa.table(batch.columns, schema=schema), schema
    for field in schema:
        place = known.get_field_index(field.name)
        if place >= 0:
            _check_union(f"{table}.{field.name}", known.field(place).type, field.type)
    grown = unite([known, schema])
    for field in known:
        if field.type != pa.float64() and grown.field(field.name).type == pa.float64():
            _check_stored(table, field.name, holds)
    target = pa.schema([grown.field(name) for name in schema.names])
    columns = [
        _widen(f"{table}.{field.name}", column, field.type)
        for field, column in zip(target, batch.columns, strict=True)
    ]
    return pa.table(columns, schema=target), grown


def select(schema: pa.Schema, columns: Sequence[str] | None) -> pa.Schema:
    """Return the part of the schema that a scan gives back: the known ones of `columns`."""
    if columns is None:
        return schema
    known = [name for name in dict.fromkeys(columns) if schema.get_field_index(name) >= 0]
    return pa.schema([schema.field(name) for name in known])


def describe(schema: pa.Schema) -> dict[str, str]:
    """Return the columns and the words for their types, as a file can hold them."""
    return {field.name: str(field.type) for field in schema}


def restore(described: Mapping[str, str]) -> pa.Schema:
    """Return the schema that `describe` described."""
    return pa.schema([(name, _NAMED[word]) for name, word in described.items()])


def _plain(table: str, schema: pa.Schema) -> pa.Schema:
    """Return the schema without metadata; refuse what a backend could not give back."""
    if not schema.names:
        raise InvalidEvent("batch", table, "a batch needs at least one column")
    seen: set[str] = set()
    for field in schema:
        if not field.name or field.name in seen:
            raise InvalidEvent(table, field.name, "each column of a batch needs a name of its own")
        if field.type not in STORED_TYPES:
            problem = f"this type is not stored; cast to one of {', '.join(_NAMED)}"
            raise InvalidEvent(f"{table}.{field.name}", str(field.type), problem)
        seen.add(field.name)
    return pa.schema([(field.name, field.type) for field in schema])


def _check_union(column: str, known: pa.DataType, new: pa.DataType) -> None:
    numbers = all(pa.types.is_integer(t) or pa.types.is_floating(t) for t in (known, new))
    if known != new and not numbers:
        problem = f"the column holds {known}; a column keeps its type, so use another name"
        raise InvalidEvent(column, str(new), problem)


def _check_stored(table: str, column: str, holds: Callable[[str, Predicate], bool]) -> None:
    """Refuse to turn a column into reals if that changed a number that is already stored."""
    if any(holds(table, Predicate(column, *beyond)) for beyond in ((">", _EXACT), ("<", -_EXACT))):
        problem = "the column holds whole numbers beyond 2**53, which real numbers would round"
        raise InvalidEvent(f"{table}.{column}", "double", f"{problem}; use another name")


def _widen(column: str, values: pa.Array, type_: pa.DataType) -> pa.Array:
    """Return whole numbers as the wider type that their column has by now."""
    try:
        return values.cast(type_)
    except pa.ArrowInvalid as exc:
        problem = "the column holds real numbers, which cannot tell it from its neighbours"
        raise InvalidEvent(column, str(exc), f"{problem}; use another name") from exc
