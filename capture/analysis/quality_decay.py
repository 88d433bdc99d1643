"""How what a signal knows fades: returns bar by bar, and the half-life of their decay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.forward import entry_prices
from capture.analysis.inference import mean_of
from capture.analysis.quality_tables import Decay, DecayRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.analysis.quality_forward import Earned

    Reals = NDArray[np.float64]

__all__ = ["decay_of", "half_life"]

_SHORTEST: Final = 0.25
_WORSE: Final = 3.8415  # 95% of a chi-squared distribution with one degree of freedom
_THERE: Final = 5.9915  # the same with two: height and half-life are both fitted


def decay_of(earned: Earned, lags: int) -> Decay:
    """Return what signals earned in each of the bars that follow them.

    The first bar's return begins where the entry is: at its open, or at the close before it.
    """
    bars = _Bars(earned, lags)
    rows, total = [], 0.0
    for lag in range(1, lags + 1):
        mean = mean_of(bars.earned(lag), earned.times, earned.clock.window(1), earned.confidence)
        total += mean.value
        said = (mean.value, mean.std_error, mean.low, mean.high)
        rows.append(DecayRow(lag, mean.observations, *said, total))
    means = np.array([row.mean for row in rows])
    errors = np.array([row.std_error for row in rows])
    return Decay(*half_life(means, errors), tuple(rows))


def half_life(means: Reals, errors: Reals) -> tuple[float, float, float, str]:
    """Fit an exponential decay to the return of each bar; say its half-life, and how sure it is.

    Returns:
        The half-life in bars, the ends of its 95% interval, and a sentence.
    """
    lags = np.arange(1, len(means) + 1)
    known = np.isfinite(means) & np.isfinite(errors) & (errors > 0)
    if known.sum() < 3:
        return np.nan, np.nan, np.nan, "Too few bars have a known return to see a decay"
    lags, means, weights = lags[known], means[known], 1 / errors[known] ** 2
    lives = np.append(np.geomspace(_SHORTEST, 20.0 * lags[-1], 2000), np.inf)
    shapes = 0.5 ** ((lags - 1) / lives[:, None])
    norms = (shapes**2 * weights).sum(1)
    heights = (shapes * means * weights).sum(1) / norms
    gains = heights**2 * norms  # how much better each fits than nothing at all
    best = int(np.argmax(gains))
    if gains[best] < _THERE:
        return np.nan, np.nan, np.nan, "The returns of single bars cannot be told from zero"
    close = lives[gains >= gains[best] - _WORSE]
    low, high = float(close[0]), float(close[-1])
    if low <= _SHORTEST:
        low = 0.0
    if high >= lives[-2]:
        high = np.inf
    if lives[best] >= lives[-2]:
        said = f"No decay is seen within {lags[-1]} bars; the half-life is at least {low:.1f} bars"
        return np.inf, low, np.inf, said
    if high <= 1:
        said = "What signals know is gone within the first bar"
        return float(lives[best]), low, high, said
    upper = "no end" if np.isinf(high) else f"{high:.1f}"
    said = f"The return of a bar halves every {lives[best]:.1f} bars ({low:.1f} to {upper})"
    return float(lives[best]), low, high, said


class _Bars:
    """The return of every single bar, all series in one array, with room for lags behind each."""

    def __init__(self, earned: Earned, lags: int) -> None:
        where, entry = earned.forward.placed, earned.forward.entry
        room = np.full(lags + 1, np.nan)
        pieces, firsts, starts, length = [room[:0]], [room[:0]], [], 0
        for bars in where.series:
            close = bars.columns.get("close", np.full(len(bars), np.nan))
            change = np.full(len(close), np.nan)
            with np.errstate(divide="ignore", invalid="ignore"):
                change[1:] = close[1:] / close[:-1] - 1
            price = entry_prices(bars, np.arange(len(close) - 1), entry)
            pieces += [change, room]
            firsts += [room[:1], close[1:] / price - 1, room]
            starts.append(length)
            length += len(close) + len(room)
        rows = earned.order
        self._at = np.array(starts, np.int64)[where.place[rows]] + where.bar[rows]
        self._sign = earned.forward.direction[rows]
        self._change, self._first = np.concatenate(pieces), np.concatenate(firsts)

    def earned(self, lag: int) -> Reals:
        """Return what each signal earned in the bar that lies so far behind it."""
        changes = self._first if lag == 1 else self._change
        found: Reals = changes[self._at + lag] * self._sign
        return found
