"""Hears what the broker does with orders, on the bars on which any wait."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import _Broker

from capture.journal import NULL_INT
from capture_backtesting import rows
from capture_backtesting.placed import CLOSES, NOBODY, OPENS, Placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtesting.ear import Ear

__all__ = ["Processing"]

_PROCESS: Final = _Broker._process_orders
_OPEN: Final = _Broker._open_trade
_CLOSE: Final = _Broker._close_trade
_PROCESS_CODE: Final = _PROCESS.__code__
_REDUCE_CODE: Final = _Broker._reduce_trade.__code__


class Processing:
    """Stands between a broker and the orders that wait.

    A plain order opens a trade where there is none, or closes the only one: what became of it is
    seen afterwards in the broker's own lists. Elsewhere the broker is armed: each opening and
    closing of a trade is heard when it happens, with the order that it is due to.

    Attributes:
        process: stands for the broker's going through its orders as long as the broker's own
            dictionary holds it, and takes itself away when no order waits.
    """

    def __init__(self, ear: Ear, *, always_armed: bool) -> None:
        """Hear a broker.

        Args:
            ear: is told what happened.
            always_armed: whether each closing must be heard when it happens.
        """
        self._ear = ear
        self._broker = ear.broker
        self._always_armed = always_armed
        self._armed = False
        self.process = self._make()
        if always_armed:
            self.arm()

    def wait(self) -> None:
        """Let the broker be heard when it next goes through its orders."""
        self._broker.__dict__["_process_orders"] = self.process

    def detach(self) -> None:
        """Leave the broker as the host made it."""
        for name in ("_process_orders", "_open_trade", "_close_trade"):
            self._broker.__dict__.pop(name, None)

    # --- plain orders ------------------------------------------------------------------------

    def _make(self) -> Callable[[], None]:
        ear, broker, methods = self._ear, self._broker, self._broker.__dict__
        orders, trades, closed = broker.orders, broker.trades, broker.closed_trades
        has_opened, has_closed, process_orders = ear.opened, ear.closed, _PROCESS

        def process() -> None:
            count, held = len(orders), len(trades)
            if self._armed or count > 2 or not count:
                self._process_armed()
                return
            try:
                closer = opener = orders[0]._capture
                if count == 2:
                    opener = orders[1]._capture
                    plain = held == 1 and closer.plain == CLOSES and opener.plain == OPENS
                else:
                    plain = held < 2 and closer.plain == (CLOSES if held else OPENS)
            except AttributeError:  # a stop-loss, or an order that was not recorded
                plain = False
            if not plain:
                self._process_armed()
                return
            del methods["_process_orders"]
            process_orders(broker)
            if held:
                trade = closed[-1]
                has_closed(trade, closer, trade._Trade__exit_price, trade._Trade__exit_bar)
                if count == 1 or ear.problem is not None:
                    return
            if trades:
                trade = trades[0]
                size, bar = trade._Trade__size, trade._Trade__entry_bar
                has_opened(trade, opener, trade._Trade__entry_price, size, bar)
            else:
                ear.settle(opener, rows.INSUFFICIENT_MARGIN)

        return process

    # --- all others --------------------------------------------------------------------------

    def arm(self) -> None:
        """Hear each opening and closing of a trade when it happens."""
        if not self._armed:
            self._armed = True
            methods = self._broker.__dict__
            methods["_open_trade"], methods["_close_trade"] = self._opening, self._closing

    def _disarm(self) -> None:
        self._armed = False
        methods = self._broker.__dict__
        del methods["_open_trade"], methods["_close_trade"]

    def _process_armed(self) -> None:
        ear, broker = self._ear, self._broker
        self.arm()
        methods, orders = broker.__dict__, broker.orders
        waited = [order for order in orders if _placed(order) is not None]
        del methods["_process_orders"]
        _PROCESS(broker)
        wait = False
        for order in waited:
            if ear.problem is not None:
                return
            if order in orders:
                wait = True
            elif not order._capture.settled:
                ear.left(order._capture)
        if wait:
            self.wait()
        elif not orders and not self._always_armed:
            self._disarm()

    def _opening(
        self, price: float, size: int, sl: Any, tp: Any, time_index: int, tag: Any
    ) -> None:
        broker = self._broker
        orders = broker.orders
        order = orders[0] if len(orders) == 1 else sys._getframe(1).f_locals.get("order")
        self._ear.acting = NOBODY  # what it places, a bracket, is no intent
        try:
            _OPEN(broker, price, size, sl, tp, time_index, tag)
        finally:
            self._ear.acting = None
        trade = broker.trades[-1]
        placed = _placed(order)
        if placed is None:  # an order that could not be recorded
            placed = Placed.aside(NULL_INT, NULL_INT, NULL_INT)
        self._ear.opened(trade, placed, price, size, time_index)

    def _closing(self, trade: Any, price: float, time_index: int) -> None:
        ear, broker = self._ear, self._broker
        frame: Any = sys._getframe(1)
        reduced = frame.f_code is _REDUCE_CODE
        if reduced:
            frame = frame.f_back
        placed = None
        if frame.f_code is _PROCESS_CODE:
            said = frame.f_locals
            placed = _placed(said.get("order"))
            if placed is not None and not placed.closes:
                placed.rest = not reduced and bool(said["need_size"] + trade.size)
        ear.commissions.clear()
        _CLOSE(broker, trade, price, time_index)
        ear.closed(trade, placed, price, time_index)


def _placed(order: Any) -> Any:
    """Return the intent of an order; None of a stop-loss, or of one that was not recorded."""
    return getattr(order, "_capture", None)
