"""Objectives over the trades that ended."""

from __future__ import annotations

from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np

from capture.study.objectives.observing import Calendar, Objective, Performance

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ProfitFactor", "WinRate"]


class ProfitFactor(Objective):
    """What trades won over what trades lost, commissions included.

    Infinite where something was won and nothing lost; NaN where neither.
    """

    name = "profit_factor"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        self._won = self._lost = 0.0

    def on_trade(self, symbol: str, profit: float) -> None:
        """Add to one side."""
        if profit > 0.0:
            self._won += profit
        else:
            self._lost -= profit

    def value(self) -> float:
        """Return it."""
        if self._lost > 0.0:
            return self._won / self._lost
        return inf if self._won > 0.0 else nan

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        won, lost = performance.won, performance.lost
        alone = np.where(won > 0.0, inf, nan)
        found: NDArray[np.float64] = np.divide(won, lost, out=alone, where=lost > 0.0)
        return found


class WinRate(Objective):
    """Share of the trades that ended with a profit; NaN where none ended."""

    name = "win_rate"

    def on_start(self, cash: float, calendar: Calendar) -> None:
        """Begin."""
        self._trades = self._wins = 0

    def on_trade(self, symbol: str, profit: float) -> None:
        """Count it."""
        self._trades += 1
        self._wins += profit > 0.0

    def value(self) -> float:
        """Return it."""
        return self._wins / self._trades if self._trades else nan

    @classmethod
    def of(cls, performance: Performance) -> NDArray[np.float64]:
        """Return it for every portfolio."""
        none = np.full(len(performance.trades), nan)
        some = performance.trades > 0.0
        found: NDArray[np.float64] = np.divide(
            performance.wins, performance.trades, out=none, where=some
        )
        return found
