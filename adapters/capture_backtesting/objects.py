"""The host's broker, orders, trades and position, each with an ear for what happens to it.

The host makes its own objects; their class is changed to one of these afterwards, which adds no
state of the host's and changes none. The two whose names the host builds attribute names from
keep those names.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from backtesting.backtesting import Backtest, Order, Position, Trade, _Broker

if TYPE_CHECKING:
    from capture_backtesting.ear import Ear

__all__ = ["CapturedBroker", "CapturedOrder", "CapturedPosition", "CapturedTrade", "Orders"]

_PROCESS_ORDERS = _Broker._process_orders.__code__
_RUN = Backtest.run.__code__


class CapturedOrder(Order):
    """An order whose cancellation is heard.

    `_capture` is the `Placed` record of the intent that it came from, or None for an order that
    no strategy placed.
    """

    _capture: Any = None

    def cancel(self) -> None:
        """Cancel, and say who did."""
        ear: Ear = self._Order__broker.capture
        ear.order_cancelled(self)
        super().cancel()


class CapturedTrade(Trade):
    """A trade whose closing and editing is heard."""

    _capture: Any = None

    def close(self, portion: float = 1.0) -> None:
        """Close, as an intent if it was the strategy that asked for it."""
        ear: Ear = self._Trade__broker.capture
        if ear.inside or sys._getframe(1).f_code is _RUN:
            super().close(portion)
        else:
            ear.close_trade(self, super().close, portion)

    @property
    def sl(self) -> Any:
        """The stop-loss price."""
        return Trade.sl.fget(self)

    @sl.setter
    def sl(self, price: float) -> None:
        self._Trade__broker.capture.edit_trade(self, "sl", price, Trade.sl.fset)

    @property
    def tp(self) -> Any:
        """The take-profit price."""
        return Trade.tp.fget(self)

    @tp.setter
    def tp(self, price: float) -> None:
        self._Trade__broker.capture.edit_trade(self, "tp", price, Trade.tp.fset)


CapturedOrder.__qualname__ = CapturedOrder.__name__ = "Order"
CapturedTrade.__qualname__ = CapturedTrade.__name__ = "Trade"


class CapturedPosition(Position):
    """The position, whose closing is one intent however many trades it closes."""

    def close(self, portion: float = 1.0) -> None:
        """Close, as an intent."""
        ear: Ear = self._Position__broker.capture
        if ear.inside:
            super().close(portion)
        else:
            ear.close_position(super().close, portion)


CapturedPosition.__qualname__ = CapturedPosition.__name__ = "Position"


class Orders(list[Any]):
    """The broker's orders; hears of an order that leaves without a fill."""

    __slots__ = ("_ear",)

    def __init__(self, orders: list[Any], ear: Ear) -> None:
        """Take over the orders there are."""
        super().__init__(orders)
        self._ear = ear

    def remove(self, order: Any) -> None:
        """Remove an order that is done, one way or the other."""
        super().remove(order)
        placed = getattr(order, "_capture", None)
        if placed is not None and not placed.settled:
            self._ear.order_refused(placed)


class CapturedBroker(_Broker):
    """The broker, whose fills are heard. `capture` is the ear that hears them."""

    capture: Ear

    def new_order(self, *args: Any, **kwargs: Any) -> Any:
        """Make an order whose cancellation is heard."""
        order = super().new_order(*args, **kwargs)
        order.__class__ = CapturedOrder
        return order

    def _open_trade(
        self, price: float, size: int, sl: Any, tp: Any, time_index: int, tag: Any
    ) -> None:
        ear = self.capture
        inside, ear.inside = ear.inside, True
        try:
            super()._open_trade(price, size, sl, tp, time_index, tag)
        finally:
            ear.inside = inside
        trade = self.trades[-1]
        trade.__class__ = CapturedTrade
        order = sys._getframe(1).f_locals.get("order")
        ear.opened(trade, order, price, size, time_index)

    def _close_trade(self, trade: Any, price: float, time_index: int) -> None:
        ear = self.capture
        order = _order_at_work()
        ear.commissions.clear()
        super()._close_trade(trade, price, time_index)
        ear.closed(trade, order, price, time_index)


def _order_at_work() -> Any:
    """Return the order that the broker is filling, if it is filling one."""
    for depth in (2, 3):
        frame = sys._getframe(depth)
        if frame.f_code is _PROCESS_ORDERS:
            return frame.f_locals.get("order")
    return None
