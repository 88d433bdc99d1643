"""HDF5 files: a dataset per column, read block by block."""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.contracts.chunked import BLOCK_ROWS, ChunkedBackend
from capture.contracts.columns import describe, restore
from capture.contracts.conditions import matches
from capture.errors import MissingExtra
from capture_hdf5.columns import ColumnReader, ColumnWriter, dataset_names
from capture_hdf5.disk import SturdyFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import h5py

    from capture.contracts.conditions import Condition

__all__ = ["HDF5StorageBackend"]

# Bytes of equal significance are stored side by side, which is what makes numbers compress.
_FILTERS: Final[dict[str, dict[str, Any]]] = {
    "gzip": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
    "lzf": {"compression": "lzf", "shuffle": True},
    "none": {},
}


class HDF5StorageBackend(ChunkedBackend):
    """Stores each table as an HDF5 file with one dataset per column.

    `columns/<name>` holds the values (of text and bytes: all of them one after the other, their
    lengths being in `lengths/<name>`), `valid/<name>` says which are not null where some are, and
    `schema` is JSON: the columns' types, in order.
    """

    compressions: ClassVar[tuple[str, ...]] = tuple(_FILTERS)
    suffixes: ClassVar[tuple[str, ...]] = (".h5",)
    arrow_chunks: ClassVar[bool] = True

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write each block behind the one before; only sealed files are HDF5."""
        library = _h5py()
        filters = _FILTERS[self.compression]
        rows = 0
        rest = iter(blocks)
        first = next(rest, schema.empty_table())  # an empty file has its datasets, too
        with SturdyFile(path) as disk, library.File(disk, "w") as file:
            names = dataset_names(schema.names)
            columns = [ColumnWriter(file, names[name], filters) for name in schema.names]
            for block in chain([first], rest):
                for column, values in zip(columns, block.columns, strict=True):
                    column.write(values.combine_chunks(), rows)
                rows += block.num_rows
            header = json.dumps({"columns": describe(schema), "rows": rows}, ensure_ascii=False)
            file["schema"] = np.frombuffer(header.encode(), np.uint8)

    def file_schema(self, path: Path) -> pa.Schema:
        """Return the schema that the file describes."""
        with _open(path) as file:
            return restore(_header(file)["columns"])

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Read the columns of the conditions first, and the others only where rows meet them."""
        with _open(path) as file:
            header = _header(file)
            types = restore(header["columns"])
            names = dataset_names(types.names)
            readers: dict[str, ColumnReader] = {}

            def read(wanted: Iterable[str], start: int, stop: int) -> dict[str, pa.Array]:
                for name in wanted:
                    if name not in readers:
                        readers[name] = ColumnReader(file, names[name], types.field(name).type)
                return {name: readers[name].read(start, stop) for name in wanted}

            tested = list(dict.fromkeys(condition.column for condition in conditions))
            others = [name for name in columns if name not in tested]
            schema = pa.schema([types.field(name) for name in columns])
            pieces = [schema.empty_table()]
            for start in range(0, header["rows"], BLOCK_ROWS):
                stop = min(start + BLOCK_ROWS, header["rows"])
                block = read(tested, start, stop)
                mask = matches(pa.table(block), conditions) if conditions else None
                if mask is None or pc.any(mask).as_py():
                    block |= read(others, start, stop)
                    piece = pa.table({name: block[name] for name in columns}, schema=schema)
                    pieces.append(piece if mask is None else piece.filter(mask))
            return pa.concat_tables(pieces)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as exc:
        raise MissingExtra("the HDF5 backend", extra="hdf5", library="h5py") from exc
    return h5py


def _open(path: Path) -> h5py.File:
    # Finished files are never written to again, so HDF5 need not lock them (some media cannot).
    return _h5py().File(path, "r", locking=False)


def _header(file: h5py.File) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(file["schema"][:].tobytes())
    return header
