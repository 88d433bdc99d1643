"""What the strategy does to its trades and to orders that wait: edits and cancels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture_backtesting import rows
from capture_backtesting.placed import NOBODY, UNFIT, Placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.recorder.adapting import Words
    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["Changes"]


class Changes:
    """Records what is changed of what was placed before."""

    def __init__(
        self, ear: Ear, opened: Opened, words: Words, unrecorded: Callable[..., Any]
    ) -> None:
        """Record for an ear.

        Args:
            ear: hears the broker.
            opened: where it is written.
            words: the numbers that stand for words.
            unrecorded: keeps aside what cannot be packed.
        """
        self._ear = ear
        self._broker = ear.broker
        self._opened = opened
        self._words = words
        self._unrecorded = unrecorded

    def edit_trade(self, trade: Any, which: str, price: Any, call: Callable[..., Any]) -> None:
        """Record that the strategy moves a stop-loss or take-profit, and let it happen."""
        prices = (price, None) if which == "sl" else (None, price)
        opener = self.opener(trade)
        parent = self._trade_id(opener, trade)
        self._change(opener, "edit", f"Trade.{which}", parent=parent, bracket=prices)
        if self._ear.problem is not None:
            call(trade, price)
            return
        self._ear.acting = NOBODY
        try:
            call(trade, price)
        finally:
            self._ear.acting = None
        self._ear.arm()

    def opener(self, trade: Any) -> Placed:
        """Return the intent that opened a trade."""
        placed: Placed | None = getattr(trade, "_capture", None)
        if placed is None:
            # It was closed while fills were recorded later: then trades are closed as a whole.
            every = enumerate(self._broker.closed_trades, 1)
            placed = Placed.aside(NULL_INT, NULL_INT, NULL_INT)
            placed.trade = next((number for number, each in every if each is trade), 0)
            trade._capture = placed
        return placed

    def place_of(self, order: Any) -> int:
        """Return which it is of the orders that wait and that one call has led to."""
        placed = getattr(order, "_capture", None)
        if placed is None:
            return 0
        mine = [o for o in self._broker.orders if _number(o) == placed.order_seq]
        return mine.index(order) if order in mine else 0

    def cancelled(self, order: Any, place: int, phase: str = "next") -> None:
        """Record that an order is cancelled, by the strategy or by a later order of its.

        Args:
            order: what is cancelled.
            place: as `place_of` said before.
            phase: which of its methods the strategy is in.
        """
        ear, placed = self._ear, getattr(order, "_capture", None)
        by_strategy = ear.acting is None
        if placed is None:
            if by_strategy:
                self._contingent_cancelled(order)
            return
        if by_strategy:
            number = placed.order_seq
            parent = f"o{number}{f'.{place}' if place else ''}" if number >= 0 else None
            self._change(placed, "cancel", "Order.cancel", parent=parent, phase=phase)
        if placed.settled:
            return
        placed.orders -= 1
        if placed.orders <= 0:
            ear.settle(placed, rows.CANCELLED if by_strategy else rows.SUPERSEDED)

    def _contingent_cancelled(self, order: Any) -> None:
        """Record that the strategy cancels a stop-loss or take-profit."""
        trade = order.parent_trade
        placed = getattr(trade, "_capture", None)
        if placed is not None:
            prices = (order.stop, order.limit)
            parent = self._trade_id(placed, trade)
            self._change(placed, "cancel", "Order.cancel", parent=parent, bracket=prices)

    def _trade_id(self, opener: Placed, trade: Any) -> str | None:
        """Return what names a trade, with its place in the list where it is closed by now."""
        closed = enumerate(self._broker.closed_trades if trade.exit_price is not None else ())
        for place, each in closed:
            if each is trade:
                return f"t{opener.trade or ''}.{place}"
        return f"t{opener.trade}" if opener.trade else None

    def _change(
        self,
        placed: Placed,
        action: str,
        verb: str,
        *,
        parent: str | None,
        bracket: tuple[Any, Any] = (None, None),
        phase: str = "next",
    ) -> None:
        try:
            row = (
                placed.signal_seq,
                self._broker._i,
                0,
                self._words[verb],
                0,
                NULL_FLOAT,
                0,
                NULL_FLOAT,
                NULL_FLOAT,
                *(NULL_FLOAT if price is None else float(price) for price in bracket),
            )
            self.write(row, action, parent=parent, phase=phase)
        except (CaptureError, *UNFIT) as exc:
            if is_let_through(exc):
                raise
            self._unrecorded({"call": verb, "bracket": bracket}, exc, lambda: None)

    def write(
        self,
        row: tuple[Any, ...],
        action: str,
        *,
        parent: str | None = None,
        tag: Any = None,
        phase: str = "next",
    ) -> int:
        """Write a row of an order that is no plain one, and return its sequence number."""
        words = self._words
        return self._opened.edit(*row, words[action], words[phase], parent, _text(tag))


def _number(order: Any) -> int | None:
    placed = getattr(order, "_capture", None)
    return None if placed is None else placed.order_seq


def _text(tag: Any) -> str | None:
    """Return a tag as text; an object as JSON, or as it shows itself."""
    if tag is None or isinstance(tag, str):
        return tag
    try:
        return json.dumps(tag, default=repr)
    except Exception:  # whatever a tag's own repr does, it is the user's
        return f"<{type(tag).__name__}>"
