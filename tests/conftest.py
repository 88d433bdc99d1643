"""What holds for every test; anything more particular stands beside the tests that use it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.hosts import names_one_left_out

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


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what is named after a backtester that does not allow this pandas, and no more."""
    return True if names_one_left_out(collection_path.name) else None


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
    from capture.testing.postgres import schema

    with schema(postgres) as url:
        yield url
