"""What a strategy may look at of its portfolio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.errors import UnknownName
from capture.study.portfolio.arithmetic import worth

if TYPE_CHECKING:
    from capture_builtin.portfolio import Portfolio

__all__ = ["Account"]


class Account:
    """What a strategy may look at of its portfolio; it is noted that it looked.

    Attributes:
        reads: what was looked at.
    """

    def __init__(self, portfolio: Portfolio, places: dict[str, int], first: str) -> None:
        """Look at a portfolio; `first` is the symbol that is meant where none is named."""
        self.reads: set[str] = set()
        self._portfolio = portfolio
        self._places = places
        self._first = first

    def position(self, symbol: str | None = None) -> float:
        """Return the units held of a symbol."""
        self.reads.add("position")
        return self._portfolio.held[self._place(symbol)]

    def unseen(self, symbol: str) -> float:
        """Return the units held of a symbol, for those who decide nothing by it."""
        return self._portfolio.held[self._places[symbol]]

    def waiting(self, symbol: str | None = None) -> int:
        """Return how many orders wait in a symbol."""
        self.reads.add("waiting")
        return len(self._portfolio.waiting[self._place(symbol)])

    @property
    def cash(self) -> float:
        """What is left."""
        self.reads.add("cash")
        return self._portfolio.cash

    @property
    def equity(self) -> float:
        """What all is worth at the last closes."""
        self.reads.add("equity")
        portfolio = self._portfolio
        return worth(portfolio.cash, portfolio.held, portfolio.prices)

    def _place(self, symbol: str | None) -> int:
        key = self._first if symbol is None else symbol
        if key not in self._places:
            raise UnknownName("symbol of the data", key, self._places)
        return self._places[key]
