"""Estimates with errors that hold for overlapping and autocorrelated returns.

The errors are those of Newey and West: a Bartlett kernel over the distance of two observations in
time. Observations of one time, such as signals of several symbols at one bar, are summed first, so
that what moves together does not count as independent. Intervals and p-values use Student's t with
the number of windows that hold an observation, less one, as degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import MissingExtra

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = [
    "CONFIDENCE",
    "Estimate",
    "Times",
    "contrast_of",
    "mean_of",
    "pearson",
    "share_of",
    "spearman",
    "wilson",
]

CONFIDENCE: Final = 0.95
_FEWEST: Final = 3  # observations of which a correlation says anything
_FLAT: Final = 1e-14  # a spread this small beside the values is rounding


@dataclass(frozen=True)
class Estimate:
    """A value and how sure it is.

    Attributes:
        value: the estimate; NaN where there is nothing to estimate it from.
        std_error: its standard error.
        low: lower end of the confidence interval.
        high: upper end.
        p_value: how likely a value so far from zero is where the true one is zero; two-sided.
        observations: how many values it comes from.
        windows: how many of them can count as independent: windows in time that hold one.
    """

    value: float
    std_error: float
    low: float
    high: float
    p_value: float
    observations: int
    windows: int


class Times:
    """When observations were made: in bars, ascending.

    What many estimates need of the same times is worked out once.
    """

    def __init__(self, ticks: Wholes) -> None:
        """Find the moments at which there is an observation."""
        if len(ticks) and np.any(ticks[1:] < ticks[:-1]):
            raise ValueError("ticks must ascend")
        new = np.concatenate(([True], ticks[1:] != ticks[:-1])) if len(ticks) else ticks
        self._starts = np.flatnonzero(new)
        self._moments = ticks[self._starts]
        self._count = len(ticks)
        self._edges: dict[int, tuple[Wholes, Reals]] = {}

    def __len__(self) -> int:
        return self._count

    def windows(self, window: int, known: Flags | None = None) -> int:
        """Return how many windows in time hold an observation that is known."""
        moments = self._moments
        if known is not None and not known.all():
            moments = moments[np.logical_or.reduceat(known, self._starts)]
        if not len(moments):
            return 0
        blocks = moments // max(window, 1)
        return int(np.count_nonzero(blocks[1:] != blocks[:-1])) + 1

    def long_run(self, scores: Reals, window: int) -> float:
        """Return the sum of products of all scores, each weighted with a Bartlett kernel.

        That is the variance of a sum of scores whose mean is zero. Two scores that are d ticks
        apart weigh 1 - d / window. The sum of squares of all moving sums over a window is that
        times the window, so this takes one pass whatever the window is, and is never negative.
        """
        if not len(scores):
            return np.nan
        sums = scores
        if len(self._starts) < self._count:
            sums = np.add.reduceat(scores, self._starts)
        if window <= 1:
            return float((sums * sums).sum())
        if window not in self._edges:
            # A moving sum takes a score in when it comes into the window, and gives it up behind.
            edges = np.concatenate((self._moments - window + 1, self._moments + 1))
            order = np.argsort(edges, kind="stable")
            self._edges[window] = order, np.diff(edges[order]).astype(np.float64)
        order, lengths = self._edges[window]
        moving = np.cumsum(np.concatenate((sums, -sums))[order])[:-1]
        # Not `moving @ lengths`: BLAS would start threads for it, which cost more than they bring.
        moving *= moving
        moving *= lengths
        return float(moving.sum()) / window


def mean_of(values: Reals, times: Times, window: int, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate a mean.

    Args:
        values: the observations; NaN is none.
        times: when each was made.
        window: observations this far apart are independent.
        confidence: of the interval.
    """
    known = np.isfinite(values)
    count = int(known.sum())
    if not count:
        return _estimate(np.nan, values, known, times, window, confidence)
    mean = float(values[known].mean())
    return _estimate(mean, (values - mean) / count, known, times, window, confidence)


def contrast_of(
    values: Reals, first: Flags, times: Times, window: int, confidence: float = CONFIDENCE
) -> Estimate:
    """Estimate by how much the mean of those that are `first` exceeds that of the others."""
    known = np.isfinite(values)
    one, other = known & first, known & ~first
    ones, others = int(one.sum()), int(other.sum())
    if not ones or not others:
        return _estimate(np.nan, values, known, times, window, confidence)
    here, there = float(values[one].mean()), float(values[other].mean())
    scores = np.where(first, (values - here) / ones, -(values - there) / others)
    return _estimate(here - there, scores, known, times, window, confidence)


def pearson(
    x: Reals, y: Reals, times: Times, window: int, confidence: float = CONFIDENCE
) -> Estimate:
    """Estimate a linear correlation; the error is that of its influence function."""
    known = np.isfinite(x) & np.isfinite(y)
    zx, zy = _standard(x, known), _standard(y, known)
    if zx is None or zy is None:
        return _estimate(np.nan, x, known, times, window, confidence)
    value = float((zx * zy)[known].mean())
    scores = (zx * zy - value * (zx**2 + zy**2) / 2) / known.sum()
    return _estimate(value, scores, known, times, window, confidence, bound=1.0)


