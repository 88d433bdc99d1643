"""The scenarios in backtrader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtrader as bt

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]


class _Crossing(bt.Strategy):
    """Knows when two averages cross."""

    params = (("units", 0.0),)

    def __init__(self) -> None:
        fast, slow = bt.ind.SMA(period=FAST), bt.ind.SMA(period=SLOW)
        self.crossed = bt.ind.CrossOver(fast, slow)

    def next(self) -> None:
        if self.crossed[0] > 0:
            self.up()
        elif self.crossed[0] < 0:
            self.down()

    def up(self) -> None:
        """The fast average came from below."""

    def down(self) -> None:
        """The fast average came from above."""


class Cross(_Crossing):
    def up(self) -> None:
        self.close()
        self.buy(size=self.p.units)

    def down(self) -> None:
        self.close()
        self.sell(size=self.p.units)


class Brackets(_Crossing):
    def up(self) -> None:
        close = self.data.close[0]
        self.waiting = self.buy_bracket(
            exectype=bt.Order.Market, stopprice=close * (1 - STOP), limitprice=close * (1 + TAKE)
        )

    def down(self) -> None:
        self.close()
        for order in getattr(self, "waiting", [])[1:]:
            self.cancel(order)


class Reversals(_Crossing):
    def up(self) -> None:
        self.order_target_percent(target=0.5)

    def down(self) -> None:
        self.order_target_percent(target=-0.5)


_STRATEGIES = {"cross": Cross, "brackets": Brackets, "reversals": Reversals}


class _Backtrader:
    name = "backtrader"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        strategy = capture.wrap(_STRATEGIES[scenario.kind], store=store)
        params = {"units": scenario.units} if scenario.units else {}
        self._run(strategy, scenario, **params)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        self._run(replay.into(self.name, store=store, force=True), scenario)

    def _run(self, strategy: Any, scenario: Scenario, **params: Any) -> None:
        cerebro = bt.Cerebro(stdstats=False)
        unit = bt.TimeFrame.Days if scenario.timeframe == "1d" else bt.TimeFrame.Minutes
        feed = bt.feeds.PandasData(
            dataname=scenario.bars,
            name=scenario.market,
            timeframe=unit,
            compression=1 if scenario.timeframe == "1d" else 60,
        )
        cerebro.adddata(feed)
        cerebro.broker.setcash(CASH)
        cerebro.broker.setcommission(commission=COMMISSION)
        cerebro.addstrategy(strategy, **params)
        cerebro.run()


HOST = _Backtrader()
