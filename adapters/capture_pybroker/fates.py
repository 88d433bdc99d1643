"""What becomes of orders: fills, refusals, cancels and the end of their time; and records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pybroker.common import PositionMode

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_pybroker import rows
from capture_pybroker.placed import Placed

if TYPE_CHECKING:
    from capture_pybroker.session import Session

__all__ = ["Fates", "signed_position"]


def signed_position(portfolio: Any, symbol: str) -> float:
    """Return what is held of a symbol; the host holds it on one side alone."""
    held = portfolio.long_positions.get(symbol)
    if held is not None:
        return float(held.shares)
    held = portfolio.short_positions.get(symbol)
    return 0.0 if held is None else -float(held.shares)


class Fates:
    """Follows orders from when they are scheduled.

    Attributes:
        cancelling: what takes orders away just now, as a place in `rows.OUTCOMES`; None if nothing.
        closed_by: the lot that each trade of the run closed, in the order of the trades.
        positions: by symbol, each date with a fill and the position after it.
        waiting: by symbol, the intent that the host is about to schedule.
    """

    def __init__(self, session: Session) -> None:
        """Begin with none."""
        self.cancelling: int | None = None
        self.closed_by: list[int] = []
        self.positions: dict[str, list[tuple[Any, float]]] = {}
        self.waiting: dict[str, Placed] = {}
        self._session = session
        self._orders: dict[int, Placed] = {}
        self._opened_by: dict[int, Placed] = {}
        self._attempted: Placed | None = None
        self._filling: Placed | None = None
        self._offered: Any = None
        self._verdict = rows.UNPRICED
        self._entered = self._exited = 0
        self._left_over = False
        word = session.engine.word
        self._effects = (word("open"), word("reduce"), word("close"))
        self._outcomes = [tuple(word(part) for part in outcome) for outcome in rows.OUTCOMES]

    def placed(self, order_id: int) -> Placed | None:
        """Return the intent of an order that waits."""
        return self._orders.get(order_id)

    # --- orders ------------------------------------------------------------------------------

    def expect(self, placed: Placed) -> None:
        """Take note of an intent that the host is about to schedule."""
        before = self.waiting.pop(placed.symbol, None)
        if before is not None:  # the data end before its bar comes
            self.settle(before, rows.END_OF_DATA)
        self.waiting[placed.symbol] = placed

    def scheduled(self, order_id: int, symbol: str) -> None:
        """Take note of the host's number for an order."""
        placed = self.waiting.pop(symbol, None)
        if placed is not None:
            self._orders[order_id] = placed

    def attempted(self, order_id: int) -> None:
        """Take note that the host is about to try to fill an order."""
        self._attempted = self._filling = self._orders.get(order_id)
        self._verdict = rows.UNPRICED

    def aged(self) -> None:
        """Take note that an order was not filled on an earlier bar: what follows is another try."""
        self._attempted = self._filling = None

    def offering(self, shares: Any) -> None:
        """Take note of how many shares the portfolio is asked for."""
        self._offered = shares

    def tried(self) -> None:
        """Take note that a try is over."""
        self._filling = None

    def refused(self, portfolio: Any, side: str, said: dict[str, Any]) -> None:
        """Take note of why the portfolio filled nothing."""
        price, limit = said["fill_price"], said.get("limit_price")
        buys = side == "buy"
        if limit is not None and (limit < price if buys else limit > price):
            self._verdict = rows.EXPIRED
        elif said["shares"] == 0:
            self._verdict = rows.SIZED_TO_ZERO
        elif _may_not_open(portfolio, said["symbol"], buys):
            self._verdict = rows.LIMITED
        elif portfolio._leverage > 1:
            self._verdict = rows.INSUFFICIENT_MARGIN
        else:
            self._verdict = rows.INSUFFICIENT_CASH

    def removed(self, order_id: int) -> None:
        """Record what became of an order that the host forgets."""
        placed = self._orders.pop(order_id, None)
        if placed is None or placed.settled:
            return
        if self.cancelling is not None:
            self.settle(placed, self.cancelling)
        elif placed is not self._attempted:
            self.settle(placed, rows.EXPIRED)
        elif self._verdict == rows.UNPRICED and placed.exits:
            held = self._session.held(placed.symbol)
            self.settle(placed, rows.UNPRICED if held else rows.NOTHING_TO_CLOSE)
        else:
            self.settle(placed, self._verdict)

    # --- fills -------------------------------------------------------------------------------

    def entered(self, entry: Any) -> None:
        """Take note of a lot that was opened."""
        self._entered = entry.id
        if self._filling is not None:
            self._opened_by[entry.id] = self._filling

    def exited(self, entry: Any, shares: Any) -> None:
        """Take note of a lot that is closed, or a part of it."""
        self._exited = entry.id
        self._left_over = shares < entry.shares
        self.closed_by.append(entry.id)

    def filled(self, portfolio: Any, order: Any) -> None:
        """Record a fill."""
        session, symbol = self._session, order.symbol
        channels = session.channels_of(symbol)
        if channels is None:
            return
        signal = order_seq = decided = NULL_INT
        placed = None
        if order.created is not None:
            placed = self._filling
            if placed is not None:
                signal, order_seq, decided = placed.signal_seq, placed.order_seq, placed.bar
        elif order.order_type != "market":  # a stop of the lot that it closed
            opener = self._opened_by.get(self._exited)
            if opener is not None:
                signal, order_seq = opener.signal_seq, opener.order_seq
        opens = order.intent.endswith("open")
        effect = self._effects[0 if opens else 1 if self._left_over else 2]
        outcome = None if placed is None else self._outcome(placed, portfolio, order)
        write = channels.executed if outcome == rows.FILLED else channels.fill
        position = signed_position(portfolio, symbol)
        self.positions.setdefault(symbol, []).append((order.date, position))
        if session.problem is not None:
            return
        try:
            write(
                signal, order_seq, session.bar_of(symbol, order.date), decided,
                1 if order.type == "buy" else -1, float(order.shares), float(order.fill_price),
                float(order.fees), position,
                self._entered if opens else self._exited, effect,
                float(order.market_price), session.words[order.order_type],
            )  # fmt: skip
        except CaptureError as exc:
            session.failed(exc)
            return
        if placed is not None and outcome is not None:
            if outcome == rows.FILLED:
                placed.settled = True
            else:
                self.settle(placed, outcome)

    def _outcome(self, placed: Placed, portfolio: Any, order: Any) -> int:
        wanted = placed.wanted
        if placed.exits or wanted is None:
            return rows.FILLED
        if not portfolio._enable_fractional_shares:
            wanted = wanted.to_integral_value("ROUND_DOWN")
        if order.shares >= wanted:
            return rows.FILLED
        return rows.SHORT_OF_CASH if order.shares < self._offered else rows.PARTIALLY_FILLED

    # --- what becomes of signals -------------------------------------------------------------

    def settle(self, placed: Placed, place: int) -> None:
        """Record the outcome that stands at this place in `rows.OUTCOMES`."""
        placed.settled = True
        session = self._session
        channels = session.channels_of(placed.symbol)
        if channels is None or session.problem is not None:
            return
        try:
            channels.status(
                placed.signal_seq, placed.order_seq, session.bar_now(placed.symbol),
                *self._outcomes[place],
            )  # fmt: skip
        except CaptureError as exc:
            session.failed(exc)

    def end_of_data(self) -> None:
        """Record that what still waits will not be filled."""
        for placed in (*self.waiting.values(), *self._orders.values()):
            if not placed.settled:
                self.settle(placed, rows.END_OF_DATA)


def _may_not_open(portfolio: Any, symbol: str, buys: bool) -> bool:
    """Say whether as many positions are open as may be, or none may be on this side."""
    if buys:
        mode, most, held = (
            PositionMode.SHORT_ONLY,
            portfolio._max_long_positions,
            portfolio.long_positions,
        )
    else:
        mode, most, held = (
            PositionMode.LONG_ONLY,
            portfolio._max_short_positions,
            portfolio.short_positions,
        )
    full = most is not None and symbol not in held and len(held) >= most
    return portfolio._position_mode == mode or full