def spearman(
    x: Reals,
    y: Reals,
    times: Times,
    window: int,
    confidence: float = CONFIDENCE,
    *,
    order: Wholes | None = None,
) -> Estimate:
    """Estimate a rank correlation, ties in the middle.

    The influence of an observation is not only its own rank but also what it does to the ranks of
    those above it, which is why this is more than `pearson` of the ranks. `order` sorts x, for who
    asks several times about the same.
    """
    known = np.isfinite(x) & np.isfinite(y)
    count = int(known.sum())
    if count < _FEWEST:
        return _estimate(np.nan, x, known, times, window, confidence)
    if order is not None:
        order = (np.cumsum(known) - 1)[order[known[order]]]
    over_x, over_y = _Ranks(x[known], order), _Ranks(y[known])
    u, v = over_x.centred, over_y.centred
    var_u, var_v = float((u * u).mean()), float((v * v).mean())
    if var_u <= 0 or var_v <= 0:
        return _estimate(np.nan, x, known, times, window, confidence)
    scale = np.sqrt(var_u * var_v)
    value = float((u * v).mean() / scale)
    together = u * v + over_x.mean_above(v) + over_y.mean_above(u)
    own_u, own_v = u * u + 2 * over_x.mean_above(u), v * v + 2 * over_y.mean_above(v)
    influence = together / scale - value * (own_u / var_u + own_v / var_v) / 2
    scores = np.zeros(len(x))
    scores[known] = (influence - influence.mean()) / count
    return _estimate(value, scores, known, times, window, confidence, bound=1.0)


def share_of(
    flags: Reals, times: Times, window: int, confidence: float = CONFIDENCE
) -> tuple[Estimate, float]:
    """Estimate a share, with Wilson's interval, and say how many independent flags it is worth.

    Flags are 1, 0, or NaN for none. Those that depend on one another are worth fewer: as many as
    would give the same error if they were independent, and never more than there are. The p-value
    is that of a share so far from a half.
    """
    plain = mean_of(flags, times, window, confidence)
    worth = float(plain.observations)
    spread = plain.value * (1 - plain.value)
    if plain.std_error > 0 and spread > 0:
        worth = min(worth, spread / plain.std_error**2)
    low, high = wilson(plain.value, worth, confidence)
    p = _p_value(plain.value - 0.5, plain.std_error, plain.windows - 1)
    found = (plain.value, plain.std_error, low, high, p)
    return Estimate(*found, plain.observations, plain.windows), worth


def wilson(share: float, count: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's confidence interval of a share of `count` independent observations."""
    if not count > 0:
        return np.nan, np.nan
    z = float(_special().ndtri(0.5 + confidence / 2))
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return float(max(middle - reach, 0.0)), float(min(middle + reach, 1.0))


def _estimate(
    value: float,
    scores: Reals,
    known: Flags,
    times: Times,
    window: int,
    confidence: float,
    *,
    bound: float = np.inf,
) -> Estimate:
    count, windows = int(known.sum()), times.windows(window, known)
    if not np.isfinite(value) or windows < 2:
        return Estimate(float(value), np.nan, np.nan, np.nan, np.nan, count, windows)
    if count < len(scores):
        scores = np.where(known, scores, 0.0)
    error = float(np.sqrt(times.long_run(scores, window)))
    reach = float(_special().stdtrit(windows - 1, 0.5 + confidence / 2)) * error
    p = _p_value(value, error, windows - 1)
    low, high = max(value - reach, -bound), min(value + reach, bound)
    return Estimate(float(value), error, float(low), float(high), p, count, windows)


def _p_value(distance: float, error: float, freedom: int) -> float:
    """Return how likely a distance so large is under Student's t; two-sided."""
    if not (error > 0 and freedom > 0):
        return np.nan
    return float(2 * _special().stdtr(freedom, -abs(distance) / error))


def _standard(values: Reals, known: Flags) -> Reals | None:
    mine = values[known]
    if len(mine) < _FEWEST:
        return None
    centred = values - mine.mean()
    spread = mine.std()
    return centred / spread if spread > _FLAT * float(np.abs(mine).max()) else None


class _Ranks:
    """The ranks of values, and what stands above each of them."""

    def __init__(self, values: Reals, order: Wholes | None = None) -> None:
        count = len(values)
        self._order = np.argsort(values) if order is None else order
        ranked = values[self._order]
        first = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
        self._starts, self._sizes = first, np.diff(np.append(first, count))
        middle = (first + (self._sizes - 1) / 2 + 0.5) / count
        self.centred = self._back(middle) - 0.5

    def mean_above(self, other: Reals) -> Reals:
        """Return the mean of `other` over those that rank higher; those that tie count half."""
        sums = np.add.reduceat(other[self._order], self._starts)
        above = np.cumsum(sums[::-1])[::-1] - sums / 2
        return self._back(above / len(other))

    def _back(self, of_group: Reals) -> Reals:
        found = np.empty(len(self._order))
        found[self._order] = np.repeat(of_group, self._sizes)
        return found


def _special() -> Any:
    try:
        from scipy import special
    except ImportError as exc:
        raise MissingExtra("the analysis of signals", extra="analysis", library="scipy") from exc
    return special
