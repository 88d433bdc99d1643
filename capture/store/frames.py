"""From Arrow tables to the frames of pandas and Polars, with nothing lost on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from capture.errors import MissingExtra

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd
    import polars as pl

__all__ = ["polars", "to_frame", "to_polars"]


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return a table as a frame; whole numbers and flags stay what they are beside nulls."""
    import pandas as pd

    whole = {pa.int8(): "Int8", pa.int16(): "Int16", pa.int32(): "Int32", pa.int64(): "Int64"}
    frame: pd.DataFrame = table.to_pandas(use_threads=False, date_as_object=False)
    for name in table.column_names:
        column = table.column(name)
        if not column.null_count:
            continue
        if column.type in whole:
            frame[name] = pd.array(column.to_pylist(), dtype=whole[column.type])
        elif pa.types.is_boolean(column.type):
            frame[name] = pd.array(column.to_pylist(), dtype="boolean")
        elif pa.types.is_null(column.type):
            frame[name] = None
    return frame


def to_polars(table: pa.Table) -> pl.DataFrame:
    """Return a table as a frame of Polars; times keep their zone, nulls stay nulls."""
    frame: pl.DataFrame = polars().from_arrow(table)
    return frame


def polars() -> ModuleType:
    """Return Polars, or say which extra brings it."""
    try:
        import polars
    except ImportError as exc:
        raise MissingExtra("to_polars", extra="polars", library="polars") from exc
    return polars
