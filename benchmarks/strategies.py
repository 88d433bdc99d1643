"""The strategies whose runs are measured: one signal in twenty bars, and one on every bar.

Both note when their first bar begins and when their last bar ends, so that the host's loop is timed
from within: what lies before and after it can be told apart without knowing how capture works.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import backtesting.backtesting
import pandas as pd
from backtesting import Strategy
from backtesting.lib import crossover

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CLOCK", "EveryBar", "SmaCross", "quiet_host"]


class _Clock:
    """When the loop of the run that goes on began, and when its last bar was done."""

    def __init__(self) -> None:
        self.first = 0.0
        self.last = 0.0


CLOCK = _Clock()


def _sma(values: Any, length: int) -> Any:
    return pd.Series(values).rolling(length).mean()


class SmaCross(Strategy):  # type: ignore[misc]
    """Turns round when a fast average crosses a slow one, as in the host's own manual."""

    fast = 12
    slow = 36

    def init(self) -> None:
        """Declare both averages."""
        self.fast_line = self.I(_sma, self.data.Close, self.fast)
        self.slow_line = self.I(_sma, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn round at a cross."""
        CLOCK.first = CLOCK.first or perf_counter()
        if crossover(self.fast_line, self.slow_line):
            self.position.close()
            self.buy(size=0.5)
        elif crossover(self.slow_line, self.fast_line):
            self.position.close()
            self.sell(size=0.5)
        CLOCK.last = perf_counter()


class EveryBar(Strategy):  # type: ignore[misc]
    """Opens on even bars and closes on odd ones."""

    def init(self) -> None:
        """Declare an average, so that there is something to gather."""
        self.line = self.I(_sma, self.data.Close, 10)

    def next(self) -> None:
        """Give one signal."""
        CLOCK.first = CLOCK.first or perf_counter()
        if self.position:
            self.position.close()
        else:
            self.buy(size=0.5)
        CLOCK.last = perf_counter()


def quiet_host() -> None:
    """Take the progress bar away: it costs more than what is measured here."""
    backtesting.backtesting._tqdm = _pass_through


def _pass_through(steps: Iterable[Any], **_said: Any) -> Iterable[Any]:
    return steps
