"""Orders of all kinds with the built-in backtester."""

from __future__ import annotations

from typing import Any

from capture_builtin import Backtest, Feed
from tests.builtin.market import bars
from tests.builtin.strategies import Orders


class Watched(Orders):
    """Trades as the strategy of the contract does."""

    at: Any = None

    def generate_signal(self, market: Any) -> Any:
        """Let happen what is to happen, and decide."""
        type(self).at(market.index)
        return super().generate_signal(market)


def run(wrap: Any, at: Any) -> None:
    """Run it over 400 bars."""
    Watched.at = staticmethod(at)
    feed = Feed.from_frame(bars(), "ONE")
    Backtest(feed, wrap(Watched), cash=10_000, size=10, commission_rate=0.001).run()
