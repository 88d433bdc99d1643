"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import write_note
from capture_backtrader.rows import PLACES

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_backtrader.ear import Ear
    from capture_backtrader.session import Session

__all__ = ["keep"]


def keep(session: Session, said: Note) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        said: the note; its signal is an order, or a list of the orders of a bracket.
    """
    ear = session.speaking()
    if ear.writer is None:
        return
    signal = said.signal
    order = signal[0] if isinstance(signal, list) and signal else signal
    placed = ear.outcomes.placed.get(getattr(order, "ref", -1))
    feed = session.feeds[0] if placed is None else placed.feed
    seq = NULL_INT if placed is None else placed.signal_seq
    if said.refuses:
        seq = _refused(ear, said.side)
    bar = max(feed.clock.lencount - 1, 0)
    more: dict[str, Any] = {
        "symbol": feed.symbol,
        "timeframe": feed.timeframe,
        "bar_index": bar,
        "strategy_id": ear.strategy_id,
    }
    time_ns = feed.time_ns(bar)
    if time_ns is not None:
        more["timestamp"] = time_ns
    write_note(session.engine, said, signal_seq=seq, **more)


def _refused(ear: Ear, side: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    assert ear.writer is not None and ear.session is not None
    state, feed = ear.state(), ear.session.feeds[0]
    seq = ear.writer.signal(feed, state, side, side, 0.0)
    ear.outcomes.settle_at(feed, seq, NULL_INT, state.bar, PLACES["filtered"])
    return seq
