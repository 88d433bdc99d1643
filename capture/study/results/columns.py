"""Columns of values that nobody declared: settings and metrics, as they come.

A column is whole numbers, numbers, text or flags; what fits none of these together is kept as JSON,
and the field says so. Uniting tables gives what one table of all rows would have been.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["table_of", "unite", "values_of"]

_JSON: Final = {b"capture": b"json"}
_LARGEST: Final = 2**63
_TYPES: Final = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def table_of(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> pa.Table:
    """Return rows as a table with these columns; what a row lacks is null."""
    fields, columns = [], []
    for name in names:
        values = [_scalar(row.get(name)) for row in rows]
        field = _field(name, values)
        fields.append(field)
        columns.append(pa.array(_json(values) if _is_json(field) else values, field.type))
    return pa.table(columns, schema=pa.schema(fields))


def unite(tables: Sequence[pa.Table], names: Sequence[str]) -> pa.Table:
    """Return the rows of all tables, each column in the kind that fits all of its values."""
    fields, columns = [], []
    for name in names:
        have = [table.schema.field(name) for table in tables if name in table.column_names]
        field = _common(name, have)
        fields.append(field)
        pieces = [_converted(table, field) for table in tables]
        columns.append(pa.chunked_array([c for piece in pieces for c in piece.chunks], field.type))
    return pa.table(columns, schema=pa.schema(fields))


def values_of(table: pa.Table) -> pa.Table:
    """Return a table without the marks of what is JSON."""
    return table.cast(pa.schema([pa.field(f.name, f.type) for f in table.schema]))


def _scalar(value: Any) -> Any:
    item = getattr(value, "item", None)  # a numpy scalar
    return item() if callable(item) and getattr(value, "ndim", 1) == 0 else value


def _field(name: str, values: Iterable[Any]) -> pa.Field:
    if name in _LISTS:
        return pa.field(name, _LISTS[name])
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return pa.field(name, pa.null())
    if kinds == {int, float}:
        kinds = {float}
    (kind, *others) = kinds
    too_large = kind is int and any(
        value is not None and not -_LARGEST <= value < _LARGEST for value in values
    )
    if others or kind not in _TYPES or too_large:
        return pa.field(name, pa.string(), metadata=_JSON)
    return pa.field(name, _TYPES[kind])


_LISTS: Final = {"days": pa.list_(pa.date32()), "returns": pa.list_(pa.float64())}
"""Columns of series: the days of a trial, and what it earned on each."""


def _common(name: str, fields: Sequence[pa.Field]) -> pa.Field:
    known = [field for field in fields if not pa.types.is_null(field.type)]
    types = {field.type for field in known}
    if not types:
        return pa.field(name, pa.null())
    if any(map(_is_json, known)):
        return pa.field(name, pa.string(), metadata=_JSON)
    if types == {pa.int64(), pa.float64()}:
        return pa.field(name, pa.float64())
    if len(types) == 1:
        return pa.field(name, types.pop())
    return pa.field(name, pa.string(), metadata=_JSON)


def _converted(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in table.column_names:
        return pa.chunked_array([pa.nulls(table.num_rows, field.type)])
    column, own = table[field.name], table.schema.field(field.name)
    if _is_json(field) and not _is_json(own):
        return pa.chunked_array([pa.array(_json(column.to_pylist()), pa.string())])
    return column.cast(field.type)


def _is_json(field: pa.Field) -> bool:
    return field.metadata is not None and field.metadata.get(b"capture") == b"json"


def _json(values: Iterable[Any]) -> list[str | None]:
    return [None if v is None else json.dumps(v, sort_keys=True, default=str) for v in values]
