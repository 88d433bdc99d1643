"""Whether a recording agrees with itself: named checks, each with severity, evidence and mend."""

from __future__ import annotations

from capture.analysis.consistency.checking import check, check_names
from capture.analysis.consistency.report import ConsistencyReport, Finding, Severity

__all__ = ["ConsistencyReport", "Finding", "Severity", "check", "check_names"]
