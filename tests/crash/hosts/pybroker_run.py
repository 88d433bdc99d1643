"""Positions that end by themselves, and limit orders that are never met, with pybroker."""

from __future__ import annotations

from typing import Any

import pybroker
from backtesting.test import GOOG


def run(wrap: Any, at: Any) -> None:
    """Run it over 400 bars."""
    pybroker.disable_logging()
    pybroker.disable_progress_bar()
    bars = GOOG.iloc[:400].rename(columns=str.lower).rename_axis("date").reset_index()
    bars = bars.assign(symbol="GOOG")

    def trade(ctx: Any) -> None:
        at(ctx.bars - 1)
        if ctx.bars % 4 == 0:
            ctx.buy_shares = 3
            ctx.hold_bars = 2
        elif ctx.bars % 4 == 2:
            ctx.sell_shares = 1
            ctx.sell_limit_price = 1.0

    strategy = pybroker.Strategy(bars, bars["date"].min(), bars["date"].max())
    strategy.add_execution(wrap(trade), "GOOG")
    strategy.backtest()
