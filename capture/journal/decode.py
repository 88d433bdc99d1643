"""From rows in the journal to Arrow tables, a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgpack
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.journal.layout import (
    COMMIT_BYTES,
    NULL_FLOAT_BITS,
    NULL_INT,
    NULL_SMALL,
    NULL_WORD,
    Face,
    Layout,
)
from capture.schema import TABLES, conform, unite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["assemble", "decode", "seqs_of", "words_of"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
_TYPES: Final = {
    "int": pa.int64(),
    "small": pa.int8(),
    "flag": pa.bool_(),
    "float": pa.float64(),
    "time": _TIME,
    "word": pa.string(),
    "text": pa.string(),
}
_NULLS: Final = {"int": NULL_INT, "time": NULL_INT, "small": NULL_SMALL, "flag": NULL_SMALL}


def decode(
    buffer: Any, offsets: Sequence[int], layout: Layout, words: Sequence[str | None]
) -> list[pa.Table]:
    """Return the rows of the records of one layout at these offsets: a table for each face."""
    records = _records(buffer, offsets, layout.dtype)
    texts = _texts(buffer, offsets, records["size"], layout)
    fields: dict[str, pa.Array] = {
        "seq": pa.array(np.ascontiguousarray(records["seq"])),
        "recorded_time": pa.array(np.ascontiguousarray(records["recorded_time"])).cast(_TIME),
    }
    for name, kind in layout.fields:
        if kind == "text":
            fields[name] = pa.array(texts[name], pa.string())
        else:
            fields[name] = _column(np.ascontiguousarray(records[f":{name}"]), kind, words)
    return [_table(face, place, fields) for place, face in enumerate(layout.rows)]


def _table(face: Face, place: int, fields: Mapping[str, pa.Array]) -> pa.Table:
    """Return the rows that this face, the one at this place, makes of the records' fields."""
    declared = TABLES[face.table]
    seq = fields["seq"] if place == 0 else pc.add(fields["seq"], place)
    columns: dict[str, pa.Array] = {"seq": seq, "recorded_time": fields["recorded_time"]}
    for name, source in face.columns.items():
        column, wanted = fields[source], declared.type_of(name)
        columns[name] = column if wanted in (None, column.type) else column.cast(wanted)
    for name, value in face.constants.items():
        columns[name] = _repeat(value, declared.type_of(name), len(seq))
    for name, prefix, source in face.derived:
        column = columns[source] if source in columns else fields[source]
        columns[name] = _derive(columns.get(name), prefix, column)
    return pa.table(columns)


def seqs_of(buffer: Any, offsets: Sequence[int], layout: Layout) -> np.ndarray[Any, Any]:
    """Return the sequence numbers alone of the records of one layout that lie at these offsets."""
    return np.ascontiguousarray(_records(buffer, offsets, layout.dtype)["seq"])


def _records(buffer: Any, offsets: Sequence[int], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Return the fixed parts of the records; evenly spaced ones are not copied."""
    at = np.asarray(offsets, dtype=np.int64)
    steps = np.diff(at)
    if len(at) > 1 and (steps == steps[0]).all():
        return np.ndarray(len(at), dtype, buffer, int(at[0]), (int(steps[0]),))
    view = memoryview(buffer)
    size = dtype.itemsize
    return np.frombuffer(b"".join([view[o : o + size] for o in offsets]), dtype)


def _texts(
    buffer: Any, offsets: Sequence[int], sizes: np.ndarray[Any, Any], layout: Layout
) -> dict[str, list[str | None]]:
    if not layout.texts:
        return {}
    view, start = memoryview(buffer), layout.dtype.itemsize
    rows = [
        msgpack.unpackb(view[o + start : o + size - COMMIT_BYTES])
        for o, size in zip(offsets, sizes.tolist(), strict=True)
    ]
    return {
        f.name: list(values)
        for f, values in zip(layout.texts, zip(*rows, strict=True), strict=True)
    }


def _column(raw: np.ndarray[Any, Any], kind: str, words: Sequence[str | None]) -> pa.Array:
    if kind == "word":
        known = pa.array(words, pa.string())
        return known.take(pa.array(raw))
    if kind == "float":
        null = raw.view(np.int64) == NULL_FLOAT_BITS
    else:
        null = raw == _NULLS[kind]
    values = raw.astype(bool) if kind == "flag" else raw
    column = pa.array(values, mask=null) if null.any() else pa.array(values)
    return column.cast(_TIME) if kind == "time" else column


def _repeat(value: Any, wanted: pa.DataType | None, count: int) -> pa.Array:
    if value is None:
        return pa.nulls(count, wanted)
    return pa.repeat(pa.scalar(value, wanted), count)


def _derive(column: pa.Array | None, prefix: str, source: pa.Array) -> pa.Array:
    made = pc.binary_join_element_wise(prefix, source.cast(pa.string()), "")
    return made if column is None else pc.coalesce(column, made)


def assemble(pieces: Iterable[tuple[str, pa.Table]]) -> dict[str, pa.Table]:
    """Unite the pieces of each table, in order of sequence, declared columns first."""
    by_table: dict[str, list[pa.Table]] = {}
    for name, piece in pieces:
        by_table.setdefault(name, []).append(piece)
    return {name: _unite(name, tables) for name, tables in by_table.items()}


def _unite(name: str, tables: list[pa.Table]) -> pa.Table:
    schema = unite([TABLES[name].arrow(), *(table.schema for table in tables)])
    whole = pa.concat_tables([conform(table, schema) for table in tables]).combine_chunks()
    if len(tables) > 1:
        whole = whole.sort_by("seq")
    return whole


def words_of(known: Mapping[int, str]) -> list[str | None]:
    """Return declared words as a list whose places are their numbers."""
    result: list[str | None] = [None] * (max(known, default=NULL_WORD) + 1)
    for number, text in known.items():
        result[number] = text
    return result
