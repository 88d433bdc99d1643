"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_FLOAT, NULL_INT
from capture.recorder.adapting import note

if TYPE_CHECKING:
    from capture_builtin.recording.session import Session

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
        signal: what `buy`, `sell` or `close` returned.
        direction: direction of a signal that the strategy would have given.
        reason: why it did not.
    """
    host = session.host
    component = host.speaking or host.sources[0]
    place = component.places[0]
    feed, bar = host.feeds[place], host.cursor[place]
    seq = session.seq_of(signal)
    if direction is not None:
        seq = _refused(session, component, direction)
    more: dict[str, Any] = {"strategy_id": component.strategy_id, "symbol": feed.symbol,
                            "timeframe": feed.timeframe}  # fmt: skip
    if bar >= 0:
        more |= {"bar_index": bar, "timestamp": int(feed.labels_ns[bar])}
    note(session.engine, name, value, signal_seq=seq, reason=reason, **more)


def _refused(session: Session, component: Any, direction: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    side = (direction > 0) - (direction < 0)
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
