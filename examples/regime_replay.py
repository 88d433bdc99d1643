"""Record a strategy of backtrader with its regimes, and replay the bull market alone."""

from __future__ import annotations

import backtrader as bt
from backtesting.test import GOOG

import capture


class Follower(bt.Strategy):
    """Goes with the cross of two averages, ten at a time, and never looks at its portfolio."""

    params = (("fast", 10), ("slow", 30))

    def __init__(self) -> None:
        fast, slow = bt.ind.SMA(period=self.p.fast), bt.ind.SMA(period=self.p.slow)
        self.cross = bt.ind.CrossOver(fast, slow)

    def next(self) -> None:
        """Buy on the way up, close on the way down."""
        if self.cross[0] > 0:
            self.buy(size=10)
        elif self.cross[0] < 0:
            self.close()


def run(strategy: type[bt.Strategy]) -> float:
    """Run it on GOOG and return what the account is worth at the end."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=GOOG), name="GOOG")
    cerebro.broker.setcash(100_000)
    cerebro.broker.setcommission(commission=0.001)
    cerebro.addstrategy(strategy)
    cerebro.run()
    return float(cerebro.broker.getvalue())


def main() -> None:
    """Record once; replay the whole, then the bull market under each policy."""
    trend = {"fast_bars": 5, "slow_bars": 15, "sideways_pct": 1.0, "hysteresis_bars": 2}
    value = run(capture.wrap(Follower, store="signals", classifiers={"trend": trend}))
    recording = capture.open("signals").latest()
    print(f"{len(recording.signals())} signals, {len(recording.regimes())} changes of regime")
    print(recording.signals().groupby(["regime", "signal_type"]).size().to_string())

    again = run(capture.replay(recording).into("backtrader"))
    print(f"\nThe whole run: {value:,.2f}, and replayed: {again:,.2f}")
    if again != value:
        raise SystemExit("the replay is not the run")

    for policy in ("honour_exit", "force_flat", "carry", "block_reentry"):
        bulls = capture.replay(recording, regime="bull", boundary=policy)
        print(f"\n{policy}: {run(bulls.into('backtrader')):,.2f}; trades across a boundary:")
        print(bulls.boundary_trades.drop(columns="symbol").head(5).to_string(index=False))


if __name__ == "__main__":
    main()
