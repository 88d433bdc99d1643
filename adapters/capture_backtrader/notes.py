"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import note
from capture_backtrader.rows import PLACES

if TYPE_CHECKING:
    from capture_backtrader.ear import Ear
    from capture_backtrader.session import Session

__all__ = ["keep"]


def keep(
    session: Session,
    name: str,
    value: Any,
    *,
    signal: Any = None,
    direction: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        name: name of the value.
        value: the value.
        signal: an order; a list is the orders of a bracket.
        direction: direction of a signal that the strategy would have given.
        reason: why it did not.
    """
    ear = session.speaking()
    if ear.writer is None:
        return
    order = signal[0] if isinstance(signal, list) and signal else signal
    placed = ear.outcomes.placed.get(getattr(order, "ref", -1))
    feed = session.feeds[0] if placed is None else placed.feed
    seq = NULL_INT if placed is None else placed.signal_seq
    if direction is not None:
        seq = _refused(ear, direction)
    bar = max(feed.clock.lencount - 1, 0)
    more = {
        "symbol": feed.symbol,
        "timeframe": feed.timeframe,
        "bar_index": bar,
        "strategy_id": ear.strategy_id,
        "timestamp": feed.time_ns(bar),
    }
    note(session.engine, name, value, signal_seq=seq, reason=reason, **more)


def _refused(ear: Ear, direction: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    assert ear.writer is not None and ear.session is not None
    side = (direction > 0) - (direction < 0)
    state, feed = ear.state(), ear.session.feeds[0]
    seq = ear.writer.signal(feed, state, side, side, 0.0)
    ear.outcomes.settle_at(feed, seq, NULL_INT, state.bar, PLACES["filtered"])
    return seq
