"""Whole tables that a host keeps for the run, such as its equity curve, made to fit the schema."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from capture.errors import UnknownName
from capture.schema import TABLES, conform, lean

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["batches"]


def batches(
    table: str, rows: pa.Table, *, part: int, first_seq: int | None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows with the table's declared columns first.

    The part is filled in; where a first sequence number is given, the rows are events, and are
    numbered and dated.
    """
    if table not in TABLES:
        raise UnknownName("table", table, TABLES)
    declared = TABLES[table].arrow()
    extra = [rows.schema.field(name) for name in rows.column_names if name not in declared.names]
    whole = conform(rows, pa.schema([*declared, *extra]))
    filled = {"part": pa.repeat(pa.scalar(part, pa.int32()), whole.num_rows)}
    if first_seq is not None:
        filled["seq"] = pa.array(np.arange(first_seq, first_seq + whole.num_rows))
        now = pa.scalar(time_ns(), pa.int64()).cast(pa.timestamp("ns", tz="UTC"))
        filled["recorded_time"] = pa.repeat(now, whole.num_rows)
    for name, column in filled.items():
        whole = whole.set_column(whole.schema.get_field_index(name), declared.field(name), column)
    yield from lean(table, whole).combine_chunks().to_batches()
