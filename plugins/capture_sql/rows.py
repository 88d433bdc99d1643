"""Arrow tables to SQL rows and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from capture.contracts.conditions import Condition

__all__ = ["ROW", "add_rows", "find_rows", "quoted"]

ROW: Final = "row"
"""The column that numbers the rows of a table, in the order in which they were added."""

_FETCHED: Final = 16_384
_NAN: Final = "NaN"  # SQLite would make it null


def quoted(name: str) -> str:
    """Return a name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def add_rows(
    connection: sqlite3.Connection, table: str, rows: pa.Table, names: Mapping[str, str]
) -> None:
    """Add the rows behind those that the table has."""
    columns = ", ".join(quoted(names[name]) for name in rows.column_names)
    marks = ", ".join("?" * rows.num_columns)
    statement = ["INSERT INTO", quoted(table), f"({columns})", "VALUES", f"({marks})"]
    values = [_to_sql(column.combine_chunks()) for column in rows.columns]
    connection.executemany(" ".join(statement), zip(*values, strict=True))


def find_rows(
    connection: sqlite3.Connection,
    table: str,
    target: pa.Schema,
    conditions: Sequence[Condition],
    names: Mapping[str, str],
) -> pa.Table:
    """Return the columns of `target` of the rows that meet all conditions, in order."""
    columns = ", ".join(quoted(names[name]) for name in target.names)
    terms = ["TRUE"]
    given: list[Any] = []
    for number, condition in enumerate(conditions):
        term, those = _term(connection, condition, quoted(names[condition.column]), number)
        terms.append(term)
        given += those
    statement = ["SELECT", columns, "FROM", quoted(table), "WHERE", " AND ".join(terms)]
    cursor = connection.execute(" ".join([*statement, "ORDER BY", ROW]), given)
    pieces = [target.empty_table()]
    while rows := cursor.fetchmany(_FETCHED):
        found = zip(zip(*rows, strict=True), target.types, strict=True)
        arrays = [_to_arrow(list(values), type_) for values, type_ in found]
        pieces.append(pa.table(arrays, schema=target))
    return pa.concat_tables(pieces)


def _term(
    connection: sqlite3.Connection, condition: Condition, column: str, number: int
) -> tuple[str, tuple[Any, ...]]:
    """Return a condition in SQL, and the values for its question marks."""
    match condition.operator:
        case "known":
            return f"{column} IS NOT NULL", ()
        case "in":  # of any number of values, which question marks would limit
            wanted = f"temp.wanted_{number}"
            connection.execute(f"CREATE TABLE {wanted} (value)")
            add = " ".join(["INSERT INTO", wanted, "VALUES (?)"])
            connection.executemany(add, [(value,) for value in condition.values])
            return " ".join([column, "IN (SELECT value FROM", wanted, ")"]), ()
        case ">" | ">=" if pa.types.is_floating(condition.type):
            # NaN is stored as text, which SQLite sorts behind every number.
            return f"({column} {condition.operator} ? AND {column} <= 9e999)", condition.values
        case _:
            return f"{column} {condition.operator} ?", condition.values


def _to_sql(values: pa.Array) -> list[Any]:
    if pa.types.is_timestamp(values.type):
        values = values.view(pa.int64())
    found: list[Any] = values.to_pylist()
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        return [_NAN if value != value else value for value in found]
    return found


def _to_arrow(values: list[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(type_):
        return pa.array(values, pa.int8()).cast(type_)
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).view(type_)
    if pa.types.is_floating(type_) and _NAN in values:
        values = [float(value) if value == _NAN else value for value in values]
    return pa.array(values, type_)
