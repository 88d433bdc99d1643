"""Tables of several parts in one: what a column holds when the parts do not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from capture.schema import conform, unite

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["united"]


def united(pieces: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all pieces, which are one or more, with every column that any has.

    Whole numbers give way to reals where all of them are kept exactly, and yes and no to numbers,
    as 1 and 0. Where parts have nothing in common, such as numbers here and texts there, the column
    holds texts. A part whose column is empty has no say.
    """
    try:
        schema = unite([piece.schema for piece in pieces])
        return pa.concat_tables([conform(piece, schema) for piece in pieces])
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        schema = pa.schema([(name, _type_of(name, pieces)) for name in _names(pieces)])
        return pa.concat_tables([_as(piece, schema) for piece in pieces])


def _names(pieces: Sequence[pa.Table]) -> list[str]:
    return list(dict.fromkeys(name for piece in pieces for name in piece.column_names))


def _type_of(name: str, pieces: Sequence[pa.Table]) -> pa.DataType:
    columns = [piece.column(name) for piece in pieces if name in piece.column_names]
    filled = [column for column in columns if column.null_count < len(column)] or columns
    types = [column.type for column in filled]
    if any(map(_is_number, types)):
        types = [pa.int8() if pa.types.is_boolean(kind) else kind for kind in types]
    try:
        [kind] = unite([pa.schema([(name, kind)]) for kind in types]).types
        for column in filled:
            column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()
    return kind


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _as(piece: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return the piece with these columns; its empty ones take whatever type is asked for."""
    for place, column in enumerate(piece.columns):
        kind = schema.field(piece.column_names[place]).type
        if column.type != kind and column.null_count == len(column):
            empty = pa.nulls(len(column), kind)
            piece = piece.set_column(place, piece.column_names[place], empty)
    return conform(piece, schema)
