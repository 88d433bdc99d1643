"""Feather files: Arrow record batches, as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
from pyarrow import ipc

from capture.contracts.chunked import ChunkedBackend
from capture.contracts.conditions import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from capture.contracts.conditions import Condition

__all__ = ["FeatherStorageBackend"]


class FeatherStorageBackend(ChunkedBackend):
    """Stores each table as one Feather file; what is not particular to Feather is inherited."""

    compressions: ClassVar[tuple[str, ...]] = ("zstd", "lz4", "none")
    suffixes: ClassVar[tuple[str, ...]] = (".feather",)

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write one record batch per block; what is soon compacted is not compressed."""
        codec = self.compression if sealed and self.compression != "none" else None
        options = ipc.IpcWriteOptions(compression=codec)
        with ipc.new_file(str(path), schema, options=options) as writer:
            for block in blocks:
                writer.write(block)

    def file_schema(self, path: Path) -> pa.Schema:
        """Return the schema, which stands in the file as it was given."""
        with pa.OSFile(str(path)) as file, ipc.open_file(file) as reader:
            return reader.schema

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Read the columns that are needed, and keep the rows that meet the conditions."""
        needed = {*columns, *(condition.column for condition in conditions)}
        places = [
            place for place, name in enumerate(self.file_schema(path).names) if name in needed
        ]
        options = ipc.IpcReadOptions(included_fields=places, use_threads=False)
        with pa.OSFile(str(path)) as file, ipc.open_file(file, options=options) as reader:
            rows = reader.read_all()
        if conditions:
            rows = rows.filter(matches(rows, conditions))
        return rows.select(columns)
