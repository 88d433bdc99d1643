"""Sharpe ratios, how sure they are, and how high the best of many gets by luck alone.

All ratios here are per period, not per year. The error of a Sharpe ratio takes skewness and
kurtosis into account: what earns little often and loses much rarely looks better than it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import e, inf, isfinite, nan, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = [
    "Moments",
    "deflated_sharpe",
    "expected_best_sharpe",
    "min_track_record",
    "moments_of",
    "probabilistic_sharpe",
]

_NORMAL: Final = NormalDist()
_EULER: Final = 0.5772156649015329


@dataclass(frozen=True)
class Moments:
    """What is known of a series of returns.

    Attributes:
        periods: how many returns there are.
        sharpe: mean over standard deviation, per period; 0 where nothing moves.
        skew: skewness; 0 for a normal distribution.
        kurtosis: kurtosis, not in excess; 3 for a normal distribution.
    """

    periods: int
    sharpe: float
    skew: float = 0.0
    kurtosis: float = 3.0

    @property
    def variance(self) -> float:
        """The variance of the Sharpe ratio's estimate, times the periods less one."""
        return 1 - self.skew * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2


def moments_of(returns: Reals) -> Moments:
    """Return the moments of a series of returns."""
    count = len(returns)
    if count < 2:
        return Moments(count, 0.0)
    centred = returns - returns.mean()
    spread = float(np.sqrt((centred**2).mean()))
    if spread <= 1e-14 * max(1.0, float(np.abs(returns).max())):
        return Moments(count, 0.0)
    scaled = centred / spread
    sharpe = float(returns.mean()) / (spread * sqrt(count / (count - 1)))
    return Moments(count, sharpe, float((scaled**3).mean()), float((scaled**4).mean()))


def probabilistic_sharpe(found: Moments, benchmark: float = 0.0) -> float:
    """Return how likely it is that the true Sharpe ratio exceeds a benchmark."""
    if found.periods < 2 or found.variance <= 0:
        return nan
    distance = (found.sharpe - benchmark) * sqrt(found.periods - 1)
    return _NORMAL.cdf(distance / sqrt(found.variance))


def min_track_record(found: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Return how many periods it takes to be so sure that a benchmark is exceeded.

    Infinite if the Sharpe ratio is not above the benchmark.
    """
    if found.sharpe <= benchmark:
        return inf
    reach = _NORMAL.inv_cdf(confidence) / (found.sharpe - benchmark)
    return 1 + found.variance * reach**2


def expected_best_sharpe(trials: float, variance: float) -> float:
    """Return how high the best Sharpe ratio of trials gets in the mean if none is worth anything.

    Args:
        trials: how many independent ones there were.
        variance: of the Sharpe ratio over the trials.
    """
    if trials <= 1 or not isfinite(variance) or variance <= 0:
        return 0.0
    first, second = (_NORMAL.inv_cdf(1 - 1 / (trials * factor)) for factor in (1, e))
    return max(sqrt(variance) * ((1 - _EULER) * first + _EULER * second), 0.0)


def deflated_sharpe(found: Moments, trials: float, variance: float) -> float:
    """Return how likely the true Sharpe ratio exceeds what the best of trials gets by luck.

    Args:
        found: the moments of the one that was chosen.
        trials: how many independent trials it was chosen from.
        variance: of the Sharpe ratio over the trials, per period.
    """
    return probabilistic_sharpe(found, expected_best_sharpe(trials, variance))
