"""The rows that a run of backtrader leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.events import Reason, SignalStatus
from capture.journal import Field
from capture.recorder import adapting
from capture.recorder.adapting import FILL, order_columns, same_columns, with_rests

__all__ = [
    "CLOSE",
    "CLOSE_ORDER",
    "CLOSE_SIGNAL",
    "FILL",
    "INTENT",
    "INTENT_ORDER",
    "INTENT_SIGNAL",
    "ORDER",
    "OUTCOMES",
    "PLACES",
    "SIGNAL",
    "SPECIAL",
    "STATUS",
]

SIGNAL: Final = (
    Field("bar_index", "int"),
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("portfolio_equity", "float"),
    Field("portfolio_pending_orders", "int"),
)
_SAID: Final = tuple(field for field in SIGNAL if field.name != "direction")
INTENT: Final = (
    *_SAID,
    Field("arguments", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("callback", "int"),
)
"""A signal and its market order, given in `next` and journaled as one; the call says the side."""

INTENT_SIGNAL: Final = same_columns(_SAID)
INTENT_ORDER: Final = order_columns(INTENT, _SAID)

_CLOSED: Final = tuple(field for field in _SAID if field.name != "signal_type")
CLOSE: Final = (*_CLOSED, Field("side", "small"), Field("callback", "int"))
"""The same of a call that closes the position, and says nothing else."""

CLOSE_SIGNAL: Final = same_columns(_CLOSED)
CLOSE_ORDER: Final = order_columns(CLOSE, _CLOSED)

ORDER: Final = (
    Field("signal_seq", "int"),
    Field("bar_index", "int"),
    Field("side", "small"),
    Field("call", "word"),
    Field("arguments", "word"),
    Field("order_type", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("phase", "word"),
    Field("callback", "int"),
)
"""An order intent that says no more than how much."""

SPECIAL: Final = (
    *(field._replace(kind="text") if field.name == "arguments" else field for field in ORDER),
    Field("action", "word"),
    Field("limit_price", "float"),
    Field("stop_price", "float"),
    Field("trail", "float"),
    Field("stop_loss", "float"),
    Field("take_profit", "float"),
    Field("valid", "text"),
    Field("parent_id", "text"),
    Field("oco_id", "text"),
)
"""The same with what fewer intents have: prices, validity, other orders, another action."""

STATUS: Final = (*adapting.STATUS, Field("detail", "word"))
"""What became of a signal or an order; `detail` is the host's own word for it."""

_OUTCOMES: Final = with_rests(
    {
        "accepted": (SignalStatus.SUBMITTED, Reason.ACCEPTED, "broker", "Accepted"),
        "partial": (SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED, "broker", "Partial"),
        "filled": (SignalStatus.EXECUTED, Reason.FILLED, "broker", "Completed"),
        "cancelled": (SignalStatus.CANCELLED, Reason.CANCELLED_BY_STRATEGY, "strategy", "Canceled"),
        "cancelled_by_broker": (
            SignalStatus.CANCELLED,
            Reason.CANCELLED_BY_BROKER,
            "broker",
            "Canceled",
        ),
        "cancelled_by_oco": (SignalStatus.CANCELLED, Reason.CANCELLED_BY_OCO, "broker", "Canceled"),
        "expired": (SignalStatus.EXPIRED, Reason.EXPIRED, "broker", "Expired"),
        "margin": (SignalStatus.REJECTED, Reason.INSUFFICIENT_MARGIN, "broker", "Margin"),
        "rejected": (SignalStatus.REJECTED, Reason.REJECTED_BY_BROKER, "broker", "Rejected"),
        "invalid": (SignalStatus.REJECTED, Reason.INVALID_ORDER, "broker", None),
        "sized_to_zero": (SignalStatus.REJECTED, Reason.SIZED_TO_ZERO, "sizer", None),
        "nothing_to_close": (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker", None),
        "filtered": (SignalStatus.REJECTED, Reason.FILTERED, "strategy", None),
        "end_of_data": (SignalStatus.EXPIRED, Reason.END_OF_DATA, "broker", None),
    },
    "cancelled",
    "cancelled_by_broker",
    "cancelled_by_oco",
    "expired",
    "margin",
    "rejected",
    "end_of_data",
)
OUTCOMES: Final = tuple(_OUTCOMES.values())
"""What can become of a signal here; statuses are kept as places in this table."""

PLACES: Final = {name: place for place, name in enumerate(_OUTCOMES)}
