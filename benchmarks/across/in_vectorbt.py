"""The scenarios in vectorbt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import vectorbt as vbt

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]


class _Vectorbt:
    name = "vectorbt"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        bars = scenario.bars
        fast, slow = vbt.MA.run(bars.Close, FAST), vbt.MA.run(bars.Close, SLOW)
        up, down = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        words: dict[str, Any] = {"entries": up, "short_entries": down}
        words["upon_opposite_entry"] = "reverse"
        if scenario.kind == "cross":
            words["size"] = scenario.units
        elif scenario.kind == "brackets":
            words = {"entries": up, "exits": down, "sl_stop": STOP, "tp_stop": TAKE}
        with capture.record(store, symbol=scenario.market, timeframe=scenario.timeframe):
            vbt.Portfolio.from_signals(
                bars.Close,
                open=bars.Open,
                high=bars.High,
                low=bars.Low,
                init_cash=CASH,
                fees=COMMISSION,
                **words,
            )

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        replay.into(self.name, store=store, force=True, init_cash=CASH, fees=COMMISSION)


HOST = _Vectorbt()
