"""One line around a strategy of backtrader, a bracket from a callback, and what became of it."""

from __future__ import annotations

import datetime

import backtrader as bt
from backtesting.test import GOOG

import capture


class Breakout(bt.Strategy):
    """Buys what leaves its band, with a stop that trails once it is in."""

    params = (("period", 20), ("trail", 0.05))

    def __init__(self) -> None:
        self.bands = bt.ind.BollingerBands(period=self.p.period)
        self.entry = None

    def next(self) -> None:
        """Enter with a limit that stands for two days."""
        if self.entry is not None:
            return
        if self.data.close[0] > self.bands.top[0]:
            if self.data.volume[0] < 4_000_000:
                capture.note("thin", self.data.volume[0], direction=1, reason="low volume")
            else:
                self.entry = self.buy(
                    exectype=bt.Order.Limit,
                    price=self.data.close[0] * 0.99,
                    valid=datetime.timedelta(days=2),
                )

    def notify_order(self, order: bt.Order) -> None:
        """Let a stop follow the price once the limit was reached."""
        if self.entry is not None and order.ref == self.entry.ref:
            if order.status == order.Completed:
                self.sell(exectype=bt.Order.StopTrail, trailpercent=self.p.trail)
            elif not order.alive():
                self.entry = None
        elif order.status == order.Completed:
            self.entry = None


def run(strategy: type[bt.Strategy]) -> float:
    """Run it on GOOG and return what the account is worth at the end."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=GOOG), name="GOOG")
    cerebro.broker.setcommission(commission=0.001)
    cerebro.addsizer(bt.sizers.FixedSize, stake=10)
    cerebro.addstrategy(strategy)
    cerebro.run()
    return float(cerebro.broker.getvalue())


def main() -> None:
    """Record it, ask the recording, and replay it without the strategy."""
    value = run(capture.wrap(Breakout, store="signals"))
    recording = capture.open("signals").latest()
    signals = recording.signals()
    print(f"{len(signals)} signals in {recording.run_id}; worth {value:,.2f} at the end")
    print(signals.groupby(["signal_type", "disposition", "reason"]).size().to_string())

    expired = signals[signals["reason"] == "expired"]
    print(f"\n{len(expired)} limits that were not reached in two days; the first of them:")
    columns = ["timestamp", "market_close", "indicator_bands_top"]
    print(expired[columns].head(3).to_string(index=False))

    again = run(capture.replay(recording).into("backtrader"))
    print(f"\nThe same from the recording, without the strategy: {again:,.2f}")
    if again != value:
        raise SystemExit("the replay is not the run")


if __name__ == "__main__":
    main()
