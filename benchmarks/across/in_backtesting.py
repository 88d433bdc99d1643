"""The scenarios in Backtesting.py."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import SMA

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]


class _Crossing(Strategy):
    """Knows when two averages cross."""

    units = 0.0

    def init(self) -> None:
        self.fast = self.I(SMA, self.data.Close, FAST)
        self.slow = self.I(SMA, self.data.Close, SLOW)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.up()
        elif crossover(self.slow, self.fast):
            self.down()

    def up(self) -> None:
        """The fast average came from below."""

    def down(self) -> None:
        """The fast average came from above."""


class Cross(_Crossing):
    def up(self) -> None:
        self.position.close()
        self.buy(size=self.units)

    def down(self) -> None:
        self.position.close()
        self.sell(size=self.units)


class Brackets(_Crossing):
    def up(self) -> None:
        close = float(self.data.Close[-1])
        self.buy(sl=close * (1 - STOP), tp=close * (1 + TAKE))

    def down(self) -> None:
        self.position.close()


class Reversals(_Crossing):
    def up(self) -> None:
        self.buy(size=0.5)

    def down(self) -> None:
        self.sell(size=0.5)


_STRATEGIES = {"cross": Cross, "brackets": Brackets, "reversals": Reversals}


class _Backtesting:
    name = "backtesting"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        words = {"symbol": scenario.market, "timeframe": scenario.timeframe}
        strategy = capture.wrap(_STRATEGIES[scenario.kind], store=store, **words)
        params = {"units": scenario.units} if scenario.units else {}
        self._run(strategy, scenario, **params)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        self._run(replay.into(self.name, store=store, force=True), scenario)

    def _run(self, strategy: Any, scenario: Scenario, **params: Any) -> None:
        # An order against the position turns it only where orders are exclusive.
        exclusive = scenario.kind == "reversals"
        words = {"cash": CASH, "commission": COMMISSION, "exclusive_orders": exclusive}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            Backtest(scenario.bars, strategy, **words).run(**params)


HOST = _Backtesting()
