"""The host's broker, its orders, trades and position, each with an ear for what happens to it.

The host makes its own objects; their class is changed to one of these afterwards, which adds no
state of the host's and changes none, and changed back when the run is over. The class whose name
the host builds attribute names from keeps that name.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Backtest, Order, Position, Trade, _Broker

if TYPE_CHECKING:
    from types import FrameType

    from capture_backtesting.ear import Ear

__all__ = ["CapturedBroker", "CapturedPosition", "CapturedTrade", "Orders", "need_left"]

_RUN: Final = Backtest.run.__code__
_CANCEL: Final = Order.cancel.__code__
_PROCESS: Final = _Broker._process_orders.__code__
_REDUCE: Final = _Broker._reduce_trade.__code__
_OPEN: Final = _Broker._open_trade
_CLOSE: Final = _Broker._close_trade
_REMOVE: Final = list.remove


class CapturedTrade(Trade):
    """A trade whose closing and editing is heard.

    `_capture` is the `Placed` record of the intent that opened it.
    """

    _capture: Any

    def close(self, portion: float = 1.0) -> None:
        """Close, as an intent if it was the strategy that asked for it."""
        ear: Ear = self._Trade__broker.capture
        if ear.acting is not None:
            super().close(portion)
            ear.closing_order()
        elif sys._getframe(1).f_code is _RUN:
            super().close(portion)
        else:
            ear.intents.close_trade(self, super().close, portion)

    def _edit_sl(self, price: float) -> None:
        self._Trade__broker.capture.intents.edit_trade(self, "sl", price, Trade.sl.fset)

    def _edit_tp(self, price: float) -> None:
        self._Trade__broker.capture.intents.edit_trade(self, "tp", price, Trade.tp.fset)

    sl = property(Trade.sl.fget, _edit_sl, doc="The stop-loss price.")
    tp = property(Trade.tp.fget, _edit_tp, doc="The take-profit price.")


CapturedTrade.__qualname__ = CapturedTrade.__name__ = "Trade"


class CapturedPosition(Position):
    """The position, whose closing is one intent however many trades it closes."""

    def close(self, portion: float = 1.0) -> None:
        """Close, as an intent."""
        ear: Ear = self._Position__broker.capture
        ear.intents.close_position(super().close, portion)


def _heard(name: str) -> property:
    """Return a property of the position that takes note of being read."""
    own: Any = getattr(Position, name)

    def read(self: Any) -> Any:
        self._Position__broker.capture.reads.add(f"position.{name}")
        return own.fget(self)

    return property(read, doc=own.__doc__)


for _name in ("size", "pl", "pl_pct", "is_long", "is_short"):
    setattr(CapturedPosition, _name, _heard(_name))
CapturedPosition.__qualname__ = CapturedPosition.__name__ = "Position"


class Orders(list[Any]):
    """The broker's orders; hears how each of them leaves."""

    __slots__ = ("_ear",)

    def __init__(self, orders: list[Any], ear: Ear) -> None:
        """Take over the orders there are."""
        super().__init__(orders)
        self._ear = ear

    def remove(self, order: Any) -> None:
        """Remove an order that is done, one way or the other."""
        _REMOVE(self, order)
        placed = getattr(order, "_capture", None)
        if placed is None:  # a stop-loss or take-profit, or an order that the host made itself
            ear = self._ear
            if ear.acting is None and sys._getframe(1).f_code is _CANCEL:
                ear.intents.contingent_cancelled(order)
        elif not placed.settled:
            caller = sys._getframe(1)
            if caller.f_code is _PROCESS:
                self._ear.left(placed, caller)
            else:
                self._ear.intents.cancelled(placed)


def need_left(caller: FrameType) -> bool:
    """Return whether the order that the broker drops has a rest that it could not fill."""
    return bool(caller.f_locals.get("need_size"))


class CapturedBroker(_Broker):
    """The broker, whose fills are heard. `capture` is the ear that hears them."""

    capture: Ear

    def _open_trade(
        self, price: float, size: int, sl: Any, tp: Any, time_index: int, tag: Any
    ) -> None:
        orders = self.orders
        order = orders[0] if len(orders) == 1 else sys._getframe(1).f_locals.get("order")
        _OPEN(self, price, size, sl, tp, time_index, tag)
        trade = self.trades[-1]
        trade.__class__ = CapturedTrade
        self.capture.opened(trade, order, price, size, time_index)

    def _close_trade(self, trade: Any, price: float, time_index: int) -> None:
        frame: Any = sys._getframe(1)
        if frame.f_code is _REDUCE:
            frame = frame.f_back
        order = None
        if frame.f_code is _PROCESS:
            orders = self.orders
            order = orders[0] if len(orders) == 1 else frame.f_locals.get("order")
        ear = self.capture
        if ear.commissions:
            ear.commissions.clear()
        _CLOSE(self, trade, price, time_index)
        ear.closed(trade, order, price, time_index)
