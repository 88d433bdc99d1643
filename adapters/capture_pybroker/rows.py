"""The rows that a run of pybroker leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.events import Reason, SignalStatus
from capture.journal import Field
from capture.recorder.adapting import FILL as _FILL
from capture.recorder.adapting import STATUS, order_columns, same_columns

__all__ = [
    "ASIDE",
    "CANCELLED",
    "CANCELLED_BY_BROKER",
    "END_OF_DATA",
    "EXECUTED",
    "EXPIRED",
    "FILL",
    "FILLED",
    "FILTERED",
    "INSUFFICIENT_CASH",
    "INSUFFICIENT_MARGIN",
    "INTENT",
    "INTENT_ORDER",
    "INTENT_SIGNAL",
    "LIMITED",
    "NOTHING_TO_CLOSE",
    "OUTCOMES",
    "PARTIALLY_FILLED",
    "PLAIN",
    "PLAIN_ORDER",
    "PLAIN_SIGNAL",
    "PRICED",
    "SHORT_OF_CASH",
    "SIGNAL",
    "SIZED_TO_ZERO",
    "STATUS",
    "UNPRICED",
]

SIGNAL: Final = (
    Field("bar_index", "int"),
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("portfolio_open_positions", "int"),
)
_SCORED: Final = (*SIGNAL, Field("extra_score", "float"))
PLAIN: Final = (
    *SIGNAL,
    Field("side", "small"),
    Field("call", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
)
"""A signal and its order, which are journaled as one: so many shares at the next middle price."""

PLAIN_SIGNAL: Final = same_columns(SIGNAL)
PLAIN_ORDER: Final = order_columns(PLAIN, SIGNAL)
_ORDER: Final = (
    Field("side", "small"),
    Field("call", "word"),
    Field("order_type", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("limit_price", "float"),
    Field("valid", "word"),
)
INTENT: Final = (*_SCORED, *_ORDER, Field("arguments", "word"))
"""The same with what else an order may say."""

PRICED: Final = (*_SCORED, *_ORDER, Field("arguments", "text"))
"""The same with arguments that few other orders share, such as a limit price."""

INTENT_SIGNAL: Final = same_columns(_SCORED)
INTENT_ORDER: Final = order_columns(INTENT, _SCORED)

ASIDE: Final = (
    Field("signal_seq", "int"),
    Field("bar_index", "int"),
    Field("action", "word"),
    Field("call", "word"),
    Field("arguments", "text"),
)
"""A call that is no signal: what cancels orders or stops, and scores that rotation ranks."""

FILL: Final = (*_FILL, Field("extra_market_price", "float"), Field("extra_order_type", "word"))
"""A fill, with the price before slippage, and what kind of order the host calls it."""

EXECUTED: Final = {name: name for name in ("signal_seq", "order_seq", "bar_index")}
"""What a fill says of its signal: that it is executed."""

OUTCOMES: Final = (
    (SignalStatus.EXECUTED, Reason.FILLED, "broker"),
    (SignalStatus.PARTIALLY_FILLED, Reason.PARTIALLY_FILLED, "broker"),
    (SignalStatus.PARTIALLY_FILLED, Reason.INSUFFICIENT_CASH, "broker"),
    (SignalStatus.REJECTED, Reason.FILTERED, "strategy"),
    (SignalStatus.REJECTED, Reason.SIZED_TO_ZERO, "sizer"),
    (SignalStatus.REJECTED, Reason.INSUFFICIENT_CASH, "broker"),
    (SignalStatus.REJECTED, Reason.INSUFFICIENT_MARGIN, "broker"),
    # As many positions are open as there may be, or none may be opened on this side.
    (SignalStatus.REJECTED, Reason.RISK_LIMIT, "risk"),
    (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker"),
    # The bar on which it was to be filled has no price.
    (SignalStatus.REJECTED, Reason.REJECTED_BY_BROKER, "broker"),
    (SignalStatus.CANCELLED, Reason.CANCELLED_BY_STRATEGY, "strategy"),
    (SignalStatus.CANCELLED, Reason.CANCELLED_BY_BROKER, "broker"),
    (SignalStatus.EXPIRED, Reason.EXPIRED, "broker"),
    (SignalStatus.EXPIRED, Reason.END_OF_DATA, "broker"),
)
"""What can become of a signal here."""

(
    FILLED,
    PARTIALLY_FILLED,
    SHORT_OF_CASH,
    FILTERED,
    SIZED_TO_ZERO,
    INSUFFICIENT_CASH,
    INSUFFICIENT_MARGIN,
    LIMITED,
    NOTHING_TO_CLOSE,
    UNPRICED,
    CANCELLED,
    CANCELLED_BY_BROKER,
    EXPIRED,
    END_OF_DATA,
) = range(len(OUTCOMES))
