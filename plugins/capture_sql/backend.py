"""SQLite: all tables of a part in one database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar
from urllib.parse import quote

import pyarrow as pa

from capture.contracts.columns import admit, select
from capture.contracts.conditions import bind
from capture.contracts.disk import CHECK_IT, flush
from capture.contracts.options import choose_compression, refuse_unknown
from capture.errors import CorruptRecording, StoreError
from capture_sql.catalogue import Catalogue
from capture_sql.failures import reading_database, writing_database
from capture_sql.rows import add_rows, find_rows, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.filters import Predicate

__all__ = ["SQLiteStorageBackend"]

_INDEXED: Final = ("seq", "timestamp", "symbol")
_PAGE_BYTES: Final = 16_384
_BUSY_SECONDS: Final = 30.0

_Answer = TypeVar("_Answer")


class SQLiteStorageBackend:
    """Stores all tables of a part in `tables.sqlite`.

    While the part is open, the database is `writing.sqlite`, with a write-ahead log, so that
    others read while batches are added. `seal` copies it compactly to `tables.sqlite`; from the
    moment that this file is there, it alone counts.

    Args:
        folder: where the part lives.
        compression: "none"; SQLite has no other.
        sync: wait until the disk has what was written, so that it survives a power cut.
        options: none; one that is misspelt is refused.
    """

    compressions: ClassVar[tuple[str, ...]] = ("none",)

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
        self._sealed: Final = self.folder / "tables.sqlite"
        self._live: Final = self.folder / "writing.sqlite"
        self._lock: Final = Lock()
        self._writer: sqlite3.Connection | None = None
        self._closed = False

    def append(self, table: str, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch to a table, in one transaction."""
        with self._lock, writing_database(self._live):
            connection = self._connection()
            catalogue = Catalogue(connection)
            rows, grown = admit(table, batch, catalogue.schema(table), self._holds)
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                catalogue.grow(table, grown)
                add_rows(connection, table, rows, catalogue.stored_names(table))

    def scan(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        where: Sequence[Predicate] = (),
    ) -> pa.Table:
        """Return the rows that meet every condition, in the order in which they were appended."""

        def find(connection: sqlite3.Connection) -> pa.Table:
            catalogue = Catalogue(connection)
            schema = catalogue.schema(table) or pa.schema([])
            target = select(schema, columns)
            conditions = bind(where, schema)
            if conditions is None or not target.names:
                return target.empty_table()
            return find_rows(connection, table, target, conditions, catalogue.stored_names(table))

        return self._read(find, pa.table({}))

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        return self._read(lambda connection: Catalogue(connection).tables(), ())

    def seal(self) -> tuple[Path, ...]:
        """Copy the database compactly, with indexes; sealing again changes nothing."""
        with self._lock:
            if self._live.exists() and not self._sealed.exists():
                with writing_database(self._sealed):
                    connection = self._connection()
                    if Catalogue(connection).tables():
                        self._compact(connection)
            self._disconnect()
            for leftover in self.folder.glob(f"{self._live.name}*"):
                leftover.unlink()
            return (self._sealed,) if self._sealed.exists() else ()

    def close(self) -> None:
        """Let go of the database and refuse further batches."""
        with self._lock:
            self._closed = True
            self._disconnect()

    def _connection(self) -> sqlite3.Connection:
        """Return the writer's connection; make it, and the database, when it is first needed."""
        if self._closed:
            raise StoreError(self.folder, "this backend is closed", "make a new one")
        if self._sealed.exists():
            mend = "begin a new part to record more"
            raise StoreError(self.folder, "the part is sealed and takes no more rows", mend)
        if self._writer is None:
            self._writer = _connect(self._live)
            self._writer.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            self._writer.execute("PRAGMA journal_mode = WAL")
            # A killed process loses nothing even so: the system has the bytes.
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if self._sync else 'OFF'}")
            Catalogue(self._writer).create()
            if self._sync:
                flush(self.folder)
        return self._writer

    def _disconnect(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _compact(self, connection: sqlite3.Connection) -> None:
        draft = self._live.with_name(f"{self._live.name}.sealing")
        draft.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(draft),))
        with closing(_connect(draft)) as copy:
            copy.execute("PRAGMA journal_mode = DELETE")
            for table in Catalogue(copy).tables():
                names = Catalogue(copy).stored_names(table)
                for name in _INDEXED:
                    if name in names:
                        index = quoted(f"{table}_by_{name}")
                        column = quoted(names[name])
                        copy.execute(f"CREATE INDEX {index} ON {quoted(table)} ({column})")
        if self._sync:
            flush(draft)
        draft.replace(self._sealed)
        if self._sync:
            flush(self.folder)

    def _holds(self, table: str, condition: Predicate) -> bool:
        return bool(self.scan(table, (condition.column,), (condition,)).num_rows)

    def _source(self) -> Path | None:
        return next((path for path in (self._sealed, self._live) if path.exists()), None)

    def _read(self, ask: Callable[[sqlite3.Connection], _Answer], nothing: _Answer) -> _Answer:
        """Return what a reader answers, of one state of the database."""
        while True:
            source = self._source()
            if source is None:
                return nothing
            try:
                # A sealed file never changes, so that it needs no lock and no writable folder.
                mode = "mode=ro&immutable=1" if source == self._sealed else "mode=ro"
                with (
                    reading_database(source),
                    closing(_connect(source, mode)) as connection,
                ):
                    connection.execute("BEGIN")
                    answer = self._answer(connection, source, ask, nothing)
            except StoreError:
                if source == self._source():
                    raise
            else:
                if source == self._source():  # not taken away while it was read
                    return answer

    def _answer(
        self,
        connection: sqlite3.Connection,
        source: Path,
        ask: Callable[[sqlite3.Connection], _Answer],
        nothing: _Answer,
    ) -> _Answer:
        begun = Catalogue(connection).exists()
        if source == self._sealed:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            if not begun or source.stat().st_size != pages * _PAGE_BYTES:
                raise CorruptRecording(source, "the database is not whole", CHECK_IT)
        return ask(connection) if begun else nothing


def _connect(path: Path, mode: str = "mode=rwc") -> sqlite3.Connection:
    return sqlite3.connect(
        f"file:{quote(str(path))}?{mode}",
        uri=True,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # batches may come from a writer thread, `close` from another
    )
