"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import write_note

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_zipline.bars import Feed
    from capture_zipline.session import Session

__all__ = ["keep"]


def keep(session: Session, said: Note) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        said: the note; its signal is what an order function returned, or an asset that the value is
            about.
    """
    signal = said.signal
    placed = session.broker.placed.get(getattr(signal, "id", signal))
    if placed is not None:
        feed: Feed | None = placed.feed
    elif hasattr(signal, "sid"):
        feed = session.market.feed(signal)
    else:
        feed = next(iter(session.market.feeds.values()), None)
    seq = NULL_INT if placed is None else placed.signal_seq
    if said.refuses and feed is not None:
        seq = session.refused(feed, said.side)
    more: dict[str, Any] = {"strategy_id": session.strategy_id}
    if feed is not None:
        bar = feed.bar_of(session.bars - 1)
        more |= {"symbol": feed.symbol, "timeframe": feed.timeframe, "bar_index": bar}
        more["timestamp"] = feed.time_ns(bar)
    write_note(session.engine, said, signal_seq=seq, **more)
