"""Reads off a context what the strategy wants, when the host is about to do it; and records it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pybroker.common import to_decimal
from pybroker.context import ExecContext

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT
from capture_pybroker import rows
from capture_pybroker.encoding import FIELDS, encoded
from capture_pybroker.fates import signed_position
from capture_pybroker.placed import Placed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture_pybroker.session import Session

__all__ = ["Ear", "Intents"]

_TO_RESULT: Final = ExecContext.to_result
_SCORES: Final = ("long_score", "short_score", "_score")
_MOST_WORDS: Final = 64
"""So many different arguments of orders are interned; after that, each order has its own."""
_UNFIT: Final = (TypeError, ValueError, OverflowError, ArithmeticError)


class Ear:
    """What one context is heard with, in one window.

    Attributes:
        session: what records it.
        symbol: of the context.
        offset: number of the bar before the window's first one.
        ends: by symbol, how many bars of the window have passed.
        tell: tells observers of bars; None if there are none.
        rotates: whether the host ranks scores, and decides by itself.
        said: the last method that said what is wanted: date, name, shares, arguments.
        sized: the last shares that the host worked out for the strategy: date, shares, arguments.
        scored: the scores that were recorded at the last bar.
        notes: notes that belong to the signal that is to come.
    """

    __slots__ = (
        "ends", "notes", "offset", "rotates", "said", "scored", "session", "sized", "symbol", "tell",
    )  # fmt: skip

    def __init__(self, session: Session, symbol: str, offset: int, ends: Mapping[str, int]) -> None:
        """Begin with nothing said."""
        self.session = session
        self.symbol = symbol
        self.offset = offset - 1
        self.ends = ends
        self.tell: Any = None
        self.rotates = False
        self.said: Any = None
        self.sized: Any = None
        self.scored: Any = None
        self.notes: list[tuple[str, Any]] = []

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

    def hear(self, ctx: Any) -> Any:
        """Let the host make its order of what a context holds, and record that."""
        session, ear, said = self._session, ctx._capture, vars(ctx)
        fields = {name: said[name] for name in FIELDS if said[name] is not None}
        exits = ctx._exit_stop_pos
        try:
            result = _TO_RESULT(ctx)
        except BaseException as exc:
            session.raised(exc)
            raise
        if session.problem is None:
            try:
                self._record(ctx, ear, fields, exits, result)
            except CaptureError as exc:
                session.failed(exc)
            except _UNFIT as exc:
                self._unfit(ctx, fields, exc)
        return result

    # --- signals -----------------------------------------------------------------------------

    def _record(
        self, ctx: Any, ear: Ear, fields: dict[str, Any], exits: Any, result: Any
    ) -> None:
        session, portfolio, symbol = self._session, ctx._portfolio, ear.symbol
        word = session.words
        buys = ctx.buy_shares is not None
        side, shares = (1, ctx.buy_shares) if buys else (-1, ctx.sell_shares)
        call, kind, size, arguments = self._call(ctx, ear, side, shares)
        limit, timeout, score = (
            (ctx.buy_limit_price, ctx.buy_timeout_bars, ctx.long_score)
            if buys
            else (ctx.sell_limit_price, ctx.sell_timeout_bars, ctx.short_score)
        )
        if score is None:
            score = ctx._score
        held = signed_position(portfolio, symbol)
        closing = exits is not None
        held_so = held * side
        wants = "exit" if closing or held_so < 0 else "adjustment" if held_so > 0 else "entry"
        arguments |= fields
        code, text = self._arguments(arguments) if arguments else (0, None)
        bar = ear.offset + ear.ends[symbol]
        row = (
            bar, 0 if closing else side, word[wants], held, float(portfolio.cash),
            float(portfolio.equity), float(portfolio.market_value),
            len(portfolio.long_positions) + len(portfolio.short_positions),
            NULL_FLOAT if score is None else float(score),
            side, word[call], word["market" if limit is None else "limit"], size, word[kind],
            NULL_FLOAT if limit is None else float(limit),
            0 if timeout is None else word[_validity(timeout)],
        )  # fmt: skip
        channels = session.channels_of(symbol)
        if text is None:
            signal = channels.intent(*row, code)
        else:
            signal = channels.priced(*row, text)
        number = NULL_INT if signal < 0 else signal  # dropped, as the overload policy says
        order = NULL_INT if signal < 0 else signal + 1
        wanted = None
        if result is not None:
            wanted = result.buy_shares if buys else result.sell_shares
        placed = Placed(number, order, bar, symbol, wanted, exits=closing)
        if result is None:
            session.fates.settle(placed, rows.SIZED_TO_ZERO)
        else:
            session.fates.expect(placed)
        if ear.notes:
            session.keep_notes(ear, placed)

    def _call(
        self, ctx: Any, ear: Ear, side: int, shares: Any
    ) -> tuple[str, str, float, dict[str, Any]]:
        """Return how the shares were said: the call, the kind of size, the size, its arguments."""
        date, said, sized = ctx._curr_date, ear.said, ear.sized
        plain = "sell_shares" if side < 0 else "cover_shares" if ctx._cover else "buy_shares"
        if said is not None and said[0] is date and said[2] is shares:
            if said[1] == "set_target_shares":
                target = float(said[3]["target"])
                way = 1 if said[3]["dir"] == "long" else -1
                return said[1], "target_fraction", target * way, dict(said[3])
            return said[1], "portion", NULL_FLOAT, {}
        if sized is not None and sized[0] is date and sized[1] is shares:
            self._session.sizings -= "cash" not in sized[2]
            return plain, "fraction", float(sized[2]["target"]), dict(sized[2])
        exact = to_decimal(shares)
        size = float(shares)
        return plain, "units", size, {} if to_decimal(size) == exact else {"shares": shares}

    def _arguments(self, arguments: Mapping[str, Any]) -> tuple[int, str | None]:
        """Return arguments as a word, if few others were said so far; else as a text."""
        try:
            key = tuple(arguments.items())
            code = self._known.get(key)
        except TypeError:  # what cannot be hashed
            key, code = None, None
        if code is not None:
            return code, None
        if any(callable(value) for value in arguments.values()):
            self._session.engine.flag("callable_prices", sorted(map(str, _callables(arguments))))
        text = encoded(arguments)
        if key is None or len(self._known) >= _MOST_WORDS or _varies(arguments):
            return 0, text
        code = self._known[key] = self._session.words[text]
        return code, None

    def _unfit(self, ctx: Any, fields: Mapping[str, Any], exc: Exception) -> None:
        said = {"symbol": ctx.symbol, "buy_shares": ctx.buy_shares, "sell_shares": ctx.sell_shares}
        problem = f"cannot be recorded: {exc}"
        wrong = InvalidEvent("order", str({**said, **fields}), problem)
        self._session.engine.quarantine("orders", {**said, **fields}, wrong)

    # --- what is no signal -------------------------------------------------------------------

    def score(self, ctx: Any) -> None:
        """Record the scores that the host is going to rank, with what shapes its orders."""
        fields = vars(ctx)
        said = {name: fields[name] for name in FIELDS if fields[name] is not None}
        if any(name in said for name in _SCORES):
            self.aside(ctx, "edit", "score", said)

    def cancels_order(self, ctx: Any, order_id: int) -> None:
        """Record that the strategy takes an order back."""
        placed = self._session.fates.placed(order_id)
        if placed is not None:
            said = {"symbol": placed.symbol, "bar": placed.bar}
            self.aside(ctx, "cancel", "cancel_pending_order", said, placed)

    def cancels_stop(self, ctx: Any, stop_id: int) -> None:
        """Record that the strategy takes a stop back."""
        for pos in _positions(ctx):
            for entry in pos.entries:
                for stop in entry.stops:
                    if stop.id == stop_id:
                        said = {"symbol": pos.symbol, "lot": str(entry.date)}
                        self.aside(
                            ctx, "cancel", "cancel_stop", {**said, "stop_type": stop.stop_type.name}
                        )
                        return

    def cancels_stops(self, ctx: Any, of: Any, stop_type: Any) -> None:
        """Record that the strategy takes stops back."""
        said: dict[str, Any] = {"symbol": of if isinstance(of, str) else of.symbol}
        if not isinstance(of, str):
            said["side"] = of.type
            if not hasattr(of, "entries"):
                said["lot"] = str(of.date)
        if stop_type is not None:
            said["stop_type"] = stop_type.name
        self.aside(ctx, "cancel", "cancel_stops", said)

    def aside(
        self,
        ctx: Any,
        action: str,
        call: str,
        said: Mapping[str, Any],
        placed: Placed | None = None,
    ) -> None:
        """Record a call that is no signal."""
        session = self._session
        channels = session.channels_of(ctx.symbol)
        if channels is None or session.problem is not None:
            return
        seq = NULL_INT if placed is None else placed.signal_seq
        word = session.words
        try:
            channels.aside(seq, ctx._capture.bar, word[action], word[call], encoded(said))
        except CaptureError as exc:
            session.failed(exc)


def _positions(ctx: Any) -> list[Any]:
    portfolio = ctx._portfolio
    return [*portfolio.long_positions.values(), *portfolio.short_positions.values()]


def _validity(timeout: int) -> str:
    if timeout < 0:
        return "until cancelled"
    return f"{int(timeout) + 1} bars"


def _varies(arguments: Mapping[str, Any]) -> bool:
    return any(name.endswith(("_limit", "limit_price", "shares", "score")) for name in arguments)


def _callables(arguments: Mapping[str, Any]) -> list[str]:
    return [name for name, value in arguments.items() if callable(value)]
