"""The verbs that ask: signals, one signal with its history, figures, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.lifecycle.words import (
    as_time,
    database_option,
    filter_options,
    filters_of,
    opened,
)
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amount, amounts, count, moment, plural, safe
from capture.commands.words import json_option, verb
from capture.errors import SignalNotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["VERBS"]

_STATUS: Final = "1 the signal was not found, 2 it could not run"
_FACTS: Final = (
    "symbol", "side", "signal_type", "status", "reason", "strategy_id", "run_id", "timeframe",
    "regime", "strength", "confidence", "quality_score", "requested_quantity", "executed_quantity",
    "entry_price", "submitted_price", "executed_price", "target_price", "stop_price", "slippage",
    "delay_slippage", "fill_slippage", "commission", "order_id",
)  # fmt: skip
_POSITION: Final = (
    "state", "entry_price", "entry_quantity", "exit_price", "exit_quantity", "realised_profit",
    "unrealised_profit", "mark_price", "commission",
)  # fmt: skip


def told(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record for a program: times as text, by names without their unit."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if name.endswith("_ns"):
            found[name.removesuffix("_ns") + "_time"] = as_time(value)
        elif hasattr(value, "to_dict"):
            found[name] = told(value)
        else:
            found[name] = dict(value) if hasattr(value, "items") else value
    return found


@verb("list", status="2 it could not run")
@database_option
@filter_options
@click.option(
    "--limit", type=click.IntRange(0), default=50, show_default=True, help="Most signals."
)
@json_option
def list_(db: str | None, limit: int, as_json: bool, **words: Any) -> None:
    """List signals, the newest first."""
    with opened(db) as repository:
        found = repository.get_signals(filters_of(words), limit)
    if as_json:
        write([told(record) for record in found])
        return
    screen = Screen()
    if not found:
        screen.text("No signals.")
        return
    screen.table(
        Table.of(
            Column("SIGNAL", [safe(r.signal_id) for r in found]),
            Column("TIME", [moment(as_time(r.signal_ns)) for r in found], rank=2),
            Column("STRATEGY", [safe(r.strategy_id or "") for r in found], rank=4),
            Column("SYMBOL", [safe(r.symbol) for r in found]),
            Column("SIDE", [r.side for r in found]),
            Column("STATUS", [str(r.status) for r in found]),
            Column("FILLED", amounts([r.executed_quantity for r in found]), right=True, rank=3),
            Column("PRICE", amounts([r.executed_price for r in found]), right=True, rank=3),
            Column("SLIPPAGE", amounts([r.slippage for r in found]), right=True, rank=5),
            Column("REASON", [safe(r.reason or "") for r in found], rank=1),
        )
    )


@verb("show", status=_STATUS)
@click.argument("signal_id", metavar="SIGNAL")
@database_option
@json_option
def show(signal_id: str, db: str | None, as_json: bool) -> None:
    """Show one signal: its fields, its history, its fills, and what its position came to."""
    with opened(db) as repository:
        record = repository.get_signal_by_id(signal_id)
        if record is None:
            raise SignalNotFound(signal_id, str(repository.database))
        history = repository.get_history(signal_id, every=True)
        fills = repository.get_fills(signal_id)
    if as_json:
        signal = told(record)
        rows = {"history": [told(row) for row in history], "fills": [told(row) for row in fills]}
        write({**signal, **rows})
        return
    screen = Screen()
    screen.text(safe(record.signal_id), "bold")
    facts = {name.replace("_", " "): amount(record[name]) for name in _FACTS}
    facts |= {"given": moment(as_time(record.signal_ns))}
    screen.facts({**facts, **{safe(name): amount(v) for name, v in record.extra.items()}})
    _draw_history(screen, history)
    _draw_fills(screen, fills)
    if record.outcome is not None:
        screen.heading("Position")
        said = record.outcome.to_dict()
        screen.facts({name.replace("_", " "): amount(said[name]) for name in _POSITION})


def _draw_history(screen: Screen, history: Sequence[Any]) -> None:
    screen.heading("History")
    screen.table(
        Table.of(
            Column("TIME", [moment(as_time(row.at_ns)) for row in history]),
            Column("STATUS", [str(row.status) for row in history]),
            Column("CHANGE", [row.kind for row in history], rank=3),
            Column("ACTOR", [safe(row.actor or "") for row in history], rank=2),
            Column("REASON", [safe(row.reason or "") for row in history], rank=1),
        )
    )


def _draw_fills(screen: Screen, fills: Sequence[Any]) -> None:
    if not fills:
        return
    screen.heading("Fills")
    screen.table(
        Table.of(
            Column("TIME", [moment(as_time(row.at_ns)) for row in fills]),
            Column("WAY", [{"entry": "in", "exit": "out"}[row.role] for row in fills]),
            Column("QUANTITY", amounts([row.quantity for row in fills]), right=True),
            Column("PRICE", amounts([row.price for row in fills]), right=True),
            Column("COMMISSION", amounts([row.commission for row in fills]), right=True, rank=1),
        )
    )


@verb("stats", status="2 it could not run")
@database_option
@filter_options
@json_option
def stats(db: str | None, as_json: bool, **words: Any) -> None:
    """Show how signals fared: counts by state, slippage by stage, what positions earned."""
    with opened(db) as repository:
        found = repository.get_execution_stats(filters_of(words))
    if as_json:
        write(found.to_dict())
        return
    screen = Screen()
    said = found.to_dict()
    by_status = said.pop("by_status")
    screen.facts({name.replace("_", " "): amount(value) for name, value in said.items()})
    if by_status:
        screen.heading("States")
        screen.facts({status: count(number) for status, number in by_status.items()})


@verb("rejections", status="2 it could not run")
@database_option
@filter_options
@click.option("--by", type=click.Choice(["strategy", "symbol", "actor"]), help="For each of these.")
@json_option
def rejections(db: str | None, by: str | None, as_json: bool, **words: Any) -> None:
    """Show why signals were rejected, in all or for each strategy, symbol or actor."""
    group = {"strategy": "strategy_id"}.get(by or "", by)
    with opened(db) as repository:
        found = repository.get_rejection_summary(filters_of(words), by=group)
    if as_json:
        write(found)
        return
    screen = Screen()
    groups = found if group is not None else {"": found}
    rows = [(of, why, times) for of, reasons in groups.items() for why, times in reasons.items()]
    if not rows:
        screen.text("Nothing was rejected.")
        return
    screen.table(
        Table.of(
            Column((by or "").upper(), [safe(of) for of, _, _ in rows], rank=0 if by else 1),
            Column("REASON", [safe(why) for _, why, _ in rows]),
            Column("SIGNALS", [count(times) for _, _, times in rows], right=True),
        )
    )
    screen.text(f"{plural(sum(times for *_, times in rows), 'signal')} rejected.")


VERBS: Final = (list_, show, stats, rejections)
