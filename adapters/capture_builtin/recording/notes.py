"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_FLOAT, NULL_INT
from capture.recorder.adapting import write_note

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_builtin.recording.session import Session

__all__ = ["keep"]


def keep(session: Session, said: Note) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        said: the note; its signal is what `buy`, `sell` or `close` returned.
    """
    host = session.host
    component = host.speaking or host.sources[0]
    place = component.places[0]
    feed, bar = host.feeds[place], host.cursor[place]
    seq = session.seq_of(said.signal)
    if said.refuses:
        seq = _refused(session, component, said.side)
    more: dict[str, Any] = {"strategy_id": component.strategy_id, "symbol": feed.symbol,
                            "timeframe": feed.timeframe}  # fmt: skip
    if bar >= 0:
        more |= {"bar_index": bar, "timestamp": int(feed.labels_ns[bar])}
    write_note(session.engine, said, signal_seq=seq, **more)


def _refused(session: Session, component: Any, side: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    host, symbol = session.host, component.symbols[0]
    place = host.symbols.index(symbol)
    channels = session.writing(component.strategy_id).channels(symbol)
    word = session.engine.word
    bar = host.cursor[place]
    seq = channels.signal(
        bar, host.time_ns, side, word("entry" if side else "exit"), NULL_FLOAT,
        *session.state(place),
    )  # fmt: skip
    if seq >= 0:
        channels.status(
            seq, NULL_INT, bar, word("rejected"), word("filtered_by_strategy"), word("strategy"), 0
        )
    return seq
