"""What holds for every test; anything more particular stands beside the tests that use it."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTUP = str(Path(__file__).parent / "startup")
if STARTUP not in sys.path:
    # Here and in every process that a test starts: what vectorbt compiles is compiled once.
    sys.path.append(STARTUP)
    import sitecustomize  # noqa: F401

    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [os.environ.get("PYTHONPATH"), STARTUP])
    )

# Hundreds of processes would each compile our sources anew where this is set.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A shared machine is too noisy for a deadline per example. In CI the examples are the same every
# time, so that a red run there is red again at home; elsewhere they are drawn anew.
settings.register_profile("capture", deadline=None, print_blob=True, derandomize="CI" in os.environ)
settings.load_profile("capture")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a database on a real PostgreSQL server, for this session; without one, tests fail."""
    from capture.testing.postgres import database

    with database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """URL of a PostgreSQL schema that only this test uses, as a database of its own."""
    import psycopg

    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    sign = "&" if "?" in postgres else "?"
    yield f"{postgres}{sign}options=-csearch_path%3D{name}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA {name} CASCADE")


@pytest.fixture(params=["sqlite", "postgresql"])
def db_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database: the test runs on SQLite and on a real PostgreSQL server."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/lifecycle.sqlite"
    url: str = request.getfixturevalue("postgres_url")
    return url
