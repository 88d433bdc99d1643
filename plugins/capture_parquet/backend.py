"""Parquet files, with the best encoding for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa

from capture.contracts.chunked import BLOCK_ROWS, ChunkedBackend
from capture.contracts.conditions import matches
from capture_parquet.encodings import as_settings, encodings_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pyarrow.dataset as ds

    from capture.contracts.conditions import Condition

__all__ = ["ParquetStorageBackend"]

# What a sealed file is compressed with. Higher levels of zstd save 3% and take three times as long.
_LEVELS: Final = {"zstd": 3, "gzip": 6}


class ParquetStorageBackend(ChunkedBackend):
    """Stores each table as Parquet, readable by pandas, DuckDB, Polars and whatever else."""

    compressions: ClassVar[tuple[str, ...]] = ("zstd", "snappy", "gzip", "none")
    suffixes: ClassVar[tuple[str, ...]] = (".parquet",)
    arrow_chunks: ClassVar[bool] = True

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write one row group per block; only sealed files are Parquet."""
        import pyarrow.parquet as pq  # takes a third of a second

        rest = iter(blocks)
        first = next(rest, None)
        settings = self._settings(schema, first)
        # The Arrow schema is left out: Parquet's own types say all of it, in a tenth of the space.
        with pq.ParquetWriter(path, schema, store_schema=False, **settings) as writer:
            if first is not None:
                writer.write_table(first, row_group_size=BLOCK_ROWS)
            for block in rest:
                writer.write_table(block, row_group_size=BLOCK_ROWS)

    def file_schema(self, path: Path) -> pa.Schema:
        """Return the schema that Parquet's types amount to."""
        import pyarrow.parquet as pq

        return pq.read_schema(path)

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Let the reader skip row groups and columns by their statistics."""
        # Statistics leave NaN out, so the reader drops row groups in which only NaN differs from
        # the value; `!=` on real numbers is applied to what was read.
        late = [c for c in conditions if c.operator == "!=" and pa.types.is_floating(c.type)]
        early = [c for c in conditions if c not in late]
        names = list(dict.fromkeys([*columns, *(c.column for c in late)]))
        if not conditions:
            return _whole(path, names)
        rows = _dataset(path).to_table(columns=names, filter=_expression(early))
        if late:
            rows = rows.filter(matches(rows, late)).select(columns)
        return rows

    def _settings(self, schema: pa.Schema, first: pa.Table | None) -> dict[str, Any]:
        codec: dict[str, Any] = {
            "compression": self.compression,
            "compression_level": _LEVELS.get(self.compression),
        }
        return {**codec, **as_settings(encodings_for(schema, first, codec))}


def _whole(path: Path, columns: list[str]) -> pa.Table:
    """Read columns of a whole file; for a small one, threads take longer to start than to read."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read(columns, use_threads=file.metadata.num_rows > BLOCK_ROWS).select(columns)


def _dataset(path: Path) -> ds.Dataset:
    import pyarrow.dataset as ds

    return ds.dataset(path, format="parquet")


def _expression(conditions: Sequence[Condition]) -> Any:
    import pyarrow.compute as pc

    whole = None
    for condition in conditions:
        term = condition.term(pc.field(condition.column))
        whole = term if whole is None else whole & term
    return whole
