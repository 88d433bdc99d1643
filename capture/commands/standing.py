"""What `capture stats --db` says: how a database of signals stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.commands.lifecycle.words import opened
from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amount, count, duration, safe

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["show_figures"]


def show_figures(db: str, as_json: bool) -> None:
    """Show the figures of a database."""
    from capture.lifecycle.figures import lifecycle_figures

    with opened(db) as repository:
        figures = lifecycle_figures(repository).to_dict()
    if as_json:
        write(figures)
    else:
        _draw(figures, Screen())


def _draw(figures: Mapping[str, Any], screen: Screen) -> None:
    screen.text(safe(figures["place"]), "bold")
    screen.facts(
        {
            "signals": count(figures["signals"]),
            "within an hour": count(figures["last_hour"]),
            **{safe(status): count(n) for status, n in figures["by_status"].items()},
            "executed": count(figures["executed"]),
            "skipped": count(figures["skipped"]),
            "execution rate": _share(figures["execution_rate"]),
            "mean slippage": _amount(figures["avg_slippage"]),
            "open positions": count(figures["open_positions"]),
            "realised": amount(figures["realised_profit"]),
            "unrealised": amount(figures["unrealised_profit"]),
            "won": _share(figures["win_rate"]),
        }
    )
    outbox = figures["outbox"]
    if outbox:
        screen.heading("Outbox")
        screen.table(
            Table.of(
                Column("SINK", [safe(sink) for sink in outbox]),
                Column("WAITING", [count(c["pending"]) for c in outbox.values()], right=True),
                Column("SENT", [count(c["sent"]) for c in outbox.values()], right=True),
                Column("GIVEN UP", [count(c["dead"]) for c in outbox.values()], right=True),
                Column(
                    "OLDEST WAITS",
                    [
                        duration(c["oldest_seconds"]) if c["pending"] else ""
                        for c in outbox.values()
                    ],
                    right=True,
                ),
            )
        )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _amount(value: float | None) -> str:
    return "" if value is None else amount(round(value, 9) + 0.0)
