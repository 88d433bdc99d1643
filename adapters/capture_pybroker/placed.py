"""What is remembered of an intent that was recorded, until it is known what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

__all__ = ["Placed"]


class Placed:
    """An intent that was recorded.

    Attributes:
        signal_seq: sequence number of the signal.
        order_seq: sequence number of the order.
        bar: bar of the intent.
        symbol: of what.
        wanted: how many shares; None if that is none.
        exits: whether it can only close what is held.
        settled: whether it is recorded what became of the signal.
    """

    __slots__ = ("bar", "exits", "order_seq", "settled", "signal_seq", "symbol", "wanted")

    def __init__(
        self,
        signal_seq: int,
        order_seq: int,
        bar: int,
        symbol: str,
        wanted: Decimal | None,
        *,
        exits: bool = False,
    ) -> None:
        """Remember it."""
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar
        self.symbol = symbol
        self.wanted = wanted
        self.exits = exits
        self.settled = False
