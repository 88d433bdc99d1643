"""The rows that a run of bt leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.events import Reason, SignalStatus
from capture.journal import Field
from capture.recorder.adapting import FILL as _FILL
from capture.recorder.adapting import STATUS, order_columns, same_columns

__all__ = [
    "ACCEPTED",
    "ALREADY",
    "CALL",
    "EXECUTED",
    "FILL",
    "FILLED",
    "FILTERED",
    "INTENT",
    "INTENT_ORDER",
    "INTENT_SIGNAL",
    "INVALID_ORDER",
    "NOTHING_TO_CLOSE",
    "OUTCOMES",
    "SIGNAL",
    "SIZED_TO_ZERO",
    "STATUS",
]

SIGNAL: Final = (
    Field("bar_index", "int"),
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("strength", "float"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("portfolio_equity", "float"),
    Field("portfolio_weight", "float"),
    Field("extra_node", "word"),
)
INTENT: Final = (
    *SIGNAL,
    Field("side", "small"),
    Field("call", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("arguments", "word"),
    Field("callback", "int"),
)
"""A signal and its order, which are journaled as one."""

INTENT_SIGNAL: Final = same_columns(SIGNAL)
INTENT_ORDER: Final = order_columns(INTENT, SIGNAL)

CALL: Final = (
    Field("bar_index", "int"),
    Field("symbol", "word"),
    Field("side", "small"),
    Field("call", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("arguments", "word"),
    Field("callback", "int"),
    Field("phase", "word"),
)
"""A call that wants nothing of the market: money that comes or goes, or a trade on paper."""

FILL: Final = (
    *_FILL,
    Field("expected_price", "float"),
    Field("slippage", "float"),
    Field("extra_node", "word"),
)
EXECUTED: Final = {name: name for name in ("signal_seq", "order_seq", "bar_index")}
"""What a fill says of its signal: that it is executed."""

OUTCOMES: Final = (
    (SignalStatus.EXECUTED, Reason.FILLED, "broker"),
    (SignalStatus.EXECUTED, Reason.ACCEPTED, "broker"),
    (SignalStatus.REJECTED, Reason.SIZED_TO_ZERO, "sizer"),
    (SignalStatus.REJECTED, Reason.ALREADY_IN_POSITION, "sizer"),
    (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker"),
    (SignalStatus.REJECTED, Reason.INVALID_ORDER, "broker"),
    (SignalStatus.REJECTED, Reason.FILTERED, "strategy"),
)
"""What can become of a signal here; a child strategy accepts money and decides for itself."""

FILLED, ACCEPTED, SIZED_TO_ZERO, ALREADY, NOTHING_TO_CLOSE, INVALID_ORDER, FILTERED = range(
    len(OUTCOMES)
)
