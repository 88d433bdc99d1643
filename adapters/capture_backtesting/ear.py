"""Hears what the broker does with the strategy's intents, and records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backtesting.backtesting import Position, _Broker

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtesting import rows
from capture_backtesting.deferring import Deferred
from capture_backtesting.intents import Intents
from capture_backtesting.objects import HEARING, position_class
from capture_backtesting.placed import CLOSES, NOBODY, Placed
from capture_backtesting.processing import Processing

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtesting.opening import Opened

__all__ = ["Ear"]


class Ear:
    """Stands between a broker and the recorder.

    Attributes:
        intents: hears what the strategy wants.
        deferred: keeps plain intents until their fills are recorded.
        reads: what the strategy looked at of its portfolio.
        acting: the intent that is being carried out: what the host calls meanwhile is none.
        commissions: what the broker's own commission function returned, if it has one.
        position: what is held.
        wait: must be called when the broker has a new order.
        process: what `wait` lets the broker call.
        opened: records the fill that opened a trade.
        closed: records the fill that closed a trade or a part of one.
        count: how many trades were opened.
        closed_count: how many trades, and parts of trades, were closed.
        problem: why recording stopped before the end, or None.
        effects: the words for what a fill does to a trade: opens, reduces, closes it.
        rates: fixed and relative commission; None if the user's own function decides.
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
        self.position = 0.0
        self.problem: str | None = None
        self.broker: Any = strategy._broker
        self._broken = broken
        self.count = 0
        self.closed_count = 0
        self._opened = opened
        self._tell = opened.status
        word = opened.engine.word
        self.effects = (word("open"), word("reduce"), word("close"))
        self._outcomes = [tuple(word(part) for part in outcome) for outcome in rows.OUTCOMES]
        self._listen()
        self.opened, self.closed = self._hear_opened(), self._hear_closed()
        self._processing = Processing(self, always_armed=self.rates is None)
        self.arm, self.wait = self._processing.arm, self._processing.wait
        self.process = self._processing.process
        # A replay has to know the number of what it does next, and the trade of an order.
        replays = getattr(strategy, "replay_source", None) is not None
        self.deferred = Deferred(self, opened, wanted=self.rates is not None and not replays)
        self.intents = Intents(strategy, self, opened)
        self.broker.position.close = self.deferred.closing(self.intents.close_position)

    def _listen(self) -> None:
        broker = self.broker
        # At the first bar the host says which one it is; orders may come before.
        broker.__dict__.setdefault("_i", 0)
        broker.capture = self
        HEARING.begin()
        broker.position.__class__ = position_class()
        self._own_commission = broker._commission
        rates = _rates(broker)
        if rates is None:
            broker._commission = self._heard(broker._commission)
        self.rates = rates

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
        if "capture" not in broker.__dict__:
            return
        self.intents.detach()
        self._processing.detach()
        broker._commission = self._own_commission
        del broker.position.close
        broker.position.__class__ = Position
        broker.orders = list(broker.orders)
        del broker.capture
        HEARING.end()
        for each in (*broker.trades, *broker.closed_trades, *broker.orders):
            each.__dict__.pop("_capture", None)

    # --- fills -------------------------------------------------------------------------------

    def _hear_opened(self) -> Callable[..., None]:
        """Return what records the fill that opened a trade; what it needs is looked up but once."""
        ear, effect = self, self.effects[0]
        write_fill, write_executed = self._opened.fill, self._opened.executed
        own, (fixed, relative) = self.rates is None, self.rates or (0, 0)

        def opened(trade: Any, placed: Placed, price: float, size: int, bar: int) -> None:
            ear.count = number = placed.trade = ear.count + 1
            trade._capture = placed
            ear.position = position = ear.position + size
            side, units = (1, size) if size > 0 else (-1, -size)
            placed.units = units
            # The broker drops an order that opened a trade; there is nothing to wait for.
            write = write_fill if placed.settled else write_executed
            placed.settled = True
            paid = ear.commissions[-1] if own else fixed + units * price * relative
            try:
                write(
                    placed.signal_seq, placed.order_seq, bar, placed.bar, side,
                    units, price, paid, position, number, effect,
                )  # fmt: skip
            except CaptureError as exc:
                ear.failed(exc)

        return opened

    def _hear_closed(self) -> Callable[..., None]:
        """Return what records the fill that closed a trade or a part of one."""
        ear, (_, reduces, closes) = self, self.effects
        write_fill, write_executed = self._opened.fill, self._opened.executed
        own, (fixed, relative) = self.rates is None, self.rates or (0, 0)

        def closed(trade: Any, placed: Placed | None, price: float, bar: int) -> None:
            ear.closed_count += 1
            origin: Placed = trade._capture
            write = write_fill
            if placed is None:  # no intent of this bar: a bracket was touched, or the end came
                placed, decided = origin, NULL_INT
            else:
                placed.reduced, decided = True, placed.bar
                if placed.closes and not placed.settled:
                    write, placed.settled = write_executed, True
            size = -trade._Trade__size
            side, units = (1, size) if size > 0 else (-1, -size)
            origin.units -= units
            # The broker asks for the commission of the exit first.
            paid = ear.commissions[0] if own else fixed + units * price * relative
            ear.position = position = ear.position + size
            try:
                write(
                    placed.signal_seq, placed.order_seq, bar, decided, side, units, price, paid,
                    position, origin.trade, reduces if origin.units > 0 else closes,
                )  # fmt: skip
            except CaptureError as exc:
                ear.failed(exc)

        return closed

    # --- what becomes of signals -------------------------------------------------------------

    def closing_order(self, acting: Placed) -> None:
        """Let the order that was just made, to close a trade, remember the intent behind it.

        An exclusive order closes what there is; the signal's fate is that of the order.
        """
        if acting is NOBODY:
            self.wait()
            return
        placed = Placed.aside(acting.signal_seq, acting.order_seq, acting.bar)
        placed.plain = CLOSES
        self.dress(self.broker.orders[0], placed)

    def dress(self, order: Any, placed: Placed) -> None:
        """Let an order remember its intent, and the broker be heard."""
        order._capture = placed
        self.wait()

    def left(self, placed: Placed) -> None:
        """Record that the broker took an order off its list that opened no trade."""
        placed.orders -= 1
        if placed.closes:
            if not placed.orders:
                self.settle(placed, rows.NOTHING_TO_CLOSE)
        elif not placed.reduced:
            self.settle(placed, rows.INSUFFICIENT_MARGIN)
        else:
            self.settle(placed, rows.PARTIALLY_FILLED if placed.rest else rows.FILLED)

    def end_of_data(self) -> None:
        """Record what the broker did last, and that what still waits will not be filled."""
        broker = self.broker
        self.deferred.attend()
        if self.problem is not None:
            return
        # When the money is gone, the broker closes every trade after it went through its orders.
        for trade in broker.closed_trades[self.closed_count :]:
            self.closed(trade, None, trade.exit_price, trade.exit_bar)
        ruined = broker._cash == 0 and broker._equity[broker._i] == 0
        for order in broker.orders:
            placed = getattr(order, "_capture", None)
            if placed is not None and not placed.settled:
                self.settle(placed, rows.OUT_OF_MONEY if ruined else rows.END_OF_DATA)

    def settle(self, placed: Placed, place: int, bar: int | None = None) -> None:
        """Record the outcome that stands at this place in `rows.OUTCOMES`, by default now."""
        placed.settled = True
        if self.problem is not None:
            return
        when = self.broker._i if bar is None else bar
        try:
            self._tell(placed.signal_seq, placed.order_seq, when, *self._outcomes[place])
        except CaptureError as exc:
            self.failed(exc)

    # --- trouble -----------------------------------------------------------------------------

    def failed(self, exc: CaptureError) -> None:
        """Stop to record, and let the run go on; unless the user chose that it halts."""
        self.problem = f"recording stopped at bar {self.broker._i}: {exc}"
        self.deferred.lose()
        self.detach()
        self._broken(exc)


def _rates(broker: Any) -> tuple[float, float] | None:
    """Return fixed and relative commission; None if the user's own function decides."""
    own = getattr(broker._commission, "__func__", None)
    if own is not _Broker._commission_func:
        return None
    return broker._commission_fixed, broker._commission_relative
