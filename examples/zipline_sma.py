"""One line around the functions of a zipline algorithm, on a bundle that is made of a file."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from backtesting.test import GOOG
from zipline import run_algorithm
from zipline.api import (
    commission,
    order,
    order_target_percent,
    record,
    set_commission,
    set_slippage,
    slippage,
    symbol,
)
from zipline.data.bundles import ingest, register
from zipline.data.bundles.csvdir import csvdir_equities

import capture

START, END = pd.Timestamp("2004-08-19"), pd.Timestamp("2006-12-29")


def make_bundle(folder: str) -> None:
    """Ingest the prices of GOOG, which Backtesting.py brings along, as the bundle `goog`."""
    os.environ["ZIPLINE_ROOT"] = f"{folder}/root"
    prices = Path(folder, "daily")
    prices.mkdir()
    frame = GOOG.rename(columns=str.lower).assign(dividend=0.0, split=1.0)
    frame.to_csv(prices / "GOOG.csv", index_label="date")
    register("goog", csvdir_equities(["daily"], folder), calendar_name="XNYS")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of zipline's own, under pandas 2.2
        ingest("goog", show_progress=False)


def initialize(context: Any) -> None:
    """Choose what is traded, and at what cost."""
    context.asset = symbol("GOOG")
    context.fast, context.slow = 10, 40
    context.bars, context.long = 0, False
    set_commission(commission.PerShare(cost=0.005, min_trade_cost=1.0))
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.025, price_impact=0.1))


def handle_data(context: Any, data: Any) -> None:
    """Hold it while the fast average is above the slow one; a stop goes along."""
    context.bars += 1
    if context.bars < context.slow:
        return
    prices = data.history(context.asset, "price", context.slow, "1d")
    fast, slow = prices.iloc[-context.fast :].mean(), prices.mean()
    record(fast=fast, slow=slow)
    if fast > slow and not context.long:
        if prices.pct_change().std() > 0.03:
            capture.note("wild", float(prices.pct_change().std()), direction=1, reason="too wild")
            return
        order_target_percent(context.asset, 0.9)
        order(context.asset, -10, stop_price=prices.iloc[-1] * 0.9)
        context.long = True
    elif fast < slow and context.long:
        order_target_percent(context.asset, 0)
        context.long = False


def run(functions: Any) -> float:
    """Let zipline run them, and return what the account is worth at the end."""
    frame = run_algorithm(
        **functions,
        start=START,
        end=END,
        capital_base=100_000.0,
        bundle="goog",
        benchmark_returns=pd.Series(0.0, index=pd.date_range(START, END, tz="UTC")),
    )
    return float(frame["portfolio_value"].iloc[-1])


def main() -> None:
    """Record it, ask the recording, and replay it without the strategy."""
    with TemporaryDirectory() as folder:
        make_bundle(folder)
        value = run(capture.wrap(initialize=initialize, handle_data=handle_data, store="signals"))
        recording = capture.open("signals").latest()
        signals = recording.signals()
        print(f"{len(signals)} signals in {recording.run_id}; worth {value:,.2f} at the end")
        print(signals.groupby(["signal_type", "disposition", "reason"]).size().to_string())
        columns = ["timestamp", "direction", "market_close", "indicator_fast", "indicator_slow"]
        print(signals[columns].head(4).to_string(index=False))

        again = run(capture.replay(recording).into("zipline"))
        print(f"\nThe same from the recording, without the strategy: {again:,.2f}")
        if again != value:
            raise SystemExit("the replay is not the run")

        free = capture.replay(recording).into(
            "zipline", initialize=lambda context: set_commission(commission.NoCommission())
        )
        print(f"The same signals without commission: {run(free):,.2f}")


if __name__ == "__main__":
    main()
