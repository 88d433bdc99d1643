"""Reads off a context what the strategy wants of a bar, and records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pybroker.common import to_decimal

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture_pybroker.encoding import FIELDS, NOTHING, SAID, encoded
from capture_pybroker.hearing import CAPTURE, real

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.recorder.current import Note
    from capture_pybroker.ledger import Placed
    from capture_pybroker.opening import Channels
    from capture_pybroker.session import Session

__all__ = ["Ear", "Intents"]

_SCORES: Final = ("long_score", "short_score", "_score")
_PLAIN: Final = frozenset({"buy_shares", "cover_shares", "sell_shares"})
"""Calls of which none says that its order leaves a position, and sells or covers no more."""
_BARE: Final = NOTHING[2:]
"""What is read, beside shares, of an order that is nothing but a market order."""
_NO_FIELD: Final = NOTHING[4:]
"""The same of one that may leave a position."""
_MOST_WORDS: Final = 64
"""So many different arguments of orders are interned; after that, each order has its own."""
_UNFIT: Final = (TypeError, ValueError, OverflowError, ArithmeticError)


class Ear:
    """What one context is heard with, in one window.

    Attributes:
        symbol: of the context.
        offset: number of the bar before the window's first one.
        ends: by symbol, how many bars of the window have passed.
        channels: what its rows are written through.
        placed: by bar, the intents that were recorded.
        portfolio: the run's.
        tell: tells observers of bars; None if there are none.
        hear: records what is read off the context, once it has shares to buy or to sell.
        unfit: the last bar of which that could not be recorded.
        rotates: whether the host ranks scores, and decides by itself.
        said: the last method that said what is wanted: date, name, side, shares, arguments.
        sized: the last shares that the host worked out for the strategy: date, shares, arguments.
        notes: notes that belong to the signal that is to come.
    """

    __slots__ = (
        "channels",
        "ends",
        "hear",
        "notes",
        "offset",
        "placed",
        "portfolio",
        "rotates",
        "said",
        "sized",
        "symbol",
        "tell",
        "unfit",
    )

    def __init__(
        self, symbol: str, offset: int, ends: Mapping[str, int], portfolio: Any, channels: Channels
    ) -> None:
        """Begin with nothing said."""
        self.symbol = symbol
        self.offset = offset - 1
        self.ends = ends
        self.portfolio = portfolio
        self.channels = channels
        self.placed: dict[int, Placed] = {}
        self.tell: Any = None
        self.hear: Any = None
        self.unfit = NULL_INT
        self.rotates = False
        self.said: Any = None
        self.sized: Any = None
        self.notes: list[Note] = []

    @property
    def bar(self) -> int:
        """Number of the present bar in the symbol's data."""
        return self.offset + self.ends[self.symbol]


