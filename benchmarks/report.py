"""What a benchmark found: tables, and figures that are held against a goal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Figure", "Report", "Table"]


@dataclass(frozen=True)
class Table:
    """Rows under named columns, with what a reader must know beside them."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    notes: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return the table as JSON keeps it: one mapping per row."""
        return {
            "title": self.title,
            "rows": [dict(zip(self.columns, row, strict=True)) for row in self.rows],
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A measured quantity and the goal that it should not exceed.

    Attributes:
        quantity: what was measured, and against what.
        measured: the value; None where the product has no such thing yet.
        goal: the most that it should be.
        unit: unit of both.
        note: what else must be said.
    """

    quantity: str
    measured: float | None
    goal: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured is not None and self.measured <= self.goal

    def to_record(self) -> dict[str, Any]:
        """Return the figure as JSON keeps it."""
        return {**vars(self), "met": self.met}


@dataclass(frozen=True)
class Report:
    """All that one benchmark found."""

    name: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...] = field(default=())

    def to_record(self) -> dict[str, Any]:
        """Return the report as JSON keeps it."""
        return {
            "tables": [table.to_record() for table in self.tables],
            "figures": [figure.to_record() for figure in self.figures],
        }
