"""Hears what the strategy wants and what the broker does, and records it."""

from __future__ import annotations

import json
import struct
from array import array
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, InvalidEvent
from capture.events import Reason
from capture.journal import NULL_FLOAT, NULL_INT
from capture_backtesting import rows
from capture_backtesting.objects import (
    CapturedBroker,
    CapturedOrder,
    CapturedPosition,
    Orders,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture_backtesting.opening import Opened

__all__ = ["Ear", "Placed"]

_OUTCOME: Final = {reason: place for place, (_, reason, _) in enumerate(rows.OUTCOMES)}
_FILLED: Final = _OUTCOME[Reason.FILLED]


class Placed:
    """What an order, or a trade, remembers of the intent that it came from."""

    __slots__ = ("bar", "closes", "order_seq", "settled", "signal_seq", "trade_number")

    def __init__(
        self, signal_seq: int, order_seq: int, bar: int, *, closes: bool = False
    ) -> None:
        """Remember signal, order and bar, and whether the intent was to close."""
        self.signal_seq = signal_seq
        self.order_seq = order_seq
        self.bar = bar
        self.closes = closes
        self.settled = False
        self.trade_number = NULL_INT


_NOBODY: Final = Placed(NULL_INT, NULL_INT, -1)


class Ear:
    """Stands between a strategy, its broker and the recorder.

    Attributes:
        inside: an intent is being carried out, or nothing is recorded any more: what the host
            calls on its own is no intent.
        commissions: what the broker's commission function returned last.
        statuses: what became of signals, five numbers each: bar, signal, order, place in
            `rows.OUTCOMES`. They are written at the end unless somebody listens.
        positions: bars and positions after each fill.
        problem: why recording stopped before the end, or None.
    """

    def __init__(
        self, strategy: Any, opened: Opened, broken: Callable[[CaptureError], None]
    ) -> None:
        """Put ears on a broker that has not traded yet."""
        self.inside = False
        self.commissions: list[float] = []
        self.statuses = array("q")
        self.positions = (array("q"), array("d"))
        self.problem: str | None = None
        self._opened = opened
        self._broken = broken
        self._broker = broker = strategy._broker
        self._data = strategy._data
        self._position = 0.0
        self._trades = 0
        self._words = _Words(opened.engine.word)
        self._write_signal = opened.signal
        self._write_order = opened.order
        self._write_fill = opened.fill
        self._tell = opened.status
        broker.__class__ = CapturedBroker
        broker.position.__class__ = CapturedPosition
        broker.orders = Orders(broker.orders, self)
        broker.capture = self
        broker._commission = self._heard(broker._commission)

    def _heard(self, commission: Callable[..., float]) -> Callable[..., float]:
        keep = self.commissions.append

        def heard(size: float, price: float) -> float:
            value = commission(size, price)
            keep(value)
            return value

        return heard

    # --- intents -----------------------------------------------------------------------------

    def place(
        self, side: int, call: Callable[..., Any], strategy: Any, arguments: Mapping[str, Any]
    ) -> Any:
        """Record a buy or a sell, and let it happen."""
        try:
            placed = self._intent(side, arguments)
        except (CaptureError, struct.error, TypeError, ValueError) as exc:
            self._failed("orders", arguments, exc)
            return call(strategy, **arguments)
        self.inside = True
        try:
            order = call(strategy, **arguments)
        except Exception:
            self._settle(placed, Reason.INVALID_ORDER)
            raise
        finally:
            self.inside = False
        order._capture = placed
        if self._broker._exclusive_orders:
            self._adopt(placed)
        return order

    def _intent(self, side: int, arguments: Mapping[str, Any]) -> Placed:
        get, words, bar = arguments.get, self._words, len(self._data) - 1
        size, limit, stop, position = get("size"), get("limit"), get("stop"), self._position
        sl, tp, tag = get("sl"), get("tp"), get("tag")
        kind = "entry" if not position else "adjustment" if position * side > 0 else "exit"
        signal = self._signal(bar, side, words[kind])
        row = (
            signal if signal >= 0 else NULL_INT,
            bar,
            side,
            words["buy" if side > 0 else "sell"],
            words[rows.order_type(limit, stop)],
            NULL_FLOAT if size is None else size,
            words["fraction" if size is None or size < 1 else "units"],
            NULL_FLOAT if limit is None else limit,
            NULL_FLOAT if stop is None else stop,
            NULL_FLOAT if sl is None else sl,
            NULL_FLOAT if tp is None else tp,
        )
        if tag is None:
            return Placed(row[0], self._write_order(*row), bar)
        return Placed(row[0], self._edit(row, "new", tag=tag), bar)

    def _signal(self, bar: int, direction: int, kind: int) -> int:
        broker = self._broker
        return self._write_signal(
            bar,
            direction,
            kind,
            self._position,
            broker._cash,
            len(broker.trades),
            len(broker.orders),
        )

    def _edit(
        self, row: tuple[Any, ...], action: str, *, parent: int | None = None, tag: Any = None
    ) -> int:
        words = self._words
        return self._opened.edit(
            *row,
            words[action],
            words["next"],
            None if parent is None else f"t{parent}",
            tag if tag is None or isinstance(tag, str) else json.dumps(tag, default=repr),
        )

    def close_position(self, call: Callable[..., Any], portion: float) -> None:
        """Record that the strategy closes its position, or a part of it, and let it happen."""
        self._close("Position.close", call, portion, whole=portion == 1.0, parent=None)

    def close_trade(self, trade: Any, call: Callable[..., Any], portion: float) -> None:
        """Record that the strategy closes a trade, or a part of it, and let it happen."""
        whole = portion == 1.0 and len(self._broker.trades) == 1
        number = (trade._capture or _NOBODY).trade_number
        self._close("Trade.close", call, portion, whole=whole, parent=number)

    def _close(
        self,
        verb: str,
        call: Callable[..., Any],
        portion: float,
        *,
        whole: bool,
        parent: int | None,
    ) -> None:
        before = len(self._broker.orders)
        try:
            placed = self._close_intent(verb, portion, whole=whole, parent=parent)
        except (CaptureError, struct.error, TypeError, ValueError) as exc:
            self._failed("orders", {"call": verb, "portion": portion}, exc)
            call(portion)
            return
        self.inside = True
        try:
            call(portion)
        except Exception:
            self._settle(placed, Reason.INVALID_ORDER)
            raise
        finally:
            self.inside = False
        if len(self._broker.orders) == before:
            self._settle(placed, Reason.NOTHING_TO_CLOSE)
        else:
            self._adopt(placed)

    def _close_intent(
        self, verb: str, portion: float, *, whole: bool, parent: int | None
    ) -> Placed:
        words, bar, position = self._words, len(self._data) - 1, self._position
        side = (position < 0) - (position > 0)
        kind = "exit" if whole else "adjustment"
        signal = self._signal(bar, 0 if whole else side, words[kind])
        row = (
            signal if signal >= 0 else NULL_INT,
            bar,
            side,
            words[verb],
            words["market"],
            portion,
            words["portion"],
            *(NULL_FLOAT,) * 4,
        )
        order = self._write_order(*row) if parent is None else self._edit(row, "new", parent=parent)
        return Placed(row[0], order, bar, closes=True)

    def _adopt(self, placed: Placed) -> None:
        """Let the orders that an intent made on the way remember it."""
        for order in self._broker.orders:
            if getattr(order, "_capture", None) is None and not order.is_contingent:
                order.__class__ = CapturedOrder
                order._capture = placed

    def edit_trade(self, trade: Any, which: str, price: Any, call: Callable[..., Any]) -> None:
        """Record that the strategy moves a stop-loss or take-profit, and let it happen."""
        if not self.inside:
            placed = trade._capture or _NOBODY
            stop, target = (price, None) if which == "sl" else (None, price)
            self._change(placed, "edit", f"Trade.{which}", sl=stop, tp=target)
        inside, self.inside = self.inside, True
        try:
            call(trade, price)
        finally:
            self.inside = inside

    def order_cancelled(self, order: Any) -> None:
        """Record that an order is cancelled, by the strategy or by a later order of its."""
        placed = order._capture
        if not self.inside:
            parent = order.parent_trade
            owner = placed or (parent is not None and parent._capture) or _NOBODY
            self._change(owner, "cancel", "Order.cancel")
        if placed is not None and not placed.settled:
            reason = Reason.SUPERSEDED if self.inside else Reason.CANCELLED_BY_STRATEGY
            self._settle(placed, reason)

    def _change(
        self, placed: Placed, action: str, verb: str, *, sl: Any = None, tp: Any = None
    ) -> None:
        words = self._words
        row = (
            placed.signal_seq,
            len(self._data) - 1,
            0,
            words[verb],
            0,
            NULL_FLOAT,
            0,
            NULL_FLOAT,
            NULL_FLOAT,
            NULL_FLOAT if sl is None else sl,
            NULL_FLOAT if tp is None else tp,
        )
        parent = placed.trade_number if action == "edit" else placed.order_seq
        try:
            self._edit(row, action, parent=parent)
        except (CaptureError, struct.error, TypeError, ValueError) as exc:
            self._failed("orders", {"call": verb, "sl": sl, "tp": tp}, exc)

    # --- what the broker does ----------------------------------------------------------------

    def opened(self, trade: Any, order: Any, price: float, size: int, bar: int) -> None:
        """Record the fill that opened a trade."""
        placed = getattr(order, "_capture", None) or _NOBODY
        self._trades += 1
        mine = Placed(placed.signal_seq, placed.order_seq, placed.bar)
        mine.trade_number = self._trades
        mine.settled = True  # what happens to a trade later is no news of the signal's status
        trade._capture = mine
        self._fill(placed, self._trades, bar, size, price, self.commissions[-1], "open")

    def closed(self, trade: Any, order: Any, price: float, bar: int) -> None:
        """Record the fill that closed a trade or a part of one."""
        origin = trade._capture or _NOBODY
        placed = getattr(order, "_capture", None) or origin
        number = origin.trade_number
        left = any(
            other._capture is not None and other._capture.trade_number == number
            for other in self._broker.trades
        )
        effect = "reduce" if left else "close"
        # The broker asks for the commission of the exit first.
        self._fill(placed, number, bar, -trade.size, price, self.commissions[0], effect)

    def _fill(
        self,
        placed: Placed,
        trade: int,
        bar: int,
        size: float,
        price: float,
        commission: float,
        effect: str,
    ) -> None:
        self._position = position = self._position + size
        self.positions[0].append(bar)
        self.positions[1].append(position)
        if self.problem is not None:
            return
        try:
            self._write_fill(
                placed.signal_seq,
                placed.order_seq,
                bar,
                placed.bar,
                1 if size > 0 else -1,
                abs(size),
                price,
                commission,
                position,
                trade,
                self._words[effect],
            )
            if not placed.settled:
                self._settle(placed, Reason.FILLED)
        except CaptureError as exc:
            self._failed("fills", None, exc)

    def order_refused(self, placed: Placed) -> None:
        """Record that the broker took an order off its list without a fill."""
        closing = placed.trade_number != NULL_INT
        self._settle(placed, Reason.NOTHING_TO_CLOSE if closing else Reason.INSUFFICIENT_MARGIN)

    def end_of_data(self) -> None:
        """Record that orders which still wait will not be filled any more."""
        for order in self._broker.orders:
            placed = getattr(order, "_capture", None)
            if placed is not None and not placed.settled:
                self._settle(placed, Reason.END_OF_DATA)

    def _settle(self, placed: Placed, reason: Reason) -> None:
        if placed is _NOBODY:
            return
        placed.settled = True
        bar, place = len(self._data) - 1, _OUTCOME[reason]
        if self._tell is None:
            self.statuses.extend((bar, placed.signal_seq, placed.order_seq, place))
            return
        status, why, actor = rows.OUTCOMES[place]
        words = self._words
        self._tell(
            placed.signal_seq, placed.order_seq, bar, words[status], words[why], words[actor]
        )

    # --- notes and trouble -------------------------------------------------------------------

    def note(
        self,
        name: str,
        value: Any,
        *,
        signal: Any = None,
        direction: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Keep a value with a signal or with the bar; with a direction, a refused signal."""
        bar = len(self._data) - 1
        placed = getattr(signal, "_capture", None)
        if direction is not None:
            kind = "entry" if not self._position else "adjustment"
            placed = Placed(self._signal(bar, direction, self._words[kind]), NULL_INT, bar)
            self._settle(placed, Reason.FILTERED)
        said = value if reason is None else {"reason": reason, "value": value}
        more = {**self._opened.labels, "bar_index": bar, "strategy_id": self._opened.strategy_id}
        label = self._opened.timeline.labels_ns
        if label is not None:
            more["timestamp"] = int(label[bar])
        if placed is not None and placed.signal_seq >= 0:
            more["signal_seq"] = placed.signal_seq
        signal_id = None if placed is None else self._opened.engine.signal_id(placed.signal_seq)
        self._opened.engine.note(name, said, signal_id=signal_id, **more)

    def _failed(self, table: str, event: Any, exc: Exception) -> None:
        """Keep aside what cannot be packed; stop recording where the recorder cannot go on."""
        if isinstance(exc, CaptureError):
            self.inside = True
            self.problem = f"recording stopped at bar {len(self._data) - 1}: {exc}"
            self._broken(exc)
            return
        self._opened.engine.quarantine(table, event, InvalidEvent(table, event, str(exc)))


class _Words(dict[str, int]):
    """The numbers that stand for words; a new word is interned when it is first used."""

    def __init__(self, intern: Callable[[str], int]) -> None:
        super().__init__()
        self._intern = intern

    def __missing__(self, text: str) -> int:
        code = self[text] = self._intern(text)
        return code
