"""Which tables and columns a database has, and of which types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

from capture.contracts.columns import describe, restore
from capture_sql.rows import ROW, quoted

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Catalogue"]

_CREATE: Final = """
CREATE TABLE IF NOT EXISTS capture_columns (
    table_name TEXT,     -- table of the recording, and of this database
    position INTEGER,    -- place of the column in the table
    name TEXT,           -- the column's name
    type TEXT,           -- its Arrow type
    stored_as TEXT,      -- its name in this database, where names differ in more than their case
    PRIMARY KEY (table_name, position)
) WITHOUT ROWID
"""


class Catalogue:
    """The table `capture_columns`, by which the others are read and grown."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def exists(self) -> bool:
        """Say whether the database has its catalogue yet."""
        found = "SELECT 1 FROM sqlite_master WHERE name = 'capture_columns'"
        return self._connection.execute(found).fetchone() is not None

    def create(self) -> None:
        """Make the catalogue of a new database."""
        self._connection.execute(_CREATE)

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables, sorted."""
        found = self._connection.execute(
            "SELECT DISTINCT table_name FROM capture_columns ORDER BY table_name"
        )
        return tuple(name for (name,) in found)

    def schema(self, table: str) -> pa.Schema | None:
        """Return the columns of a table, or None if there is no such table."""
        return restore({name: type_ for name, type_, _ in self._columns(table)}) or None

    def stored_names(self, table: str) -> dict[str, str]:
        """Return the name in the database of each column of a table."""
        return {name: stored for name, _, stored in self._columns(table)}

    def grow(self, table: str, schema: pa.Schema) -> None:
        """Make the table one of this schema, which has all the columns that it has already."""
        known = self.schema(table)
        if known == schema:
            return
        names = _stored_names(schema)
        definitions = [_definition(names[field.name], field.type) for field in schema]
        if known is None:
            self._create(table, definitions)
        elif any(_turns_real(field.type, schema.field(field.name).type) for field in known):
            self._rebuild(table, definitions, [names[name] for name in known.names])
        else:
            for definition in definitions[len(known) :]:
                self._connection.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {definition}")
        self._connection.execute("DELETE FROM capture_columns WHERE table_name = ?", (table,))
        self._connection.executemany(
            "INSERT INTO capture_columns VALUES (?, ?, ?, ?, ?)",
            [
                (table, position, name, type_, names[name])
                for position, (name, type_) in enumerate(describe(schema).items())
            ],
        )

    def _columns(self, table: str) -> list[tuple[str, str, str]]:
        return self._connection.execute(
            "SELECT name, type, stored_as FROM capture_columns WHERE table_name = ?"
            " ORDER BY position",
            (table,),
        ).fetchall()

    def _create(self, table: str, definitions: list[str]) -> None:
        columns = ", ".join([f"{ROW} INTEGER PRIMARY KEY", *definitions])
        self._connection.execute(f"CREATE TABLE {quoted(table)} ({columns})")

    def _rebuild(self, table: str, definitions: list[str], names: list[str]) -> None:
        """Copy the table into one with other column types, which SQLite cannot change."""
        before, columns = quoted("capture_before"), ", ".join([ROW, *map(quoted, names)])
        self._connection.execute(f"ALTER TABLE {quoted(table)} RENAME TO {before}")
        self._create(table, definitions)
        copy = ["INSERT INTO", quoted(table), f"({columns})", "SELECT", columns, "FROM", before]
        self._connection.execute(" ".join(copy))
        self._connection.execute(f"DROP TABLE {before}")


def _turns_real(before: pa.DataType, after: pa.DataType) -> bool:
    return bool(pa.types.is_integer(before) and pa.types.is_floating(after))


def _definition(name: str, type_: pa.DataType) -> str:
    if pa.types.is_string(type_):
        return f"{quoted(name)} TEXT"
    if pa.types.is_integer(type_) or pa.types.is_boolean(type_) or pa.types.is_timestamp(type_):
        return f"{quoted(name)} INTEGER"
    # No word for real numbers: in a column that is declared REAL, -0.0 becomes 0.0.
    return quoted(name) if pa.types.is_floating(type_) else f"{quoted(name)} BLOB"


def _stored_names(schema: pa.Schema) -> dict[str, str]:
    """Return names that SQLite can tell apart: it does not look at their case."""
    taken = {ROW}
    names = {}
    for name in schema.names:
        stored = name.replace("\0", "?")
        while stored.lower() in taken:
            stored += "_"
        taken.add(stored.lower())
        names[name] = stored
    return names
