"""What a strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.events import Reason
from capture.journal import NULL_INT
from capture.recorder.adapting import write_note
from capture_nautilus.placed import Placed

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_nautilus.ear import Ear
    from capture_nautilus.session import Session

__all__ = ["keep"]


def keep(session: Session, said: Note) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        said: the note; its signal is an order, or a list of orders.
    """
    ear = session.speaking()
    if ear.writer is None:
        return
    order = getattr(said.signal, "first", said.signal)
    placed = ear.outcomes.placed.get(getattr(order, "client_order_id", None))
    series = _series(session, ear) if placed is None else placed.series
    seq = NULL_INT if placed is None else placed.signal_seq
    if said.refuses:
        seq = _refused(ear, series, said.side)
    time_ns = ear.clock.timestamp_ns()
    more: dict[str, Any] = {"strategy_id": ear.strategy_id, "timestamp": time_ns}
    if series is not None:
        at = max(series.at(time_ns), 0)
        more |= {"symbol": series.symbol, "timeframe": series.timeframe, "bar_index": at}
    write_note(session.engine, said, signal_seq=seq, **more)


def _series(session: Session, ear: Ear) -> Any:
    """Return the first bars that the strategy subscribed to, or the first there are."""
    mine = session.subscribed(ear) or session.market.series
    return mine[0] if mine else None


def _refused(ear: Ear, series: Any, side: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    assert ear.writer is not None
    state = ear.state(None if series is None else series.instrument_id)
    seq = ear.writer.signal(state, side)
    placed = Placed(None, series, seq, NULL_INT, state.bar)
    ear.outcomes.refused(placed, Reason.FILTERED, None, state.time_ns, by="strategy")
    return seq
