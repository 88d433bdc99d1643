"""JSON lines, one row a line, with a small file beside them that says the columns' types."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa

from capture.contracts.chunked import ChunkedBackend
from capture.contracts.columns import describe, restore
from capture.contracts.conditions import matches
from capture_json.lines import decode, encode, spelled_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from capture.contracts.conditions import Condition

__all__ = ["JSONStorageBackend"]

_SUFFIXES: Final = {"zstd": ".jsonl.zst", "gzip": ".jsonl.gz", "none": ".jsonl"}
_PIECE_BYTES: Final = 4 << 20


class JSONStorageBackend(ChunkedBackend):
    """Stores each table as `<table>.jsonl`, possibly compressed, and `<table>.schema.json`."""

    compressions: ClassVar[tuple[str, ...]] = tuple(_SUFFIXES)
    suffixes: ClassVar[tuple[str, ...]] = tuple(_SUFFIXES.values())
    arrow_chunks: ClassVar[bool] = True

    @property
    def suffix(self) -> str:
        """How the names of new files end, which says how they are compressed."""
        return _SUFFIXES[self.compression]

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return the file of types, then the file of rows."""
        return (path.with_name(path.name.partition(".")[0] + ".schema.json"), path)

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write a line per row; only sealed files are JSON."""
        rows = 0
        spelled: set[str] = set()
        with pa.output_stream(str(path), compression=self._codec) as stream:
            for block in blocks:
                rows += block.num_rows
                lines, found = encode(block)
                spelled |= found
                stream.write(lines)
        columns = describe(schema)
        names = spelled_names(schema)
        header = {
            "columns": columns,
            "rows": rows,
            "spelled": {name: names[name] for name in columns if name in spelled},
        }
        text = json.dumps(header, indent=2, ensure_ascii=False) + "\n"
        self.files_of(path)[0].write_text(text, encoding="utf-8")

    def file_schema(self, path: Path) -> pa.Schema:
        """Return the columns and types that were written beside the rows."""
        return restore(self._header(path)["columns"])

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Stream the lines, and decode of each only what is asked for."""
        header = self._header(path)
        types = restore(header["columns"])
        wanted = list(dict.fromkeys([*columns, *(c.column for c in conditions)]))
        schema = pa.schema([types.field(name) for name in wanted])
        pieces = [schema.empty_table().select(columns)]
        rows = 0
        for lines in _pieces(path):
            piece = decode(lines, schema, header["spelled"])
            rows += piece.num_rows
            if conditions:
                piece = piece.filter(matches(piece, conditions))
            pieces.append(piece.select(columns))
        if rows != header["rows"]:
            raise ValueError(f"{rows} lines where {header['rows']} were written")
        return pa.concat_tables(pieces)

    @property
    def _codec(self) -> str | None:
        return None if self.compression == "none" else self.compression

    def _header(self, path: Path) -> dict[str, Any]:
        text = self.files_of(path)[0].read_text(encoding="utf-8")
        header: dict[str, Any] = json.loads(text)
        return header


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the uncompressed content in pieces of whole lines."""
    rest = b""
    with pa.input_stream(str(path), compression="detect") as stream:
        while piece := stream.read(_PIECE_BYTES):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            if newline:
                yield lines + newline
    if rest:
        raise ValueError("the last line has no end")
