"""One new signal with all that belongs to it in one statement: one round trip to PostgreSQL.

The statement is a transaction of its own, so that neither BEGIN nor COMMIT has to be waited for.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from capture_sql.tables import history, outbox, signals, writers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["save_at_once"]


def save_at_once(
    connection: Connection,
    signal: Mapping[str, Any],
    change: Mapping[str, Any],
    end: Mapping[str, Any],
    items: Sequence[Mapping[str, Any]],
) -> None:
    """Write a new signal, its first change, the end of the chain and items of the outbox."""
    given = _named("signal", signal) | _named("change", change) | _named("end", end)
    for place, item in enumerate(items):
        given |= _named(f"item{place}", item)
    columns = tuple(map(tuple, (signal, change)))
    connection.execute(_statement(*columns, tuple(items[0]) if items else (), len(items)), given)


def _named(prefix: str, row: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in row.items()}


@cache
def _statement(
    signal: tuple[str, ...], change: tuple[str, ...], item: tuple[str, ...], items: int
) -> sa.Select[Any]:
    parts = [_inserted(signals, "signal", signal), _inserted(history, "change", change)]
    parts += [_inserted(outbox, f"item{place}", item) for place in range(items)]
    moved = writers.update().where(writers.c.writer == sa.bindparam("end_writer"))
    moved = moved.values(links=sa.bindparam("end_links"), chain=sa.bindparam("end_chain"))
    ends = [part.cte(f"part_{place}") for place, part in enumerate((*parts, moved))]
    return sa.select(sa.literal_column("1")).add_cte(*ends)


def _inserted(table: sa.Table, prefix: str, names: Sequence[str]) -> sa.Insert:
    values = {name: sa.bindparam(f"{prefix}_{name}", type_=table.c[name].type) for name in names}
    return table.insert().inline().values(values)
