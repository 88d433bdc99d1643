"""What an objective is: an observer of a portfolio's events, which says at the end how it did."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DAY_NS", "Calendar", "Direction", "Objective", "Performance"]

Direction = Literal["maximise", "minimise"]

DAY_NS: Final = 86_400 * 10**9


@dataclass(frozen=True)
class Calendar:
    """What is known of time when a portfolio begins.

    Attributes:
        periods_per_year: how many periods of returns make a year: days, or steps where bars have
            no times.
        dated: whether steps have times; without, each step is a period.
        years: from the first step to the last, in years of 365.25 days; None without times.
    """

    periods_per_year: float = 252.0
    dated: bool = True
    years: float | None = None


@dataclass(frozen=True, eq=False)
class Performance:
    """What portfolios came to, a row each: the same that observers see, as arrays.

    Attributes:
        cash: what each began with.
        final: what each was worth at the end.
        deepest: deepest drawdown over all steps, as a fraction of the peak.
        costs: commissions.
        fills: how many there were.
        trades: trades that ended.
        wins: those that ended with a profit.
        won: sum of profits.
        lost: sum of losses, without sign.
        periods: worth at the end of each period; a row per portfolio.
        calendar: what the periods are.
    """

    cash: NDArray[np.float64]
    final: NDArray[np.float64]
    deepest: NDArray[np.float64]
    costs: NDArray[np.float64]
    fills: NDArray[np.float64]
    trades: NDArray[np.float64]
    wins: NDArray[np.float64]
    won: NDArray[np.float64]
    lost: NDArray[np.float64]
    periods: NDArray[np.float64]
    calendar: Calendar

    @property
    def returns(self) -> NDArray[np.float64]:
        """The return of each period; NaN from where there was nothing left to earn with."""
        before = np.concatenate([self.cash[:, None], self.periods[:, :-1]], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.periods / before - 1.0
        ruined = np.logical_or.accumulate(before <= 0.0, axis=1)
        return np.where(ruined, nan, found)


class Objective:
    """Follows one portfolio, in memory that does not grow.

    A subclass overrides what it listens to, and `value`. An objective that can also be computed
    from arrays has a class method `of`, which the sparse replay then calls for all portfolios at
    once; without it, every portfolio's events are played to an observer.

    Attributes:
        name: the word that a user types, and the name of its column.
        direction: whether the best is the highest or the lowest.
        of: from a `Performance` to a number per portfolio; None if there is only the observer.
    """

    name: ClassVar[str] = ""
    direction: ClassVar[Direction] = "maximise"
    of: ClassVar[Any] = None

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """A portfolio begins.

        Args:
            cash: what it begins with.
            calendar: what is known of time.
        """

    def on_fill(self, symbol: str, units: float, price: float, cost: float) -> None:
        """An order was filled.

        Args:
            symbol: of what.
            units: how much; negative for what was sold.
            price: at which price.
            cost: at which commission.
        """

    def on_trade(self, symbol: str, profit: float) -> None:
        """A trade ended: nothing is held any more, or the position was turned.

        Args:
            symbol: of what.
            profit: what its fills brought in, commissions included.
        """

    def on_step(self, time_ns: int | None, equity: float) -> None:
        """A step is over.

        Args:
            time_ns: when it was; None where bars are only numbered.
            equity: what the portfolio is worth.
        """

    def value(self) -> float:
        """Return what it comes to; NaN where that is not defined."""
        raise NotImplementedError
