"""How `capture parity --explain` draws where the differences come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, safe

if TYPE_CHECKING:
    from capture.commands.terminal.screen import Screen
    from capture.store.explanations import Explanation

__all__ = ["draw"]

_SHOWN: Final = 10


def draw(found: Explanation, screen: Screen) -> None:
    """Draw what was matched, a table of causes, what was found, and what has no cause."""
    screen.heading(f"{safe(found.replayed_host)} against {safe(found.original_host)}")
    for name, rows in (("trades", found.trades), ("fills", found.fills)):
        said = f"{count(rows.original)} then, {count(rows.replayed)} now"
        screen.text(
            f"{name}: {said}; {count(rows.matched)} matched one to one, "
            f"{count(rows.equal)} of them equal"
        )
    if found.causes:
        screen.text()
        screen.table(
            Table.of(
                Column("CAUSE", list(found.causes)),
                Column("DIFFERENCES", [count(n) for n in found.causes.values()], right=True),
                Column("OF", [", ".join(_columns(found, cause)) for cause in found.causes]),
            )
        )
        screen.text()
    for finding in found.findings:
        screen.text(safe(finding))
    for gap in found.unexplained[:_SHOWN]:
        screen.text(safe(f"unexplained: {gap}"), "red")
    if len(found.unexplained) > _SHOWN:
        screen.text(f"and {count(len(found.unexplained) - _SHOWN)} more; --json has them all")
    left = len(found.unexplained) + found.equity.unexplained
    verdict = f"{count(left)} differences are unexplained." if left else _ALL
    screen.text(verdict, "bold red" if left else "green")


_ALL: Final = "Every difference is explained."


def _columns(found: Explanation, cause: str) -> list[str]:
    return sorted({gap.column for gap in found.gaps if gap.cause == cause})
