"""PostgreSQL: the tables of a part in a database, once the part is sealed."""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa

from capture.contracts.chunked import ChunkedBackend
from capture.contracts.columns import restore
from capture.contracts.disk import CHECK_IT
from capture.errors import ConfigError, CorruptRecording, MissingExtra, StorageFull, StoreError
from capture.hiding import without_secrets
from capture_sql.address import refuse_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import psycopg

    from capture.contracts.conditions import Condition

__all__ = ["SERVER", "PostgresStorageBackend"]

SERVER: Final = "CAPTURE_POSTGRES"
"""Environment variable that names the database where no `url` is given."""

_ROW: Final = "row"
_LONGEST_NAME: Final = 40  # PostgreSQL cuts names at 63 bytes, silently
_NO_ROOM: Final = ("53100", "53200")
_TYPES: Final = {
    "bool": "boolean",
    "int8": "smallint",
    "int16": "smallint",
    "int32": "integer",
    "int64": "bigint",
    "double": "double precision",
    "string": 'text COLLATE "C"',  # sorted by code point, as everywhere in this product
    "binary": "bytea",
    "timestamp[ns, tz=UTC]": "bigint",  # PostgreSQL's own times end at microseconds
}


class PostgresStorageBackend(ChunkedBackend):
    """Keeps sealed tables in PostgreSQL; in the folder there is a file that says where, per table.

    While a part is open, its batches are files in the folder: a server that is away loses nothing
    and stops nothing before the part is sealed. The file of a sealed table names the database
    without a password, which comes from where PostgreSQL's own programs have it (`PGPASSWORD`,
    `~/.pgpass`).

    Args:
        folder: where the part lives.
        compression: "none"; PostgreSQL has its own.
        sync: wait until the disk has what was written.
        url: such as `postgresql://user@host/name`; None is the environment's `CAPTURE_POSTGRES`.
        options: none; one that is misspelt is refused.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".postgres",)
    arrow_chunks: ClassVar[bool] = True

    def __init__(
        self,
        folder: str | Path,
        compression: str | None = None,
        *,
        sync: bool = False,
        url: str | None = None,
        **options: object,
    ) -> None:
        super().__init__(folder, compression, sync=sync, **options)
        self._url = url or os.environ.get(SERVER)
        if self._url:
            refuse_secrets(self._url, "url" if url else SERVER)

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        """Copy a table into the database, and write where it is."""
        if not self._url:
            mend = f"name a database: url='postgresql://user@host/name', or {SERVER}"
            raise ConfigError("url", self._url, mend)
        relation = f"part_{path.stem[:_LONGEST_NAME]}_{secrets.token_hex(6)}"
        names = _stored_names(schema.names)
        said: dict[str, Any] = {"url": self._url, "relation": relation, "columns": []}
        with _connected(self._url, path) as connection:
            texts = _create(connection, relation, schema, names)
            rows = 0
            for block in blocks:
                _widen(connection, relation, block, names, texts)
                _copy(connection, relation, block, rows, texts)
                rows += block.num_rows
            said["rows"] = rows
            said["columns"] = [
                {
                    "name": f.name,
                    "type": str(f.type),
                    "stored_as": names[f.name],
                    "text": f.name in texts,
                }
                for f in schema
            ]
            path.write_text(json.dumps(said, indent=1) + "\n")

    def file_schema(self, path: Path) -> pa.Schema:
        """Return the schema that a table was copied with."""
        return restore({c["name"]: c["type"] for c in json.loads(path.read_text())["columns"]})

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        """Return these columns of the rows that meet all conditions, in order."""
        from psycopg import sql

        said = json.loads(path.read_text())
        stored = {each["name"]: each for each in said["columns"]}
        schema = self.file_schema(path)
        target = pa.schema([schema.field(name) for name in columns])
        terms, given = [sql.SQL("TRUE")], []
        for condition in conditions:
            term, values = _term(condition, stored[condition.column])
            terms.append(term)
            given += values
        query = sql.SQL("SELECT {} FROM {} WHERE {} ORDER BY {}").format(
            sql.SQL(", ").join(sql.Identifier(stored[name]["stored_as"]) for name in columns),
            sql.Identifier(said["relation"]),
            sql.SQL(" AND ").join(terms),
            sql.Identifier(_ROW),
        )
        with _connected(said["url"], path) as connection:
            self._refuse_if_short(connection, said, path)
            found = connection.cursor(binary=True).execute(query, given).fetchall()
        if not found:
            return target.empty_table()
        arrays = [
            _to_arrow(list(values), stored[name], target.field(name).type)
            for name, values in zip(columns, zip(*found, strict=True), strict=True)
        ]
        return pa.table(arrays, schema=target)

    def _refuse_if_short(self, connection: Any, said: dict[str, Any], path: Path) -> None:
        from psycopg import errors, sql

        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(said["relation"]))
        try:
            (rows,) = connection.execute(count).fetchone()
        except errors.UndefinedTable as exc:
            problem = f"its table {said['relation']} is no longer in the database"
            raise CorruptRecording(path, problem, CHECK_IT) from exc
        if rows != said["rows"]:
            problem = f"{said['rows']} rows were sealed, and {rows} are in the database"
            raise CorruptRecording(path, problem, CHECK_IT)


# --- writing -------------------------------------------------------------------------------------


def _create(
    connection: psycopg.Connection[Any], relation: str, schema: pa.Schema, names: dict[str, str]
) -> set[str]:
    """Make the table; return the columns that hold text."""
    from psycopg import sql

    columns = [
        sql.SQL("{} {}").format(sql.Identifier(names[f.name]), sql.SQL(_TYPES[str(f.type)]))
        for f in schema
    ]
    columns.insert(0, sql.SQL("{} bigint PRIMARY KEY").format(sql.Identifier(_ROW)))
    create = sql.SQL("CREATE TABLE {} ({})")
    connection.execute(create.format(sql.Identifier(relation), sql.SQL(", ").join(columns)))
    return {field.name for field in schema if pa.types.is_string(field.type)}


def _widen(
    connection: psycopg.Connection[Any],
    relation: str,
    block: pa.Table,
    names: dict[str, str],
    texts: set[str],
) -> None:
    """Turn a column of text into one of bytes when the first NUL comes, which text cannot hold."""
    from psycopg import sql

    for name in sorted(texts):
        values = block.column(name).to_pylist()
        if any(value is not None and "\0" in value for value in values):
            change = sql.SQL("ALTER TABLE {0} ALTER {1} TYPE bytea USING convert_to({1}, 'UTF8')")
            column = sql.Identifier(names[name])
            connection.execute(change.format(sql.Identifier(relation), column))
            texts.discard(name)


def _copy(
    connection: psycopg.Connection[Any], relation: str, block: pa.Table, first: int, texts: set[str]
) -> None:
    from psycopg import sql

    copy = sql.SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(sql.Identifier(relation))
    columns = [_to_sql(block.column(f.name), f.name in texts) for f in block.schema]
    kinds = ["int8", *(_kind(f.type, f.name in texts) for f in block.schema)]
    with connection.cursor().copy(copy) as stream:
        stream.set_types(kinds)
        for row in zip(range(first, first + block.num_rows), *columns, strict=True):
            stream.write_row(row)


def _kind(type_: pa.DataType, is_text: bool) -> str:
    word = _TYPES[str(type_)].partition(" ")[0]
    if pa.types.is_string(type_):
        return "text" if is_text else "bytea"
    return {
        "boolean": "bool",
        "smallint": "int2",
        "integer": "int4",
        "bigint": "int8",
        "double": "float8",
    }.get(word, word)


def _to_sql(column: pa.ChunkedArray, is_text: bool) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    if pa.types.is_string(column.type) and not is_text:
        return [None if value is None else value.encode() for value in values]
    return values


def _stored_names(names: Sequence[str]) -> dict[str, str]:
    """Return names that PostgreSQL keeps apart: it cuts long ones."""
    taken = {_ROW}
    found = {}
    for name in names:
        stored = base = re.sub(r"[^A-Za-z0-9_]", "_", name)[:_LONGEST_NAME] or "_"
        number = 1
        while stored in taken:
            number += 1
            stored = f"{base}_{number}"
        taken.add(stored)
        found[name] = stored
    return found


# --- reading -------------------------------------------------------------------------------------


def _term(condition: Condition, stored: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return a condition in SQL, and the values for its placeholders."""
    from psycopg import sql

    column: Any = sql.Identifier(stored["stored_as"])
    values = list(condition.values)
    if pa.types.is_string(condition.type):
        if stored["text"] and any("\0" in value for value in values):
            column = sql.SQL("convert_to({}, 'UTF8')").format(column)
            values = [value.encode() for value in values]
        elif not stored["text"]:
            values = [value.encode() for value in values]
    match condition.operator:
        case "known":
            return sql.SQL("{} IS NOT NULL").format(column), []
        case "in":
            return sql.SQL("{} = ANY(%s)").format(column), [values]
        case ">" | ">=" if pa.types.is_floating(condition.type):
            # To PostgreSQL, NaN is more than any number.
            term = f"({{0}} {condition.operator} %s AND {{0}} <> 'NaN')"
            return sql.SQL(term).format(column), values
        case _:
            term = f"{{}} {condition.operator} %s"
            return sql.SQL(term).format(column), values


def _to_arrow(values: list[Any], stored: dict[str, Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).view(type_)
    if pa.types.is_string(type_) and not stored["text"]:
        values = [None if value is None else bytes(value).decode() for value in values]
    return pa.array(values, type_)


@contextmanager
def _connected(url: str, place: Path) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection in a transaction, which is committed if all went well."""
    try:
        import psycopg
    except ImportError as exc:
        raise MissingExtra("PostgreSQL", extra="postgres", library="psycopg") from exc
    try:
        with psycopg.connect(url) as connection:
            yield connection
    except psycopg.Error as exc:
        said = (without_secrets(str(exc)).strip().splitlines() or [type(exc).__name__])[0]
        if exc.sqlstate in _NO_ROOM:
            raise StorageFull(place, f"the server has no room ({said})", "make room there") from exc
        mend = "check that the server answers and lets you in"
        raise StoreError(place, f"PostgreSQL refused: {said}", mend) from exc
