"""What `capture demo` records: an ordinary strategy of Backtesting.py, on the data it ships."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING

from capture.errors import MissingExtra
from capture.wrapping import wrap

# Its progress bar is over before one can read it. This is looked at when it is imported.
os.environ.setdefault("TQDM_DISABLE", "1")
try:
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import GOOG, SMA
except ImportError as exc:
    raise MissingExtra("capture demo", extra="backtesting", library="backtesting") from exc

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SmaCross", "bars", "record"]


class SmaCross(Strategy):  # type: ignore[misc]
    """Turns round when two averages cross, and enters one per cent better than the last price.

    Not every such order is filled: some prices never come, and at times the account cannot pay
    for so many shares. A recording says of each order which it was.
    """

    fast = 10
    slow = 30
    shares = 25
    edge = 0.01

    def init(self) -> None:
        """Declare the two averages."""
        self.fast_sma = self.I(SMA, self.data.Close, self.fast)
        self.slow_sma = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn round when the averages cross."""
        price = self.data.Close[-1]
        if crossover(self.fast_sma, self.slow_sma):
            self._leave()
            self.buy(size=self.shares, limit=price * (1 - self.edge))
        elif crossover(self.slow_sma, self.fast_sma):
            self._leave()
            self.sell(size=self.shares, limit=price * (1 + self.edge))

    def _leave(self) -> None:
        for order in self.orders:
            order.cancel()
        self.position.close()


def bars() -> pd.DataFrame:
    """Return the data: daily bars of GOOG."""
    frame: pd.DataFrame = GOOG
    return frame


def record(store: str) -> None:
    """Run the strategy once, recorded into a store."""
    with warnings.catch_warnings():
        # It warns of every refused order; the recording says which they were, and why.
        warnings.filterwarnings("ignore", message=".*insufficient margin", category=UserWarning)
        Backtest(GOOG, wrap(SmaCross, store=store, symbol="GOOG"), finalize_trades=True).run()
