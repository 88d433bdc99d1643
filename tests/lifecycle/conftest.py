"""A repository, on SQLite and on PostgreSQL, and signals to put into it.

Alembic runs once a session: a database of the newest version is the copy of a file, or the SQL that
was said to PostgreSQL then. What tests the way to that version begins with `empty_db_url`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from capture.testing.postgres import schema
from capture_sql import SignalRepository
from tests.lifecycle.migrated import copied_file, migrated_file, migration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file of the newest schema, which nobody writes to."""
    return migrated_file(tmp_path_factory.mktemp("migrated") / "lifecycle.sqlite")


@pytest.fixture(scope="session")
def postgres_migration(postgres: str) -> str:
    """What PostgreSQL is told to have the newest schema, as Alembic tells it."""
    with schema(postgres) as url:
        return migration(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a database without a row: the test runs on SQLite and on a real PostgreSQL server."""
    if request.param == "sqlite":
        migrated: Path = request.getfixturevalue("migrated")
        yield copied_file(migrated, tmp_path / "lifecycle.sqlite")
    else:
        postgres, script = map(request.getfixturevalue, ("postgres", "postgres_migration"))
        with schema(postgres, script) as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without a table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/lifecycle.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def repository(db_url: str) -> Iterator[SignalRepository]:
    """An empty repository; the test runs once per kind of database."""
    with SignalRepository(db_url) as made:
        yield made


@pytest.fixture
def signal() -> Callable[..., dict[str, Any]]:
    """Makes a signal as a live system has it."""

    def make(**fields: Any) -> dict[str, Any]:
        return {
            "symbol": "GOOG",
            "side": "buy",
            "strategy_id": "momentum",
            "signal_type": "entry",
            "entry_price": 100.0,
            "requested_quantity": 10,
            **fields,
        }

    return make
