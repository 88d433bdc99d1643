"""Record a strategy of Backtesting.py with one line, and read what was recorded."""

from __future__ import annotations

from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

import capture


class SmaCross(Strategy):
    """Trade the crossing of two moving averages, but not on thin days."""

    fast = 10
    slow = 20
    least_volume = 4_000_000

    def init(self) -> None:
        """Declare the indicators."""
        self.sma_fast = self.I(SMA, self.data.Close, self.fast)
        self.sma_slow = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        """Buy or sell where the averages cross."""
        up = crossover(self.sma_fast, self.sma_slow)
        down = crossover(self.sma_slow, self.sma_fast)
        if not (up or down):
            return
        side = 1 if up else -1
        volume = float(self.data.Volume[-1])
        if volume < self.least_volume:
            capture.note("volume", volume, direction=side, reason="thin day")
            return
        self.position.close()
        order = self.buy() if up else self.sell()
        capture.note("gap", float(self.sma_fast[-1] - self.sma_slow[-1]), signal=order)


def main() -> None:
    """Run the backtest, and answer two questions from the recording."""
    recorded = capture.wrap(SmaCross, store="signals", symbol="GOOG")
    stats = Backtest(GOOG, recorded, cash=10_000, commission=0.002, finalize_trades=True).run()
    print(f"Return of the backtest: {stats['Return [%]']:.1f} %\n")

    store = capture.open("signals")
    signals = store.latest().signals()

    print("What became of the signals?")
    print(signals.groupby(["disposition", "reason"]).size().to_string(), "\n")

    print("What would the thin days have done in the next 20 bars?")
    closes = store.latest().bars()["close"].to_numpy()
    thin = signals[signals["reason"] == "filtered_by_strategy"]
    thin = thin[thin["bar_index"] + 20 < len(closes)]
    bar = thin["bar_index"].to_numpy(dtype=int)
    change = (closes[bar + 20] / closes[bar] - 1) * thin["direction"].to_numpy(dtype=int)
    print(f"{len(thin)} signals, {100 * change.mean():.2f} % on average\n")

    print(capture.verify(store))


if __name__ == "__main__":
    main()
