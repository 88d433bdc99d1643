"""Recordings in SQL databases: SQLite, one file per part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture import hookimpl
from capture.contracts.info import BackendInfo

if TYPE_CHECKING:
    from collections.abc import Iterator


def _load() -> type:
    from capture_sql.backend import SQLiteStorageBackend

    return SQLiteStorageBackend


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backend."""
    yield BackendInfo(
        "sql",
        load=_load,
        extra="sql",
        suffixes=(".sqlite",),
        summary="SQLite: all tables of a part in one database",
    )
