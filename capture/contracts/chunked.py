"""What backends that keep files have in common: whole chunks while a part is open, then one file.

While a part is open, each batch is a file of its own, `chunks/<table>-<number>.<suffix>`, of the
backend's own format or, where that takes long to write, of Arrow's. It is written in `writing/` and
then moved into place, so that after a kill it is there whole or not at all. `seal` writes one file
per table beside `chunks/`. What makes those the truth is a single step, the renaming of `chunks/`
to `chunks.sealed/`; before it they are leftovers that nobody reads, after it the chunks are. So a
crash never doubles or loses a row, and a reader in another process always sees the batches from the
first to some last one.
"""

from __future__ import annotations

import os
import re
import shutil
from abc import ABC, abstractmethod
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Final

import pyarrow as pa

from capture.contracts.arrow_chunks import ARROW_SUFFIX, arrow_schema, read_arrow, write_arrow
from capture.contracts.columns import admit, select
from capture.contracts.conditions import bind
from capture.contracts.disk import CHECK_IT, flush, reading, writing
from capture.contracts.options import choose_compression, refuse_unknown
from capture.errors import CorruptRecording, StoreError
from capture.schema import conform, unite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from capture.contracts.conditions import Condition
    from capture.filters import Predicate

__all__ = ["BLOCK_ROWS", "ChunkedBackend"]

BLOCK_ROWS: Final = 16_384
"""Rows of each table that a sealed file is written from, the last one excepted."""

_CHUNK: Final = re.compile(r"([a-z][a-z0-9_]*)-(\d{6,})(\..+)")
_SEALED: Final = re.compile(r"([a-z][a-z0-9_]*)(\..+)")


