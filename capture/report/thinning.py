"""Fewer points where more cannot be seen: curves keep their extremes, marks every so many."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.report.model import Curve, Stretch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = ["curve", "even", "extremes", "stretches"]


def extremes(values: Reals, most: int) -> tuple[Wholes, int]:
    """Return the places of the lowest and the highest value in each of some equal pieces.

    Args:
        values: a line; NaN where there is nothing.
        most: how many places at the most.

    Returns:
        The places, ascending, and how many values a piece has; all places and 1 if they are few.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) <= most:
        return known, 1
    each = -(-len(known) // (most // 2))
    pieces = -(-len(known) // each)
    padded = np.resize(values[known], pieces * each)
    padded[len(known) :] = values[known[-1]]
    table = padded.reshape(pieces, each)
    starts = np.arange(pieces) * each
    both = np.concatenate((starts + table.argmin(axis=1), starts + table.argmax(axis=1)))
    ends = [0, len(known) - 1]
    chosen = np.unique(np.concatenate((both, ends)).clip(max=len(known) - 1))
    return known[chosen], each


def curve(x: Reals, y: Reals, most: int) -> Curve:
    """Return a line with as many points at the most."""
    places, each = extremes(y, most)
    return Curve(x[places], y[places], each)


def even(count: int, most: int) -> Wholes:
    """Return as many places at the most, evenly apart, the first among them."""
    if count <= most:
        return np.arange(count)
    chosen: Wholes = np.linspace(0, count - 1, most).round().astype(np.int64)
    return np.unique(chosen)


def stretches(
    starts: Reals, states: Sequence[str], end: float, most: int
) -> tuple[tuple[Stretch, ...], bool]:
    """Return what was the case from when to when, and whether short stretches were left out.

    Args:
        starts: when each state began, ascending.
        states: the states.
        end: when the last one ends.
        most: how many stretches at the most; of more, those are kept that hold at `most` moments
            evenly apart.
    """
    if not len(starts):
        return (), False
    names = list(dict.fromkeys(states))
    codes = np.array([names.index(one) for one in states])
    changes = np.flatnonzero(np.diff(codes, prepend=-1))
    merged = len(changes) > most
    if merged:
        moments = np.linspace(starts[0], end, most + 1)[:-1]
        codes = codes[np.searchsorted(starts, moments, side="right") - 1]
        starts = moments
        changes = np.flatnonzero(np.diff(codes, prepend=-1))
    bounds = [*starts[changes].tolist(), end]
    kept = [
        Stretch(bounds[place], bounds[place + 1], names[codes[change]])
        for place, change in enumerate(changes)
        if bounds[place + 1] > bounds[place]
    ]
    return tuple(kept), merged
