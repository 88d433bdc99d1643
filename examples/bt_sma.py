"""One line around a strategy of bt; several commissions from the recording; parity."""

from __future__ import annotations

import bt
import pandas as pd
from backtesting.test import GOOG

import capture

PRICES = pd.DataFrame({"GOOG": GOOG.Close})


def sma_cross(fast: int = 20, slow: int = 60) -> bt.Strategy:
    """Hold what is above its slow average, and trade when that changes."""
    above = PRICES.rolling(fast).mean() > PRICES.rolling(slow).mean()
    turns = (above != above.shift())["GOOG"]
    turns.iloc[:slow] = False
    weights = above[turns].astype(float)
    return bt.Strategy("SmaCross", [bt.algos.WeighTarget(weights), bt.algos.Rebalance()])


def run(strategy: bt.Strategy, rate: float = 0.0) -> bt.Backtest:
    """Run it, paying a share of what is traded."""

    def commission(quantity: float, price: float) -> float:
        return abs(quantity) * price * rate

    test = bt.Backtest(strategy, PRICES, commissions=commission, progress_bar=False)
    bt.run(test, progress_bar=False)
    return test


def main() -> None:
    """Record it, ask the recording, and replay it under other commissions."""
    test = run(capture.wrap(sma_cross(), store="signals"))
    recording = capture.open("signals").latest()
    signals = recording.signals()
    print(f"{len(signals)} signals in {recording.run_id}; worth {test.strategy.value:,.2f}")
    print(signals.groupby(["signal_type", "disposition", "reason"]).size().to_string())

    columns = ["entry_time", "exit_time", "size", "entry_price", "exit_price", "profit"]
    print("\nThe best round trips:")
    print(recording.trades()[columns].nlargest(3, "profit").to_string(index=False))

    replay = capture.replay(recording).into("bt")
    print("\nThe same signals under other commissions, without the strategy:")
    for rate in (0.0, 0.001, 0.005):
        print(f"  {rate:.3f}: {run(replay, rate).strategy.value:14,.2f}")
        if run(replay, rate).strategy.value != run(sma_cross(), rate).strategy.value:
            raise SystemExit("the replay is not the run")

    run(capture.replay(recording).into("bt", store="signals"))
    print(f"\n{capture.parity(capture.open('signals').latest('replay'))}")


if __name__ == "__main__":
    main()
