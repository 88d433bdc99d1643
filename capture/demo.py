"""What `capture demo` records: an ordinary strategy of Backtesting.py, on the data it ships."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from capture.errors import MissingExtra
from capture.wrapping import wrap

try:
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import GOOG, SMA
except ImportError as exc:
    raise MissingExtra("capture demo", extra="backtesting", library="backtesting") from exc

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CASH", "SmaCross", "bars", "record"]

CASH: Final = 10_000


class SmaCross(Strategy):  # type: ignore[misc]
    """Holds a fixed number of shares: long over the slow average, short under it.

    The number is the mistake that the recording brings to light: as the price grows, the account
    can no longer pay for so many shares, and the broker refuses them without a word.
    """

    fast = 10
    slow = 30
    shares = 25

    def init(self) -> None:
        """Declare the two averages."""
        self.fast_sma = self.I(SMA, self.data.Close, self.fast)
        self.slow_sma = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn the position round when the averages cross."""
        if crossover(self.fast_sma, self.slow_sma):
            self.position.close()
            self.buy(size=self.shares)
        elif crossover(self.slow_sma, self.fast_sma):
            self.position.close()
            self.sell(size=self.shares)


def bars() -> pd.DataFrame:
    """Return the data: daily bars of GOOG."""
    frame: pd.DataFrame = GOOG
    return frame


def record(store: str) -> None:
    """Run the strategy once, recorded into a store."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # its progress bar is over before one can read it
    Backtest(GOOG, wrap(SmaCross, store=store), cash=CASH, finalize_trades=True).run()
