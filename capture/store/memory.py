"""The backend that keeps everything in memory: for tests, trials and throw-away runs."""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, ClassVar, Final

from capture.contracts.info import BackendInfo
from capture.contracts.options import choose_compression, refuse_unknown
from capture.errors import StoreError
from capture.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from capture.filters import Predicate

__all__ = ["MemoryStorageBackend"]


class _Tables:
    """The tables of one part."""

    def __init__(self) -> None:
        self.batches: dict[str, list[pa.Table]] = {}
        self.schemas: dict[str, pa.Schema] = {}
        self.sealed = False
        self.lock = RLock()


_PARTS: Final[dict[Path, _Tables]] = {}
"""Whoever opens the same folder in this process sees the same tables, as with files."""


class MemoryStorageBackend:
    """Keeps the tables of a part in this process; they end with it.

    Args:
        folder: which part it is; nothing is written there.
        compression: "none".
        sync: without effect, there being no disk.
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
        self.compression: Final = choose_compression(compression, self.compressions)
        self._part: Final = _PARTS.setdefault(self.folder.resolve(), _Tables())
        self._closed = False

    def append(self, table: str, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch to a table; they are copied."""
        from capture.contracts.columns import admit

        part = self._part
        with part.lock:
            if self._closed:
                raise StoreError(self.folder, "this backend is closed", "make a new one")
            if part.sealed:
                mend = "begin a new part to record more"
                raise StoreError(self.folder, "the part is sealed and takes no more rows", mend)
            known = part.schemas.get(table)
            rows, part.schemas[table] = admit(table, batch, known, self._holds)
            part.batches.setdefault(table, []).append(_copied(rows))

    def scan(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        where: Sequence[Predicate] = (),
    ) -> pa.Table:
        """Return the rows that meet every condition, in the order in which they were appended."""
        import pyarrow as pa

        from capture.contracts.columns import select
        from capture.contracts.conditions import bind, matches
        from capture.schema import conform

        with self._part.lock:
            schema = self._part.schemas.get(table, pa.schema([]))
            batches = tuple(self._part.batches.get(table, ()))
        target = select(schema, columns)
        conditions = bind(where, schema)
        pieces = [target.empty_table()]
        if conditions is None or not target.names:
            return pieces[0]
        for batch in batches:
            rows = conform(batch, schema)
            if conditions:
                rows = rows.filter(matches(rows, conditions))
            pieces.append(rows.select(target.names))
        return pa.concat_tables(pieces)

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        with self._part.lock:
            return tuple(sorted(self._part.batches))

    def seal(self) -> tuple[Path, ...]:
        """Refuse further batches from now on; there are no files."""
        self._part.sealed = bool(self._part.batches)
        return ()

    def close(self) -> None:
        """Refuse further batches from here; the tables stay for whoever opens the part again."""
        self._closed = True

    def _holds(self, table: str, condition: Predicate) -> bool:
        return bool(self.scan(table, (condition.column,), (condition,)).num_rows)


def _copied(rows: pa.Table) -> pa.Table:
    """Return the rows in memory of their own: the caller may use its own again."""
    import pyarrow as pa

    batches = [
        pa.ipc.read_record_batch(batch.serialize(), rows.schema) for batch in rows.to_batches()
    ]
    return pa.Table.from_batches(batches, rows.schema)


def _load() -> type:
    return MemoryStorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend."""
    yield BackendInfo("memory", load=_load, summary="memory: for tests and throw-away runs")
