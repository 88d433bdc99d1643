"""Values that are not there, and values that are no numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from capture.analysis.consistency.registry import named
from capture.analysis.consistency.report import Severity
from capture.analysis.consistency.subject import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.analysis.consistency.registry import Problem
    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []

_CRITICAL: Final = ("signal_id", "strategy_id", "symbol", "timestamp", "direction")
_DIRECTIONS: Final = (-1, 0, 1)


@named(
    "missing_values",
    Severity.ERROR,
    "record the value with the signal; signals that lack one are left out of most analyses",
)
def missing_values(subject: Subject) -> Iterator[Problem]:
    """Find signals that lack what no analysis can do without."""
    for name in _CRITICAL:
        if name == "timestamp" and subject.has("bar_index"):
            # Data whose bars are only numbered have no times.
            absent = (subject.numbers("timestamp") == NOWHERE) & (
                subject.numbers("bar_index") == NOWHERE
            )
        else:
            absent = subject.column(name).isna().to_numpy()
        yield from subject.problems(np.flatnonzero(absent), f"signals have no {name}")
    if subject.has("late_missing"):
        lost = subject.column("late_missing").fillna(False).to_numpy(bool)
        yield from subject.problems(
            np.flatnonzero(lost),
            "signals lost what was to be gathered at the end of the run, which did not come",
            Severity.NOTE,
        )


@named(
    "non_finite_values",
    Severity.ERROR,
    "guard the division or the logarithm that gives it; a value that is unknown is best left out",
)
def non_finite_values(subject: Subject) -> Iterator[Problem]:
    """Find infinite values, and directions that are none; values that are NaN are noted."""
    directions = subject.numbers("direction")
    strange = ~np.isin(directions, (*_DIRECTIONS, NOWHERE))
    yield from subject.problems(np.flatnonzero(strange), "signals have an unknown direction")
    for name in subject.signals.columns:
        column = subject.signals[name]
        if not pd.api.types.is_float_dtype(column.dtype):
            continue
        values = column.to_numpy(np.float64, na_value=np.nan)
        # A sum is finite only if every value is; the common case costs one pass.
        if np.isfinite(values.sum()):
            continue
        infinite = np.flatnonzero(np.isinf(values))
        yield from subject.problems(infinite, f"signals have an infinite {name}")
        if str(name).startswith("indicator_"):
            absent = np.isnan(values)
            if not absent.all():
                yield from subject.problems(
                    np.flatnonzero(absent),
                    f"signals were given while {name} had no value",
                    Severity.NOTE,
                )
