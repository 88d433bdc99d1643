"""The test of patterns: what would slide-along markets give, at best, over all patterns tried?

For each pattern the excess return of its signals is held against that of the other signals. The
same is done after the market was slid along under the signals, again and again. Returns that
overlap, volatility that comes in clusters and context that lasts for long stay as they are in every
slide, so a pattern that is only noise looks like its slides. The best of all patterns is compared
with the best of all patterns in each slide (max-T), which holds the chance of reporting any pattern
of noise at alpha, however many patterns were tried and however they depend on one another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.patterns.mining import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.analysis.patterns.outcomes import Outcomes

    Reals = NDArray[np.float64]
    Singles = NDArray[np.float32]
    Wholes = NDArray[np.int64]

__all__ = ["Slides", "slide_test", "welch"]

_CELLS: Final = 8_000_000
"""So many numbers are held at once."""


@dataclass(frozen=True, eq=False)
class Slides:
    """How patterns compare with what they would be in slid-along markets.

    Attributes:
        count: how many slides there were.
        score: of each pattern, its distance from the mean of its slides, in their deviations.
        spread: of each pattern, the deviation of Welch's t over the slides; 1 where nothing
            overlaps or lasts.
        p_value: how often the pattern's own slides are as far away.
        adjusted: how often the farthest of all patterns is as far away.
    """

    count: int
    score: Reals
    spread: Reals
    p_value: Reals
    adjusted: Reals


def slide_test(
    bits: NDArray[np.uint64], outcomes: Outcomes, slides: int, random: np.random.Generator
) -> Slides:
    """Hold patterns against the same patterns in slid-along markets.

    Args:
        bits: one row per pattern, a bit per earlier signal.
        outcomes: of the signals.
        slides: how many slides; fewer where the data have fewer bars.
        random: chooses them.
    """
    if not len(bits):
        nothing = np.empty(0)
        return Slides(0, nothing, nothing, nothing, nothing)
    longest = max(map(len, outcomes.paths))
    steps = random.permutation(np.arange(1, longest))[:slides]
    shares = np.concatenate(([0.0], steps / longest))
    distance = np.empty((len(bits), len(shares)), np.float32)
    for first, earned in _earned(outcomes, shares):
        for place, holds in _holding(bits, earned.shape[0]):
            last = slice(first, first + earned.shape[1])
            distance[place : place + len(holds), last] = _against_others(holds, earned)
    middle = distance.mean(axis=1, dtype=np.float64)
    spread = distance.std(axis=1, dtype=np.float64)
    scale = np.where(spread > 0, spread, np.inf)
    far = np.abs((distance - middle[:, None]) / scale[:, None])
    own = far[:, 0]
    best = far.max(axis=0)
    return Slides(
        count=len(shares) - 1,
        score=(distance[:, 0] - middle) / scale,
        spread=np.maximum(spread, 1.0),
        p_value=(far >= own[:, None]).mean(axis=1),
        adjusted=(best >= own[:, None]).mean(axis=1),
    )


def welch(values: Reals, holds: NDArray[np.bool_]) -> float:
    """Return Welch's t of those for which it holds against the others."""
    if holds.sum() < 2 or (~holds).sum() < 2:
        return 0.0
    found = _against_others(holds[None].astype(np.float32), _scaled(values[:, None]))
    return float(found[0, 0])


def _earned(outcomes: Outcomes, shares: Reals) -> Iterator[tuple[int, Singles]]:
    count = int(outcomes.earlier.sum())
    step = max(1, _CELLS // max(count, 1))
    for first in range(0, len(shares), step):
        yield first, _scaled(outcomes.slid(shares[first : first + step]))


def _holding(bits: NDArray[np.uint64], count: int) -> Iterator[tuple[int, Singles]]:
    step = max(1, _CELLS // max(count, 1))
    for first in range(0, len(bits), step):
        yield first, unpacked(bits[first : first + step], count).astype(np.float32)


def _scaled(values: NDArray[np.floating]) -> Singles:
    """Return columns with mean 0 and deviation 1, so that single precision is enough."""
    spread = values.std(axis=0, dtype=np.float64)
    centred = values - values.mean(axis=0, dtype=np.float64)
    found: Singles = (centred / np.where(spread > 0, spread, 1.0)).astype(np.float32)
    return found


def _against_others(holds: Singles, earned: Singles) -> Singles:
    """Return Welch's t for each pattern and column; the columns' sums are zero and their squares n.

    Each side's variance is its own, so that a pattern of wild times is not taken for a good one.
    """
    every = holds.shape[1]
    ones = holds.sum(axis=1, dtype=np.float64)[:, None].astype(np.float32)
    others = every - ones
    total = holds @ earned
    squares = holds @ (earned * earned)
    here, there = total / ones, (earned.sum(axis=0) - total) / others
    rest = (earned * earned).sum(axis=0) - squares
    variance = (squares / ones - here * here) / (ones - 1)
    variance += (rest / others - there * there) / (others - 1)
    found: Singles = (here - there) / np.sqrt(np.maximum(variance, np.float32(1e-12)))
    return found
