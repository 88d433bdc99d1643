"""Shares that were bought or sold short at once."""

from __future__ import annotations

from typing import Any

__all__ = ["Lot"]


class Lot:
    """Shares that were bought or sold short at once, as far as they are held."""

    __slots__ = ("date", "number", "shares", "signal")

    def __init__(self, number: int, date: Any, shares: Any, signal: int) -> None:
        self.number = number
        self.date = date
        self.shares = shares
        self.signal = signal
