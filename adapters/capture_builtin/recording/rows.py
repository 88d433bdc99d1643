"""The rows that a run of the built-in backtester leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.journal import NULL_FLOAT, NULL_INT, Field
from capture.recorder.adapting import FILL as _FILL

if TYPE_CHECKING:
    from capture_builtin.signals import Signal

__all__ = [
    "CANCEL",
    "EXECUTED",
    "FILL",
    "PLAIN",
    "PRICED",
    "REFERENCES",
    "SIGNAL",
    "STATUS",
    "order_of",
    "priced",
    "share_of_order",
    "share_of_signal",
]

_SIGNAL: Final = (
    Field("bar_index", "int"),
    Field("available_time", "time"),
    Field("direction", "small"),
    Field("signal_type", "word"),
    Field("strength", "float"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("portfolio_equity", "float"),
)
REFERENCES: Final = Field("references", "text")
"""Of a strategy that sees several series: the last bar of each."""

SIGNAL: Final = _SIGNAL
"""A signal without an order: one that the strategy's own filter refused."""

_ORDER: Final = (
    Field("size", "float"),
    Field("size_kind", "word"),
    Field("callback", "int"),
)
PLAIN: Final = (*_SIGNAL, *_ORDER)
"""A signal and its market order, which are journaled as one."""

_PRICES: Final = ("limit_price", "stop_price", "stop_loss", "take_profit", "trail")
PRICED: Final = (
    *PLAIN,
    Field("order_type", "word"),
    *(Field(name, "float") for name in _PRICES),
    Field("valid", "text"),
    Field("tag", "text"),
)
"""The same with what few intents have: prices, how long they wait, a tag."""

CANCEL: Final = (
    Field("bar_index", "int"),
    Field("callback", "int"),
    Field("arguments", "text"),
)

FILL: Final = (*_FILL, Field("extra_because", "word"))
EXECUTED: Final = {name: name for name in ("signal_seq", "order_seq", "bar_index")}
"""What a fill that completes an order says of its signal: that it is executed."""

STATUS: Final = (
    Field("signal_seq", "int"),
    Field("order_seq", "int"),
    Field("bar_index", "int"),
    Field("status", "word"),
    Field("reason", "word"),
    Field("actor", "word"),
    Field("detail", "word"),
)

_TO_SIGNAL: Final = tuple(field.name for field in _SIGNAL)


def share_of_signal(*, references: bool) -> dict[str, str]:
    """Return what of a record goes into the table of signals."""
    names = (*_TO_SIGNAL, *(("references",) if references else ()))
    return {name: name for name in names}


def share_of_order(*, priced: bool) -> dict[str, str]:
    """Return what of a record goes into the table of orders."""
    named = {"signal_seq": "seq", "side": "direction", "bar_index": "bar_index"}
    fields = PRICED[len(PLAIN) :] if priced else ()
    return {**named, **{f.name: f.name for f in (*_ORDER, *fields)}}


def priced(signal: Signal) -> bool:
    """Say whether a signal says more than a direction and a size."""
    return not (
        signal.limit is None
        and signal.stop is None
        and signal.stop_loss is None
        and signal.take_profit is None
        and signal.trail is None
        and signal.valid_bars is None
        and signal.tag is None
    )


def order_of(signal: Signal) -> tuple[float, str]:
    """Return size and kind of size of an intent, as all hosts say them."""
    size, direction = signal.size, signal.direction
    if not direction:
        return NULL_FLOAT, "portion"
    if size is None:
        return NULL_FLOAT, "sizer"
    if signal.kind == "adjustment":
        return size * direction, "target"
    return size, "units"


def nullable(number: float | None) -> Any:
    """Return a number as the journal writes it."""
    return NULL_FLOAT if number is None else number


def sequence(number: int) -> int:
    """Return a sequence number as the journal writes it; one that was dropped is none."""
    return number if number >= 0 else NULL_INT
