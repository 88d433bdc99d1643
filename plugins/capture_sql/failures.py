"""What SQLite says went wrong, in the words of this package."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from capture.contracts.disk import FREE_SPACE, reading, writing
from capture.errors import StorageFull, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["reading_database", "writing_database"]


@contextmanager
def writing_database(place: Path) -> Iterator[None]:
    """Turn SQLite's errors while something is written into this package's."""
    with writing(place):
        try:
            yield
        except sqlite3.Error as exc:
            if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StorageFull(place, f"no room to write ({exc})", FREE_SPACE) from exc
            mend = "check the disk, and that the folder may be written to"
            raise StoreError(place, f"cannot be written: {exc}", mend) from exc


@contextmanager
def reading_database(place: Path) -> Iterator[None]:
    """Turn SQLite's errors while something is read into this package's."""
    with reading(place):
        try:
            yield
        except sqlite3.OperationalError as exc:  # not of the bytes: locked, or no permission
            mend = "check the disk and the file's permissions"
            raise StoreError(place, f"cannot be read: {exc}", mend) from exc
