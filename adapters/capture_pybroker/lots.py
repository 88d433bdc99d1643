"""Shares that were bought or sold short at once, and fills that are to be recorded."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Fills", "Lot"]


class Lot:
    """Shares that were bought or sold short at once, as far as they are held."""

    __slots__ = ("date", "number", "shares", "signal")

    def __init__(self, number: int, date: Any, shares: Any, signal: int) -> None:
        self.number = number
        self.date = date
        self.shares = shares
        self.signal = signal


class Fills(NamedTuple):
    """Fills of one symbol, as the journal has them.

    Attributes:
        symbol: theirs.
        whole: whether each fills its order whole.
        said: one fill as a tuple, or many as a list of columns.
    """

    symbol: str
    whole: bool
    said: tuple[Any, ...] | list[Any]
