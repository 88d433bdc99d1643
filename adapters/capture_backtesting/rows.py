"""The rows that a run of Backtesting.py leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.events import Reason, SignalStatus
from capture.journal import Field
from capture.recorder.adapting import FILL, STATUS, order_columns, same_columns

__all__ = [
    "CANCELLED",
    "CLOSE",
    "CLOSE_ORDER",
    "CLOSE_SIGNAL",
    "EDIT",
    "END_OF_DATA",
    "EXECUTED",
    "FILL",
    "FILLED",
    "FILTERED",
    "INSUFFICIENT_MARGIN",
    "INTENT",
    "INTENT_ORDER",
    "INTENT_SIGNAL",
    "INVALID_ORDER",
    "NOTHING_TO_CLOSE",
    "ORDER",
    "OUTCOMES",
    "OUT_OF_MONEY",
    "PARTIALLY_FILLED",
    "PLAIN",
    "PLAIN_ORDER",
    "PLAIN_SIGNAL",
    "SIGNAL",
    "STATUS",
    "SUPERSEDED",
    "order_type",
]

SIGNAL: Final = (
    Field("bar_index", "int"),
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("portfolio_open_trades", "int"),
    Field("portfolio_pending_orders", "int"),
)
INTENT: Final = (
    *SIGNAL,
    Field("side", "small"),
    Field("call", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("trade", "int"),
)
"""A signal and its market order, which are journaled as one; `trade` is the one to close."""

INTENT_SIGNAL: Final = same_columns(SIGNAL)
INTENT_ORDER: Final = order_columns(INTENT, SIGNAL, "trade")
_HELD: Final = tuple(
    field for field in SIGNAL if field.name in {"bar_index", "position_before", "capital_available"}
)
_SAID: Final = (*_HELD, Field("portfolio_open_trades", "int"))
PLAIN: Final = (*_SAID, Field("size", "float"), Field("size_kind", "word"))
"""A plain buy or sell: where there is a trade, the one order that waits is the one to close it."""

PLAIN_SIGNAL: Final = {**same_columns(_SAID), "portfolio_pending_orders": "portfolio_open_trades"}
PLAIN_ORDER: Final = order_columns(PLAIN, _SAID)

CLOSE: Final = (*_HELD, Field("side", "small"))
"""The closing of the only trade, where no order waits."""

CLOSE_SIGNAL: Final = same_columns(_HELD)
CLOSE_ORDER: Final = order_columns(CLOSE, _HELD)

ORDER: Final = (
    Field("signal_seq", "int"),
    Field("bar_index", "int"),
    Field("side", "small"),
    Field("call", "word"),
    Field("order_type", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("limit_price", "float"),
    Field("stop_price", "float"),
    Field("stop_loss", "float"),
    Field("take_profit", "float"),
)
"""An order intent; its arguments are exactly these."""

EDIT: Final = (
    *ORDER,
    Field("action", "word"),
    Field("phase", "word"),
    Field("parent_id", "text"),
    Field("tag", "text"),
)
"""The same with what few intents have: a tag, a parent, another action than `new`."""

EXECUTED: Final = {name: name for name in ("signal_seq", "order_seq", "bar_index")}
"""What a fill says of its signal: that it is executed."""

OUTCOMES: Final = (
    (SignalStatus.EXECUTED, Reason.FILLED, "broker"),
    (SignalStatus.CANCELLED, Reason.CANCELLED_BY_STRATEGY, "strategy"),
    (SignalStatus.CANCELLED, Reason.SUPERSEDED, "broker"),
    (SignalStatus.REJECTED, Reason.INSUFFICIENT_MARGIN, "broker"),
    (SignalStatus.REJECTED, Reason.INVALID_ORDER, "broker"),
    (SignalStatus.REJECTED, Reason.NOTHING_TO_CLOSE, "broker"),
    (SignalStatus.REJECTED, Reason.FILTERED, "strategy"),
    (SignalStatus.EXPIRED, Reason.END_OF_DATA, "broker"),
    (SignalStatus.CANCELLED, Reason.OUT_OF_MONEY, "broker"),
    # An order against the position: it closed that, and there was no money for the rest.
    (SignalStatus.PARTIALLY_FILLED, Reason.INSUFFICIENT_MARGIN, "broker"),
)
"""What can become of a signal here."""

(
    FILLED,
    CANCELLED,
    SUPERSEDED,
    INSUFFICIENT_MARGIN,
    INVALID_ORDER,
    NOTHING_TO_CLOSE,
    FILTERED,
    END_OF_DATA,
    OUT_OF_MONEY,
    PARTIALLY_FILLED,
) = range(len(OUTCOMES))


def order_type(limit: float | None, stop: float | None) -> str:
    """Return what the prices of an order make it."""
    if limit is None:
        return "market" if stop is None else "stop"
    return "limit" if stop is None else "stop_limit"
