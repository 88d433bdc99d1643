"""What is remembered of an order that was recorded, and of a trade that fills opened."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from capture_backtrader.feeds import Feed

__all__ = ["NEVER", "Placed", "Traded"]

NEVER: Final = sys.maxsize


class Placed:
    """An order that was recorded, with how far it has come.

    Attributes:
        order: the host's order.
        feed: the data feed it trades.
        signal_seq: sequence number of the signal.
        order_seq: sequence number of the order.
        bar: bar of the intent, in that feed.
        leads: whether the signal's fate is this order's; the children of a bracket only follow.
        settled: whether it is known what became of it.
        filled: whether something of it was filled.
        cancelling: how much was noted of orders when the strategy cancelled it.
        grouped: the same, when it became one of a group of which one cancels the others.
        parent: the order that must be filled before it becomes active.
    """

    settled = False
    filled = False
    cancelling: int = NEVER
    grouped: int = NEVER
    parent: Placed | None = None

    def __init__(
        self, order: Any, feed: Feed, signal_seq: int, order_seq: int, bar: int, leads: bool = True
    ) -> None:
        """Remember signal, order and bar."""
        self.order = order
        self.feed = feed
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar
        self.leads = leads


class Traded:
    """A trade of the host, with what the host does not keep of it.

    Attributes:
        trade: the host's trade.
        number: its number within the part.
        feed: the data feed it trades.
        strategy_id: whose trade it is.
        held: units that are open, with their sign.
        units: units that were opened in all, with their sign.
        left: units that were closed in all, without sign.
        proceeds: those units, each times its price.
        began: bar of the fill that opened it, where fills are recorded as they happen.
        ended: bar of the last fill, likewise.
    """

    __slots__ = (
        "began",
        "ended",
        "feed",
        "held",
        "left",
        "number",
        "proceeds",
        "strategy_id",
        "trade",
        "units",
    )

    def __init__(self, trade: Any, number: int, feed: Feed, strategy_id: str) -> None:
        """Remember a trade that begins."""
        self.trade = trade
        self.number = number
        self.feed = feed
        self.strategy_id = strategy_id
        self.held = 0.0
        self.units = 0.0
        self.left = 0.0
        self.proceeds = 0.0
        self.began = self.ended = -1
