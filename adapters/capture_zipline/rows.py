"""The rows that a run of zipline leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.events import Reason, SignalStatus
from capture.journal import Field
from capture.recorder import adapting
from capture.recorder.adapting import FILL, order_columns, same_columns, with_rests

__all__ = [
    "CANCEL",
    "FILL",
    "INTENT",
    "INTENT_ORDER",
    "INTENT_SIGNAL",
    "OUTCOMES",
    "RARE",
    "SIGNAL",
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
INTENT: Final = (
    *SIGNAL,
    Field("side", "small"),
    Field("call", "word"),
    Field("arguments", "word"),
    Field("order_type", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("limit_price", "float"),
    Field("stop_price", "float"),
    Field("phase", "word"),
    Field("callback", "int"),
)
"""A signal and its order, which are journaled as one."""

RARE: Final = tuple(Field(name, "text" if name == "arguments" else kind) for name, kind in INTENT)
"""The same with arguments that few other calls share."""

INTENT_SIGNAL: Final = same_columns(SIGNAL)
INTENT_ORDER: Final = order_columns(INTENT, SIGNAL)
CANCEL: Final = (
    Field("bar_index", "int"),
    Field("arguments", "text"),
    Field("parent_id", "text"),
    Field("phase", "word"),
    Field("callback", "int"),
)
STATUS: Final = (*adapting.STATUS, Field("detail", "word"))
"""What became of a signal or an order; `detail` is the host's own word for it."""

OUTCOMES: Final = with_rests(
    {
        "accepted": (SignalStatus.SUBMITTED, Reason.ACCEPTED, "broker", "OPEN"),
        "partial": (SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED, "broker", "OPEN"),
        "filled": (SignalStatus.EXECUTED, Reason.FILLED, "broker", "FILLED"),
        "cancelled": (
            SignalStatus.CANCELLED,
            Reason.CANCELLED_BY_STRATEGY,
            "strategy",
            "CANCELLED",
        ),
        "expired": (SignalStatus.EXPIRED, Reason.EXPIRED, "broker", "CANCELLED"),
        "cancelled_by_broker": (
            SignalStatus.CANCELLED,
            Reason.CANCELLED_BY_BROKER,
            "broker",
            "CANCELLED",
        ),
        "rejected": (SignalStatus.REJECTED, Reason.REJECTED_BY_BROKER, "broker", "REJECTED"),
        "delisted": (SignalStatus.REJECTED, Reason.REJECTED_BY_BROKER, "broker", "de-listed"),
        "risk": (SignalStatus.REJECTED, Reason.RISK_LIMIT, "risk", None),
        "invalid": (SignalStatus.REJECTED, Reason.INVALID_ORDER, "broker", None),
        "sized_to_zero": (SignalStatus.REJECTED, Reason.SIZED_TO_ZERO, "sizer", None),
        "nothing_to_close": (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker", None),
        "in_position": (SignalStatus.REJECTED, Reason.ALREADY_IN_POSITION, "sizer", None),
        "filtered": (SignalStatus.REJECTED, Reason.FILTERED, "strategy", None),
        "end_of_data": (SignalStatus.EXPIRED, Reason.END_OF_DATA, "broker", "OPEN"),
    },
    "cancelled",
    "expired",
    "cancelled_by_broker",
    "rejected",
    "end_of_data",
)
"""What can become of a signal here."""
