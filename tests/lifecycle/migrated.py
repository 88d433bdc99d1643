"""Databases of the newest schema from the start: Alembic runs once a session, not once a test."""

from __future__ import annotations

import shutil
from contextlib import closing
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from capture_sql.database import Database
from capture_sql.versions import make_ready

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["copied_file", "migrated_file", "migration"]


def migrated_file(path: Path) -> Path:
    """Make a SQLite file of the newest schema."""
    with closing(Database(path, "journal", 1)) as database:
        make_ready(database)
    return path


def copied_file(migrated: Path, path: Path) -> str:
    """Copy such a file, and return the URL of the copy."""
    shutil.copyfile(migrated, path)
    return f"sqlite:///{path}"


def migration(url: str) -> str:
    """Bring an empty PostgreSQL schema to the newest version; return all that was said, as SQL."""
    said: list[str] = []

    def hear(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        # What has parameters asks, or changes rows, of which an empty database has none.
        if not parameters and not statement.lstrip().upper().startswith(("SELECT", "SHOW")):
            said.append(statement)

    with closing(Database(url, "journal", 1)) as database:
        sa.event.listen(database.engine, "before_cursor_execute", hear)
        make_ready(database)
    return ";\n".join(said)
