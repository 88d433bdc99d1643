"""What is remembered of an order that was recorded, and of a trade that fills opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from capture.journal import NULL_INT

if TYPE_CHECKING:
    from capture_zipline.bars import Feed

__all__ = ["NOBODY", "Placed", "Traded"]


class Placed:
    """An order that was recorded, with how far it has come.

    Attributes:
        feed: the asset it trades.
        signal_seq: sequence number of the signal.
        order_seq: sequence number of the order.
        bar: bar of the intent, of that asset.
        settled: whether it is known what became of it.
        filled: whether something of it was filled.
    """

    settled = False
    filled = False

    def __init__(self, feed: Feed, signal_seq: int, order_seq: int, bar: int) -> None:
        """Remember signal, order and bar."""
        self.feed = feed
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar


NOBODY: Final[Any] = Placed(cast("Feed", None), NULL_INT, NULL_INT, NULL_INT)
"""Stands where no call of the strategy's led to a fill."""


class Traded:
    """A trade: what is held of an asset from its first fill until nothing is held any more.

    The host has fills and positions, but no trades; these are what its fills come to.

    Attributes:
        number: its number within the part.
        feed: the asset.
        entry_bar: bar of its first fill.
        exit_bar: bar of its last one; None while it is open.
        units: units that were opened in all, with their sign.
        paid: those units, each times its price.
        left: units that were closed in all, without sign.
        proceeds: those units, each times its price.
        commission: of all its fills.
        multiplier: what one point of the price is worth for one unit.
    """

    def __init__(self, number: int, feed: Feed, bar: int, multiplier: float) -> None:
        """Remember a trade that begins."""
        self.number = number
        self.feed = feed
        self.entry_bar = bar
        self.exit_bar: int | None = None
        self.units = self.paid = self.left = self.proceeds = self.commission = 0.0
        self.multiplier = multiplier

    def enter(self, units: float, price: float, commission: float) -> None:
        """Take note of units that are opened."""
        self.units += units
        self.paid += abs(units) * price
        self.commission += commission

    def leave(self, units: float, price: float, commission: float, last: int | None) -> None:
        """Take note of units that are closed; with the bar, if they were the last."""
        self.left += units
        self.proceeds += units * price
        self.commission += commission
        self.exit_bar = last

    @property
    def profit(self) -> float | None:
        """What it brought, after costs; None while it is open."""
        if self.exit_bar is None:
            return None
        side = 1.0 if self.units >= 0 else -1.0
        return side * (self.proceeds - self.paid) * self.multiplier - self.commission
