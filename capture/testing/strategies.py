"""Hypothesis strategies for tables, for batches that make one, and for conditions on one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import pyarrow as pa
from hypothesis import strategies as st

from capture.contracts.columns import STORED_TYPES
from capture.filters import Operator, Predicate
from capture.schema import DYNAMIC_PREFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

__all__ = ["batches", "column_names", "predicates", "record_batches", "types", "values"]

_EXACT: Final = 2**53
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EDGES: Final = {
    "double": (0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1e16, 3.0, 1 / 3),
    "string": ("", "\0", "a\0b", "null", "NaN", '"', "\\", "\n", "\u2028", "π", "🂡", "'; --"),
    "binary": (b"", b"\0", b"\xff\xfe", b'"'),
}


def types() -> SearchStrategy[pa.DataType]:
    """Types of columns."""
    return st.sampled_from(STORED_TYPES)


def values(type_: pa.DataType) -> SearchStrategy[Any]:
    """Values of a type, the awkward ones among them; instants as nanoseconds since 1970."""
    if pa.types.is_boolean(type_):
        return st.booleans()
    if pa.types.is_floating(type_):
        return st.sampled_from(_EDGES["double"]) | st.floats()
    if pa.types.is_string(type_):
        letters = st.characters(exclude_categories=["Cs"])
        return st.sampled_from(_EDGES["string"]) | st.text(letters, max_size=12)
    if pa.types.is_binary(type_):
        return st.sampled_from(_EDGES["binary"]) | st.binary(max_size=12)
    low, high = -(1 << type_.bit_width - 1), (1 << type_.bit_width - 1) - 1
    return st.sampled_from((low, -1, 0, 1, high)) | st.integers(low, high)


def column_names() -> SearchStrategy[str]:
    """Names of columns: a word that a strategy's columns start with, and what a user adds to it."""
    letters = st.characters(exclude_categories=["Cs"])
    own = st.sampled_from(
        ("sma", "SMA", "a.b", "a/b", "a b", "\0", '"', "'", "%", "#", "")
    ) | st.text(letters, max_size=6)
    dynamic = st.builds(str.__add__, st.sampled_from(DYNAMIC_PREFIXES), own)
    return st.sampled_from(("seq", "timestamp", "symbol", "row", "rowid", "Seq", ".")) | dynamic


@st.composite
def record_batches(
    draw: DrawFn, columns: Mapping[str, pa.DataType], *, max_rows: int = 8
) -> pa.RecordBatch:
    """Batches of these columns."""
    rows = draw(st.integers(0, max_rows))
    arrays = []
    for type_ in columns.values():
        cells = st.none() | values(type_)
        drawn = draw(st.lists(cells, min_size=rows, max_size=rows))
        arrays.append(pa.array(drawn, type_))
    return pa.record_batch(arrays, names=list(columns))


@st.composite
def batches(draw: DrawFn, *, max_batches: int = 4, max_columns: int = 5) -> list[pa.RecordBatch]:
    """Batches that make a table: each with some of its columns, in any order.

    A column of whole numbers may be one of reals in another batch.
    """
    columns = draw(
        st.dictionaries(column_names(), types(), min_size=1, max_size=max_columns), label="columns"
    )
    mixed = {name for name, type_ in columns.items() if type_ == pa.int64() and draw(st.booleans())}
    made = []
    for _ in range(draw(st.integers(1, max_batches))):
        names = draw(st.permutations(sorted(columns)))[: draw(st.integers(1, len(columns)))]
        chosen = {
            name: draw(st.sampled_from((pa.int64(), pa.float64())))
            if name in mixed
            else columns[name]
            for name in names
        }
        made.append(_rounded(draw(record_batches(chosen)), mixed))
    return made


def _rounded(batch: pa.RecordBatch, mixed: set[str]) -> pa.RecordBatch:
    """Keep the whole numbers that become reals within what a real can hold exactly."""
    arrays = [
        pa.array([v if v is None else v % _EXACT for v in column.to_pylist()], column.type)
        if name in mixed and column.type == pa.int64()
        else column
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
    ]
    return pa.record_batch(arrays, names=batch.schema.names)


@st.composite
def predicates(draw: DrawFn, table: pa.Table) -> Predicate:
    """Conditions that the columns of a table can be asked for, most with a value that is there."""
    name = draw(st.sampled_from(table.column_names))
    operator = cast("Operator", draw(st.sampled_from(get_args(Operator))))
    one = _comparable(table.column(name))
    return Predicate(name, operator, draw(st.lists(one, max_size=4) if operator == "in" else one))


def _comparable(column: pa.ChunkedArray) -> SearchStrategy[Any]:
    type_ = column.type
    if pa.types.is_timestamp(type_):
        there: Sequence[Any] = column.cast(pa.int64()).to_pylist()
        microseconds = st.integers(-8 * 10**15, 8 * 10**15)
        moments = microseconds.map(lambda us: _EPOCH + timedelta(microseconds=us))
        others = moments | values(type_)
    else:
        there = column.to_pylist()
        others = values(type_)
        if pa.types.is_integer(type_):
            others |= st.floats() | st.integers(-(2**70), 2**70)
        elif pa.types.is_floating(type_):
            others |= st.integers(-_EXACT, _EXACT)
    return st.sampled_from([*there, None]) | others
