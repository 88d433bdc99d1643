"""The table of the documentation: same backtester, and across, each scenario by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from benchmarks.across.hosts import LEFT_OUT, cannot
from benchmarks.across.scenarios import SCENARIOS
from capture.store.explanations import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.across.running import Row

__all__ = ["BEGIN", "END", "put", "table", "taken"]

BEGIN: Final = "<!-- made by `make hosts-table`: begin -->"
END: Final = "<!-- made by `make hosts-table`: end -->"


def table(found: Sequence[Row]) -> str:
    """Return the tables as Markdown."""
    lines = ["### In the same backtester", ""]
    lines += ["| scenario | backtester | trades | fills | gaps |", "|---|---|--:|--:|--:|"]
    for row in found:
        if row.original == row.replayed:
            was = row.explanation
            gaps = len(was.gaps) + was.equity.differing + (0 if row.exact else 1)
            lines.append(
                f"| {row.scenario} | {row.original} | {was.trades.original} "
                f"| {was.fills.original} | {gaps} |"
            )
    for scenario in SCENARIOS:
        lines += ["", f"### Across: {scenario.name}", ""]
        lines += [
            "| from | into | trades | matched | equal | gaps | of these, by cause | unexplained |",
            "|---|---|--:|--:|--:|--:|---|--:|",
        ]
        lines += [
            _across(row)
            for row in found
            if row.scenario == scenario.name and row.original != row.replayed
        ]
        for name in sorted({row.replayed for row in found}):
            why = cannot(name, scenario)
            if why:
                lines += ["", f"Not recorded in {name}: {why}."]
        for (name, market), why in sorted(LEFT_OUT.items()):
            if market == scenario.market:
                lines += ["", f"Without {name}: {why}."]
    return "\n".join(lines) + "\n"


def _across(row: Row) -> str:
    was = row.explanation
    known = {cause: n for cause, n in was.causes.items() if cause != Cause.UNEXPLAINED}
    causes = ", ".join(f"{cause} {n}" for cause, n in sorted(known.items())) or "-"
    then, now = was.trades.original, was.trades.replayed
    trades = str(then) if then == now else f"{then} then, {now} now"
    left = len(was.unexplained) + was.equity.unexplained
    return (
        f"| {row.original} | {row.replayed} | {trades} | {was.trades.matched} "
        f"| {was.trades.equal} | {len(was.gaps)} | {causes} | {left} |"
    )


def put(page: str, made: str) -> str:
    """Return a page with the table in its place."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{made}\n{END}{after}"


def taken(page: str) -> str:
    """Return the table that a page has."""
    return page.partition(BEGIN)[2].partition(END)[0].strip() + "\n"
