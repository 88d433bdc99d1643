"""`check`: make the named checks, and report what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.analysis.consistency import (
    fills,
    hashes,
    identity,
    market,
    positions,
    sequence,
    values,
)
from capture.analysis.consistency.registry import CHECKS
from capture.analysis.consistency.report import ConsistencyReport, Finding, Severity
from capture.analysis.consistency.subject import Subject
from capture.analysis.material import Material, material_of
from capture.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["check", "check_names"]

# A check is there once its module was imported.
_GROUPS: Final = (identity, values, sequence, market, fills, positions, hashes)
_WORST_FIRST: Final = {severity: place for place, severity in enumerate(Severity)}
_NO_RECORDING: Final = "the signals do not come from a recording"
_LEFT_OUT: Final = "left out"


def check_names() -> tuple[str, ...]:
    """Return the names of all checks, in the order in which they are made."""
    return tuple(CHECKS)


def check(
    source: Any, *, checks: Iterable[str] | None = None, hashes: bool = True
) -> ConsistencyReport:
    """Check whether signals, and the runs that they come from, agree with themselves.

    Args:
        source: a `Material`, or what one can be made of: a recording, several, a store, a frame.
        checks: names of the checks to make; all by default.
        hashes: also check that every byte is what was recorded, as `capture verify` does.

    Raises:
        UnknownName: there is no such check.
    """
    subject = Subject(source if isinstance(source, Material) else material_of(source))
    wanted = check_names() if checks is None else tuple(dict.fromkeys(checks))
    made: list[str] = []
    skipped: dict[str, str] = {}
    found: list[Finding] = []
    for name in wanted:
        if name not in CHECKS:
            raise UnknownName("check", name, CHECKS)
        if checks is None and not hashes and name == "hash_mismatches":
            skipped[name] = _LEFT_OUT
        elif CHECKS[name].needs_recording and not subject.recordings:
            skipped[name] = _NO_RECORDING
        else:
            made.append(name)
            found += CHECKS[name].findings(subject)
    found.sort(key=lambda one: _WORST_FIRST[one.severity])
    issues = tuple(str(one) for one in found if one.severity is not Severity.NOTE)
    return ConsistencyReport(
        is_consistent=not issues,
        issues=issues,
        total_signals_checked=len(subject),
        findings=tuple(found),
        checks=tuple(made),
        skipped=skipped,
    )
