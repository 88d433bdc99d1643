"""Reports as text: with rich on a terminal, as plain columns everywhere else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from benchmarks.report import Figure, Table

__all__ = ["draw", "figures_table", "shown"]


def shown(value: Any) -> str:
    """Return a cell as text: three digits that count, and no more."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if abs(value) >= 100:
            return f"{value:,.0f}"
        return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)


def draw(table: Table) -> None:
    """Print a table."""
    if sys.stdout.isatty():
        _draw_rich(table)
    else:
        print("\n".join(_plain(table)), flush=True)


def _draw_rich(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable

    drawn = RichTable(title=table.title, title_justify="left", caption_justify="left")
    for place, name in enumerate(table.columns):
        drawn.add_column(name, justify="right" if _is_number(table, place) else "left")
    for row in table.rows:
        drawn.add_row(*map(shown, row))
    console = Console()
    console.print(drawn)
    for note in table.notes:
        console.print(f"  {note}", style="dim", highlight=False)
    console.print()


def _plain(table: Table) -> Iterable[str]:
    cells = [tuple(map(shown, row)) for row in table.rows]
    every = [table.columns, *cells]
    widths = [max(len(row[place]) for row in every) for place in range(len(table.columns))]
    right = [_is_number(table, place) for place in range(len(table.columns))]
    yield f"\n## {table.title}\n"
    yield _line(table.columns, widths, right)
    marks = ("-" * (w - 1) + ":" if r else "-" * w for w, r in zip(widths, right, strict=True))
    yield f"| {' | '.join(marks)} |"
    for row in cells:
        yield _line(row, widths, right)
    if table.notes:
        yield ""
    for note in table.notes:
        yield f"- {note}"


def _line(row: tuple[str, ...], widths: list[int], right: list[bool]) -> str:
    padded = (
        text.rjust(width) if flush_right else text.ljust(width)
        for text, width, flush_right in zip(row, widths, right, strict=True)
    )
    return f"| {' | '.join(padded)} |"


def _is_number(table: Table, place: int) -> bool:
    return any(isinstance(row[place], (int, float)) for row in table.rows)


def figures_table(figures: Mapping[str, Iterable[Figure]]) -> Table:
    """Return all figures, by benchmark, beside their goals."""
    from benchmarks.report import Table

    rows = tuple(
        (f.quantity, name, f.measured, f.goal, f.unit, "met" if f.met else "SHORT", f.note)
        for name, some in figures.items()
        for f in some
    )
    columns = ("quantity", "benchmark", "measured", "goal", "unit", "", "note")
    return Table("Figures and goals", columns, rows)
