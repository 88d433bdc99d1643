"""Hears what the strategy wants: orders, closes, edits and cancels; and records it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Position, Trade

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT
from capture.observers import is_let_through
from capture.recorder.adapting import Words
from capture_backtesting import rows
from capture_backtesting.changes import Changes
from capture_backtesting.placed import NOBODY, UNFIT, Closing, ClosingAll, Opening, Placed
from capture_backtesting.routes import hear, hear_no_more

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["UNSAID", "Intents"]

_CLOSE_POSITION: Final = Position.close
UNSAID: Final = object()


class Intents:
    """Stands between a strategy and what it calls.

    Attributes:
        changes: records what is changed of what was placed before.
        flattened: the last bar on which the strategy closed everything: what it opens then opens
            anew, although the broker still holds what it held.
    """

    flattened = -1

    def __init__(self, strategy: Any, ear: Ear, opened: Opened) -> None:
        """Hear a strategy from now on."""
        # The strategy must not hold on to itself: its end is the end of a run that raised.
        self._strategy = weakref.ref(strategy)
        self._ear = ear
        self._broker = ear.broker
        self._opened = opened
        self._words = Words(opened.engine.word)
        self.changes = Changes(ear, opened, self._words, self.unrecorded)
        self._close = self._closing()

    def listen(self) -> None:
        """Hear the strategy's calls to place orders, if there still is a strategy."""
        strategy = self._strategy()
        if strategy is not None:
            hear(strategy, self.placing)

    def detach(self) -> None:
        """Hear the strategy no more."""
        hear_no_more(self._strategy(), self._broker)

    # --- orders ------------------------------------------------------------------------------

    def placing(self, side: int, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that records a buy or a sell, and lets it happen."""
        ear, alive, broker, words = self._ear, self._strategy, self._broker, self._words
        trades, orders, exclusive = broker.trades, broker.orders, broker._exclusive_orders
        write, verb = self._opened.intent, words["buy" if side > 0 else "sell"]
        fraction, units = words["fraction"], words["units"]
        entry = words["entry"]
        special, null, null_seq, opening = self._special, NULL_FLOAT, NULL_INT, Opening
        methods, process, hedging = broker.__dict__, ear.process, broker._hedging
        intents = self

        def place(*, size: Any = UNSAID, **more: Any) -> Any:
            said = size is not UNSAID
            bar, position = broker._i, ear.position
            try:
                kind = units if said and size >= 1 else fraction
                opens = not position or intents.flattened == bar or hedging
                signal_type = entry if opens else words[_held(position * side, kind == units, size)]
                if more:
                    placed = special(bar, side, signal_type, verb, kind, _arguments(size, more))
                else:
                    signal = write(
                        bar, side, signal_type, position, broker._cash, len(trades), len(orders),
                        side, verb, size if said else null, kind, null_seq,
                    )  # fmt: skip
                    placed = opening(signal, signal + 1, bar)
                    if signal < 0:  # dropped, as the overload policy says
                        placed.signal_seq = placed.order_seq = null_seq
            except (CaptureError, *UNFIT) as exc:
                if is_let_through(exc):
                    raise
                arguments = _arguments(size, more)
                return self.unrecorded(arguments, exc, lambda: call(alive(), **arguments))
            if exclusive:
                ear.acting = placed
            try:
                made = call(alive(), size=size, **more) if said else call(alive(), **more)
            except Exception:
                ear.settle(placed, rows.INVALID_ORDER)
                raise
            finally:
                ear.acting = None
            made._capture = placed
            methods["_process_orders"] = process
            return made

        return ear.deferred.placing(side, call, place, alive)

    def _special(
        self,
        bar: int,
        side: int,
        signal_type: int,
        verb: int,
        kind: int,
        said: Mapping[str, Any],
    ) -> Placed:
        """Record a signal whose order is more than a market order."""
        signal = self.signal(bar, side, signal_type)
        return Placed(signal, self._order(signal, bar, side, verb, kind, said), bar)

    def _order(
        self,
        signal: int,
        bar: int,
        side: int,
        verb: int,
        kind: int,
        said: Mapping[str, Any],
        phase: str = "next",
    ) -> int:
        size, limit, stop, sl, tp, tag = map(said.get, ("size", "limit", "stop", "sl", "tp", "tag"))
        row = (
            signal,
            bar,
            side,
            verb,
            self._words[rows.order_type(limit, stop)],
            NULL_FLOAT if size is None else float(size),
            kind,
            *(NULL_FLOAT if price is None else float(price) for price in (limit, stop, sl, tp)),
        )
        if tag is None and phase == "next":
            return self._opened.order(*row)
        return self.changes.write(row, "new", tag=tag, phase=phase)

    def placed_early(
        self, side: int, arguments: Mapping[str, Any], order: Any, waiting: int
    ) -> None:
        """Record an order that the strategy placed before the first bar.

        Args:
            side: 1 buys, -1 sells.
            arguments: arguments of the call.
            order: what the call returned; None if it raised.
            waiting: how many orders waited before.
        """
        words, ear = self._words, self._ear
        ear.deferred.attend()
        if ear.problem is not None:
            return
        size = arguments.get("size")
        signal = self.signal(0, side, words["entry"], waiting=waiting)
        kind = words["fraction" if size is None or size < 1 else "units"]
        verb = words["buy" if side > 0 else "sell"]
        row = self._order(signal, 0, side, verb, kind, arguments, "init")
        placed = Placed(signal, row, 0)
        if order is None:
            ear.settle(placed, rows.INVALID_ORDER)
        else:
            ear.dress(order, placed)

    def cancelled_early(self, order: Any) -> None:
        """Record that the strategy cancelled an order before the first bar."""
        if self._ear.problem is None:
            self.changes.cancelled(order, 0, "init")

    def replaced_early(self, order: Any) -> None:
        """Record that a later order took the place of one, before the first bar."""
        placed = getattr(order, "_capture", None)
        if placed is not None:
            self._ear.settle(placed, rows.SUPERSEDED)

    # --- closes ------------------------------------------------------------------------------

    def _closing(self) -> Callable[..., None]:
        """Return what records that the strategy closes something, and lets it happen."""
        ear, broker, words = self._ear, self._broker, self._words
        trades, orders, write = broker.trades, broker.orders, self._opened.intent
        exit_, adjustment, portion_of = words["exit"], words["adjustment"], words["portion"]
        intents = self

        def close(
            what: Any,
            call: Callable[..., Any],
            verb: str,
            portion: float,
            held: float,
            all_of_it: bool,
            trade: int = NULL_INT,
        ) -> None:
            bar, side = broker._i, -1 if held > 0 else 1 if held < 0 else 0
            try:
                signal = write(
                    bar, 0 if all_of_it else side, exit_ if all_of_it else adjustment,
                    broker._position_size, broker._cash, len(trades), len(orders),
                    side, words[verb], portion, portion_of, trade,
                )  # fmt: skip
            except (CaptureError, *UNFIT) as exc:
                if is_let_through(exc):
                    raise
                said = {"call": verb, "portion": portion}
                self.unrecorded(said, exc, lambda: call(what, portion))
                return
            if all_of_it:
                intents.flattened = bar
            placed = (ClosingAll if all_of_it else Closing)(signal, signal + 1, bar)
            if signal < 0:
                placed.signal_seq = placed.order_seq = NULL_INT
            ear.acting = placed
            try:
                call(what, portion)
            except Exception:
                ear.settle(placed, rows.INVALID_ORDER)
                raise
            finally:
                ear.acting = None
            if not placed.orders:
                ear.settle(placed, rows.NOTHING_TO_CLOSE)

        return close

    def close_position(self, portion: float = 1.0) -> None:
        """Record that the strategy closes its position, or a part of it, and let it happen."""
        position, held = self._broker.position, self._broker._position_size
        self._close(position, _CLOSE_POSITION, "Position.close", portion, held, portion == 1)

    def close_trade(self, trade: Any, portion: float) -> None:
        """Record that the strategy closes a trade, or a part of it, and let it happen."""
        whole = portion == 1 and self._broker.trades == [trade]
        number = self.changes.opener(trade).trade or NULL_INT
        self._close(trade, Trade.close, "Trade.close", portion, trade.size, whole, number)

    # --- rows --------------------------------------------------------------------------------

    def signal(self, bar: int, direction: int, kind: int, *, waiting: int | None = None) -> int:
        """Record a signal and return its sequence number; its kind is a word's number."""
        broker = self._broker
        seq = self._opened.signal(
            bar,
            direction,
            kind,
            broker._position_size,
            broker._cash,
            len(broker.trades),
            len(broker.orders) if waiting is None else waiting,
        )
        return seq if seq >= 0 else NULL_INT

    def refused(self, bar: int, direction: int, kind: str) -> int:
        """Record a signal that the strategy's own filter refused."""
        return self.signal(bar, direction, self._words[kind])

    def unrecorded(self, said: Mapping[str, Any], exc: Exception, call: Callable[[], Any]) -> Any:
        """Keep aside what cannot be packed; stop recording where the recorder cannot go on."""
        if isinstance(exc, CaptureError):
            self._ear.failed(exc)
            return call()
        self._opened.engine.quarantine("orders", said, InvalidEvent("orders", said, str(exc)))
        self._ear.acting = NOBODY
        try:
            return call()
        finally:
            self._ear.acting = None
            self._ear.wait()


def _arguments(size: Any, more: Mapping[str, Any]) -> dict[str, Any]:
    return dict(more) if size is UNSAID else {"size": size, **more}


def _held(ahead: float, in_units: bool, size: Any) -> str:
    """Return what an order is to a position, which is `ahead` in the order's own direction."""
    if ahead > 0:
        return "adjustment"
    if not in_units or size > -ahead:
        return "entry"  # a reversal, as far as anybody but the broker can tell
    return "exit" if size == -ahead else "adjustment"
