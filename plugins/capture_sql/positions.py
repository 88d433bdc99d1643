"""The positions that signals opened, kept as their fills have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from capture.events import SignalType
from capture.lifecycle.positions import position_of
from capture_sql.chains import sealed
from capture_sql.changes import any_of, rows_of
from capture_sql.filling import SIGNS
from capture_sql.tables import fills, outcomes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["fills_of_many", "keep_positions", "outcomes_of", "valued", "write_outcomes"]


def fills_of_many(
    connection: Connection, signal_ids: Sequence[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return the fills of signals, in order, by identity."""
    found: dict[str, list[dict[str, Any]]] = {signal_id: [] for signal_id in signal_ids}
    if signal_ids:
        chosen = any_of(connection, fills.c.signal_id, sorted(found))
        query = sa.select(fills).where(chosen).order_by(fills.c.signal_id, fills.c.version)
        for row in rows_of(connection, query):
            found[row["signal_id"]].append(dict(row))
    return found


def outcomes_of(connection: Connection, signal_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the outcomes of signals whose rows are locked, by identity."""
    if not signal_ids:
        return {}
    query = sa.select(outcomes).where(any_of(connection, outcomes.c.signal_id, sorted(signal_ids)))
    return {row["signal_id"]: dict(row) for row in rows_of(connection, query)}


def keep_positions(
    connection: Connection,
    rows: Sequence[Mapping[str, Any]],
    filled: Mapping[str, Sequence[Mapping[str, Any]]],
    opening: frozenset[str] = frozenset(),
) -> None:
    """Let the positions of these signals be as their fills now have it.

    Args:
        connection: the transaction's; it holds the locks of the signals.
        rows: signals that got a fill.
        filled: all fills of each of them, in order.
        opening: signals that open a position although they are no entries.
    """
    chosen = {
        row["signal_id"]: row
        for row in rows
        if (row["signal_type"] == SignalType.ENTRY or row["signal_id"] in opening)
        and row["side"] in SIGNS
    }
    known = outcomes_of(connection, list(chosen))
    made = [
        valued(known.get(signal_id) or _new(row), filled[signal_id])
        for signal_id, row in chosen.items()
    ]
    write_outcomes(connection, [each for each in made if each is not None])


def valued(
    outcome: dict[str, Any], its_fills: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Return an outcome as its fills and its mark have it; None if nothing is or was held."""
    position = position_of(outcome["direction"], its_fills)
    if position is None:
        return None
    closed = position.held == 0
    mark = outcome["mark_price"]
    outcome |= {
        "state": "closed" if closed else "open",
        "entry_price": position.entry_price,
        "entry_quantity": position.entry_quantity,
        "exit_price": position.exit_price,
        "exit_quantity": position.exit_quantity,
        "commission": position.commission,
        "realised_profit": position.realised_profit,
        "unrealised_profit": None,
        "opened_ns": position.opened_ns,
        "closed_ns": position.last_ns if closed else None,
        "version": outcome["version"] + 1,
    }
    if closed:
        outcome["unrealised_profit"] = 0.0
    elif mark is not None:
        outcome["unrealised_profit"] = position.unrealised(outcome["direction"], mark)
    return sealed(outcome)


def write_outcomes(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write outcomes: those of version 1 are new."""
    fresh = [row for row in rows if row["version"] == 1]
    changed = [row for row in rows if row["version"] > 1]
    if fresh:
        connection.execute(outcomes.insert(), fresh)
    if changed:
        names = [column.name for column in outcomes.columns if not column.primary_key]
        update = outcomes.update().where(outcomes.c.signal_id == sa.bindparam("key_of_row"))
        connection.execute(
            update.values({name: sa.bindparam(name) for name in names}),
            [{**row, "key_of_row": row["signal_id"]} for row in changed],
        )


def _new(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "signal_id": row["signal_id"],
        "strategy_id": row["strategy_id"],
        "symbol": row["symbol"],
        "direction": SIGNS[row["side"]],
        "mark_price": None,
        "marked_ns": None,
        "version": 0,
    }
