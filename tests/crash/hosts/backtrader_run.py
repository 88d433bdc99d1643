"""Market orders with backtrader; now and then a limit order rests until it is cancelled."""

from __future__ import annotations

from typing import Any

import backtrader as bt
from backtesting.test import GOOG


class Alternating(bt.Strategy):  # type: ignore[misc]
    """Trades at every bar."""

    at: Any = None

    def next(self) -> None:
        """Open, close or turn."""
        bar = len(self) - 1
        type(self).at(bar)
        if not self.position:
            self.buy(size=3)
        elif bar % 3:
            self.close()
        else:
            self.close()
            self.sell(size=2)
        if bar % 7 == 0:
            self.resting = self.buy(size=1, exectype=bt.Order.Limit, price=1.0)
        elif bar % 7 == 2:
            self.cancel(self.resting)


def run(wrap: Any, at: Any) -> None:
    """Run it over 400 bars."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=GOOG.iloc[:400]))
    Alternating.at = staticmethod(at)
    cerebro.addstrategy(wrap(Alternating, symbol="GOOG", timeframe="1d"))
    cerebro.run()
