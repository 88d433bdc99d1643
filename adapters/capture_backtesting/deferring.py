"""Plain orders, whose fills are read from the host's own trades.

A plain order is a market order without a bracket that opens a trade where there is none, or that
closes the only one: what became of it stands in the broker's lists, whenever one looks. As long as
a strategy gives no other, nothing is in the way of the broker. Where nobody hears of fills while
the run goes on, those of many intents are recorded at once; else each is, when the broker is done
with the order.
"""

from __future__ import annotations

from array import array
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
from backtesting.backtesting import Position

from capture.errors import CaptureError
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture.recorder.ending import why_stopped
from capture_backtesting import rows
from capture_backtesting.intents import UNSAID
from capture_backtesting.objects import CLOSE
from capture_backtesting.placed import UNFIT, ClosingAll, Opening
from capture_backtesting.settling import placed_as, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture.journal import Following
    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["Deferred"]


class Waiting(list[Any]):
    """The broker's orders, with an ear for their removal: it is done with one that it takes off."""

    __slots__ = ("remove",)

    def __init__(self, orders: Iterable[Any]) -> None:
        """Hold these, and hear nothing yet."""
        super().__init__(orders)
        self.hear_no_more()

    def hear_no_more(self) -> None:
        """Let the removal be a list's own."""
        self.remove: Callable[[Any], None] = super().remove


