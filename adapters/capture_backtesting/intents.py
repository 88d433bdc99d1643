"""Hears what the strategy wants: orders, closes, edits and cancels; and records it."""

from __future__ import annotations

import json
import struct
import weakref
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, InvalidEvent
from capture.journal import NULL_FLOAT, NULL_INT
from capture_backtesting import rows
from capture_backtesting.placed import NOBODY, Placed
from capture_backtesting.routes import hear, hear_no_more

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["Intents"]

_UNFIT: Final = (struct.error, TypeError, ValueError, OverflowError)


class Intents:
    """Stands between a strategy and what it calls."""

    def __init__(self, strategy: Any, ear: Ear, opened: Opened) -> None:
        """Hear a strategy from now on."""
        # The strategy must not hold on to itself: its end is the end of a run that raised.
        self._strategy = weakref.ref(strategy)
        self._ear = ear
        self._broker = ear.broker
        self._opened = opened
        self._words = _Words(opened.engine.word)

    def listen(self) -> None:
        """Hear the strategy's calls to place orders."""
        hear(self._strategy(), self.placing)

    def detach(self) -> None:
        """Hear the strategy no more."""
        hear_no_more(self._strategy(), self._broker)

    # --- orders ------------------------------------------------------------------------------

    def placing(self, side: int, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function that records a buy or a sell, and lets it happen."""
        ear, alive, broker, words = self._ear, self._strategy, self._broker, self._words
        trades, exclusive = broker.trades, broker._exclusive_orders
        write_signal, write_order = self._opened.signal, self._opened.order
        verb, market = words["buy" if side > 0 else "sell"], words["market"]
        fraction, units = words["fraction"], words["units"]
        entry, adjustment, exit_ = words["entry"], words["adjustment"], words["exit"]
        special, null, null_seq = self._special, NULL_FLOAT, NULL_INT

        def place(**arguments: Any) -> Any:
            bar, position = broker._i, ear.position
            size = arguments.get("size")
            try:
                signal = write_signal(
                    bar,
                    side,
                    entry if not position else adjustment if position * side > 0 else exit_,
                    position,
                    broker._cash,
                    len(trades),
                    len(broker.orders),
                )
                if signal < 0:
                    signal = null_seq
                kind = fraction if size is None or size < 1 else units
                if len(arguments) == (size is not None):
                    order = write_order(
                        signal, bar, side, verb, market,
                        null if size is None else size, kind,
                        null, null, null, null,
                    )  # fmt: skip
                else:
                    order = special(signal, bar, side, verb, kind, arguments)
            except (CaptureError, *_UNFIT) as exc:
                return self._unrecorded(arguments, exc, lambda: call(alive(), **arguments))
            placed = Placed(signal, order, bar)
            if exclusive:
                ear.acting = placed
            try:
                made = call(alive(), **arguments)
            except Exception:
                ear.settle(placed, rows.INVALID_ORDER)
                raise
            finally:
                ear.acting = None
            made._capture = placed
            return made

        return place

    def _special(
        self,
        signal: int,
        bar: int,
        side: int,
        verb: int,
        kind: int,
        said: Mapping[str, Any],
        phase: str = "next",
    ) -> int:
        """Record an order that is more than a market order."""
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
        return self._edit(row, "new", tag=tag, phase=phase)

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
        size = arguments.get("size")
        signal = self.signal(0, side, "entry", waiting=waiting)
        kind = words["fraction" if size is None or size < 1 else "units"]
        verb = words["buy" if side > 0 else "sell"]
        row = self._special(signal, 0, side, verb, kind, arguments, "init")
        placed = Placed(signal, row, 0)
        if order is None:
            ear.settle(placed, rows.INVALID_ORDER)
        elif order in self._broker.orders:
            order._capture = placed
        else:
            exclusive = self._broker._exclusive_orders
            ear.settle(placed, rows.SUPERSEDED if exclusive else rows.CANCELLED)

    # --- closes ------------------------------------------------------------------------------

    def close_position(self, call: Callable[..., Any], portion: float) -> None:
        """Record that the strategy closes its position, or a part of it, and let it happen."""
        self._close("Position.close", call, portion, whole=portion == 1, parent=None)

    def close_trade(self, trade: Any, call: Callable[..., Any], portion: float) -> None:
        """Record that the strategy closes a trade, or a part of it, and let it happen."""
        whole = portion == 1 and self._broker.trades == [trade]
        self._close("Trade.close", call, portion, whole=whole, parent=trade)

    def _close(
        self, verb: str, call: Callable[..., Any], portion: float, *, whole: bool, parent: Any
    ) -> None:
        ear = self._ear
        try:
            placed = self._close_intent(verb, portion, whole=whole, parent=parent)
        except (CaptureError, *_UNFIT) as exc:
            said = {"call": verb, "portion": portion}
            self._unrecorded(said, exc, lambda: call(portion))
            return
        ear.acting = placed
        try:
            call(portion)
        except Exception:
            ear.settle(placed, rows.INVALID_ORDER)
            raise
        finally:
            ear.acting = None
        if not placed.orders:
            ear.settle(placed, rows.NOTHING_TO_CLOSE)

    def _close_intent(self, verb: str, portion: float, *, whole: bool, parent: Any) -> Placed:
        words, bar, position = self._words, self._broker._i, self._ear.position
        held = position if parent is None else parent.size
        side = (held < 0) - (held > 0)
        signal = self.signal(bar, 0 if whole else side, "exit" if whole else "adjustment")
        row = (
            signal,
            bar,
            side,
            words[verb],
            words["market"],
            float(portion),
            words["portion"],
            *(NULL_FLOAT,) * 4,
        )
        if parent is None:
            order = self._opened.order(*row)
        else:
            order = self._edit(row, "new", parent=_trade_id(parent))
        return Placed.to_close(signal, order, bar)

    # --- edits and cancels -------------------------------------------------------------------

    def edit_trade(self, trade: Any, which: str, price: Any, call: Callable[..., Any]) -> None:
        """Record that the strategy moves a stop-loss or take-profit, and let it happen."""
        prices = (price, None) if which == "sl" else (None, price)
        self._change(
            trade._capture, "edit", f"Trade.{which}", parent=_trade_id(trade), bracket=prices
        )
        if self._ear.problem is not None:
            call(trade, price)
            return
        self._ear.acting = NOBODY
        try:
            call(trade, price)
        finally:
            self._ear.acting = None

    def cancelled(self, placed: Placed) -> None:
        """Record that an order is cancelled, by the strategy or by a later order of its."""
        ear = self._ear
        placed.orders -= 1
        by_strategy = ear.acting is None
        if by_strategy:
            number = placed.order_seq
            parent = f"o{number}" if number >= 0 else None
            self._change(placed, "cancel", "Order.cancel", parent=parent)
        if placed.orders <= 0 and not placed.settled:
            ear.settle(placed, rows.CANCELLED if by_strategy else rows.SUPERSEDED)

    def contingent_cancelled(self, order: Any) -> None:
        """Record that the strategy cancels a stop-loss or take-profit."""
        trade = order.parent_trade
        placed = getattr(trade, "_capture", None)
        if placed is not None:
            prices = (order.stop, order.limit)
            self._change(placed, "cancel", "Order.cancel", parent=_trade_id(trade), bracket=prices)

    def _change(
        self,
        placed: Placed,
        action: str,
        verb: str,
        *,
        parent: str | None,
        bracket: tuple[Any, Any] = (None, None),
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
            self._edit(row, action, parent=parent)
        except (CaptureError, *_UNFIT) as exc:
            self._unrecorded({"call": verb, "bracket": bracket}, exc, lambda: None)

    # --- rows --------------------------------------------------------------------------------

    def signal(self, bar: int, direction: int, kind: str, *, waiting: int | None = None) -> int:
        """Record a signal and return its sequence number."""
        broker = self._broker
        seq = self._opened.signal(
            bar,
            direction,
            self._words[kind],
            self._ear.position,
            broker._cash,
            len(broker.trades),
            len(broker.orders) if waiting is None else waiting,
        )
        return seq if seq >= 0 else NULL_INT

    def _edit(
        self,
        row: tuple[Any, ...],
        action: str,
        *,
        parent: str | None = None,
        tag: Any = None,
        phase: str = "next",
    ) -> int:
        words = self._words
        return self._opened.edit(*row, words[action], words[phase], parent, _text(tag))

    def _unrecorded(self, said: Mapping[str, Any], exc: Exception, call: Callable[[], Any]) -> Any:
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


def _trade_id(trade: Any) -> str | None:
    number = trade._capture.trade
    return f"t{number}" if number else None


def _text(tag: Any) -> str | None:
    """Return a tag as text; an object as JSON, or as it shows itself."""
    if tag is None or isinstance(tag, str):
        return tag
    try:
        return json.dumps(tag, default=repr)
    except Exception:  # whatever a tag's own repr does, it is the user's
        return f"<{type(tag).__name__}>"


class _Words(dict[str, int]):
    """The numbers that stand for words; a new word is interned when it is first used."""

    def __init__(self, intern: Callable[[str], int]) -> None:
        super().__init__()
        self._intern = intern

    def __missing__(self, text: str) -> int:
        code = self[text] = self._intern(text)
        return code
