"""Hears what the broker does with the strategy's intents, and records it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Position, Trade, _Broker

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtesting import rows
from capture_backtesting.intents import Intents
from capture_backtesting.objects import CapturedBroker, CapturedPosition, Orders, need_left
from capture_backtesting.placed import NOBODY, Placed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from capture_backtesting.opening import Opened

__all__ = ["Ear"]

_FILLED: Final = rows.FILLED


class Ear:
    """Stands between a broker and the recorder.

    Attributes:
        intents: hears what the strategy wants.
        reads: what the strategy looked at of its portfolio.
        acting: the intent that is being carried out: what the host calls meanwhile is none.
        commissions: what the broker's own commission function returned, if it has one.
        statuses: what became of signals, four numbers each: bar, signal, order, place in
            `rows.OUTCOMES`. They are written at the end unless somebody listens.
        position: what is held.
        problem: why recording stopped before the end, or None.
    """

    def __init__(
        self,
        strategy: Any,
        opened: Opened,
        broken: Callable[[CaptureError], None],
        reads: set[str],
    ) -> None:
        """Put ears on a broker that has not traded yet."""
        self.reads = reads
        self.acting: Placed | None = None
        self.commissions: list[float] = []
        self.statuses = array("q")
        self.position = 0.0
        self.problem: str | None = None
        self.broker: Any = strategy._broker
        self._broken = broken
        self._trades = 0
        self._write_fill = opened.fill
        self._tell = opened.status
        word = opened.engine.word
        self._effects = (word("open"), word("reduce"), word("close"))
        self._outcomes = [tuple(word(part) for part in outcome) for outcome in rows.OUTCOMES]
        self._listen()
        self.intents = Intents(strategy, self, opened)

    def _listen(self) -> None:
        broker = self.broker
        # At the first bar the host says which one it is; orders may come before.
        broker.__dict__.setdefault("_i", 0)
        broker.__class__ = CapturedBroker
        broker.capture = self
        broker.position.__class__ = CapturedPosition
        broker.orders = Orders(broker.orders, self)
        self._own_commission = broker._commission
        rates = _rates(broker)
        if rates is None:
            broker._commission = self._heard(broker._commission)
        self._rates = rates

    def _heard(self, commission: Callable[..., float]) -> Callable[..., float]:
        keep = self.commissions.append

        def heard(size: float, price: float) -> float:
            value = commission(size, price)
            keep(value)
            return value

        return heard

    def detach(self) -> None:
        """Give the host its objects back as they would be without ears."""
        broker = self.broker
        if not isinstance(broker, CapturedBroker):
            return
        self.intents.detach()
        broker.__class__ = _Broker
        broker._commission = self._own_commission
        broker.position.__class__ = Position
        broker.orders = list(broker.orders)
        del broker.capture
        for trade in (*broker.trades, *broker.closed_trades):
            trade.__class__ = Trade
            trade.__dict__.pop("_capture", None)
        for order in broker.orders:
            order.__dict__.pop("_capture", None)

    # --- fills -------------------------------------------------------------------------------

    def opened(self, trade: Any, order: Any, price: float, size: int, bar: int) -> None:
        """Record the fill that opened a trade."""
        placed = getattr(order, "_capture", None)
        if placed is None:  # an order that could not be recorded
            placed = Placed.aside(NULL_INT, NULL_INT, NULL_INT)
        self._trades = number = placed.trade = self._trades + 1
        placed.units = units = abs(size)
        trade._capture = placed
        rates = self._rates
        paid = self.commissions[-1] if rates is None else rates[0] + units * price * rates[1]
        self.position = position = self.position + size
        try:
            self._write_fill(
                placed.signal_seq, placed.order_seq, bar, placed.bar, 1 if size > 0 else -1,
                units, price, paid, position, number, self._effects[0],
            )  # fmt: skip
        except CaptureError as exc:
            self.failed(exc)
        else:
            # The broker drops an order that opened a trade; there is nothing to wait for.
            if not placed.settled:
                self.filled(placed)

    def closed(self, trade: Any, order: Any, price: float, bar: int) -> None:
        """Record the fill that closed a trade or a part of one."""
        origin: Placed = trade._capture
        placed = getattr(order, "_capture", None)
        if placed is None:  # no intent of this bar: a bracket's price was touched, or the end came
            placed, decided = origin, NULL_INT
        else:
            placed.reduced, decided = True, placed.bar
        size = -trade.size
        units = abs(size)
        origin.units -= units
        effect = self._effects[1 if origin.units > 0 else 2]
        rates = self._rates
        # The broker asks for the commission of the exit first.
        paid = self.commissions[0] if rates is None else rates[0] + units * price * rates[1]
        self.position = position = self.position + size
        try:
            self._write_fill(
                placed.signal_seq, placed.order_seq, bar, decided, 1 if size > 0 else -1,
                units, price, paid, position, origin.trade, effect,
            )  # fmt: skip
        except CaptureError as exc:
            self.failed(exc)

    # --- what becomes of signals -------------------------------------------------------------

    def closing_order(self) -> None:
        """Let the order that was just made, to close a trade, remember the intent behind it."""
        placed = self.acting
        if placed is None or placed is NOBODY:
            return
        if placed.closes:
            placed.orders += 1
        else:  # an exclusive order closes what there is; the signal's fate is that of the order
            placed = Placed.aside(placed.signal_seq, placed.order_seq, placed.bar)
        self.broker.orders[0]._capture = placed

    def filled(self, placed: Placed) -> None:
        """Record that an order was filled."""
        if self._tell is None:
            placed.settled = True
            self.statuses.extend((self.broker._i, placed.signal_seq, placed.order_seq, _FILLED))
        else:
            self.settle(placed, _FILLED)

    def left(self, placed: Placed, caller: FrameType) -> None:
        """Record that the broker took an order off its list that opened no trade."""
        placed.orders -= 1
        if placed.closes:
            if placed.reduced:
                self.filled(placed)
            elif not placed.orders:
                self.settle(placed, rows.NOTHING_TO_CLOSE)
        elif not placed.reduced:
            self.settle(placed, rows.INSUFFICIENT_MARGIN)
        else:
            self.settle(placed, rows.PARTIALLY_FILLED if need_left(caller) else _FILLED)

    def end_of_data(self) -> None:
        """Record that orders which still wait will not be filled any more."""
        broker = self.broker
        ruined = broker._cash == 0 and broker._equity[broker._i] == 0
        for order in broker.orders:
            placed = getattr(order, "_capture", None)
            if placed is not None and not placed.settled:
                self.settle(placed, rows.OUT_OF_MONEY if ruined else rows.END_OF_DATA)

    def settle(self, placed: Placed, place: int) -> None:
        """Record the outcome that stands at this place in `rows.OUTCOMES`."""
        placed.settled = True
        bar = self.broker._i
        if self._tell is None:
            self.statuses.extend((bar, placed.signal_seq, placed.order_seq, place))
            return
        try:
            self._tell(placed.signal_seq, placed.order_seq, bar, *self._outcomes[place])
        except CaptureError as exc:
            self.failed(exc)

    # --- trouble -----------------------------------------------------------------------------

    def failed(self, exc: CaptureError) -> None:
        """Stop to record, and let the run go on; unless the user chose that it halts."""
        self.problem = f"recording stopped at bar {self.broker._i}: {exc}"
        self.detach()
        self._broken(exc)


def _rates(broker: Any) -> tuple[float, float] | None:
    """Return fixed and relative commission; None if the user's own function decides."""
    own = getattr(broker._commission, "__func__", None)
    if own is not _Broker._commission_func:
        return None
    return broker._commission_fixed, broker._commission_relative
