"""Plain orders with Backtesting.py."""

from __future__ import annotations

from typing import Any

from backtesting import Backtest, Strategy
from backtesting.test import GOOG


class Alternating(Strategy):  # type: ignore[misc]
    """Trades at every bar."""

    at: Any = None
    stop_at: int | None = None

    def init(self) -> None:
        """Declare nothing."""

    def next(self) -> None:
        """Open, close or turn."""
        bar = len(self.data) - 1
        type(self).at(bar)
        if bar == self.stop_at:
            self.buy(size=1, sl=self.data.Close[-1] / 2)
        elif not self.position:
            self.buy(size=0.5)
        elif bar % 3:
            self.position.close()
        else:
            self.position.close()
            self.sell(size=0.25)


def run(wrap: Any, at: Any, *, stop_at: int | None = None) -> None:
    """Run it over 400 bars."""
    Alternating.at, Alternating.stop_at = staticmethod(at), stop_at
    own = wrap(Alternating)
    Backtest(GOOG.iloc[:400], own, cash=10_000, commission=0.002, finalize_trades=True).run()
