"""All or nothing with bt, by turns."""

from __future__ import annotations

from typing import Any

import bt
from backtesting.test import GOOG

BARS = 400
PRICES = GOOG[["Close"]].iloc[:BARS].set_axis(["GOOG"], axis=1)


class Watched(bt.Algo):  # type: ignore[misc]
    """Counts bars."""

    def __init__(self, at: Any) -> None:
        """Count from the first."""
        super().__init__()
        self.at = at

    def __call__(self, target: Any) -> bool:
        """Let happen what is to happen."""
        self.at(PRICES.index.get_loc(target.now))
        return True


def run(wrap: Any, at: Any) -> None:
    """Run it over 400 bars."""
    even = PRICES * 0.0 == 1.0
    even.iloc[::2] = True
    algos = [bt.algos.SelectWhere(even), bt.algos.WeighEqually(), bt.algos.Rebalance()]
    bt.Backtest(wrap(bt.Strategy("Alternating", [Watched(at), *algos])), PRICES).run()
