"""One line around an execution of pybroker, and the same orders again without it."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pybroker
from backtesting.test import GOOG
from pybroker import ExecContext, Strategy, StrategyConfig

import capture


def mean(data: Any, length: int) -> Any:
    """Average the last closes."""
    return pd.Series(data.close).rolling(length).mean().to_numpy()


FAST = pybroker.indicator("fast", mean, length=10)
SLOW = pybroker.indicator("slow", mean, length=30)


def sma_cross(ctx: ExecContext) -> None:
    """Buy a part of the capital at a cross, with a stop that trails; on thin days, say why not."""
    fast, slow = ctx.indicator("fast"), ctx.indicator("slow")
    if len(fast) < 2 or not (fast[-1] > slow[-1] and fast[-2] <= slow[-2]):
        return
    if ctx.volume_value < 4_000_000:
        capture.note("thin", ctx.volume_value, direction=1, reason="low volume")
        return
    ctx.buy_shares = ctx.calc_target_shares(0.5)
    ctx.buy_limit_price = round(ctx.close_price * 0.995, 2)
    ctx.buy_timeout_bars = 2
    ctx.hold_bars = 30
    ctx.stop_trailing_pct = 5


def run(execution: Any, cash: float = 100_000) -> pd.DataFrame:
    """Run it on GOOG and return the orders that were filled."""
    bars = GOOG.rename(columns=str.lower).rename_axis("date").reset_index().assign(symbol="GOOG")
    config = StrategyConfig(initial_cash=cash)
    strategy = Strategy(bars, bars["date"].min(), bars["date"].max(), config)
    strategy.add_execution(execution, "GOOG", indicators=[FAST, SLOW])
    orders: pd.DataFrame = strategy.backtest().orders
    return orders


def main() -> None:
    """Record it, ask the recording, and replay it without the execution."""
    pybroker.disable_logging()
    pybroker.disable_progress_bar()
    orders = run(capture.wrap(sma_cross, store="signals"))
    recording = capture.open("signals").latest()
    signals = recording.signals()
    print(f"{len(signals)} signals in {recording.run_id}; {len(orders)} orders were filled")
    print(signals.groupby(["signal_type", "disposition", "reason"]).size().to_string())

    expired = signals[signals["reason"] == "expired"]
    print(f"\n{len(expired)} limits that were not reached in three bars; the first of them:")
    columns = ["timestamp", "market_close", "indicator_fast", "indicator_slow"]
    print(expired[columns].head(3).to_string(index=False))

    again = run(capture.replay(recording).into("pybroker"))
    print(f"\nThe same from the recording, without the execution: {len(again)} orders")
    if not again.equals(orders):
        raise SystemExit("the replay is not the run")
    # It never looked at its portfolio, so it is also what a run with other settings would be.
    if not run(capture.replay(recording).into("pybroker"), 5_000).equals(run(sma_cross, 5_000)):
        raise SystemExit("the replay with less cash is not the run with less cash")


if __name__ == "__main__":
    main()
