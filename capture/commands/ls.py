"""`capture ls`: the runs of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.commands.terminal.document import utc, write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, safe, second
from capture.commands.words import json_option, store_option, verb

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["STATE_STYLES", "command", "runs_record", "runs_table"]

STATE_STYLES = {
    "running": "cyan",
    "ended": "green",
    "failed": "red",
    "corrupt": "red",
    "crashed": "yellow",
    "crashed-recovered": "yellow",
    "quarantined": "red",
}


@verb("ls", status="1 a record is corrupt, 2 it could not run")
@store_option
@json_option
def command(store: str, as_json: bool) -> None:
    """List the runs of a store, the newest last."""
    from capture.store.store import open_store

    opened = open_store(store)
    runs = opened.summaries()
    if as_json:
        write(runs_record(runs))
        return
    screen = Screen()
    if runs:
        screen.table(runs_table(runs))
    else:
        screen.text(f"No run was recorded in {safe(opened.url)} yet.")


def runs_record(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return some runs as a program reads them."""
    return [{**run, "started": utc(run["started"]), "ended": utc(run["ended"])} for run in runs]


def runs_table(runs: Sequence[dict[str, Any]]) -> Table:
    """Return the table of some runs."""

    def texts(name: str) -> list[str]:
        return [safe(run[name] or "") for run in runs]

    def counts(name: str) -> list[str]:
        return [count(run[name]) for run in runs]

    return Table.of(
        Column("RUN", texts("run_id"), style="bold"),
        Column("STRATEGY", texts("strategy"), rank=4),
        Column("HOST", texts("host"), rank=6),
        Column("KIND", [_unusual(run["kind"]) for run in runs], rank=5),
        Column("STATE", texts("state"), rank=1),
        Column("PARTS", [_several(run["parts"]) for run in runs], right=True, rank=8),
        Column("SIGNALS", counts("signals"), right=True, rank=2),
        Column("ORDERS", counts("orders"), right=True, rank=7),
        Column("FILLS", counts("fills"), right=True, rank=3),
        Column("STARTED (UTC)", [second(run["started"]) for run in runs], rank=9),
        Column("SYMBOLS", [_some(run["symbols"]) for run in runs], rank=10),
        Column("PROBLEM", texts("problem"), rank=11),
    )


def _unusual(kind: str | None) -> str:
    return "" if kind in (None, "capture") else safe(kind)


def _several(parts: int | None) -> str:
    return "" if parts in (None, 1) else count(parts)


def _some(symbols: Sequence[str] | None) -> str:
    named = [safe(symbol) for symbol in symbols or ()]
    return ", ".join(named[:3]) + (f" +{len(named) - 3}" if len(named) > 3 else "")
