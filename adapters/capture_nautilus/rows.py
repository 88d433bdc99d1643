"""The rows that a run of NautilusTrader leaves, and the words in them."""

from __future__ import annotations

from typing import Final

from capture.journal import Field
from capture.recorder import adapting
from capture.recorder.adapting import same_columns

__all__ = [
    "EXECUTED",
    "FILL",
    "INTENT_ORDER",
    "ORDER",
    "SIGNAL",
    "SIGNAL_COLUMNS",
    "STATUS",
    "TAIL",
]

_MOMENT: Final = Field("timestamp", "time")

SIGNAL: Final = (
    Field("bar_index", "int"),
    _MOMENT,
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
)
"""A signal; the values of its indicators follow, of which each strategy has others."""

SIGNAL_COLUMNS: Final = {**same_columns(SIGNAL), "available_time": "timestamp"}

TAIL: Final = (
    Field("side", "small"),
    Field("call", "word"),
    Field("order_type", "word"),
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("limit_price", "float"),
    Field("stop_price", "float"),
    Field("trail", "float"),
    Field("phase", "word"),
    Field("callback", "int"),
)
"""What an order says beside its place; what is text is read late from the host's own order."""

INTENT_ORDER: Final = {
    "signal_seq": "seq",
    "bar_index": "bar_index",
    "timestamp": "timestamp",
    **same_columns(TAIL),
}
"""The order of a record that is a signal and its order."""

ORDER: Final = (
    Field("signal_seq", "int"),
    Field("bar_index", "int"),
    _MOMENT,
    *TAIL,
    Field("action", "word"),
)
"""An order that follows another one, an edit or a cancel."""

FILL: Final = (*adapting.FILL, _MOMENT)
EXECUTED: Final = {name: name for name in ("signal_seq", "order_seq", "bar_index", "timestamp")}
"""What a fill that completes an order says of its signal: that it is executed."""

STATUS: Final = (*adapting.STATUS, Field("detail", "word"), _MOMENT)
"""What became of a signal or an order; `detail` is what the host says of it."""
