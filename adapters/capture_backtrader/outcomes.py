"""What the broker makes of a strategy's orders: fills, refusals, and trades."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final, cast

import backtrader as bt

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtrader.placed import Placed, Traded
from capture_backtrader.rows import OUTCOMES, PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed

__all__ = ["Outcomes"]

_BY_STATUS: Final = {
    bt.Order.Canceled: "cancelled",
    bt.Order.Expired: "expired",
    bt.Order.Margin: "margin",
    bt.Order.Rejected: "rejected",
}
_FILLED: Final = frozenset({bt.Order.Partial, bt.Order.Completed})
_ACCEPTED: Final = PLACES["accepted"]
_COMPLETED: Final = PLACES["filled"]
_NOBODY: Final[Any] = Placed(None, cast("Feed", None), NULL_INT, NULL_INT, NULL_INT)
"""Stands where no call of the strategy's led to a fill."""


class Outcomes:
    """Hears what becomes of the orders of one strategy.

    Attributes:
        placed: recorded orders by the host's number.
        told: whether somebody listens to what becomes of signals. If nobody does, it is noted in
            few numbers, and made into words at the end.
        most: how many numbers are noted until the fills among them are recorded; 0 where each fill
            is recorded as it happens.
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
        self.most = 0
        self.unheard: set[int] = set()
        self._more: list[tuple[Feed, int, int, bool]] = []
        self._statuses = array("q")
        self._at = 0
        self._trades: dict[tuple[int, Any], Traded] = {}
        self._accounts: dict[tuple[int, Any], tuple[Any, ...]] = {}
        self._at_once = False
        self._filled = 0
        self._after: int | None = None
        self._bits: dict[int, int] = {}
        self._counts: dict[tuple[int, Any], int] = {}

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
        ear, heard, fills, placed = self._ear, self.heard, self._fills, self.placed
        note, submitted, told = self.noted.extend, bt.Order.Submitted, self.told

        def added(order: Any, quicknotify: bool = False) -> None:
            own(order, quicknotify)
            status = order.status
            if status == submitted:
                return
            known = placed.get(order.ref)
            if known is None or told or not ear.writer:
                heard(order)
                return
            if status in _FILLED:
                try:
                    fills(order, known)
                except CaptureError as exc:
                    ear.failed(exc)
                    return
            note((order.ref, status, known.feed.clock.lencount - 1))

        return self._noting(own, added) if self.most else added

    def _noting(
        self, own: Callable[..., None], at_once: Callable[..., None]
    ) -> Callable[..., None]:
        """Return the same for a run of one feed whose fills are recorded a block at a time."""
        ear, placed, noted, submitted = self._ear, self.placed, self.noted, bt.Order.Submitted
        assert ear.session is not None
        note, clock, outcomes = noted.extend, ear.session.feeds[0].clock, self

        def added(order: Any, quicknotify: bool = False) -> None:
            if not outcomes.most:
                at_once(order, quicknotify)
                return
            status = order.status
            if status != submitted and order.ref not in placed:
                outcomes.attend()
                at_once(order, quicknotify)
                return
            own(order, quicknotify)
            if status == submitted or not ear.writer:
                return
            note((order.ref, status, clock.lencount - 1))
            if len(noted) - outcomes._filled >= outcomes.most:
                outcomes.make_room()

        return added

    def attend(self) -> None:
        """Record the fills so far, and each that follows as it happens.

        An order that is none of the recorded ones, or that is in another trade, makes host's trades
        begin and end otherwise than the fills say; so it matters which trades there are by then.
        """
        self._at_once = True
        if self.most:
            self.finish()
            self.most = 0

    def settle(self) -> None:
        """Record the fills among what was noted."""
        noted, start = self.noted, self._filled
        if not self.most or start == len(noted) or self._ear.writer is None:
            return
        self._filled = len(noted)
        fills = self._bits
        try:
            for ref, status, bar in zip(*(noted[start + n :: 3] for n in range(3)), strict=True):
                if ref >= 0 and status in _FILLED:
                    # The host tells of each piece of a fill by itself, in order.
                    placed, piece = self.placed[ref], fills.get(ref, 0)
                    fills[ref] = piece + 1
                    account, executed = self._account_of(placed.order), placed.order.executed
                    self._pieces(account, placed, (executed.exbits[piece],), bar)
        except CaptureError as exc:
            self._ear.failed(exc)

    def make_room(self) -> None:
        """Record the fills so far, and say in the journal up to which signal they are there."""
        self.settle()
        session = self._ear.session
        if session is None or self._ear.writer is None:
            return
        broker = session.cerebro.broker
        open_ = (*broker.pending, *broker.submitted, *broker.notifs)
        waiting = (self.placed.get(order.ref) for order in open_ if order is not None)
        signals = [placed.signal_seq for placed in waiting if placed and placed.signal_seq >= 0]
        self._say(min(signals, default=session.engine.next_seq) - 1)

    def defer(self, most: int) -> None:
        """Record fills a block at a time: as soon as so many numbers were noted."""
        assert self._ear.session is not None
        if not self._at_once:
            self.most = most
            self._say(self._ear.session.engine.next_seq - 1)

    def finish(self) -> None:
        """Record the fills that are left."""
        self.settle()
        if self.most and self._ear.writer is not None:
            self._say(None)

    def _say(self, after: int | None) -> None:
        """Say in the journal that fills follow, or that all are there."""
        assert self._ear.session is not None
        try:
            self._ear.session.engine.fills_follow(after)
        except CaptureError as exc:
            self._ear.failed(exc)
        else:
            self._after = after

    def lose(self) -> None:
        """Say which fills are not recorded, as recording stopped."""
        if self.most and self._after is not None and self._ear.session is not None:
            self._ear.session.engine.flag("fills_missing_after_seq", self._after)

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
            if status not in _FILLED:
                return
        try:
            if status in _FILLED and order.executed.size:
                self._fills(order, placed)
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

    # --- fills -------------------------------------------------------------------------------

    def _fills(self, order: Any, placed: Placed | None) -> None:
        """Record what a notification says was filled."""
        account = self._account_of(order)
        bar = account[0].clock.lencount - 1
        self._pieces(account, placed, order.executed.iterpending(), bar)

    def _account_of(self, order: Any) -> tuple[Any, ...]:
        """Return what fills of an order need: it is looked up but once per feed."""
        given = order.p
        data, trade_id = given.data, given.tradeid
        if data._compensate is not None:
            data = data._compensate
        account = self._accounts.get((id(data), trade_id))
        if account is None:
            account = self._accounts[id(data), trade_id] = self._account(data, trade_id)
        return account

    def _pieces(
        self, account: tuple[Any, ...], placed: Placed | None, pieces: Iterable[Any], bar: int
    ) -> None:
        """Record pieces of a fill."""
        feed, key, write, moved, (opens, reduces, closes), data = account
        origin = placed or _NOBODY
        signal, number, decided = origin.signal_seq, origin.order_seq, origin.bar
        for bit in pieces:
            # The host reckons before it looks for the cash: where it closed and had none to open
            # the rest, it says a position on the other side that it never had.
            closed, opened, price, position = bit.closed, bit.opened, bit.price, float(bit.psize)
            if closed:
                if not opened and position * bit.size > 0:
                    position = 0.0
                traded = self._trades.get(key)
                if traded is None or not traded.held:
                    traded = self._traded(key, data, feed)
                units = abs(closed)
                traded.held += closed
                traded.left += units
                traded.proceeds += units * price
                write(
                    signal, number, bar, decided, 1 if closed > 0 else -1, units, price,
                    bit.closedcomm, position - opened, traded.number,
                    reduces if traded.held else closes,
                )  # fmt: skip
            if opened:
                traded = self._trades.get(key)
                if traded is None or not traded.held:
                    traded = self._traded(key, data, feed)
                traded.held += opened
                traded.units += opened
                write(
                    signal, number, bar, decided, 1 if opened > 0 else -1, abs(opened), price,
                    bit.openedcomm, position, traded.number, opens,
                )  # fmt: skip
            if moved is not None:
                moved((bar, position))

    def _account(self, data: Any, trade_id: Any) -> tuple[Any, ...]:
        """Return what fills of a feed need, by the host's number of a trade."""
        session, writer = self._ear.session, self._ear.writer
        assert session is not None and writer is not None
        feed = session.feed_of(data)
        moved = None if feed.index else session.moves.extend
        write, key = writer.channels(feed).fill, (feed.index, trade_id)
        return feed, key, write, moved, writer.effects, data

    def _traded(self, key: tuple[int, Any], data: Any, feed: Feed) -> Traded:
        """Return the first trade of the host's that is not known yet."""
        ear, session = self._ear, self._ear.session
        assert session is not None
        trades, of_host = session.trades, ear.strategy._trades[data][key[1]]
        place = self._counts.get(key, 0)
        while place < len(of_host) and of_host[place].ref in trades:
            place += 1
        trade = of_host[place] if place < len(of_host) else None
        self._counts[key] = place
        traded = Traded(trade, len(trades) + 1, feed, ear.strategy_id)
        trades[-traded.number if trade is None else trade.ref] = traded
        self._trades[key] = traded
        return traded


def _how(word: str, placed: Placed, at: int) -> str:
    """Return how an order ended, in the words of `rows.OUTCOMES`."""
    if word == "cancelled" and placed.cancelling > at:
        # Of the children of a bracket, the one that is filled cancels the other.
        sibling = placed.parent is not None and placed.parent.filled
        word = "cancelled_by_oco" if placed.grouped <= at or sibling else "cancelled_by_broker"
    return f"rest_{word}" if placed.filled else word
