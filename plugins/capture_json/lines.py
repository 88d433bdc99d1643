"""Tables to JSON lines and back, without losing a bit.

Null is null. A real number has its shortest exact form, with a point or an exponent. NaN and the
infinities, which JSON does not have, are null under the column's name and spelled out under a
second one ("strength#": "NaN"), so that every reader still sees a column of numbers. Instants are
ISO 8601 with nanoseconds, bytes are base64.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["decode", "encode", "spelled_names"]

_NEEDS_ESCAPE: Final = r'["\\[:cntrl:]]'
_SECOND_NS: Final = 1_000_000_000


def spelled_names(schema: pa.Schema) -> dict[str, str]:
    """Return, for each column of reals, the name under which NaN and infinities are spelled out."""
    taken = set(schema.names)
    names = {}
    for field in schema:
        if pa.types.is_floating(field.type):
            name = f"{field.name}#"
            while name in taken:
                name += "#"
            taken.add(name)
            names[field.name] = name
    return names


def encode(table: pa.Table) -> tuple[bytes, set[str]]:
    """Return the rows as lines, and the columns in which a number had to be spelled out."""
    names = spelled_names(table.schema)
    spelled: set[str] = set()
    parts: list[Any] = []
    for field, column in zip(table.schema, table.combine_chunks().columns, strict=True):
        if not column.num_chunks:
            return b"", spelled
        values = column.chunk(0)
        parts += [("," if parts else "{") + _member(field.name), _fragments(values)]
        if field.name in names:
            strange = pc.invert(pc.is_finite(values))
            if pc.any(strange).as_py():
                spelled.add(field.name)
                parts.append(_spelled(names[field.name], values, strange))
    lines = pc.binary_join_element_wise(*parts, "}\n", "")
    whole = pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "")
    return whole[0].as_buffer().to_pybytes(), spelled


def decode(lines: bytes, schema: pa.Schema, spelled: Mapping[str, str]) -> pa.Table:
    """Return the columns of the schema; what else there is on the lines is not looked at."""
    import pyarrow.json

    written = [pa.field(field.name, _written_type(field.type)) for field in schema]
    written += [pa.field(spelled[name], pa.string()) for name in schema.names if name in spelled]
    found = pyarrow.json.read_json(
        pa.BufferReader(lines),
        # Threads that read from memory can abort the interpreter when it ends.
        read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines)),
        parse_options=pyarrow.json.ParseOptions(
            explicit_schema=pa.schema(written), unexpected_field_behavior="ignore"
        ),
    )
    columns = []
    for field in schema:
        column = found.column(field.name)
        if field.name in spelled:
            column = pc.coalesce(column, pc.cast(found.column(spelled[field.name]), pa.float64()))
        columns.append(_restored(column, field.type))
    return pa.table(columns, schema=schema)


def _fragments(values: pa.Array) -> pa.Array:
    """Return each value as JSON."""
    if pa.types.is_string(values.type):
        text = _quoted(values)
    elif pa.types.is_binary(values.type):
        encoded = [v if v is None else base64.b64encode(v).decode() for v in values.to_pylist()]
        text = _quoted(pa.array(encoded, pa.string()))
    elif pa.types.is_timestamp(values.type):
        text = _quoted(pc.replace_substring(pc.cast(values, pa.string()), " ", "T"))
    elif pa.types.is_floating(values.type):
        text = _real_fragments(values)
    else:
        text = pc.cast(values, pa.string())
    return pc.fill_null(text, "null")


def _quoted(values: pa.Array) -> pa.Array:
    if not pc.any(pc.match_substring_regex(values, _NEEDS_ESCAPE)).as_py():
        return pc.binary_join_element_wise('"', values, '"', "")
    return pa.array(
        [None if v is None else json.dumps(v, ensure_ascii=False) for v in values.to_pylist()],
        pa.string(),
    )


def _real_fragments(values: pa.Array) -> pa.Array:
    text = pc.cast(values, pa.string())
    # Arrow writes 3.0 as "3", which other readers would take for a whole number, and -0.0 as "-0".
    bare = pc.and_(pc.equal(values, pc.trunc(values)), pc.invert(pc.match_substring(text, "e")))
    if pc.any(bare).as_py():
        text = pc.if_else(bare, pc.binary_join_element_wise(text, ".0", ""), text)
    return pc.if_else(pc.is_finite(values), text, pa.scalar(None, pa.string()))


def _spelled(name: str, values: pa.Array, strange: pa.Array) -> pa.Array:
    """Return the members that spell out NaN and infinities, and nothing in the other rows."""
    text = pc.cast(values, pa.string())
    for short, word in (("nan", "NaN"), ("inf", "Infinity")):
        text = pc.replace_substring(text, short, word)
    member = pc.binary_join_element_wise(f',{_member(name)}"', text, '"', "")
    return pc.if_else(pc.fill_null(strange, False), member, "")


def _member(name: str) -> str:
    return json.dumps(name, ensure_ascii=False) + ":"


def _written_type(type_: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_binary(type_) or pa.types.is_timestamp(type_) else type_


def _restored(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_binary(type_):
        encoded = column.to_pylist()
        decoded = [v if v is None else base64.b64decode(v, validate=True) for v in encoded]
        return pa.array(decoded, type_)
    if not pa.types.is_timestamp(type_):
        return column
    # In two halves, because Arrow's own parser refuses the first second that fits into 64 bits.
    # Neither the product nor the sum is checked: the one wraps around, and the other back.
    seconds = pc.cast(pc.utf8_slice_codeunits(column, 0, 19), pa.timestamp("s"))
    rest_ns = pc.cast(pc.utf8_slice_codeunits(column, 20, 29), pa.int64())
    return pc.add(pc.multiply(seconds.cast(pa.int64()), _SECOND_NS), rest_ns).cast(type_)
