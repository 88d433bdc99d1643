"""What became of the signals, counted; and the distribution of what they earned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.forward import directions_of
from capture.report.axis import milliseconds
from capture.report.model import Activity, Fates, Histogram, Side
from capture.report.timelines import sides_of

if TYPE_CHECKING:
    import pandas as pd

    from capture.analysis.forward import ForwardReturns

__all__ = ["activity_of", "fates_of", "histogram_of"]

_WORDS: Final = {1: "long", -1: "short", 0: "flat"}
_BINS: Final = 41
_STRETCHES: Final = 48
_TAIL: Final = 0.5
"""Percent of the returns on either side that may lie beyond the drawn range."""


def fates_of(signals: pd.DataFrame) -> Fates:
    """Return how many signals were traded on, and why the others were not."""
    sides, signs = sides_of(signals), directions_of(signals)
    not_taken = sides != Side.TAKEN
    said = [
        signals[name][not_taken].fillna("").astype(str).tolist()
        if name in signals
        else [""] * int(not_taken.sum())
        for name in ("disposition", "reason")
    ]
    counted = Counter(zip(*said, strict=True)).most_common()
    by_direction = {
        word: {side: int(((signs == sign) & (sides == side)).sum()) for side in Side}
        for sign, word in _WORDS.items()
    }
    return Fates(
        total=len(signals),
        taken=int((~not_taken).sum()),
        steps=tuple((what, why, count) for (what, why), count in counted),
        by_direction=by_direction,
    )


def activity_of(signals: pd.DataFrame) -> Activity | None:
    """Return how many signals came when; None if fewer than two have a time."""
    if "timestamp" not in signals:
        return None
    when = milliseconds(signals["timestamp"])
    known = np.isfinite(when)
    if known.sum() < 2 or when[known].min() == when[known].max():
        return None
    edges = np.linspace(when[known].min(), when[known].max(), _STRETCHES + 1)
    sides = sides_of(signals)
    counts = {side: np.histogram(when[known & (sides == side)], edges)[0] for side in Side}
    return Activity(edges, counts)


def histogram_of(signals: pd.DataFrame, forward: ForwardReturns, horizon: int) -> Histogram | None:
    """Return the distribution of forward returns; None if none is known."""
    earned = forward.signed(horizon)
    known = np.isfinite(earned)
    if not known.any():
        return None
    low, high = np.percentile(earned[known], [_TAIL, 100 - _TAIL])
    reach = max(abs(float(low)), abs(float(high))) or 1e-6
    edges = np.linspace(-reach, reach, _BINS + 1)
    inside = np.clip(earned, -reach, reach)
    sides = sides_of(signals)
    counts = {side: np.histogram(inside[known & (sides == side)], edges)[0] for side in Side}
    return Histogram(horizon, edges, counts, int((np.abs(earned[known]) > reach).sum()))
