"""The batches that the contract suites are made of."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from capture.contracts.columns import STORED_TYPES

__all__ = ["BATCH_ROWS", "EDGES", "GROWS_AT", "batch", "every_type", "numbered"]

BATCH_ROWS: Final = 5
"""Rows of each numbered batch."""

GROWS_AT: Final = 3
"""The numbered batch that brings a new column."""

EDGES: Final[dict[str, list[Any]]] = {
    "bool": [True, False, None],
    "int8": [-128, 127, None],
    "int16": [-(2**15), 2**15 - 1, None],
    "int32": [-(2**31), 2**31 - 1, None],
    "int64": [-(2**63), 2**63 - 1, None],
    "double": [0.1, 0.0, -0.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1e300, 3.0, None],
    "string": ["", "a\0b", "π🂡\u2028", '"\\\n', "null", "NaN", None],
    "binary": [b"", b"\0\xff", b"text", None],
    "timestamp[ns, tz=UTC]": [0, 1, -1, -(2**63), 2**63 - 1, None],
}
"""For each type, values that something or other has trouble with."""


def every_type() -> pa.RecordBatch:
    """Return a batch with a column of each type, of the values that give trouble."""
    rows = max(map(len, EDGES.values()))
    arrays = [pa.array((EDGES[str(type_)] * rows)[:rows], type_) for type_ in STORED_TYPES]
    return pa.record_batch(arrays, names=[f"extra_{type_}" for type_ in STORED_TYPES])


def batch(**columns: Any) -> pa.RecordBatch:
    """Return a batch of these columns."""
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})


def numbered(batch: int) -> pa.RecordBatch:
    """Return batch number `batch` of a table whose rows are numbered through."""
    seq = range(batch * BATCH_ROWS, (batch + 1) * BATCH_ROWS)
    columns: dict[str, Any] = {"seq": list(seq), "symbol": [f"S{n % 3}" for n in seq]}
    if batch >= GROWS_AT:
        columns["strength"] = [n / 8 for n in seq]
    return pa.record_batch({name: pa.array(values) for name, values in columns.items()})
