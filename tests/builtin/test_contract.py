"""The built-in backtester fulfils the adapters' contract, with easy strategies and nasty ones."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from capture.testing.adapter import AdapterContract, identical
from capture_builtin import Backtest, Feed
from capture_builtin import strategies as own
from tests.builtin import strategies
from tests.builtin.market import bars, minutes

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.host


def one() -> Any:
    return Feed.from_frame(bars(), "ONE")


def naive() -> Any:
    return Feed.from_frame(bars(300, 9).tz_localize(None), "NAIVE")


def three() -> Any:
    return [Feed.from_frame(bars(300, seed), name) for seed, name in enumerate("CAB")]


def gappy() -> Any:
    return [Feed.from_frame(minutes(300, 1, seed, 0.3), f"S{seed}") for seed in range(3)]


def frames() -> Any:
    return [
        Feed.from_frame(minutes(400, 1, 3, 0.1), "A"),
        Feed.from_frame(minutes(80, 5, 3), "A", "5min"),
    ]


@dataclass(frozen=True)
class Case:
    """One run, made anew each time that it is asked for."""

    strategy: type
    data: Callable[[], Any]
    settings: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] | None = None

    def __call__(self, wrap: Callable[[Any], Any] = lambda strategy: strategy) -> Any:
        wrapped = wrap(self.strategy)
        params = self.params if wrapped is self.strategy or hasattr(wrapped, "config") else None
        replayed = "replay_source" in dir(getattr(wrapped, "strategy", wrapped))
        return Backtest(
            self.data(), wrapped, params=None if replayed else params, **self.settings
        ).run()


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


class TestBuiltin(AdapterContract):
    adapter = "builtin"
    packages = ("capture_builtin",)
    runs = CASES
    failing = Case(strategies.Failing, one, COSTS)

    def compare(self, expected: Any, got: Any) -> None:
        assert identical(expected.trades, got.trades)
        assert identical(expected.equity, got.equity)
        assert identical(expected.fills.drop(columns="seq"), got.fills.drop(columns="seq"))
        assert expected.settings == got.settings

    @staticmethod
    def changed(run: Any) -> Case:
        return replace(run, settings={**run.settings, "cash": run.settings["cash"] * 3})

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        fills: Counter[tuple[int, int, float]] = Counter()
        for row in results.fills.itertuples():
            fills[(row.bar_index, row.side, row.price)] += row.size
        return fills
