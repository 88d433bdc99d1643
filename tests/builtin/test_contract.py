"""The built-in backtester fulfils the adapters' contract, with easy strategies and nasty ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from capture.testing.adapter import AdapterContract
from capture_builtin import strategies as own
from tests.builtin import strategies
from tests.builtin.runs import Builtin, Case, frames, gappy, naive, one, three

pytestmark = pytest.mark.host

COSTS = {"cash": 10_000, "size": 10, "slippage_fraction": 0.0005, "commission_rate": 0.001}
CASES = {
    "an average, costs": Case(strategies.Cross, one, COSTS),
    "naive times, at the close": Case(
        strategies.Cross, naive, {**COSTS, "fill": "close"}, {"window": 5}
    ),
    "limits, stops, protections, notes": Case(strategies.Orders, one, {**COSTS, "lot": 1.0}),
    "little cash and limits": Case(
        strategies.Cross,
        one,
        {"cash": 2_000, "size": 0.5, "sizer": "equity_fraction", "max_drawdown": 0.01,
         "max_trades_per_day": 1, "lot": 1.0, "leverage": 0.4},
    ),
    "volume that does not suffice": Case(
        strategies.Orders, one, {**COSTS, "size": 150, "participation": 0.1, "lot": 1.0,
                                 "leverage": 100}
    ),
    "no short, stops of the portfolio": Case(
        strategies.Cross, one, {**COSTS, "allow_short": False, "stop_loss": 0.01,
                                "take_profit": 0.02, "trailing_stop": 0.015}
    ),
    "looks at its portfolio": Case(strategies.Reads, one, COSTS),
    "several symbols": Case(
        strategies.Rotation, three, {**COSTS, "max_open_positions": 2, "by_strength": True}
    ),
    "several symbols with gaps": Case(strategies.Rotation, gappy, COSTS),
    "two timeframes": Case(strategies.Frames, frames, COSTS),
    "a pair": Case(
        own.Pair, three, {**COSTS, "fill": "close"}, {"one": "A", "other": "C", "window": 20}
    ),
}  # fmt: skip


class TestBuiltin(Builtin, AdapterContract):
    packages = ("capture_builtin",)
    runs = CASES
    failing = Case(strategies.Failing, one, COSTS)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, settings={**run.settings, "cash": run.settings["cash"] * 3})
