"""The calls that strategies make most, recorded in the quickest way.

That is `buy` and `sell` with no more than a size, and `close` with nothing, in `next`, where the
host's own broker works. What is recorded is the same as on the general way, which takes whatever
is less plain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import backtrader as bt

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtrader.ear import BAR, IN_BAR, UNFIT, State
from capture_backtrader.placed import Placed

if TYPE_CHECKING:
    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed
    from capture_backtrader.session import Session
    from capture_backtrader.writing import Writer

__all__ = ["quick_calls"]


Record = Callable[..., bool]
"""Records an order and what was the case before; False if that is not as plain as it must be."""


def quick_calls(ear: Ear, session: Session) -> dict[str, Callable[..., Any]]:
    """Return, by verb, the function that carries out a call and records it.

    It takes the arguments that the strategy gives, and returns what the host returns.
    """
    writer, feed = ear.writer, session.feed_of(ear.strategy.datas[0])
    if writer is None or type(ear.strategy.broker) is not bt.brokers.BackBroker:
        return {}
    return {
        "buy": _quick(ear, feed, "buy", _ordering(ear, writer, feed, "buy", 1)),
        "sell": _quick(ear, feed, "sell", _ordering(ear, writer, feed, "sell", -1)),
        "close": _quick(ear, feed, "close", _closing(ear, writer, feed)),
    }


def _quick(ear: Ear, feed: Feed, verb: str, record: Record) -> Callable[..., Any]:
    own: Callable[..., Any] = getattr(bt.Strategy, verb)
    strategy, data, clock, next_ = ear.strategy, feed.data, feed.clock, BAR
    broker = strategy.broker
    positions = broker.positions

    def quick(*args: Any, **given: Any) -> Any:
        if ear.acting:
            return own(strategy, *args, **given)
        if (
            args or (given and (len(given) > 1 or "size" not in given))
            or ear.phase != next_ or strategy._minperstatus >= 0 or ear.own_sizer or not ear.writer
        ):  # fmt: skip
            return ear.intent(verb, own, args, given)
        position = positions.get(data)
        held = 0.0 if position is None else position.size
        bar, cash, equity = clock.lencount - 1, broker.cash, broker._value
        pending, callback = len(broker.pending), 4 * ear.steps.lencount + IN_BAR
        ear.acting = True
        try:
            made = own(strategy, **given)
        except Exception:
            ear.acting = False
            state = State(feed, bar, held, cash, equity, pending, next_, callback, False)
            ear.carried_out(verb, given, state, None, failed=True)
            raise
        finally:
            ear.acting = False
        try:
            if made is None or not record(made, given, bar, held, cash, equity, pending, callback):
                state = State(feed, bar, held, cash, equity, pending, next_, callback, False)
                ear.carried_out(verb, given, state, made)
        except CaptureError as exc:
            ear.failed(exc)
        except UNFIT as exc:
            ear.unfit((verb, given), exc)
        return made

    return quick


def _ordering(ear: Ear, writer: Writer, feed: Feed, verb: str, side: int) -> Record:
    """Return what records a market order."""
    placed, index, write = ear.outcomes.placed, feed.index, getattr(writer.channels(feed), verb)
    words, flat, seen, simple = writer.words, writer.flat, writer.seen, writer.simple
    entry, adjustment, exit_ = words["entry"], words["adjustment"], words["exit"]
    units_said, sized, nothing_said = words["units"], words["sizer"], words["{}"]
    texts = _Texts(writer, verb)

    def record(
        made: Any, given: dict[str, Any], bar: int, held: float, cash: float, equity: float,
        pending: int, callback: int,
    ) -> bool:  # fmt: skip
        units, kind, said = abs(made.created.size), sized, nothing_said
        if given:
            size, kind = given["size"], units_said
            # What is equal may yet not be the same when it is read again.
            plain = type(size) is int or (type(size) is float and (size > 0 or size < 0))
            said = texts[type(size), size] if plain else 0
            if not said:
                return False
        else:
            size = units
        if not held or flat.get(index) == callback >> 2:
            change = entry
        elif held * side > 0 or units < abs(held):
            change = adjustment
        else:
            change = exit_ if units == abs(held) else entry
        if not simple:
            seen()
        seq = write(bar, change, held, cash, equity, pending, said, abs(size), kind, callback)
        placed[made.ref] = _placed(made, feed, seq, bar)
        return True

    return record


def _closing(ear: Ear, writer: Writer, feed: Feed) -> Record:
    """Return what records an order that closes the position."""
    placed, index, write = ear.outcomes.placed, feed.index, writer.channels(feed).close
    flat, seen, simple, buys = writer.flat, writer.seen, writer.simple, bt.Order.Buy

    def record(
        made: Any, given: dict[str, Any], bar: int, held: float, cash: float, equity: float,
        pending: int, callback: int,
    ) -> bool:  # fmt: skip
        if given:
            return False
        if not simple:
            seen()
        flat[index] = callback >> 2
        side = 1 if made.ordtype == buys else -1
        seq = write(bar, held, cash, equity, pending, side, callback)
        placed[made.ref] = _placed(made, feed, seq, bar)
        return True

    return record


def _placed(made: Any, feed: Feed, seq: int, bar: int) -> Placed:
    if seq < 0:  # dropped, as the overload policy says
        return Placed(made, feed, NULL_INT, NULL_INT, bar)
    return Placed(made, feed, seq, seq + 1, bar)


class _Texts(dict[tuple[type, Any], int]):
    """The numbers that stand for the arguments of a call that gives a size alone; else 0."""

    def __init__(self, writer: Writer, verb: str) -> None:
        super().__init__()
        self._writer = writer
        self._verb = verb

    def __missing__(self, size: tuple[type, Any]) -> int:
        number = self._writer.number_of(self._verb, {"size": size[1]})
        if number:
            self[size] = number
        return number
