"""The calls that strategies make most, recorded in the quickest way.

That is `buy` and `sell` with no more than a size, and `close` with nothing, in `next`, where the
host's own broker works. What is recorded is the same as on the general way, which takes whatever
is less plain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import backtrader as bt

from capture.errors import CaptureError
from capture.journal import NULL_FLOAT, NULL_INT
from capture_backtrader.placed import Placed

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture_backtrader.ear import Ear
    from capture_backtrader.session import Session

__all__ = ["quick_calls"]

_SIDES: Final = {"buy": 1, "sell": -1, "close": 0}


def quick_calls(ear: Ear, session: Session) -> dict[str, Callable[..., Any]]:
    """Return, by verb, the function that carries out a plain call and records it.

    It takes the host's own verb, the arguments by name, and returns what the host returns.
    """
    if type(ear.strategy.broker) is not bt.brokers.BackBroker:
        return {}
    return {verb: _quick(ear, session, verb, side) for verb, side in _SIDES.items()}


def _quick(ear: Ear, session: Session, verb: str, side_of_verb: int) -> Callable[..., Any]:
    writer, strategy, steps = ear.writer, ear.strategy, ear.strategy.lines[0]
    assert writer is not None
    feed = session.feed_of(strategy.datas[0])
    broker, data, clock = strategy.broker, feed.data, feed.clock
    write, words, placed = writer.channels(feed).intent, writer.words, ear.outcomes.placed
    where, pending, flat = broker.positions, broker.pending, writer.flat
    entry, adjustment, exit_ = words["entry"], words["adjustment"], words["exit"]
    call, portion, units_of, sizer = words[verb], words["portion"], words["units"], words["sizer"]
    arguments: dict[Any, int] = {}
    text_of, seen, index = writer.text_of, writer.seen, feed.index
    closes = verb == "close"
    failed = (CaptureError, *UNFIT)
    ...

    return None  # type: ignore
