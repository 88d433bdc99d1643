"""What is remembered of an order that was recorded, and of a trade that fills opened."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from capture_nautilus.market import Series

__all__ = ["NEVER", "Placed", "Traded"]

NEVER: Final = sys.maxsize


class Placed:
    """An order that was recorded, with how far it has come.

    Attributes:
        order: the host's order.
        series: the bars of its instrument.
        signal_seq: sequence number of the signal.
        order_seq: sequence number of the order.
        bar: bar of the intent.
        leads: whether the signal's fate is this order's; the others of a list only follow.
        accepted: whether it is written that the venue has it.
        filled: whether something of it was filled.
        fills: how many of its fills were heard of.
        settled: whether it is known what became of it.
        cancelling: how much the host had told when the strategy cancelled it.
        expiring: whether the host cancels it because its time is over.
    """

    accepted = False
    filled = False
    fills = 0
    settled = False
    cancelling: int = NEVER
    expiring = False

    def __init__(
        self,
        order: Any,
        series: Series | None,
        signal_seq: int,
        order_seq: int,
        bar: int,
        leads: bool = True,
    ) -> None:
        """Remember order, signal and bar."""
        self.order = order
        self.series = series
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar
        self.leads = leads


@dataclass(slots=True)
class Traded:
    """A position of the host, from flat to flat.

    Attributes:
        number: its number within the part.
        position_id: the host's name of the position.
        instrument_id: of which instrument.
        series: the bars of the instrument.
        strategy_id: whose trade it is.
        opened_ns: when it was opened.
        units: the most units that were held, with their sign.
        commission: costs of all its fills.
        closed: the host's event of its end; None while it is open.
    """

    number: int
    position_id: Any
    instrument_id: Any
    series: Series | None
    strategy_id: str
    opened_ns: int
    units: float
    commission: float = 0.0
    closed: Any = None
