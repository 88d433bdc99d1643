"""What is run in each backtester: a strategy and a market, and what every run has in common."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from capture.replaying.replay import Replay

__all__ = ["CASH", "COMMISSION", "FAST", "SCENARIOS", "SLOW", "STOP", "TAKE", "Host", "Scenario"]

CASH: Final = 10_000.0
COMMISSION: Final = 0.001
FAST, SLOW = 10, 30
STOP, TAKE = 0.05, 0.10
"""How far from the close of its bar a bracket's stop-loss and take-profit are."""


@dataclass(frozen=True)
class Scenario:
    """One strategy on one market.

    Attributes:
        name: as the table says it.
        kind: "cross" leaves and enters the other side when two averages cross, with so many units;
            "brackets" enters the long side with a stop-loss and a take-profit and leaves at the
            opposite cross, in the size that the backtester chooses; "reversals" turns from side to
            side without leaving first, in that size.
        market: "GOOG", 2148 days, or "EURUSD", 5000 hours.
        units: size of an entry of "cross".
    """

    name: str
    kind: str
    market: str
    units: float = 0.0

    @property
    def bars(self) -> pd.DataFrame:
        """The bars, as Backtesting.py ships them."""
        return _bars(self.market)

    @property
    def timeframe(self) -> str:
        """Length of a bar."""
        return "1d" if self.market == "GOOG" else "1h"


@cache
def _bars(market: str) -> pd.DataFrame:
    import backtesting.test

    frame: pd.DataFrame = getattr(backtesting.test, market)
    return frame


SCENARIOS: Final = (
    Scenario("SMA cross, GOOG", "cross", "GOOG", 10.0),
    Scenario("SMA cross, EURUSD", "cross", "EURUSD", 1_000.0),
    Scenario("brackets, GOOG", "brackets", "GOOG"),
    Scenario("reversals, EURUSD", "reversals", "EURUSD"),
)


class Host(Protocol):
    """A backtester that records a scenario, and replays recordings of others."""

    name: str

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        ...

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        ...
