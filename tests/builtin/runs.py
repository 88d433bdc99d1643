"""Real runs of the built-in backtester: a strategy, bars and settings each, captured or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from capture.testing.adapter import identical
from capture.testing.running import HostRuns
from capture_builtin import Backtest, Feed
from tests.builtin.market import bars, minutes

if TYPE_CHECKING:
    from collections.abc import Callable


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


class Builtin(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "builtin"

    def compare(self, expected: Any, got: Any) -> None:
        assert identical(expected.trades, got.trades)
        assert identical(expected.equity, got.equity)
        assert identical(expected.fills.drop(columns="seq"), got.fills.drop(columns="seq"))
        assert expected.settings == got.settings

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        fills: Counter[tuple[int, int, float]] = Counter()
        for row in results.fills.itertuples():
            fills[(row.bar_index, row.side, row.price)] += row.size
        return fills
