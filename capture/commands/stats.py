"""`capture stats`: what recording a run cost, and what was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from capture.commands.standing import show_figures
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, duration, of_bytes, safe
from capture.commands.views.cost import cost
from capture.commands.words import choose_run, json_option, run_argument, store_option, verb

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["command"]


@verb("stats")
@run_argument
@store_option
@click.option("--db", metavar="URL", help="Show how this database of signals stands instead.")
@json_option
def command(run: str, store: str, db: str | None, as_json: bool) -> None:
    """Show what recording RUN cost: rows, bytes, seconds, and what was refused.

    With --db: signals by their state, outcomes, and what waits to be delivered.
    """
    if db is not None:
        show_figures(db, as_json)
        return
    view = cost(choose_run(store, run))
    if as_json:
        write(view)
    else:
        _draw(view, Screen())


def _draw(view: Mapping[str, Any], screen: Screen) -> None:
    screen.text(safe(view["run_id"]), "bold")
    screen.facts(_facts(view))
    tables = view["tables"]
    if tables:
        screen.heading("Tables")
        screen.table(
            Table.of(
                Column("TABLE", [safe(table["table"]) for table in tables]),
                Column("ROWS", [count(table["rows"]) for table in tables], right=True),
                Column("ON DISK", [of_bytes(table["bytes"]) for table in tables], right=True),
                Column("PER ROW", [_per_row(table) for table in tables], right=True),
            )
        )
    if view["quarantine"]:
        screen.heading("Quarantined")
        screen.table(
            Table.of(
                Column("EVENTS", [count(q["events"]) for q in view["quarantine"]], right=True),
                Column("KIND", [safe(q["kind"]) for q in view["quarantine"]]),
                Column("FIELD", [safe(q["field"]) for q in view["quarantine"]]),
                Column("PROBLEM", [safe(q["problem"]) for q in view["quarantine"]]),
            )
        )


def _facts(view: Mapping[str, Any]) -> dict[str, str]:
    said = view["recorder"]
    signals, seconds = said.get("captured"), said.get("capture_seconds")
    each = f", {duration(seconds / signals)} a signal" if signals and seconds else ""
    per_signal = view["bytes_per_signal"]
    failures = view["plugin_failures"]
    return {
        "state": safe(view["state"]),
        "parts": count(view["parts"]),
        "captured": f"{count(signals)} signals" if signals is not None else "",
        "flushed": f"{count(said['flushed'])} events" if "flushed" in said else "",
        "dropped": count(said.get("dropped", 0)),
        "quarantined": count(said.get("quarantined", 0)),
        "capturing": f"{duration(seconds)}{each}" if seconds else "",
        "flushing": duration(said["flush_seconds"]) if "flush_seconds" in said else "",
        "on disk": of_bytes(view["bytes"]),
        "per signal": of_bytes(per_signal) if per_signal is not None else "",
        "base data": f"{of_bytes(view['base_bytes'])}, shared by all runs that read them"
        if view["base_bytes"]
        else "",
        "plugin failures": ", ".join(f"{safe(n)}: {safe(k)}" for n, k in failures.items()) or "0",
    }


def _per_row(table: Mapping[str, Any]) -> str:
    if not table["rows"] or table["bytes"] is None:
        return ""
    return of_bytes(table["bytes"] / table["rows"])
