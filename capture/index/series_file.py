"""The file of an index: Parquet, one row per signal or change, that any reader understands."""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.errors import CorruptRecording, StoreError
from capture.store.records import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["SAID", "as_bytes", "read_single", "read_table", "write_single"]

INDEX_VERSION: Final = 1
# 1: first release

SAID: Final = b"signal_capture_index"
"""Key of the file's metadata under which it says what it holds, as JSON."""

_RISING: Final = ("bar_index", "available_ns")
"""Columns of numbers that mostly rise, which are kept as differences."""


def write_single(path: Path | str, kind: str, name: str, table: pa.Table) -> None:
    """Write one index as a file of its own."""
    write_atomically(Path(path), as_bytes(table, {"kind": kind, "name": name}))


def read_single(path: Path | str, kind: str) -> tuple[str, pa.Table]:
    """Return the name and the table of an index that has a file of its own."""
    table, said = read_table(Path(path))
    if said.get("kind") != kind or "name" not in said:
        found = said.get("kind", "something else")
        raise StoreError(path, f"this file holds {found}, not {kind}", "open it as what it is")
    return said["name"], table


def as_bytes(table: pa.Table, said: Mapping[str, Any]) -> bytes:
    """Return a table as the content of a file, in the smallest types that hold its numbers."""
    import pyarrow.parquet as pq

    compact = pa.table({name: _small(table.column(name)) for name in table.column_names})
    text = json.dumps({"version": INDEX_VERSION, **said}, sort_keys=True, ensure_ascii=False)
    delta = {name: "DELTA_BINARY_PACKED" for name in _RISING if name in compact.column_names}
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink,
        compact.schema,
        compression="zstd",
        use_dictionary=[name for name in compact.column_names if name not in delta],
        column_encoding=delta or None,
        write_page_checksum=True,
        store_schema=False,  # Parquet's own types say it all, in half a kilobyte less
    ) as writer:
        writer.write_table(compact)
        writer.add_key_value_metadata({SAID: text.encode()})
    return bytes(sink.getvalue())


def read_table(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    """Return the table in a file, and what the file says of itself."""
    import pyarrow.parquet as pq

    with _reading(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        said = _said_of(path, file.metadata.metadata or {})
        names = [name for name in file.schema_arrow.names if name != "series"]
        return file.read(columns=names, use_threads=False).combine_chunks(), said


def _said_of(path: Path, metadata: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return what a file says of itself."""
    text = metadata.get(SAID)
    if text is None:
        raise StoreError(path, "this is no file of an index", "save an index there first")
    said: dict[str, Any] = json.loads(text)
    if said.get("version") != INDEX_VERSION:
        raise StoreError(
            path, f"this index has version {said.get('version')}", "read it with a newer version"
        )
    return said


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as exc:
        mend = "if it was saved anew meanwhile, open it again"
        raise StoreError(path, "the file of the index is missing", mend) from exc
    except (OSError, pa.ArrowException, ValueError) as exc:
        raise CorruptRecording(path, f"the index cannot be read: {exc}") from exc


def _small(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of numbers in fewer bytes, if every number stays what it is."""
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return column
    if len(column) == column.null_count:
        return column
    low, high = (end.as_py() for end in pc.min_max(column).values())
    whole = pa.types.is_integer(kind) or _is_whole(column)
    for small in (pa.int8(), pa.int16(), pa.int32()) if whole else ():
        if np.iinfo(small.to_pandas_dtype()).min <= low and (
            high <= np.iinfo(small.to_pandas_dtype()).max
        ):
            return column.cast(small)
    return column


def _is_whole(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.equal(column, pc.round(column))).as_py())
