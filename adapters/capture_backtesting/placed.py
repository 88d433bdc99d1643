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

    __slots__ = (
        "bar",
        "closes",
        "order_seq",
        "orders",
        "reduced",
        "settled",
        "signal_seq",
        "trade",
        "units",
    )

    def __init__(
        self,
        signal_seq: int,
        order_seq: int,
        bar: int,
        closes: bool = False,
        settled: bool = False,
    ) -> None:
        """Remember signal, order and bar."""
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar
        self.closes = closes
        self.settled = settled
        self.orders = 0 if closes else 1
        self.reduced = False
        self.trade = 0
        self.units: float = 0


NOBODY: Final = Placed(NULL_INT, NULL_INT, NULL_INT, settled=True)
"""Stands for an intent that could not be recorded, or that is none."""
