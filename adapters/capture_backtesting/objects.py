"""The host's orders, trades and position, with an ear for what the strategy does to them.

Nothing here is in the way of a bar on which the strategy does nothing.
"""

from __future__ import annotations

import sys
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Backtest, Order, Position, Trade

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtesting.ear import Ear

__all__ = ["HEARING", "position_class"]

_RUN: Final = Backtest.run.__code__
CANCEL: Final = Order.cancel
CLOSE: Final = Trade.close
SL: Final[Any] = Trade.sl
TP: Final[Any] = Trade.tp


class _Hearing:
    """Lets the host's classes hear while any run is captured; nothing stays when none is.

    Objects of other classes would do too, but the host reads their attributes so often that it
    would show: Python finds those of an object whose class was changed in a slower way.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._runs = 0

    def begin(self) -> None:
        """Begin to hear, for one more run."""
        with self._lock:
            self._runs += 1
            if self._runs == 1:
                Order.cancel = _cancel
                Trade.close, Trade.sl, Trade.tp = _close, _SL_HEARD, _TP_HEARD

    def end(self) -> None:
        """Hear no more, unless there is another run."""
        with self._lock:
            self._runs -= 1
            if not self._runs:
                Order.cancel = CANCEL
                Trade.close, Trade.sl, Trade.tp = CLOSE, SL, TP


HEARING: Final = _Hearing()
"""Whoever captures a run begins with it, and ends."""


def _cancel(self: Any) -> None:
    """Cancel the order."""
    ear: Ear | None = self._Order__broker.__dict__.get("capture")
    if ear is None:
        CANCEL(self)
        return
    ear.deferred.attend()
    place = 0 if ear.acting is not None else ear.intents.changes.place_of(self)
    try:
        CANCEL(self)
    except ValueError:  # it is gone already, and now the strategy knows
        ear.reads.add("orders")
        raise
    if ear.problem is None:
        ear.intents.changes.cancelled(self, place)


def _close(self: Any, portion: float = 1.0) -> None:
    """Place new `Order` to close `portion` of the trade at next market price."""
    broker = self._Trade__broker
    ear: Ear | None = broker.__dict__.get("capture")
    if ear is None:
        CLOSE(self, portion)
        return
    ear.deferred.attend()
    acting = ear.acting
    if ear.problem is not None:
        CLOSE(self, portion)
    elif acting is not None:
        CLOSE(self, portion)
        if acting.closes:
            acting.orders += 1
            broker.orders[0]._capture = acting
            ear.wait()
        else:
            ear.closing_order(acting)
    elif sys._getframe(1).f_code is _RUN:
        CLOSE(self, portion)
        ear.wait()
    else:
        ear.intents.close_trade(self, portion)


def _edit(trade: Any, which: str, price: Any, call: Callable[[Any, Any], None]) -> None:
    ear: Ear | None = trade._Trade__broker.__dict__.get("capture")
    if ear is not None:
        ear.deferred.attend()
    if ear is None or ear.acting is not None or ear.problem is not None:
        call(trade, price)
    else:
        ear.intents.changes.edit_trade(trade, which, price, call)


_SL_HEARD: Final = property(
    SL.fget, lambda trade, price: _edit(trade, "sl", price, SL.fset), doc=SL.__doc__
)
_TP_HEARD: Final = property(
    TP.fget, lambda trade, price: _edit(trade, "tp", price, TP.fset), doc=TP.__doc__
)

_READ: Final = frozenset({"size", "pl", "pl_pct", "is_long", "is_short"})


@cache
def position_class(unread: frozenset[str] = _READ) -> type[Position]:
    """Return a class of positions that hear the reading of what is yet unread.

    To know that a strategy looked is enough: what it looked at once is the host's own from then on.
    """
    reading = {name: _heard(name, unread - {name}) for name in unread}
    return type("Position", (Position,), reading)


def _heard(name: str, unread: frozenset[str]) -> property:
    """Return a property of the position that takes note of being read."""
    own: Any = getattr(Position, name)

    def read(self: Any) -> Any:
        self._Position__broker.capture.reads.add(f"position.{name}")
        self.__class__ = position_class(unread)
        return own.fget(self)

    return property(read, doc=own.__doc__)