class Intents:
    """Records intents of all executions of a run."""

    def __init__(self, session: Session) -> None:
        """Begin with none."""
        self._session = session
        self._known: dict[Any, int] = {}

    # --- signals -----------------------------------------------------------------------------

    def hearing(self, ctx: Any, ear: Ear) -> Callable[[tuple[Any, ...]], None]:
        """Return what records what `SAID` reads off a context that has shares to buy or to sell.

        What it needs is looked up but once. What goes wrong with it never reaches the user's run.
        """
        session, words, said_more = self._session, self._session.words, self._said_more
        entry, adjustment, leaving = words["entry"], words["adjustment"], words["exit"]
        buy, sell, units = words["buy_shares"], words["sell_shares"], words["units"]
        bare, null, placed, plain = _BARE, NULL_INT, ear.placed, ear.channels.plain
        symbol, offset, ends = ear.symbol, ear.offset, ear.ends
        longs, shorts = ear.portfolio.long_positions, ear.portfolio.short_positions

        def hear(said: tuple[Any, ...]) -> None:
            if session.problem is not None:
                return
            try:
                shares, side, call = said[0], 1, buy
                if shares is None:
                    shares, side, call = said[1], -1, sell
                held, wants = 0.0, entry
                if symbol in longs:
                    held = float(longs[symbol].shares)
                    wants = adjustment if side > 0 else leaving
                elif symbol in shorts:
                    held = -float(shorts[symbol].shares)
                    wants = leaving if side > 0 else adjustment
                bar, count = offset + ends[symbol], len(longs) + len(shorts)
                counted = type(shares) is int and ear.said is None and ear.sized is None
                exits = said[3] is not None
                if counted and said[2:] == bare:
                    signal = plain(bar, side, wants, held, count, side, call, shares, units)
                else:
                    signal = said_more(ctx, ear, (bar, side, wants, held, count), side, said)
                placed[bar] = (signal if signal >= 0 else null, exits, shares)
                if ear.notes:
                    session.keep_notes(ear, bar, signal)
            except CaptureError as exc:
                session.failed(exc)
            except _UNFIT as exc:
                self._unfit(ctx, ear, exc)

        return hear

    def rest(self, ctx: Any) -> None:
        """Record what a context wants of this bar, if the host did not come to ask for it."""
        ear, said = ctx.__dict__[CAPTURE], SAID(ctx.__dict__)
        wants = not ear.rotates and (said[0] is not None or said[1] is not None)
        if wants and ear.bar not in ear.placed and ear.bar != ear.unfit:
            ear.hear(said)

    def _said_more(
        self, ctx: Any, ear: Ear, row: tuple[Any, ...], side: int, said: tuple[Any, ...]
    ) -> int:
        """Record a signal whose order was said by a method, or is more than a market order."""
        words, leaving = self._session.words, said[3]
        if leaving is not None:
            bar, _, _, held, count = row
            row = (bar, 0, words["exit"], held, count)
        call, kind, size, more = self._call(ctx, ear, side, said[0] if side > 0 else said[1])
        if leaving is not None and call in _PLAIN:
            more = {**more, "exits": leaving.type}
        order = (side, words[call], size, words[kind])
        if not more and said[4:] == _NO_FIELD:
            return ear.channels.plain(*row, *order)
        return self._special(ctx, ear, row, order, more)

    def _special(
        self, ctx: Any, ear: Ear, row: tuple[Any, ...], order: tuple[Any, ...], more: dict[str, Any]
    ) -> int:
        """Record a signal whose order is more than a market order."""
        words, (side, call, size, kind) = self._session.words, order
        limit, timeout, score = (
            (ctx.buy_limit_price, ctx.buy_timeout_bars, ctx.long_score)
            if side > 0
            else (ctx.sell_limit_price, ctx.sell_timeout_bars, ctx.short_score)
        )
        if score is None:
            score = ctx._score
        own = ctx.__dict__
        arguments = {**more, **{name: own[name] for name in FIELDS if own[name] is not None}}
        code, text = self._arguments(arguments)
        whole = (
            *row, NULL_FLOAT if score is None else float(score), side, call,
            words["market" if limit is None else "limit"], size, kind,
            NULL_FLOAT if limit is None else float(limit),
            0 if timeout is None else words[_validity(timeout)],
        )  # fmt: skip
        if text is None:
            return ear.channels.intent(*whole, code)
        return ear.channels.priced(*whole, text)

    def _call(
        self, ctx: Any, ear: Ear, side: int, shares: Any
    ) -> tuple[str, str, float, dict[str, Any]]:
        """Return how the shares were said: the call, the kind of size, the size, its arguments."""
        date, said, sized = ctx._curr_date, ear.said, ear.sized
        ear.said = ear.sized = None
        plain = "sell_shares" if side < 0 else "cover_shares" if ctx._cover else "buy_shares"
        if said is not None and said[0] is date:
            verb, more = said[1], said[4]
            # Small numbers are the same object, whoever says them: the side tells them apart.
            if said[2] != side or said[3] is not shares:
                self._session.reads.add(verb)  # it said a number that another was made of
            elif verb == "set_target_shares":
                way = 1 if more["dir"] == "long" else -1
                return verb, "target_fraction", float(more["target"]) * way, more
            else:
                return verb, "portion", NULL_FLOAT, {}
        if sized is not None and sized[0] is date and sized[1] is shares:
            given = sized[2]
            self._session.sizings -= "cash" not in given
            size = float(given["target"])
            exact = len(given) == 1 and size == given["target"]
            return plain, "fraction", size, {} if exact else given
        size = float(shares)
        exact = to_decimal(size) == to_decimal(shares)
        return plain, "units", size, {} if exact else {"shares": shares}

    def _arguments(self, arguments: Mapping[str, Any]) -> tuple[int, str | None]:
        """Return arguments as a word, if few others were said so far; else as a text."""
        try:
            key = tuple(arguments.items())
            code = self._known.get(key)
        except TypeError:  # what cannot be hashed
            key, code = None, None
        if code is not None:
            return code, None
        functions = sorted(name for name, value in arguments.items() if callable(value))
        if functions:
            self._session.engine.flag("callable_prices", functions)
        text = encoded(arguments)
        if key is None or len(self._known) >= _MOST_WORDS or _varies(arguments):
            return 0, text
        code = self._known[key] = self._session.words[text]
        return code, None

    def _unfit(self, ctx: Any, ear: Ear, exc: Exception) -> None:
        if is_let_through(exc):
            raise exc
        own, ear.unfit = ctx.__dict__, ear.bar
        names = ("symbol", "buy_shares", "sell_shares", *FIELDS)
        said = {name: own[name] for name in names if own[name] is not None}
        wrong = InvalidEvent("order", str(said), f"cannot be recorded: {exc}")
        self._session.engine.quarantine("orders", said, wrong)

    # --- what is no signal -------------------------------------------------------------------

    def score(self, ctx: Any, ear: Ear) -> None:
        """Record the scores that the host is going to rank, with what shapes its orders."""
        fields = ctx.__dict__
        said = {name: fields[name] for name in FIELDS if fields[name] is not None}
        if any(name in said for name in _SCORES):
            self._aside(ear, "edit", "score", said)

    def reached(self, ear: Ear, said: Mapping[str, Any]) -> None:
        """Record a target that is reached already: under other settings it might not be."""
        self._aside(ear, "edit", "set_target_shares", said)

    def cancels_order(self, ctx: Any, ear: Ear, order_id: int) -> None:
        """Record that the strategy takes an order back."""
        order = real(ctx._pending_order_scope).get(order_id)
        if order is not None:
            said = {"symbol": order.symbol, "created": str(order.created)}
            self._aside(ear, "cancel", "cancel_pending_order", said)
            self._session.cancelled(order)

    def cancels_orders(self, ctx: Any, ear: Ear, symbol: str | None) -> None:
        """Record that the strategy takes all orders back, or all of a symbol."""
        for order in list(real(ctx._pending_order_scope).orders(symbol)):
            self._session.cancelled(order)
        self._aside(ear, "cancel", "cancel_all_pending_orders", {"symbol": symbol})

    def cancels_stop(self, ctx: Any, ear: Ear, stop_id: int) -> None:
        """Record that the strategy takes a stop back."""
        portfolio = ear.portfolio
        for side in (portfolio.long_positions, portfolio.short_positions):
            for position in side.values():
                for entry in position.entries:
                    for stop in entry.stops:
                        if stop.id == stop_id:
                            said = {"symbol": position.symbol, "lot": str(entry.date)}
                            kind = {"stop_type": stop.stop_type.name}
                            self._aside(ear, "cancel", "cancel_stop", {**said, **kind})
                            return

    def cancels_stops(self, ear: Ear, of: Any, stop_type: Any) -> None:
        """Record that the strategy takes stops back."""
        said: dict[str, Any] = {"symbol": of if isinstance(of, str) else of.symbol}
        if not isinstance(of, str):
            said["side"] = of.type
            if not hasattr(of, "entries"):
                said["lot"] = str(of.date)
        if stop_type is not None:
            said["stop_type"] = stop_type.name
        self._aside(ear, "cancel", "cancel_stops", said)

    def _aside(self, ear: Ear, action: str, call: str, said: Mapping[str, Any]) -> None:
        """Record a call that is no signal."""
        session = self._session
        if session.problem is not None:
            return
        words = session.words
        try:
            ear.channels.aside(NULL_INT, ear.bar, words[action], words[call], encoded(said))
        except CaptureError as exc:
            session.failed(exc)


def _validity(timeout: int) -> str:
    if timeout < 0:
        return "until cancelled"
    return f"{int(timeout) + 1} bars"


def _varies(arguments: Mapping[str, Any]) -> bool:
    return any(name.endswith(("_limit", "limit_price", "shares", "score")) for name in arguments)
