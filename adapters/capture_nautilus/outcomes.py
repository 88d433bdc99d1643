"""What became of a strategy's orders: its statuses and fills, as the host tells of them."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.model.enums import ContingencyType
from nautilus_trader.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderDenied,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    PositionClosed,
)

from capture.events import Reason, SignalStatus
from capture.journal import NULL_INT
from capture_nautilus.amounts import SCALE
from capture_nautilus.deferring import Deferring
from capture_nautilus.placed import Placed, Traded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_nautilus.ear import Asked, Ear

__all__ = ["Outcomes", "reason_of"]

_WORDS: Final = (
    ("duplicate", Reason.INVALID_ORDER),
    ("reduce only", Reason.NOTHING_TO_CLOSE),
    ("reduce_only", Reason.NOTHING_TO_CLOSE),
    ("margin", Reason.INSUFFICIENT_MARGIN),
    ("free_balance", Reason.INSUFFICIENT_CASH),
    ("tradingstate", Reason.RISK_LIMIT),
    ("max_order", Reason.RISK_LIMIT),
    ("notional", Reason.RISK_LIMIT),
    ("quantity_", Reason.RISK_LIMIT),
    ("already closed", Reason.CANCELLED_BY_OCO),
    ("already passed", Reason.EXPIRED),
    ("precision", Reason.INVALID_ORDER),
    ("invalid", Reason.INVALID_ORDER),
    ("not found", Reason.INVALID_ORDER),
)
_CONTINGENT: Final = (ContingencyType.OCO, ContingencyType.OUO)
_FILLED: Final = (SignalStatus.EXECUTED.value, Reason.FILLED.value)
_TO_NOTHING: Final = frozenset(
    {SignalStatus.REJECTED, SignalStatus.CANCELLED, SignalStatus.EXPIRED}
)
_PARTLY: Final = (SignalStatus.PARTIALLY_FILLED.value, Reason.PARTIALLY_FILLED.value)


@lru_cache(maxsize=1024)
def reason_of(said: str, otherwise: Reason) -> Reason:
    """Return the reason code of what the host says."""
    text = said.lower()
    return next((reason for word, reason in _WORDS if word in text), otherwise)


class Outcomes:
    """Writes what becomes of the orders of one strategy.

    Attributes:
        deferring: knows whether it is written as it happens.
        asked: orders of recorded calls, not remembered by name yet.
        trades: the trades so far.
        unheard: orders of which no call told.
    """

    def __init__(self, ear: Ear) -> None:
        """Write for an ear."""
        self._ear = ear
        self.deferring = Deferring(ear)
        self.asked: list[Asked] = []
        self._placed: dict[Any, Placed] = {}
        self._waiting: list[Placed] = []
        self._at = 0
        self.trades: list[Traded] = []
        self.unheard: set[str] = set()
        self._open: dict[Any, Traded] = {}
        self._ended: dict[Any, Traded] = {}
        # Signals of several orders: those whose first one came to nothing, or another to a fill.
        self._lost: set[int] = set()
        self._others_filled: set[int] = set()
        self._told = {
            OrderDenied: self._denied,
            OrderRejected: self._rejected,
            OrderAccepted: self._accepted,
            OrderCanceled: self._cancelled,
            OrderExpired: self._expired,
            OrderFilled: self._filled,
            PositionClosed: self._closed,
            tuple: self._known,
        }

    def heard(self, events: Sequence[Any]) -> None:
        """Write what events of the host say."""
        self.remember()
        first = self._at
        tells = map(self._told.get, map(type, events))
        for at, tell, event in zip(count(first), tells, events, strict=False):
            if tell is not None:
                self._at = at
                tell(event)
        self._at = first + len(events)

    @property
    def placed(self) -> dict[Any, Placed]:
        """The recorded orders, by the host's name."""
        self.remember()
        return self._placed

    def remember(self) -> None:
        """Remember the orders of calls since the last time."""
        asked, known = self.asked, self._placed
        for said, time_ns in asked:
            placed = Placed(*said)
            if known.setdefault(placed.order.client_order_id, placed) is placed:
                self._waiting.append(placed)
            else:  # the host refuses a second one of that name
                self.refused(placed, Reason.INVALID_ORDER, "duplicate", time_ns)
        asked.clear()

    def waiting(self) -> list[Placed]:
        """Return the orders of which it is not known yet what became of them."""
        self.remember()
        self._waiting = [placed for placed in self._waiting if not placed.settled]
        return self._waiting

    def cancels(self, placed: Placed) -> None:
        """Take note that the strategy cancels an order."""
        placed.cancelling = min(placed.cancelling, self._at + len(self.deferring.noted))

    # --- statuses ----------------------------------------------------------------------------

    def settle(
        self,
        placed: Placed,
        status: SignalStatus,
        reason: Reason,
        actor: str,
        time_ns: int,
        detail: str | None = None,
    ) -> None:
        """Write what became of an order; of one that leads, also what became of its signal."""
        writer = self._ear.writer
        if writer is None:
            return
        series, words = placed.series, writer.words
        bar = NULL_INT if series is None else series.at(time_ns)
        signal = placed.signal_seq if placed.leads else NULL_INT
        if placed.leads and status in _TO_NOTHING:
            self._lost.add(signal)
            if signal in self._others_filled:
                signal = NULL_INT
        writer.channels(series).status(
            (signal, placed.order_seq, bar,
             words[status.value], words[reason.value], words[actor],
             words[detail] if detail else 0, time_ns)
        )  # fmt: skip

    def refused(
        self, placed: Placed, reason: Reason, detail: str | None, time_ns: int, by: str = "broker"
    ) -> None:
        """Record that a call led to nothing, in the order of what the host tells."""
        placed.settled = True
        known = (placed, SignalStatus.REJECTED, reason, by, time_ns, detail)
        if self.deferring.most:
            self.deferring.noted.append(known)
        else:
            self._known(known)

    def _known(self, known: tuple[Placed, SignalStatus, Reason, str, int, str | None]) -> None:
        self.settle(*known)

    def _over(
        self, event: Any, status: SignalStatus, reason: Reason, actor: str, detail: str | None
    ) -> None:
        placed = self._placed.get(event.client_order_id)
        if placed is None or placed.settled:
            return
        placed.settled = True
        # What was filled stays filled; the reason says why the rest was not.
        final = SignalStatus.PARTIALLY_FILLED if placed.filled else status
        self.settle(placed, final, reason, actor, event.ts_event, detail)

    def _denied(self, event: Any) -> None:
        reason = reason_of(event.reason, Reason.RISK_LIMIT)
        self._over(event, SignalStatus.REJECTED, reason, "risk", event.reason)

    def _rejected(self, event: Any) -> None:
        reason = reason_of(event.reason, Reason.REJECTED_BY_BROKER)
        self._over(event, SignalStatus.REJECTED, reason, "broker", event.reason)

    def _accepted(self, event: Any) -> None:
        placed = self._placed.get(event.client_order_id)
        if placed is not None and not placed.accepted:
            placed.accepted = True
            self.settle(placed, SignalStatus.SUBMITTED, Reason.ACCEPTED, "broker", event.ts_event)

    def _cancelled(self, event: Any) -> None:
        placed = self._placed.get(event.client_order_id)
        if placed is None:
            return
        if placed.expiring:
            self._expired(event)
            return
        if placed.cancelling <= self._at:
            reason, actor = Reason.CANCELLED_BY_STRATEGY, "strategy"
        elif placed.order.contingency_type in _CONTINGENT:
            reason, actor = Reason.CANCELLED_BY_OCO, "broker"
        else:
            reason, actor = Reason.CANCELLED_BY_BROKER, "broker"
        self._over(event, SignalStatus.CANCELLED, reason, actor, None)

    def _expired(self, event: Any) -> None:
        self._over(event, SignalStatus.EXPIRED, Reason.EXPIRED, "broker", None)

    def end_of_data(self, time_ns: int) -> None:
        """Write of every order that still waits that there are no more bars."""
        for placed in self.waiting():
            placed.settled = True
            status = SignalStatus.PARTIALLY_FILLED if placed.filled else SignalStatus.EXPIRED
            self.settle(placed, status, Reason.END_OF_DATA, "broker", time_ns)

    # --- fills -------------------------------------------------------------------------------

    def catch_up(self) -> bool:
        """Write the fills of which the host did not tell, because its account was at an end.

        Returns:
            Whether there were any.
        """
        before = sum(placed.fills for placed in self.placed.values())
        for placed in list(self.placed.values()):
            fills = [event for event in placed.order.events if type(event) is OrderFilled]
            for event in fills[placed.fills :]:
                self._filled(event)
        return sum(placed.fills for placed in self.placed.values()) > before

    def _filled(self, event: Any) -> None:
        before, units, held = self._ear.holdings.fill(event)
        placed, done = self._placed.get(event.client_order_id), False
        if placed is None:
            self.unheard.add(event.client_order_id.value)
        else:
            placed.fills += 1
            placed.filled = True
            order = placed.order  # whose last fill this may be, however long ago it was
            done = placed.settled = (
                order.is_closed
                and not order.leaves_qty.raw
                and order.last_trade_id == event.trade_id
            )
        parts = self._split(event, before, units)
        self._write(event, placed, parts, units, held, done)

    def _split(self, event: Any, before: int, units: int) -> list[tuple[int, Traded, str]]:
        """Return what a fill does: one that turns a position round closes a trade and opens one."""
        position, parts = event.position_id, []
        traded = self._open.get(position)
        if traded is not None and before * units < 0:
            if abs(units) < abs(before):
                return [(units, traded, "reduce")]
            self._ended[position] = self._open.pop(position)
            parts.append((-before, traded, "close"))
            units += before
            if not units:
                return parts
            before, traded = 0, None
        if traded is None:
            traded = self._open[position] = self._new(event)
        after = (before + units) / SCALE
        if abs(after) > abs(traded.units):
            traded.units = after
        parts.append((units, traded, "open"))
        return parts

    def _new(self, event: Any) -> Traded:
        ear = self._ear
        assert ear.session is not None
        series = ear.session.market.of(event.instrument_id)
        traded = Traded(
            ear.session.next_trade(), event.position_id, event.instrument_id, series,
            ear.strategy_id, event.ts_event, 0.0,
        )  # fmt: skip
        self.trades.append(traded)
        return traded

    def _write(
        self,
        event: Any,
        placed: Placed | None,
        parts: list[tuple[int, Traded, str]],
        units: int,
        held: float,
        done: bool,
    ) -> None:
        """Write a fill, in its parts, and what became of the order."""
        writer = self._ear.writer
        if writer is None:
            return
        series, time_ns, price = parts[0][1].series, event.ts_event, event.last_px.raw / SCALE
        channels, words = writer.channels(series), writer.words
        commission, bar = event.commission.raw / SCALE, NULL_INT
        if series is not None:
            bar = bisect_right(series.known_ns, time_ns) - 1
        signal, order, decided = NULL_INT, NULL_INT, NULL_INT
        if placed is not None:
            signal, order, decided = placed.signal_seq, placed.order_seq, placed.bar
        # Of many, the fills are written by themselves, so that they stay in their order.
        alone = len(parts) == 1 and not self.deferring.most
        together = alone and done and placed is not None and placed.leads
        take = channels.executed if together else channels.fill
        for part, traded, effect in parts:
            cost = commission if part == units else commission * (part / units)
            traded.commission += cost
            take(
                (signal, order, bar, decided, 1 if part > 0 else -1, abs(part) / SCALE, price, cost,
                 held, traded.number, words[effect], time_ns)
            )  # fmt: skip
        if placed is not None and not together:
            status, reason = _FILLED if done else _PARTLY
            if not placed.leads:
                self._others_filled.add(signal)
                if signal not in self._lost:
                    signal = NULL_INT
            channels.status(
                (signal, order, bar, words[status], words[reason], words["broker"], 0, time_ns)
            )

    def _closed(self, event: Any) -> None:
        traded = self._ended.pop(event.position_id, None)
        if traded is not None:
            traded.closed = event