class Deferred:
    """Keeps plain intents until their fills are recorded; it ends with the first other intent.

    Attributes:
        most: how many intents are kept at most; 0 when all orders are heard, whatever they are.
    """

    def __init__(self, ear: Ear, opened: Opened, *, wanted: bool) -> None:
        """Begin to keep intents, if what becomes of them may wait.

        Args:
            ear: records fills when it is time.
            opened: where intents are written.
            wanted: whether nothing in the run asks for the fills as they happen.
        """
        self._ear = ear
        self._broker = broker = ear.broker
        self._opened = opened
        # Signals by their numbers, and their bars, those of closings inverted.
        self._signals, self._bars = array("q"), array("q")
        engine = opened.engine
        self._following: Following | None = None
        self._orders: Waiting | None = None
        self._told: Callable[[], tuple[int, int]]
        # The signals and orders of so many intents fill a block, and so do their fills.
        self.most = max(1, engine.config.buffer_size // 2)
        if not wanted or broker._hedging or broker._exclusive_orders:
            self.most = 0
        elif engine.fills_may_follow:
            self._following = engine.fills_follow(ear.failed)
        else:
            self._orders = broker.orders = Waiting(broker.orders)
            self._orders.remove = self._removed(self._orders)

    # --- intents -----------------------------------------------------------------------------

    def placing(
        self,
        side: int,
        call: Callable[..., Any],
        place: Callable[..., Any],
        alive: Callable[[], Any],
    ) -> Callable[..., Any]:
        """Return what records a plain buy or sell and lets `place` do all others."""
        if not self.most:
            return place
        ear, broker, kept = self._ear, self._broker, self._signals
        trades, orders = broker.trades, broker.orders
        state = vars(broker)  # the host looks into it too, so that its attributes are slower
        write, word = self._opened.buy if side > 0 else self._opened.sell, self._opened.engine.word
        keep, keep_bar = kept.append, self._bars.append
        fraction, units = word("fraction"), word("units")

        def plain(*, size: Any = UNSAID, **more: Any) -> Any:
            count = len(trades)
            # The one order that waits where there is a trade is the one to close it.
            if more or len(orders) != count or (len(kept) >= self.most and not self._room()):
                self.attend()
                given = more if size is UNSAID else {"size": size, **more}
                return place(**given) if ear.problem is None else call(alive(), **given)
            bar = state["_i"]
            try:
                if size is UNSAID:
                    said, kind = NULL_FLOAT, fraction
                else:
                    said, kind = size, units if size >= 1.0 else fraction
                held = trades[0]._Trade__size if count else 0
                signal = write(bar, held, state["_cash"], count, said, kind)
            except (CaptureError, *UNFIT) as exc:
                if is_let_through(exc):
                    raise
                given = {} if size is UNSAID else {"size": size}
                self.attend()
                return ear.intents.unrecorded(given, exc, lambda: call(alive(), **given))
            try:
                made = call(alive()) if size is UNSAID else call(alive(), size=size)
            except Exception:
                ear.settle(placed_as(Opening, signal, bar), rows.INVALID_ORDER)
                raise
            keep(signal)
            keep_bar(bar)
            made._capture = signal
            return made

        return plain

    def closing(self, close: Callable[[float], None]) -> Callable[..., None]:
        """Return what records the closing of the only trade and lets `close` do all else."""
        if not self.most:
            return close
        ear, broker, kept = self._ear, self._broker, self._signals
        trades, orders, state = broker.trades, broker.orders, vars(broker)
        write, close_trade = self._opened.close, CLOSE
        keep, keep_bar = kept.append, self._bars.append

        @wraps(Position.close)
        def plain(portion: float = 1.0) -> None:
            if not trades:  # there will be no fill
                close(portion)
                return
            if (
                len(trades) != 1
                or orders
                or portion != 1.0
                or (len(kept) >= self.most and not self._room())
            ):
                self.attend()
                if ear.problem is None:
                    close(portion)
                else:
                    Position.close(broker.position, portion)
                return
            bar, held = state["_i"], trades[0]._Trade__size
            try:
                signal = write(bar, held, state["_cash"], -1 if held > 0 else 1)
            except (CaptureError, *UNFIT) as exc:
                if is_let_through(exc):
                    raise
                self.attend()
                said = {"call": "Position.close", "portion": portion}
                ear.intents.unrecorded(said, exc, lambda: CLOSE(trades[0], portion))
                return
            keep(signal)
            keep_bar(~bar)
            close_trade(trades[0], portion)
            orders[0]._capture = signal

        return plain

    # --- what became of them -----------------------------------------------------------------

    def _removed(self, orders: Waiting) -> Callable[[Any], None]:
        """Return what records the fate of the intent that was kept first, whose order it is."""
        ear, broker, write = self._ear, self._broker, self._opened.executed
        trades, closed, remove = broker.trades, broker.closed_trades, orders.remove
        first, of_first = self._signals.pop, self._bars.pop
        (opens, _, closes), (fixed, relative), null = ear.effects, ear.rates or (0, 0), NULL_INT
        # What follows is kept here, and not looked up in an object, as long as orders are plain.
        count, held, last = 0, 0, (-1, 0)

        def removed(order: Any) -> None:
            nonlocal count, held, last
            remove(order)
            signal, bar = intent = first(0), of_first(0)
            number = signal + 1
            if signal < 0:  # dropped, as the overload policy says
                signal = number = null
            try:
                if bar < 0:
                    trade = closed[-1]
                    size, held, bar = held, 0, ~bar
                    price, side, units = float(trade._Trade__exit_price), -1, size
                    if size < 0:
                        side, units = 1, -size
                    write(
                        signal, number, trade._Trade__exit_bar, bar, side, units, price,
                        fixed + units * price * relative, 0.0, count, closes,
                    )  # fmt: skip
                elif trades:
                    trade, last, count = trades[0], intent, count + 1
                    held = units = trade._Trade__size
                    price, side = float(trade._Trade__entry_price), 1
                    if held < 0:
                        side, units = -1, -held
                    write(
                        signal, number, trade._Trade__entry_bar, bar, side, units, price,
                        fixed + units * price * relative, held, count, opens,
                    )  # fmt: skip
                else:
                    ear.settle(Opening(signal, number, bar), rows.INSUFFICIENT_MARGIN)
            except CaptureError as exc:
                ear.failed(exc)

        def tell() -> tuple[int, int]:
            ear.count, ear.position, ear.closed_count = count, float(held), count - bool(held)
            return last

        self._told = tell
        return removed

    def attend(self) -> None:
        """Record what became of all that is kept, and hear of the rest as it happens."""
        if not self.most:
            return
        self.most = 0
        ear, orders = self._ear, self._broker.orders
        if self._orders is None:
            waiting = self.settle()
        else:
            waiting = self._hear_no_more(self._orders)
        if ear.problem is not None:
            return
        for order in orders:
            signal = order.__dict__.get("_capture")
            if signal not in waiting:
                continue
            bar = waiting[signal]
            if bar < 0:
                ear.intents.flattened = ~bar
            kind = ClosingAll if bar < 0 else Opening
            order._capture = placed = placed_as(kind, signal, ~bar if bar < 0 else bar)
            placed.orders = 1
        if orders:
            ear.wait()
        del self._signals[:], self._bars[:]
        ear.intents.listen()
        if self._following is not None:
            self._following.done()

    def _hear_no_more(self, orders: Waiting) -> dict[int, int]:
        """Tell ear and open trade what was heard; return the intents that wait."""
        orders.hear_no_more()
        ear, broker = self._ear, self._broker
        last = self._told()
        for trade in (*broker.closed_trades[ear.closed_count :], *broker.trades):
            trade._capture = placed = placed_as(Opening, *last)
            placed.settled, placed.trade, placed.units = True, ear.count, abs(trade.size)
        return dict(zip(self._signals, self._bars, strict=True))

    def settle(self) -> dict[int, int]:
        """Record what became of the intents that wait no more; return those that wait."""
        signals, bars = self._signals, self._bars
        wait = {order.__dict__.get("_capture") for order in self._broker.orders}
        waiting = {s: b for s, b in zip(signals[-2:], bars[-2:], strict=True) if s in wait}
        done = len(signals) - len(waiting)
        kept, write = (np.array(signals)[:done], np.array(bars)[:done]), self._opened.all_executed
        try:
            settle(self._ear, write, *kept)
        except Exception as exc:
            self._ear.failed(why_stopped(exc, self._opened.engine.config))
        del signals[:done], bars[:done]
        return waiting

    def lose(self) -> None:
        """Keep nothing more, as recording stopped."""
        self.most = 0
        if self._orders is not None:
            self._orders.hear_no_more()

    def _room(self) -> bool:
        """Make room for further intents; False if fills are recorded as they happen."""
        if not self.most:
            return False
        waiting = self.settle()
        if self._ear.problem is None and self._following is not None:
            self._following.up_to(waiting)
        return self._ear.problem is None
