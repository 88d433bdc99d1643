"""`capture plugins`: every plugin, how it is, and what it offers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import plural, safe
from capture.commands.words import json_option, verb
from capture.host import get_host

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.host import PluginReport

__all__ = ["command", "plugins_table"]

_MOST_NAMES: Final = 4


@verb("plugins", status="2 it could not run")
@json_option
def command(as_json: bool) -> None:
    """List the plugins, how they are, and what they offer.

    CAPTURE_DISABLE_PLUGINS names those to leave out, with commas between.
    """
    reports = get_host().reports()
    if as_json:
        write([asdict(report) for report in reports])
        return
    screen = Screen()
    screen.table(plugins_table(reports))
    for report in reports:
        if report.problem:
            screen.text()
            screen.text(f"{safe(report.name)}: {safe(report.problem)}", "yellow")
            screen.text(f"  {safe(report.mend)}" if report.mend else "")


def plugins_table(reports: Sequence[PluginReport]) -> Table:
    """Return the table of plugins."""
    return Table.of(
        Column("PLUGIN", [safe(r.name) for r in reports], style="bold"),
        Column("STATE", [r.state for r in reports]),
        Column("EXTRA", [safe(r.missing_extra or "") for r in reports], rank=2),
        Column("DISTRIBUTION", [safe(r.distribution or "by hand") for r in reports], rank=4),
        Column("VERSION", [safe(r.version or "") for r in reports], rank=3),
        Column("OFFERS", [_offers(r.offers) for r in reports], rank=1),
    )


def _offers(offers: Sequence[str]) -> str:
    """Return offers in few words; many of one kind are counted."""
    by_kind: dict[str, list[str]] = {}
    for offer in offers:
        kind, _, name = offer.rpartition(" ")
        by_kind.setdefault(kind, []).append(safe(name))
    return "; ".join(
        f"{kind} {', '.join(names)}" if len(names) <= _MOST_NAMES else plural(len(names), kind)
        for kind, names in by_kind.items()
    )
