"""What a backend must answer, worked out slowly and plainly, and how two answers are compared."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from capture.schema import conform, unite

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.filters import Predicate

__all__ = ["assert_same", "expected_rows", "united"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARE: Final = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def united(batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Return the table that the batches make."""
    schema = unite([batch.schema for batch in batches])
    return pa.concat_tables([conform(pa.Table.from_batches([b]), schema) for b in batches])


def expected_rows(
    table: pa.Table, columns: Sequence[str] | None = None, where: Sequence[Predicate] = ()
) -> pa.Table:
    """Return what a scan of the table must give, by comparing Python values one by one."""
    names = table.column_names if columns is None else columns
    kept = [
        row
        for row in range(table.num_rows)
        if all(_met(table, row, predicate) for predicate in where)
    ]
    return table.take(pa.array(kept, pa.int64())).select(
        [name for name in dict.fromkeys(names) if name in table.column_names]
    )


def assert_same(found: pa.Table, expected: pa.Table) -> None:
    """Fail unless both have the same columns, of the same types, with the same values bit by bit.

    Any NaN is as good as any other.
    """
    assert found.schema.names == expected.schema.names
    assert found.schema.types == expected.schema.types
    assert found.num_rows == expected.num_rows
    for name in expected.column_names:
        values, wanted = _bits(found.column(name)), _bits(expected.column(name))
        assert values.equals(wanted), (
            f"{name}: {found.column(name).to_pylist()} != {expected.column(name).to_pylist()}"
        )


def _met(table: pa.Table, row: int, predicate: Predicate) -> bool:
    if predicate.column not in table.column_names:
        return False
    value = _plain(table.column(predicate.column)[row])
    if value is None:
        return False
    given = predicate.value if predicate.operator == "in" else (predicate.value,)
    wanted = [_plain(item) for item in given if item is not None]
    compare = _COMPARE.get(predicate.operator, operator.eq)
    return any(compare(value, item) for item in wanted)


def _plain(value: Any) -> Any:
    """Return a value as Python compares it; moments as nanoseconds."""
    if isinstance(value, pa.TimestampScalar):
        return value.value
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1) * 1000
    return value.as_py() if isinstance(value, pa.Scalar) else value


def _bits(column: pa.ChunkedArray) -> pa.Array:
    """Return values that are equal exactly if they cannot be told apart."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), float("nan"), column)
        return pa.chunked_array(column).combine_chunks().view(pa.int64())
    return column.combine_chunks()
