"""What the broker makes of a strategy's orders: what was filled, refused or taken back."""

from __future__ import annotations

from array import array
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtrader.deferring import FILLED, Deferring
from capture_backtrader.rows import OUTCOMES, PLACES
from capture_backtrader.trading import Trading

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed
    from capture_backtrader.placed import Placed

__all__ = ["Outcomes"]

_BY_STATUS: Final = {
    bt.Order.Canceled: "cancelled",
    bt.Order.Expired: "expired",
    bt.Order.Margin: "margin",
    bt.Order.Rejected: "rejected",
}
_NOTED: Final = Struct("qqq").pack
"""Makes of three numbers what an array takes twice as quickly as a tuple."""

_NUMBERS: Final = Struct("qqqq").pack
"""The same of four."""

_ACCEPTED: Final = PLACES["accepted"]
_COMPLETED: Final = PLACES["filled"]


class Outcomes:
    """Hears what becomes of the orders of one strategy.

    Attributes:
        placed: recorded orders by the host's number.
        told: whether somebody listens to what becomes of signals. If nobody does, it is noted in
            few numbers, and made into words at the end.
        trading: records fills.
        deferring: knows whether fills are recorded as they happen.
        unheard: orders that reached the broker past the strategy's verbs.
        noted: three numbers each: the host's number of an order, its status, and the bar; or the
            complement of a place in `_more`, a place in `rows.OUTCOMES`, and the bar.
    """

    def __init__(self, ear: Ear) -> None:
        """Hear for an ear."""
        self._ear = ear
        self.placed: dict[int, Placed] = {}
        self.noted = array("q")
        self.told = False
        self.trading = Trading(ear)
        self.deferring = Deferring(ear)
        self.unheard: set[int] = set()
        self._more: list[tuple[Feed, int, int, bool]] = []
        self._statuses = array("q")
        self._at = 0

    def place(self, placed: Placed, *, oco: Any = None, parent: Any = None) -> None:
        """Remember an order, and the orders that it hangs on."""
        self.placed[placed.order.ref] = placed
        if oco is not None:
            now = len(self.noted)
            placed.grouped = now
            other = self.placed.get(getattr(oco, "ref", -1))
            if other is not None:
                other.grouped = min(other.grouped, now)
        if parent is not None:
            placed.parent = self.placed.get(getattr(parent, "ref", -1))

    def cancels(self, placed: Placed) -> None:
        """Take note that the strategy cancels an order."""
        placed.cancelling = min(placed.cancelling, len(self.noted))

    def order_id(self, order: Any) -> str | None:
        """Return the identity of an order; None if it was not recorded."""
        placed = None if order is None else self.placed.get(order.ref)
        return None if placed is None or placed.order_seq < 0 else f"o{placed.order_seq}"

    # --- what the broker says ----------------------------------------------------------------

    def listener(self, own: Callable[..., None]) -> Callable[..., None]:
        """Return what the host tells of orders, in place of the strategy's own."""
        ear, heard, fills, placed = self._ear, self.heard, self.trading.heard, self.placed
        note, submitted, told = self.noted.frombytes, bt.Order.Submitted, self.told

        def added(order: Any, quicknotify: bool = False) -> None:
            own(order, quicknotify)
            status = order.status
            if status == submitted:
                return
            known = placed.get(order.ref)
            if known is None or told or not ear.writer:
                heard(order)
                return
            if status in FILLED:
                try:
                    fills(order, known)
                except CaptureError as exc:
                    ear.failed(exc)
                    return
            note(_NOTED(order.ref, status, known.feed.clock.lencount - 1))

        return self._noting(own, added) if self.deferring.most else added

    def _noting(
        self, own: Callable[..., None], at_once: Callable[..., None]
    ) -> Callable[..., None]:
        """Return the same for a run of one feed whose fills are recorded a block at a time."""
        ear, placed, noted, submitted = self._ear, self.placed, self.noted, bt.Order.Submitted
        assert ear.session is not None
        note, clock, deferring = noted.frombytes, ear.session.feeds[0].clock, self.deferring
        keep, number = deferring.pieces.append, deferring.numbers.frombytes

        def added(order: Any, quicknotify: bool = False) -> None:
            if not deferring.most:
                at_once(order, quicknotify)
                return
            status = order.status
            if status != submitted and order.ref not in placed:
                deferring.attend()
                at_once(order, quicknotify)
                return
            own(order, quicknotify)
            if status == submitted or not ear.writer:
                return
            bar = clock.lencount - 1
            note(_NOTED(order.ref, status, bar))
            if status in FILLED:
                known = placed[order.ref]
                for piece in order.executed.iterpending():
                    keep(piece)
                    number(_NUMBERS(known.signal_seq, known.order_seq, bar, known.bar))
            if len(noted) >= deferring.due:
                deferring.make_room()

        return added

    def heard(self, order: Any) -> None:
        """Record what a notification says of an order, other than that it was submitted."""
        ear = self._ear
        if ear.writer is None:
            return
        status, ref = order.status, order.ref
        placed = self.placed.get(ref)
        if placed is None:
            if order.exectype != bt.Order.Historical:
                self.unheard.add(ref)
            if status not in FILLED:
                return
        try:
            if status in FILLED and order.executed.size:
                self.trading.heard(order, placed)
            if placed is None:
                return
            bar = placed.feed.clock.lencount - 1
            if self.told:
                self._status(status, placed, bar)
            else:
                self.noted.extend((ref, status, bar))
        except CaptureError as exc:
            ear.failed(exc)

    def statuses(self) -> array[int]:
        """Return what became of signals, unless somebody was told at once.

        Six numbers each: feed, bar, signal, order, place in `rows.OUTCOMES`, whether it is the
        signal's fate.
        """
        self._go_through()
        return self._statuses

    def _go_through(self) -> None:
        """Make words of what was noted, in the order in which it happened."""
        noted, start = self.noted, self._at
        while start < len(noted):
            self._at = start
            ref, status, bar = noted[start : start + 3]
            if ref >= 0:
                self._status(status, self.placed[ref], bar)
            else:
                feed, signal, order, leads = self._more[~ref]
                self._statuses.extend((feed.index, bar, signal, order, status, leads))
            start += 3
        self._at = start

    def _status(self, status: int, placed: Placed, bar: int) -> None:
        if status == bt.Order.Completed:
            place = _COMPLETED
            placed.settled = placed.filled = True
        elif status == bt.Order.Accepted:
            place = _ACCEPTED
        elif status == bt.Order.Partial:
            place = PLACES["partial"]
            placed.filled = True
        else:
            word = _BY_STATUS.get(status)
            if word is None:  # it waits for others
                return
            placed.settled = True
            place = PLACES[_how(word, placed, self._at)]
        self._settle(placed.feed, placed.signal_seq, placed.order_seq, bar, place, placed.leads)

    def settle_at(self, feed: Feed, signal: int, order: int, bar: int, place: int) -> None:
        """Record the outcome of a call that led to no order, a place in `rows.OUTCOMES`."""
        if self.told:
            self._settle(feed, signal, order, bar, place, True)
        else:
            self.noted.extend((~len(self._more), place, bar))
            self._more.append((feed, signal, order, True))

    def _settle(
        self, feed: Feed, signal: int, order: int, bar: int, place: int, leads: bool
    ) -> None:
        """Record an outcome of an order, which is the signal's own if the order leads."""
        if not self.told:
            self._statuses.extend((feed.index, bar, signal, order, place, leads))
            return
        session = self._ear.session
        assert session is not None
        tell = session.channels(self._ear, feed).status
        assert tell is not None
        words = (session.engine.word(text) for text in OUTCOMES[place])
        tell(signal if leads else NULL_INT, order, bar, *words)

    def end_of_data(self) -> None:
        """Record that orders which still wait will not be filled any more."""
        self._go_through()
        for placed in self.placed.values():
            if not placed.settled:
                word = "rest_end_of_data" if placed.filled else "end_of_data"
                bar, feed = max(placed.feed.clock.lencount - 1, 0), placed.feed
                self._settle(
                    feed, placed.signal_seq, placed.order_seq, bar, PLACES[word], placed.leads
                )


def _how(word: str, placed: Placed, at: int) -> str:
    """Return how an order ended, in the words of `rows.OUTCOMES`."""
    if word == "cancelled" and placed.cancelling > at:
        # Of the children of a bracket, the one that is filled cancels the other.
        sibling = placed.parent is not None and placed.parent.filled
        word = "cancelled_by_oco" if placed.grouped <= at or sibling else "cancelled_by_broker"
    return f"rest_{word}" if placed.filled else word
