"""SQL databases: recordings in SQLite and PostgreSQL, and the repository of signals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture import hookimpl
from capture.contracts.info import BackendInfo, RepositoryInfo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.events import SignalStatus
    from capture_sql.feed import LifecycleFeed
    from capture_sql.repository import SignalRepository

__all__ = ["LifecycleFeed", "SignalRepository", "SignalStatus"]


def __getattr__(name: str) -> Any:
    if name == "SignalRepository":
        return _REPOSITORY.get()
    if name == "LifecycleFeed":
        _REPOSITORY.get()
        from capture_sql.feed import LifecycleFeed

        return LifecycleFeed
    if name == "SignalStatus":
        from capture.events import SignalStatus

        return SignalStatus
    raise AttributeError(f"module 'capture_sql' has no attribute {name!r}")


def _load() -> type:
    from capture_sql.backend import SQLiteStorageBackend

    return SQLiteStorageBackend


def _load_postgres() -> type:
    from capture_sql.postgres import PostgresStorageBackend

    return PostgresStorageBackend


def _load_repository() -> type:
    from capture_sql.repository import SignalRepository

    return SignalRepository


_REPOSITORY: Final = RepositoryInfo(
    "sql",
    load=_load_repository,
    extra="sql",
    requires=("sqlalchemy", "alembic"),
    summary="signals and what became of them, in SQLite or PostgreSQL",
)


@hookimpl
def register_backends() -> Iterator[BackendInfo]:
    """Offer the backends."""
    yield BackendInfo(
        "sql",
        load=_load,
        suffixes=(".sqlite",),
        summary="SQLite: all tables of a part in one database",
    )
    yield BackendInfo(
        "postgres",
        load=_load_postgres,
        extra="postgres",
        requires=("psycopg",),
        suffixes=(".postgres",),
        summary="PostgreSQL: tables of sealed parts in a database",
    )


@hookimpl
def register_repositories() -> Iterator[RepositoryInfo]:
    """Offer the repository of signals."""
    yield _REPOSITORY
