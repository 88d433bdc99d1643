"""Objectives over equity and its returns per period."""

from __future__ import annotations

from math import inf, nan, sqrt
from typing import TYPE_CHECKING

import numpy as np

from capture.study.objectives.observing import DAY_NS, Calendar, Objective, Performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cagr", "Calmar", "MaxDrawdown", "Sharpe", "Sortino", "TotalReturn"]

_FLAT = 1e-14
"""A spread of returns under this is rounding, and no spread."""


class TotalReturn(Objective):
    """Worth at the end against the cash at the start, less one."""

    name = "total_return"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        self._cash = self._last = cash

    def on_step(self, time_ns: int | None, equity: float) -> None:
        """Take the last."""
        self._last = equity

    def value(self) -> float:
        """Return it."""
        return self._last / self._cash - 1.0

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        return performance.final / performance.cash - 1.0


class MaxDrawdown(Objective):
    """The deepest fall of equity below its peak, over all steps, as a fraction of the peak.

    The cash at the start is the first peak. 0 where equity never fell.
    """

    name = "max_drawdown"
    direction = "minimise"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        self._peak, self._deepest = cash, 0.0

    def on_step(self, time_ns: int | None, equity: float) -> None:
        """Compare with the peak."""
        if equity > self._peak:
            self._peak = equity
        else:
            self._deepest = max(self._deepest, 1.0 - equity / self._peak)

    def value(self) -> float:
        """Return it."""
        return self._deepest

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        return performance.deepest


class _Periods(Objective):
    """Follows the returns of periods: days (UTC), or steps where bars have no times.

    A step at midnight belongs to the day that ends there.
    """

    def on_start(self, cash: float, calendar: Calendar) -> None:
        self._calendar = calendar
        self._before = self._last = cash
        self._day: int | None = None
        self._ruined = False

    def on_step(self, time_ns: int | None, equity: float) -> None:
        if time_ns is None:
            self._last = equity
            self._end()
            return
        day = (time_ns - 1) // DAY_NS
        if self._day is not None and day != self._day:
            self._end()
        self._day, self._last = day, equity

    def value(self) -> float:
        if self._day is not None:
            self._end()
            self._day = None
        return self._sum()

    def _end(self) -> None:
        self._ruined = self._ruined or self._before <= 0.0
        self._earned(nan if self._ruined else self._last / self._before - 1.0)
        self._before = self._last

    def _earned(self, earned: float) -> None:
        raise NotImplementedError

    def _sum(self) -> float:
        raise NotImplementedError


class Sharpe(_Periods):
    """Mean return of a period over its standard deviation (n - 1), a year.

    "A year" is times the root of the periods in one. NaN with fewer than two periods, where returns
    do not vary, or where equity came to nothing.
    """

    name = "sharpe"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        super().on_start(cash, calendar)
        self._count, self._mean, self._squares = 0, 0.0, 0.0

    def _earned(self, earned: float) -> None:
        self._count += 1
        apart = earned - self._mean
        self._mean += apart / self._count
        self._squares += apart * (earned - self._mean)

    def _sum(self) -> float:
        if self._count < 2:
            return nan
        spread = sqrt(self._squares / (self._count - 1)) if self._squares >= 0.0 else nan
        return _ratio(self._mean, spread, self._calendar)

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        returns = performance.returns
        if returns.shape[1] < 2:
            return np.full(len(returns), nan)
        return _ratios(returns.mean(axis=1), returns.std(axis=1, ddof=1), performance.calendar)


class Sortino(_Periods):
    """As Sharpe, over the root of the mean square of the returns below zero, of all periods.

    NaN where no period lost anything, without periods, or where equity came to nothing.
    """

    name = "sortino"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        super().on_start(cash, calendar)
        self._count, self._total, self._squares = 0, 0.0, 0.0

    def _earned(self, earned: float) -> None:
        self._count += 1
        self._total += earned
        below = min(earned, 0.0) if earned == earned else nan
        self._squares += below * below

    def _sum(self) -> float:
        if not self._count:
            return nan
        below = sqrt(self._squares / self._count) if self._squares >= 0.0 else nan
        return _ratio(self._total / self._count, below, self._calendar)

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        returns = performance.returns
        if not returns.shape[1]:
            return np.full(len(returns), nan)
        below = np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=1))
        return _ratios(returns.mean(axis=1), below, performance.calendar)


class Cagr(TotalReturn):
    """What a year earned on average, compounded: (final / cash) to the power of 1 / years, less 1.

    -1 where nothing is left; NaN where bars have no times, or the data take no time.
    """

    name = "cagr"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        super().on_start(cash, calendar)
        self._years = calendar.years

    def value(self) -> float:
        """Return it."""
        return float(_yearly(np.array([self._last / self._cash]), self._years)[0])

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        return _yearly(performance.final / performance.cash, performance.calendar.years)


class Calmar(Cagr):
    """What a year earned over the deepest drawdown; NaN where there was no drawdown."""

    name = "calmar"

    def __init__(self) -> None:
        self._drawdown = MaxDrawdown()

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        super().on_start(cash, calendar)
        self._drawdown.on_start(cash, calendar)

    def on_step(self, time_ns: int | None, equity: float) -> None:
        """Follow both."""
        super().on_step(time_ns, equity)
        self._drawdown.on_step(time_ns, equity)

    def value(self) -> float:
        """Return it."""
        deepest = self._drawdown.value()
        return super().value() / deepest if deepest > 0.0 else nan

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        deepest = np.where(performance.deepest > 0.0, performance.deepest, nan)
        return super().of(performance) / deepest


def _ratio(mean: float, spread: float, calendar: Calendar) -> float:
    if not spread > _FLAT:
        return nan
    return mean / spread * sqrt(calendar.periods_per_year)


def _ratios(
    mean: NDArray[np.float64], spread: NDArray[np.float64], calendar: Calendar
) -> NDArray[np.float64]:
    known = np.where(spread > _FLAT, spread, nan)
    found: NDArray[np.float64] = mean / known * sqrt(calendar.periods_per_year)
    return found


def _yearly(growth: NDArray[np.float64], years: float | None) -> NDArray[np.float64]:
    if not years or years == inf:
        return np.full(len(growth), nan)
    found: NDArray[np.float64] = np.maximum(growth, 0.0) ** (1.0 / years) - 1.0
    return found
