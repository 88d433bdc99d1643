"""What the host makes of a strategy's orders: fills, cancels, and the account behind them."""

from __future__ import annotations

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from capture.recorder.ending import why_stopped
from capture_zipline.placed import NOBODY, Placed, Traded

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_zipline.session import Session

__all__ = ["Broker"]

_POLICIES: Final = ("execute_cancel_policy", "execute_daily_cancel_policy")


class Broker:
    """Stands on the blotter and the ledger of one run, and looks at its account.

    What it asks for is there already: the host's figures are computed when they are looked at, and
    how often that is decides their last digits.

    What becomes of orders is kept until there is a block of it, and recorded at once; where
    somebody hears of it, each when it happens.

    Attributes:
        placed: recorded orders by the host's identity.
        trades: what fills opened, in order.
        account: at the close of each session cash, what all is worth, and the units held by asset.
    """

    def __init__(self, session: Session, algorithm: Any) -> None:
        """Hear the blotter and the ledger of an algorithm that has been initialized."""
        self._session = session
        self._blotter: Any = vars(algorithm)["blotter"]
        tracker = vars(algorithm)["metrics_tracker"]
        self._ledger = tracker._ledger
        self.placed: dict[str, Placed] = {}
        self.trades: list[Traded] = []
        self._open: dict[int, Traded] = {}
        self._costs: dict[str, float] = {}
        self._expiring = False
        self.cancelling = False
        self.account: list[tuple[float, float, dict[int, int]]] = []
        # A placed order that the host accepted, or what `_fill` is given.
        self._kept: list[Placed | tuple[Any, ...]] = []
        engine = session.engine
        self._following = engine.fills_follow(session.broken) if engine.fills_may_follow else None
        self._most = 0 if self._following is None else max(1, session.config.buffer_size // 2)
        self._put: list[tuple[Any, str]] = []
        self._replace(self._blotter, "get_transactions", self._transactions)
        self._replace(self._blotter, "cancel", self._cancelled)
        self._replace(self._blotter, "reject", self._rejected)
        for name in _POLICIES:
            self._replace(self._blotter, name, self._expires)
        self._replace(self._ledger.position_tracker, "execute_transaction", self._executed)
        self._replace(tracker, "handle_market_close", self._closed)

    def _replace(self, thing: Any, name: str, put: Callable[..., Any]) -> None:
        own = getattr(thing, name, None)
        if own is None or name in vars(thing):
            return

        setattr(thing, name, partial(put, own))
        self._put.append((thing, name))

    def unhear(self) -> None:
        """Leave blotter and ledger as they were."""
        for thing, name in self._put:
            vars(thing).pop(name, None)
        self._put.clear()

    # --- the account -------------------------------------------------------------------------

    def held(self, asset: Any) -> float:
        """Return the units that are held of an asset."""
        position = self._ledger.position_tracker.positions.get(asset)
        return 0.0 if position is None else float(position.inner_position.amount)

    @property
    def cash(self) -> float:
        """What is left."""
        cash: float = self._ledger._immutable_portfolio.cash
        return cash

    @property
    def worth(self) -> float:
        """What all was worth when the host last reckoned."""
        worth: float = self._ledger._immutable_portfolio.portfolio_value
        return worth

    def worth_now(self, price_of: Callable[[Any], float]) -> float:
        """Return what all is worth at these prices; a future has no worth of its own."""
        total = self.cash
        for asset, position in self._ledger.position_tracker.positions.items():
            if not hasattr(asset, "root_symbol"):
                price = price_of(asset)
                total += position.amount * (position.last_sale_price if price != price else price)
        return total

    @property
    def waiting(self) -> int:
        """How many orders wait."""
        return sum(map(len, self._blotter.open_orders.values()))

    def order_of(self, number: Any) -> Any:
        """Return the host's order with this identity, or None."""
        return self._blotter.orders.get(number) if isinstance(number, str) else None

    # --- what the host says ------------------------------------------------------------------

    def _transactions(self, own: Callable[..., Any], data: Any) -> Any:
        if len(self._kept) > self._most:
            self._make_room()
        found = own(data)
        transactions, commissions, _ = found
        if transactions:
            self._costs = {said["order"].id: float(said["cost"]) for said in commissions}
        return found

    def _executed(self, own: Callable[..., Any], transaction: Any) -> Any:
        before, number = self.held(transaction.asset), transaction.order_id
        result = own(transaction)
        order = self.order_of(number)
        whole = order is not None and not order.open_amount
        cost = self._costs.pop(number, 0.0)
        self._kept.append((transaction, before, cost, whole, self._session.bars))
        if not self._most:
            self.settle()
        return result

    def _expires(self, own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._expiring = True
        try:
            return own(*args, **kwargs)
        finally:
            self._expiring = False

    def _cancelled(self, own: Callable[..., Any], number: Any, *args: Any, **kwargs: Any) -> Any:
        order = self.order_of(number)
        was = order is not None and order.open
        result = own(number, *args, **kwargs)
        if was and not order.open:
            word = (
                "cancelled"
                if self.cancelling
                else "expired"
                if self._expiring
                else "cancelled_by_broker"
            )
            self._ends(number, word)
        return result

    def _rejected(self, own: Callable[..., Any], number: Any, *args: Any, **kwargs: Any) -> Any:
        result = own(number, *args, **kwargs)
        self._ends(number, "rejected")
        return result

    def _ends(self, number: str, word: str) -> None:
        placed = self.placed.get(number)
        if self._kept:
            self.settle()
        if placed is None or placed.settled:
            return
        placed.settled = True
        self._session.settle(placed, f"rest_{word}" if placed.filled else word)

    def _closed(self, own: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        packet = own(*args, **kwargs)
        ledger, held = self._ledger, {}
        for asset, position in ledger.position_tracker.positions.items():
            held[asset.sid] = position.inner_position.amount
        reckoned = ledger._immutable_portfolio
        self.account.append((reckoned.cash, reckoned.portfolio_value, held))
        return packet

    def end_of_data(self) -> None:
        """Record that orders which still wait will not be filled any more."""
        self.settle()
        for number in list(self.placed):
            order = self.order_of(number)
            waits = order is not None and order.open
            self._ends(number, "end_of_data" if waits else "cancelled_by_broker")
        self.finish()

    # --- fills -------------------------------------------------------------------------------

    def accepted(self, placed: Placed) -> None:
        """Take note of an order that the host took."""
        self._kept.append(placed)
        if not self._most:
            self.settle()

    def settle(self) -> None:
        """Record what became of orders since the last time."""
        kept, session = self._kept, self._session
        self._kept = []
        if session.problem is not None:
            return
        try:
            for each in kept:
                if isinstance(each, Placed):
                    session.settle(each, "accepted", each.bar)
                else:
                    self._fill(*each)
        except Exception as exc:
            session.broken(why_stopped(exc, session.config))

    def _make_room(self) -> None:
        """Record what became of orders so far, and say in the journal how far that goes."""
        self.settle()
        if self._following is not None and self._session.problem is None:
            orders = chain.from_iterable(self._blotter.open_orders.values())
            waiting = (self.placed.get(order.id, NOBODY).signal_seq for order in orders)
            self._following.up_to(waiting)

    def finish(self) -> None:
        """Record what is left."""
        self.settle()
        if self._following is not None and self._session.problem is None:
            self._following.done()

    def _fill(self, transaction: Any, before: float, cost: float, whole: bool, bars: int) -> None:
        """Record a fill: what it closes, and what it opens.

        Args:
            transaction: the host's.
            before: the units that were held.
            cost: commission.
            whole: whether nothing of the order is left.
            bars: how many bars of the run had come.
        """
        session, asset, units = self._session, transaction.asset, float(transaction.amount)
        placed = self.placed.get(transaction.order_id)
        origin = placed or NOBODY
        feed = session.market.feed(asset)
        bar = feed.bar_of(bars if transaction.order_id is not None else bars - 1)
        side = 1 if units > 0 else -1
        closed = min(abs(units), abs(before)) if before * units < 0 else 0.0
        opened = abs(units) - closed
        share = cost if not opened else cost * closed / abs(units)
        after, write = before + units, session.channels(feed).fill
        said = (origin.signal_seq, origin.order_seq, bar, origin.bar, side)
        if closed:
            traded = self._trade(asset.sid, feed, before, bar)
            traded.leave(
                closed, transaction.price, share, bar if before + side * closed == 0 else None
            )
            left = before + side * closed
            effect = session.words["reduce" if left else "close"]
            write(*said, closed, transaction.price, share, left, traded.number, effect)
            if not left:
                self._open.pop(asset.sid, None)
        if opened:
            traded = self._trade(asset.sid, feed, side, bar)
            traded.enter(side * opened, transaction.price, cost - share)
            write(
                *said, opened, transaction.price, cost - share, after, traded.number,
                session.words["open"],
            )  # fmt: skip
        if placed is not None:
            placed.filled, placed.settled = True, whole
            session.settle(placed, "filled" if placed.settled else "partial", bar)

    def _trade(self, sid: int, feed: Any, held: float, bar: int) -> Traded:
        """Return the trade that is open in an asset; one begins if there is none."""
        known = self._open.get(sid)
        if known is None:
            multiplier = float(getattr(feed.asset, "price_multiplier", 1.0) or 1.0)
            known = self._open[sid] = Traded(len(self.trades), feed, bar, multiplier)
            self.trades.append(known)
        return known
