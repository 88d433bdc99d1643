"""The named checks: each is a function from a subject to the problems it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.analysis.consistency.report import EVIDENCE_ROWS, Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from capture.analysis.consistency.subject import Subject

__all__ = ["CHECKS", "Check", "Problem", "named"]


class Problem(NamedTuple):
    """What a check found in one part."""

    message: str
    run_id: str
    part: int | None = None
    seqs: Any = ()
    severity: Severity | None = None


@dataclass(frozen=True)
class Check:
    """One named check.

    Attributes:
        name: what it is called.
        severity: how bad its findings are, unless one says otherwise.
        mend: what to do about them.
        search: finds the problems.
        needs_recording: whether a frame of signals alone is not enough.
    """

    name: str
    severity: Severity
    mend: str
    search: Callable[[Subject], Iterator[Problem]]
    needs_recording: bool

    def findings(self, subject: Subject) -> Iterator[Finding]:
        """Make the check."""
        for problem in self.search(subject):
            seqs: NDArray[np.int64] = np.sort(np.asarray(problem.seqs, dtype=np.int64))
            yield Finding(
                check=self.name,
                severity=problem.severity or self.severity,
                message=problem.message,
                mend=self.mend,
                run_id=problem.run_id,
                part=problem.part,
                seqs=tuple(seqs[:EVIDENCE_ROWS].tolist()),
                count=len(seqs),
            )


CHECKS: Final[dict[str, Check]] = {}
"""Every check, by name, in the order in which they are made."""


def named(
    name: str, severity: Severity, mend: str, *, needs_recording: bool = False
) -> Callable[[Callable[[Subject], Iterator[Problem]]], Callable[[Subject], Iterator[Problem]]]:
    """Make a check of a function."""

    def register(
        search: Callable[[Subject], Iterator[Problem]],
    ) -> Callable[[Subject], Iterator[Problem]]:
        CHECKS[name] = Check(name, severity, mend, search, needs_recording)
        return search

    return register
