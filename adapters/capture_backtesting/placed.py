"""What an order, and the trade that it opens, remember of the intent that they came from."""

from __future__ import annotations

from typing import Final

from capture.journal import NULL_INT

__all__ = ["NOBODY", "Placed"]


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
    """

    closes = False
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
    def to_close(cls, signal_seq: int, order_seq: int, bar: int) -> Placed:
        """Remember an intent to close, whose orders are counted as they are made."""
        placed = cls(signal_seq, order_seq, bar)
        placed.closes, placed.orders = True, 0
        return placed

    @classmethod
    def aside(cls, signal_seq: int, order_seq: int, bar: int) -> Placed:
        """Remember an intent whose outcome is not told by the order at hand."""
        placed = cls(signal_seq, order_seq, bar)
        placed.settled = True
        return placed


NOBODY: Final = Placed.aside(NULL_INT, NULL_INT, NULL_INT)
"""Stands for an intent that could not be recorded, or that is none."""