class ChunkedBackend(ABC):
    """A storage backend made of files; a format says only how to write one and how to read one.

    Args:
        folder: where the part lives.
        compression: one of `compressions`; None is the first of them.
        sync: wait until the disk has what was written, so that it survives a power cut.
        options: none by default; one that is misspelt is refused.
    """

    compressions: ClassVar[tuple[str, ...]] = ("none",)
    suffixes: ClassVar[tuple[str, ...]]
    """How the names of this format's files end."""

    arrow_chunks: ClassVar[bool] = False
    """Whether chunks are Arrow files, for a format that takes long to write; only sealed files are
    then of the format itself."""

    def __init__(
        self,
        folder: str | Path,
        compression: str | None = None,
        *,
        sync: bool = False,
        **options: object,
    ) -> None:
        refuse_unknown(self, options)
        self.folder: Final = Path(folder)
        if not self.folder.is_dir():
            raise StoreError(self.folder, "there is no such folder", "make it first")
        self.compression: Final = choose_compression(compression, self.compressions)
        self._sync: Final = sync
        self._chunks: Final = self.folder / "chunks"
        self._writing: Final = self.folder / "writing"
        self._lock: Final = Lock()
        self._begun = False
        self._closed = False
        self._next: dict[str, int] = {}  # number of the next chunk
        self._known: dict[str, pa.Schema] = {}  # schema of the whole table, as far as appended
        self._schemas: dict[Path, pa.Schema] = {}  # of files that were looked at

    # --- what a format says ---

    @property
    def suffix(self) -> str:
        """How the names of new files end."""
        return self.suffixes[0]

    @abstractmethod
    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write a file of these blocks: quickly, or as small and quick to search if it is sealed.

        There may be no block, and a file of no rows still has its schema.
        """

    @abstractmethod
    def file_schema(self, path: Path) -> pa.Schema:
        """Return the schema that a file was written with."""

    @abstractmethod
    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Return these columns, at least one, of the rows that meet all conditions, in order.

        All columns named here are in the file, and the conditions are of its types.
        """

    def files_of(self, path: Path) -> tuple[Path, ...]:
        """Return the files that a data file consists of; the data file itself comes last."""
        return (path,)

    # --- the contract ---

    def append(self, table: str, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch to a table, as one chunk."""
        with self._lock:
            self._begin()
            known = self._known.get(table) or self._stored_schema(table)
            rows, grown = admit(table, batch, known, self._holds)
            if known is None or rows.num_rows or grown != known:
                number = self._next.get(table, 1)
                suffix = ARROW_SUFFIX if self.arrow_chunks else self.suffix
                path = self._chunks / f"{table}-{number:06}{suffix}"
                self._publish(path, rows.schema, [rows], sealed=False)
                self._schemas[path] = rows.schema
                self._next[table] = number + 1
            self._known[table] = grown

    def scan(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        where: Sequence[Predicate] = (),
    ) -> pa.Table:
        """Return the rows that meet every condition, in the order in which they were appended."""
        files = self._files().get(table, ())
        while True:
            try:
                return self._unite(files, columns, where)
            except FileNotFoundError as exc:
                before, files = files, self._files().get(table, ())
                if files == before:  # not sealed in the meantime, but gone
                    raise CorruptRecording(
                        exc.filename or self.folder, "the file is missing", CHECK_IT
                    ) from exc

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        return tuple(sorted(self._files()))

    def seal(self) -> tuple[Path, ...]:
        """Compact the chunks into one file per table; sealing again changes nothing."""
        with self._lock:
            if self._chunks.exists():
                self._begin()
                schemas = dict(self._compact(*table) for table in self._files().items())
                with writing(self.folder):
                    self._chunks.rename(self._retired)  # from here on the sealed files count
                    self._schemas = schemas
                    self._flush_folder(self.folder)
            for leftover in (self._retired, self._writing):
                shutil.rmtree(leftover, ignore_errors=True)
            sealed = (path for (path,) in self._files().values())
            return tuple(sorted(file for path in sealed for file in self.files_of(path)))

    def close(self) -> None:
        """Refuse further batches; there is nothing else to let go of."""
        self._closed = True

    # --- files ---

    @property
    def _retired(self) -> Path:
        return self._chunks.with_name("chunks.sealed")

    def _files(self) -> dict[str, tuple[Path, ...]]:
        """Return the data files of each table, in the order in which they were written."""
        chunks = self._listed()
        if chunks is None:
            return {
                match[1]: (self.folder / name,)
                for name in sorted(os.listdir(self.folder))  # noqa: PTH208 - one call, no objects
                if (match := _SEALED.fullmatch(name)) and match[2] in self.suffixes
            }
        return {
            table: tuple(numbered[number] for number in sorted(numbered))
            for table, numbered in sorted(chunks.items())
        }

    def _listed(self) -> dict[str, dict[int, Path]] | None:
        """Return the chunks by table and number; None if there is no folder of chunks."""
        known = (*self.suffixes, ARROW_SUFFIX) if self.arrow_chunks else self.suffixes
        missing: set[tuple[str, int]] = set()
        while True:
            chunks: dict[str, dict[int, Path]] = {}
            try:
                names = os.listdir(self._chunks)  # noqa: PTH208 - as above
            except FileNotFoundError:
                return None
            if not self._chunks.exists():
                return None  # retired and emptied while it was listed
            for name in names:
                match = _CHUNK.fullmatch(name)
                if match and match[3] in known:
                    chunks.setdefault(match[1], {})[int(match[2])] = self._chunks / name
            # A listing may miss a file and yet show a later one, when both are new. Look again:
            # what was missed then is there now, or it is gone.
            before = missing
            missing = {
                (table, number)
                for table, found in chunks.items()
                if len(found) < max(found)
                for number in set(range(1, max(found))).difference(found)
            }
            if not missing:
                return chunks
            for table, number in sorted(missing & before):
                problem = f"chunk {number} of {table} is missing"
                raise CorruptRecording(self._chunks, problem, CHECK_IT)

    def _begin(self) -> None:
        """Refuse to write where it makes no sense; the first time, tidy up after a crash."""
        if self._closed:
            raise StoreError(self.folder, "this backend is closed", "make a new one")
        if self._begun and self._chunks.exists():
            return
        files = self._files()
        if files and not self._chunks.exists():
            mend = "begin a new part to record more"
            raise StoreError(self.folder, "the part is sealed and takes no more rows", mend)
        with writing(self.folder):
            shutil.rmtree(self._writing, ignore_errors=True)
            self._writing.mkdir()
            self._chunks.mkdir(exist_ok=True)
            self._flush_folder(self.folder)
            for entry in list(self.folder.iterdir()):  # of a seal that was cut short
                match = _SEALED.fullmatch(entry.name)
                if match and match[1] in files and match[2] in self.suffixes:
                    entry.unlink()
        self._next = {table: len(chunks) + 1 for table, chunks in files.items()}
        self._begun = True

    def _publish(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Write a file out of sight, then move it into place, which replaces what was there."""
        targets = (path,) if self._is_arrow(path) else self.files_of(path)
        drafts = [self._writing / target.name for target in targets]
        try:
            with writing(path):
                place = self._writing / path.name
                if self._is_arrow(path):
                    write_arrow(place, schema, blocks)
                else:
                    self.write_file(place, schema, blocks, sealed=sealed)
                for draft, target in zip(drafts, targets, strict=True):
                    if self._sync:
                        flush(draft)
                    draft.replace(target)
                self._flush_folder(path.parent)
        finally:
            for draft in drafts:  # of a file that could not be finished: free its space
                draft.unlink(missing_ok=True)

    def _flush_folder(self, folder: Path) -> None:
        if self._sync:
            flush(folder)

    def _compact(self, table: str, files: Sequence[Path]) -> tuple[Path, pa.Schema]:
        """Write a table's chunks into one file; return it and its schema."""
        schema = unite([self._schema(path) for path in files])
        path = self.folder / f"{table}{self.suffix}"
        self._publish(path, schema, self._blocks(files, schema), sealed=True)
        return path, schema

    def _blocks(self, files: Sequence[Path], schema: pa.Schema) -> Iterator[pa.Table]:
        """Yield the rows of the files in blocks of `BLOCK_ROWS`."""
        pending = schema.empty_table()
        for path in files:
            with reading(path):
                rows = self._read(path, self._schema(path).names, ())
            pending = pa.concat_tables([pending, conform(rows, schema)])
            while pending.num_rows >= BLOCK_ROWS:
                yield pending.slice(0, BLOCK_ROWS).combine_chunks()
                pending = pending.slice(BLOCK_ROWS)
        if pending.num_rows:
            yield pending.combine_chunks()

    # --- rows ---

    def _holds(self, table: str, condition: Predicate) -> bool:
        return bool(self.scan(table, (condition.column,), (condition,)).num_rows)

    def _schema(self, path: Path) -> pa.Schema:
        schema = self._schemas.get(path)
        if schema is None:
            with reading(path):
                look = arrow_schema if self._is_arrow(path) else self.file_schema
                schema = self._schemas[path] = look(path)
        return schema

    def _is_arrow(self, path: Path) -> bool:
        return self.arrow_chunks and path.parent == self._chunks and path.suffix == ARROW_SUFFIX

    def _read(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        read = read_arrow if self._is_arrow(path) else self.read_file
        return read(path, columns, conditions)

    def _stored_schema(self, table: str) -> pa.Schema | None:
        files = self._files().get(table)
        return unite([self._schema(path) for path in files]) if files else None

    def _unite(
        self, files: Sequence[Path], columns: Sequence[str] | None, where: Sequence[Predicate]
    ) -> pa.Table:
        """Return what is wanted of all the files, in the types of all of them together."""
        schemas = [self._schema(path) for path in files]
        whole = schemas[0] if len(schemas) == 1 else unite(schemas) if schemas else pa.schema([])
        target = select(whole, columns)
        pieces = []
        if not target.names:
            return target.empty_table()
        for path, schema in zip(files, schemas, strict=True):
            conditions = bind(where, schema)
            names = [name for name in target.names if schema.get_field_index(name) >= 0]
            names = names or schema.names[:1]  # rows count, even if all they show is null
            if conditions is not None:
                with reading(path):
                    pieces.append(conform(self._read(path, names, conditions), target))
        return pieces[0] if len(pieces) == 1 else pa.concat_tables([target.empty_table(), *pieces])
