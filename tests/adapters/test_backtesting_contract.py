"""Backtesting.py fulfils the adapters' contract, with easy strategies and with nasty ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from capture.testing.adapter import AdapterContract, identical
from tests.adapters import strategies
from tests.adapters.runs import CASES, Case, assert_same_results, goog

pytestmark = pytest.mark.host


class TestBacktesting(AdapterContract):
    adapter = "backtesting"
    packages = ("backtesting",)
    runs = CASES
    failing = Case(strategies.Failing, goog, {"cash": 10_000})

    def compare(self, expected: Any, got: Any) -> None:
        assert_same_results(expected, got)

    def compare_replay(self, expected: Any, got: Any) -> None:
        # A replay has no indicators to show beside its trades, and tags are recorded as text.
        mine, theirs = expected._trades, got._trades
        columns = [name for name in mine.columns if name in theirs.columns and name != "Tag"]
        assert {"Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL"} <= set(columns)
        assert identical(mine[columns], theirs[columns])
        assert identical(expected._equity_curve, got._equity_curve)

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, settings={**run.settings, "cash": run.settings["cash"] * 3})

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        broker = results._strategy._broker
        fills: Counter[tuple[int, int, float]] = Counter()
        for trade in (*broker.trades, *broker.closed_trades):
            side = 1 if trade.is_long else -1
            fills[(trade.entry_bar, side, trade.entry_price)] += abs(trade.size)
            if trade.exit_bar is not None:
                fills[(trade.exit_bar, -side, trade.exit_price)] += abs(trade.size)
        return fills
