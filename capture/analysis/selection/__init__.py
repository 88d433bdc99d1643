"""Selection: what the best of many trials is worth, all trials that the store knows counted."""

from __future__ import annotations

from capture.analysis.selection.judging import judge
from capture.analysis.selection.overfitting import Overfitting, overfitting
from capture.analysis.selection.report import SelectionReport, TrialRow
from capture.analysis.selection.trials import Trial, Trials, trials_of

__all__ = [
    "Overfitting",
    "SelectionReport",
    "Trial",
    "TrialRow",
    "Trials",
    "judge",
    "overfitting",
    "trials_of",
]
