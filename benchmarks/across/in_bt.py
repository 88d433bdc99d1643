"""The scenarios in bt, which has no orders that wait for a price: it records no brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bt
import pandas as pd

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]


class Crossing(bt.Algo):  # type: ignore[misc]
    """Knows when two averages cross."""

    def __init__(self, close: pd.Series, units: float) -> None:
        super().__init__()
        above = close.rolling(FAST).mean() - close.rolling(SLOW).mean()
        before = above.shift()
        self.turns = ((above > 0) & (before <= 0)) * 1 - ((above < 0) & (before >= 0)) * 1
        self.market, self.units = close.name, units

    def __call__(self, target: Any) -> bool:
        side = int(self.turns[target.now])
        if side:
            self.turn(target, side)
        return True

    def turn(self, target: Any, side: int) -> None:
        """The fast average came to this side of the slow one."""


class Cross(Crossing):
    def turn(self, target: Any, side: int) -> None:
        if self.market in target.children:
            target.close(self.market)
        target.transact(side * self.units, self.market)


class Reversals(Crossing):
    def turn(self, target: Any, side: int) -> None:
        target.rebalance(side * 0.5, self.market)


_STRATEGIES = {"cross": Cross, "reversals": Reversals}


def commission(quantity: float, price: float) -> float:
    """Return what a trade costs."""
    return abs(quantity) * price * COMMISSION


class _Bt:
    name = "bt"
    cannot = {"brackets": "it has no orders that wait for a price"}

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        algo = _STRATEGIES[scenario.kind](self._prices(scenario)[scenario.market], scenario.units)
        strategy = bt.Strategy(scenario.kind, [algo])
        self._run(capture.wrap(strategy, store=store), scenario)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        self._run(replay.into(self.name, store=store, force=True), scenario)

    def _prices(self, scenario: Scenario) -> pd.DataFrame:
        return pd.DataFrame({scenario.market: scenario.bars["Close"]})

    def _run(self, strategy: Any, scenario: Scenario) -> None:
        prices = self._prices(scenario)
        bt.Backtest(
            strategy,
            prices,
            initial_capital=CASH,
            commissions=commission,
            progress_bar=False,
        ).run()


HOST = _Bt()
