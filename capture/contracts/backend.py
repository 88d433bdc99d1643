"""The contract of a storage backend: it appends and scans Arrow record batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from capture.filters import Predicate

__all__ = ["StorageBackend"]


@runtime_checkable
class StorageBackend(Protocol):
    """Holds the tables of one part in one folder, and has one writer.

    A backend class is made with `Backend(folder, compression=None, *, sync=False, **options)`. The
    folder exists; what the backend puts there is its own affair until `seal`, which leaves a few
    finished files directly in the folder, and nothing else of its own. With `sync`, what was
    appended or sealed is also safe from a power cut.

    `append` returns when the batch would survive the process: afterwards it is there whole, and
    after a kill during `append` it is there whole or not at all. Batches of one table may bring
    columns that earlier ones did not have; rows without a column hold null there.
    """

    def append(self, table: str, batch: pa.RecordBatch) -> None:
        """Add the rows of a batch to a table; an empty batch only declares its columns."""
        ...

    def scan(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        where: Sequence[Predicate] = (),
    ) -> pa.Table:
        """Return the rows that meet every condition, in the order in which they were appended.

        Columns that the table does not have are left out of the result; a condition on such a
        column is met by no row. A table that was never appended to gives a table of no columns.
        """
        ...

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        ...

    def seal(self) -> tuple[Path, ...]:
        """Compact what was appended, durably, and return the files, all within the folder."""
        ...

    def close(self) -> None:
        """Let go of files and memory; nothing appended is lost. Closing twice is allowed."""
        ...
