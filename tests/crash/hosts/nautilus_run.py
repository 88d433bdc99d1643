"""Orders of all kinds with NautilusTrader."""

from __future__ import annotations

from typing import Any

from tests.adapters.nautilus import strategies
from tests.adapters.nautilus.runs import Case


class Watched(strategies.Nasty):
    """Trades as the strategy of the contract does."""

    at: Any = None
    seen = -1

    def on_bar(self, bar: Any) -> None:
        """Count, and go on."""
        self.seen += 1
        type(self).at(self.seen)
        super().on_bar(bar)


def run(wrap: Any, at: Any) -> None:
    """Run it over the bars of the contract."""
    Watched.at = staticmethod(at)
    Case(Watched)(wrap)
