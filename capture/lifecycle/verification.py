"""What checking a database of signals found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["DatabaseFinding", "DatabaseVerification"]


@dataclass(frozen=True)
class DatabaseFinding:
    """One thing that is not as it was written.

    Attributes:
        table: table of the database.
        problem: what is wrong.
        signal_id: the signal it concerns, if one can be named.
        field: the field, if one can be named.
    """

    table: str
    problem: str
    signal_id: str | None = None
    field: str | None = None

    def __str__(self) -> str:
        """Return it in one line."""
        field = f".{self.field}" if self.field else ""
        signal = f" of signal {self.signal_id}" if self.signal_id else ""
        return f"{self.table}{field}{signal}: {self.problem}"


@dataclass(frozen=True)
class DatabaseVerification:
    """What was checked, and what was found.

    Attributes:
        database: where; a password is not shown.
        signals: signals that were checked.
        changes: rows of history that were checked.
        findings: what is wrong.
    """

    database: str
    signals: int
    changes: int
    findings: tuple[DatabaseFinding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {
            "database": self.database,
            "ok": self.ok,
            "signals": self.signals,
            "changes": self.changes,
            "findings": [
                {
                    "table": each.table,
                    "signal_id": each.signal_id,
                    "field": each.field,
                    "problem": each.problem,
                }
                for each in self.findings
            ],
        }

    def __str__(self) -> str:
        """Return the findings, a line each, or that there are none."""
        if self.ok:
            return f"{self.database}: clean, {self.signals} signals, {self.changes} changes"
        return "\n".join(str(each) for each in self.findings)
