"""Ways out of the positions that signals opened, and what is still held at the market's prices."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from capture import checks
from capture.errors import InvalidEvent, SignalNotFound
from capture.lifecycle.amounts import difference
from capture.lifecycle.vocabulary import canonical_update
from capture_sql.address import shown
from capture_sql.chains import extend
from capture_sql.changes import Writing, any_of, as_json, locked, rows_of
from capture_sql.fetching import as_outcome
from capture_sql.positions import fills_of_many, outcomes_of, valued, write_outcomes
from capture_sql.tables import marks, outcomes, signals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.engine import Connection

    from capture.lifecycle.record import Outcome

__all__ = ["Exit", "change", "mark", "update"]


@dataclass(frozen=True)
class Exit:
    """A checked change of an outcome."""

    signal_id: str
    price: float | None
    quantity: float | None
    mark: float | None
    at_ns: int | None
    said: dict[str, Any] = field(default_factory=dict)
    event_key: str | None = None


def change(
    signal_id: str,
    exit_price: float | None,
    quantity: float | None,
    mark_price: float | None,
    fields: Mapping[str, Any],
) -> Exit:
    """Return a checked change of an outcome."""
    if exit_price is None and quantity is not None:
        raise InvalidEvent("quantity", quantity, "comes with an exit_price")
    if exit_price is None and mark_price is None:
        raise InvalidEvent("exit_price", None, "is required, or a mark_price")
    given = canonical_update(
        {**fields, "executed_price": exit_price, "executed_quantity": quantity}
    )
    known = {"commission", "at_ns", "fill_id", "order_id", "reason", "actor"}
    for name in given.keys() - known - {"executed_price", "executed_quantity"}:
        raise InvalidEvent(name, given[name], f"an outcome takes {', '.join(sorted(known))}")
    return Exit(
        signal_id,
        given.pop("executed_price", None),
        given.pop("executed_quantity", None),
        None if mark_price is None else _price("mark_price", mark_price),
        given.pop("at_ns", None),
        given,
    )


def update(connection: Connection, wanted: Exit, sinks: Sequence[str]) -> Outcome:
    """Change an outcome and return its record."""
    rows = locked(connection, [wanted.signal_id])
    place = shown(connection.engine.url)
    if wanted.signal_id not in rows:
        raise SignalNotFound(wanted.signal_id, place)
    row = rows[wanted.signal_id]
    outcome = outcomes_of(connection, [wanted.signal_id]).get(wanted.signal_id)
    if outcome is None:
        problem = f"opened no position; it is a {row['signal_type']} that is {row['status']}"
        raise InvalidEvent("signal_id", wanted.signal_id, problem)
    every = fills_of_many(connection, [wanted.signal_id])[wanted.signal_id]
    writing = Writing(connection, sinks)
    at_ns = wanted.at_ns or writing.now
    if wanted.price is not None:
        fill_id = wanted.said.get("fill_id")
        if fill_id is not None and fill_id in {each["fill_id"] for each in every}:
            return as_outcome(outcome)
        every.append(_way_out(writing, row, outcome, wanted, at_ns))
    if wanted.mark is not None:
        outcome["mark_price"], outcome["marked_ns"] = wanted.mark, at_ns
    changed = valued(outcome, every) or outcome
    writing.finish()
    if wanted.mark is not None:
        _note_marks(connection, writing.now, at_ns, {wanted.signal_id: wanted.mark})
    write_outcomes(connection, [changed])
    return as_outcome(changed)


def mark(connection: Connection, prices: Mapping[str, float], at: Any) -> int:
    """Value the open positions of some symbols, and return how many there are."""
    if not prices:
        return 0
    marks = {symbol: _price(f"price of {symbol}", price) for symbol, price in prices.items()}
    writing = Writing(connection, ())
    at_ns = writing.now if at is None else checks.time_ns("at", at)
    held = sa.select(outcomes.c.signal_id).where(
        outcomes.c.state == "open", any_of(connection, outcomes.c.symbol, sorted(marks))
    )
    chosen = sorted(connection.execute(held).scalars())
    if not chosen:
        return 0
    # The lock of a position is that of its signal, whoever changes it.
    here = any_of(connection, signals.c.signal_id, chosen)
    lock = sa.select(signals.c.signal_id).where(here).order_by(signals.c.signal_id)
    rows_of(connection, lock.with_for_update())
    every = fills_of_many(connection, chosen)
    changed = []
    for signal_id, outcome in sorted(outcomes_of(connection, chosen).items()):
        if outcome["state"] != "open":
            continue
        outcome["mark_price"], outcome["marked_ns"] = marks[outcome["symbol"]], at_ns
        changed.append(valued(outcome, every[signal_id]) or outcome)
    if changed:
        prices_of = {outcome["signal_id"]: outcome["mark_price"] for outcome in changed}
        _note_marks(connection, writing.now, at_ns, prices_of)
        write_outcomes(connection, changed)
    return len(changed)


def _note_marks(
    connection: Connection, now: int, at_ns: int, prices_of: Mapping[str, float]
) -> None:
    """Chain what positions are valued at; it is called while their signals are locked."""
    row = {"at_ns": at_ns, "recorded_ns": now, "prices": as_json(dict(prices_of))}
    extend(connection, [row], marks)


def _price(field: str, value: Any) -> float:
    try:
        return float(canonical_update({"executed_price": value})["executed_price"])
    except InvalidEvent as error:
        raise InvalidEvent(field, value, error.problem) from None


def _way_out(
    writing: Writing,
    row: dict[str, Any],
    outcome: Mapping[str, Any],
    wanted: Exit,
    at_ns: int,
) -> dict[str, Any]:
    """Note a fill that gave units back."""
    held = difference(outcome["entry_quantity"], outcome["exit_quantity"])
    quantity = held if wanted.quantity is None else wanted.quantity
    if not 0 < quantity <= held:
        raise InvalidEvent("quantity", quantity, f"{held} are held")
    fill = {
        "signal_id": row["signal_id"],
        "fill_id": wanted.said.get("fill_id") or secrets.token_hex(8),
        "role": "exit",
        "quantity": quantity,
        "price": wanted.price,
        "commission": wanted.said.get("commission", 0.0),
        "at_ns": at_ns,
        "order_id": wanted.said.get("order_id"),
    }
    about = {name: wanted.said.get(name) for name in ("reason", "actor", "order_id")}
    writing.note(
        row, "outcome", row["status"], fill, at_ns=at_ns, event_key=wanted.event_key, **about
    )
    return fill
