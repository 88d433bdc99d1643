"""What the checks found, and the report that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

import pandas as pd

from capture.analysis.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EVIDENCE_ROWS", "ConsistencyReport", "Finding", "Severity"]

EVIDENCE_ROWS: Final = 20
"""So many sequence numbers are named per finding; the count is always that of all."""

_NAMED: Final = 5


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """What is recorded cannot be true."""
    WARNING = "warning"
    """What is recorded is probably not what was meant."""
    NOTE = "note"
    """Worth knowing; the recording is consistent all the same."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that a check found in one part of a run.

    Attributes:
        check: name of the check.
        severity: how bad it is.
        message: what is wrong.
        mend: what to do about it.
        run_id: the run.
        part: its part; None if the whole run is concerned.
        seqs: sequence numbers of the events concerned, the first twenty.
        count: how many there are.
    """

    check: str
    severity: Severity
    message: str
    mend: str
    run_id: str
    part: int | None = None
    seqs: tuple[int, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        place = f"run {self.run_id}" if self.run_id else ""
        place += "" if self.part is None else f" part {self.part}"
        which = ", ".join(map(str, self.seqs[:_NAMED]))
        more = ", ..." if self.count > _NAMED else ""
        events = f", {self.count:,} of them (events {which}{more})" if which else ""
        return (
            f"{self.severity} {self.check}: {place + ': ' if place else ''}{self.message}{events}"
        )


@dataclass(frozen=True)
class ConsistencyReport(Result):
    """Whether recordings agree with themselves.

    Attributes:
        is_consistent: no check found an error or a warning.
        issues: the errors and warnings, a line each.
        total_signals_checked: how many signals were looked at.
        findings: everything that was found, notes included, the worst first.
        checks: names of the checks that were made.
        skipped: checks that could not be made, and why.
    """

    title: ClassVar[str] = "Consistency"

    is_consistent: bool
    issues: tuple[str, ...]
    total_signals_checked: int
    findings: tuple[Finding, ...]
    checks: tuple[str, ...]
    skipped: Mapping[str, str]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per finding."""
        names = ["check", "severity", "run_id", "part", "count", "seqs", "message", "mend"]
        rows = [[getattr(one, name) for name in names] for one in self.findings]
        frame = pd.DataFrame(rows, columns=names)
        frame["severity"] = frame["severity"].astype(str)
        frame["part"] = frame["part"].astype("Int64")
        return frame

    def summary(self) -> str:
        """Say whether it is consistent, and how much was checked."""
        counts = [
            f"{number} {severity}{'' if number == 1 else 's'}"
            for severity in Severity
            if (number := sum(one.severity is severity for one in self.findings))
        ]
        verdict = "Consistent" if self.is_consistent else "Not consistent"
        found = f": {', '.join(counts)}" if counts else ""
        checked = f"{self.total_signals_checked:,} signals, {len(self.checks)} checks"
        left = f"; not checked: {', '.join(self.skipped)}" if self.skipped else ""
        return f"{verdict}{found} ({checked}{left})."

    def __str__(self) -> str:
        lines = [self.title, self.summary()]
        for one in self.findings:
            lines += [str(one), f"  {one.mend}"]
        return "\n".join(lines)
