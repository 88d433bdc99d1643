"""Which version of the schema a database has, and how it comes to the newest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from capture.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from capture_sql.database import Database

__all__ = ["NEWEST", "VERSION_TABLE", "make_ready", "upgrade", "version_of"]

NEWEST: Final = "0003"
# 0001: first release: signals, history, fills, outcomes, outbox
# 0002: archives; slippage split by stage; when a signal came to its final state
# 0003: valuations of positions as links of a chain

VERSION_TABLE: Final = "capture_schema_version"
_HOME: Final = Path(__file__).parent / "migrations"
_KEY: Final = 0x5349_474E_414C  # of PostgreSQL's advisory lock, held while a schema is changed


def make_ready(database: Database) -> None:
    """Make an empty database one of the newest version; refuse one of another version."""
    with database.reading() as connection:
        found = version_of(connection)
    if found is None:
        database.write(lambda connection: _upgraded(connection, only_if_empty=True))
        with database.reading() as connection:
            found = version_of(connection)
    if found != NEWEST:
        place = str(database)
        if found is not None and found < NEWEST:
            problem = f"its schema is of version {found}, and this program needs {NEWEST}"
            mend = "make a backup, stop what writes to it, and run `capture lifecycle migrate`"
        else:
            problem = f"its schema is of version {found}, and this program knows {NEWEST}"
            mend = "upgrade signal-capture"
        raise StoreError(place, problem, mend)


def upgrade(database: Database, to: str = NEWEST) -> tuple[str | None, str | None]:
    """Bring a database to a version, all steps in one transaction; return versions before, after.

    Several processes may try at once: one does it, the others find it done.
    """
    return database.write(lambda connection: _upgraded(connection, to))


def version_of(connection: Connection) -> str | None:
    """Return the version of a database, or None if it is empty."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return None
    table = sa.table(VERSION_TABLE, sa.column("version_num"))
    found = connection.execute(sa.select(table.c.version_num)).scalar()
    return None if found is None else str(found)


def _upgraded(
    connection: Connection, to: str = NEWEST, *, only_if_empty: bool = False
) -> tuple[str | None, str | None]:
    from alembic import command
    from alembic.config import Config

    if connection.dialect.name == "postgresql":  # SQLite's write lock is held already
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_KEY)))
    before = version_of(connection)
    if not (only_if_empty and before is not None) and (before is None or before < to):
        config = Config()
        config.set_main_option("script_location", str(_HOME).replace("%", "%%"))
        attributes: dict[str, Any] = config.attributes
        attributes["connection"] = connection
        command.upgrade(config, to)
    return before, version_of(connection)
