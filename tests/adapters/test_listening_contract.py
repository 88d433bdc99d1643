"""The adapters' contract holds for an adapter that listens, whose host has no strategy to wrap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import vectorbt as vbt
from backtesting.test import EURUSD, GOOG

import capture
from capture.testing.adapter import AdapterContract, identical

pytestmark = [pytest.mark.host, pytest.mark.slow]


class Cross:
    """An SMA cross over closes, in one call."""

    def __init__(self, closes: Any, **settings: Any) -> None:
        self.closes = closes
        self.settings = settings

    def __call__(self, _wrap: Callable[[Any], Any]) -> Any:
        fast, slow = (vbt.MA.run(self.closes, window) for window in (10, 20))
        entries, exits = fast.ma_crossed_above(slow), fast.ma_crossed_below(slow)
        return vbt.Portfolio.from_signals(self.closes, entries, exits, **self.settings)


class TestVectorbt(AdapterContract):
    adapter = "vectorbt"
    packages = ("vectorbt",)
    runs: ClassVar = {
        "GOOG": Cross(GOOG["Close"], init_cash=10_000, fees=0.002),
        "EURUSD": Cross(EURUSD["Close"], init_cash=1_000, slippage=0.001, freq="1h"),
    }
    failing = Cross(GOOG["Close"], init_cash=10_000, size=10**6, raise_reject=True, min_size=1e5)

    def compare(self, expected: Any, got: Any) -> None:
        assert expected.order_records.tobytes() == got.order_records.tobytes()
        assert len(got.order_records)
        assert identical(expected.value(), got.value())

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        fills: Counter[tuple[int, int, float]] = Counter()
        for order in results.order_records:
            side = -1 if order["side"] else 1
            fills[(int(order["idx"]), side, float(order["price"]))] += float(order["size"])
        return fills

    def on_other_data(self, run: Any, recording: Any) -> Callable[[], Any]:
        replay = capture.replay(recording)
        return lambda: replay.into("vectorbt", close=run.closes * 2)
