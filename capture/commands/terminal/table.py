"""A table of texts, computed before it is drawn: which columns fit, and how wide they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["GAP", "Column", "Table"]

GAP: Final = 2
"""Blanks between two columns."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        title: its heading.
        cells: its texts, one per row.
        right: whether texts stand at the right, as numbers do.
        rank: how easily it is given up on a narrow screen; 0 is never given up.
        style: how rich draws its cells.
    """

    title: str
    cells: Sequence[str]
    right: bool = False
    rank: int = 0
    style: str = ""

    def width(self, measure: Callable[[str], int] = len) -> int:
        """Return the width of its widest text."""
        return max(map(measure, (self.title, *self.cells)))


@dataclass(frozen=True)
class Table:
    """Columns side by side; `left_out` names those that did not fit."""

    columns: tuple[Column, ...]
    left_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, *columns: Column) -> Table:
        """Make a table of columns; one that may be given up and says nothing is."""
        return cls(tuple(c for c in columns if not c.rank or any(c.cells)))

    def fit(self, width: int, measure: Callable[[str], int] = len) -> Table:
        """Return the table with as many columns as fit, the least wanted given up first."""
        kept = list(self.columns)
        gone: list[str] = []
        while sum(c.width(measure) + GAP for c in kept) - GAP > width:
            worst = max(kept, key=lambda c: (c.rank, kept.index(c)))
            if not worst.rank:
                break
            kept.remove(worst)
            gone.insert(0, worst.title)
        return replace(self, columns=tuple(kept), left_out=tuple(gone))

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Return the rows."""
        return zip(*(column.cells for column in self.columns), strict=True)

    def lines(self) -> Iterator[str]:
        """Return the table as aligned lines of plain text, its headings first."""
        widths = [column.width() for column in self.columns]
        for row in ([column.title for column in self.columns], *self.rows()):
            cells = (
                cell.rjust(width) if column.right else cell.ljust(width)
                for cell, width, column in zip(row, widths, self.columns, strict=True)
            )
            yield (" " * GAP).join(cells).rstrip()
