"""Record a strategy with its regimes, and write the report on the run as one HTML page."""

from __future__ import annotations

from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

import capture
from capture.report import compute, write_page


class SmaCross(Strategy):
    """Goes long and short at the cross of two averages."""

    fast = 10
    slow = 20

    def init(self) -> None:
        """Compute the averages once."""
        self.sma_fast = self.I(SMA, self.data.Close, self.fast)
        self.sma_slow = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        """Turn round when they cross."""
        if crossover(self.sma_fast, self.sma_slow):
            self.position.close()
            self.buy()
        elif crossover(self.sma_slow, self.sma_fast):
            self.position.close()
            self.sell()


def main() -> None:
    """Record, compute the report, print its findings, write the page."""
    recorded = capture.wrap(
        SmaCross, store="signals", symbol="GOOG", classifiers=["trend", "volatility"]
    )
    Backtest(GOOG, recorded, cash=10_000, commission=0.002, finalize_trades=True).run()
    report = compute(capture.open("signals").latest())
    for point in report.points:
        print(f"{point.tone}: {point.about}. {point.text}")
    place = write_page(report, "report.html")
    print(f"Open {place} in a browser: {place.stat().st_size / 1e6:.1f} MB, and no network needed.")


if __name__ == "__main__":
    main()
