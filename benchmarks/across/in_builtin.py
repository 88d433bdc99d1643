"""The scenarios in the built-in backtester."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE
from capture_builtin import Backtest, Feature, Feed, Needs, Strategy

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]


class _Crossing(Strategy):
    """Knows when two averages cross."""

    units = 0.0

    def needs(self) -> Needs:
        averages = {"fast": Feature("sma", window=FAST), "slow": Feature("sma", window=SLOW)}
        return Needs(features=averages, lookback=SLOW + 1)

    def generate_signal(self, market: Any) -> None:
        now = market.feature("fast") - market.feature("slow")
        before = market.feature("fast", ago=1) - market.feature("slow", ago=1)
        if now > 0.0 >= before:
            self.up(market.close)
        elif now < 0.0 <= before:
            self.down(market.close)

    def up(self, close: float) -> None:
        """The fast average came from below."""

    def down(self, close: float) -> None:
        """The fast average came from above."""


class Cross(_Crossing):
    def up(self, close: float) -> None:
        self.close()
        self.buy(size=self.units)

    def down(self, close: float) -> None:
        self.close()
        self.sell(size=self.units)


class Brackets(_Crossing):
    def up(self, close: float) -> None:
        self.buy(stop_loss=close * (1 - STOP), take_profit=close * (1 + TAKE))

    def down(self, close: float) -> None:
        self.close()


class Reversals(_Crossing):
    def up(self, close: float) -> None:
        self.buy()

    def down(self, close: float) -> None:
        self.sell()


_STRATEGIES = {"cross": Cross, "brackets": Brackets, "reversals": Reversals}


class _Builtin:
    name = "builtin"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        params = {"units": scenario.units} if scenario.units else {}
        strategy = capture.wrap(_STRATEGIES[scenario.kind], store=store)
        self._run(strategy, scenario, params)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        self._run(replay.into(self.name, store=store, force=True), scenario, {})

    def _run(self, strategy: Any, scenario: Scenario, params: dict[str, Any]) -> None:
        feed = Feed.from_frame(scenario.bars, scenario.market, scenario.timeframe)
        Backtest(
            feed,
            strategy,
            params=params,
            cash=CASH,
            commission_rate=COMMISSION,
            sizer="equity_fraction",
            size=0.5,
        ).run()


HOST = _Builtin()
