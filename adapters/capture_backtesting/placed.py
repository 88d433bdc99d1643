"""What an order, and the trade that it opens, remember of the intent that they came from."""

from __future__ import annotations

import struct
from typing import Final

from capture.journal import NULL_INT

__all__ = ["CLOSES", "NOBODY", "OPENS", "UNFIT", "Closing", "ClosingAll", "Opening", "Placed"]

OPENS: Final = 1
CLOSES: Final = 2
UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError)
"""What is raised where an intent cannot be packed."""


class Placed:
    """An intent that was recorded, with how far it has come.

    Attributes:
        signal_seq: sequence number of the signal.
        order_seq: sequence number of the order.
        bar: bar of the intent.
        closes: whether the intent was to close.
        settled: whether it is recorded what became of the signal.
        orders: how many orders of the intent wait.
        reduced: whether a fill of it closed a trade, or a part of one.
        trade: number of the trade that it opened; 0 if none.
        units: how much of that trade is open.
        plain: OPENS or CLOSES, if that is all that can become of it: no price, no bracket, no
            part of a trade; else 0.
        rest: whether a part of it was left over when it had closed what it could.
    """

    closes = False
    plain = 0
    rest = False
    settled = False
    orders = 1
    reduced = False
    trade = 0
    units: float = 0

    def __init__(self, signal_seq: int, order_seq: int, bar: int) -> None:
        """Remember signal, order and bar."""
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar

    @classmethod
    def aside(cls, signal_seq: int, order_seq: int, bar: int) -> Placed:
        """Remember an intent whose outcome is not told by the order at hand."""
        placed = cls(signal_seq, order_seq, bar)
        placed.settled = True
        return placed


class Opening(Placed):
    """A market order without a bracket."""

    plain = OPENS


class Closing(Placed):
    """An intent to close, whose orders are counted as they are made."""

    closes = True
    orders = 0


class ClosingAll(Closing):
    """An intent to close the whole of what it is about."""

    plain = CLOSES


NOBODY: Final = Placed.aside(NULL_INT, NULL_INT, NULL_INT)
"""Stands for an intent that could not be recorded, or that is none."""
