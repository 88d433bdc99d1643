"""What the strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import write_note
from capture_pybroker import rows
from capture_pybroker.hearing import CAPTURE
from capture_pybroker.ledger import Fate, signed_position
from capture_pybroker.window import frames

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_pybroker.intents import Ear
    from capture_pybroker.session import Session

__all__ = ["keep", "write"]


def keep(session: Session, said: Note) -> None:
    """Keep a value with the bar, or with the signal of the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        said: the note; its signal is the context: its signal of this bar, which the host makes when
            all executions are done.
    """
    ctx = said.signal if said.signal is not None else _speaking(session)
    ear = getattr(ctx, "__dict__", {}).get(CAPTURE)
    if ear is None:
        raise ValueError("a note is kept where an execution runs; as a signal, name its context")
    if said.refuses:
        write(session, ear.symbol, ear.bar, said, _refused(session, ear, said.side))
    elif said.signal is not None:
        ear.notes.append(said)
    else:
        write(session, ear.symbol, ear.bar, said)


def write(session: Session, symbol: str, bar: int, said: Note, signal_seq: int = NULL_INT) -> None:
    """Write a note on a bar, or on a signal."""
    lines = session.symbols.lines[symbol]
    more: dict[str, Any] = {
        "symbol": symbol,
        "timeframe": lines.timeline.timeframe,
        "bar_index": bar,
        "timestamp": int(lines.timeline.labels_ns[bar])
        if lines.timeline.labels_ns is not None
        else None,
        "strategy_id": session.symbols.channels[symbol].strategy_id,
    }
    write_note(session.engine, said, signal_seq=signal_seq, **more)


def _speaking(session: Session) -> Any:
    """Return the context of the execution that runs just now."""
    for frame in frames(sys._getframe(1)):
        ctx = frame.f_locals.get("ctx")
        ear = getattr(ctx, "__dict__", {}).get(CAPTURE)
        if ear is not None and ear.channels is session.symbols.channels.get(ear.symbol):
            return ctx
    return None


def _refused(session: Session, ear: Ear, side: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    portfolio = ear.portfolio
    held = signed_position(portfolio, ear.symbol)
    kind = "exit" if not side or held * side < 0 else "adjustment" if held else "entry"
    count = len(portfolio.long_positions) + len(portfolio.short_positions)
    seq = ear.channels.signal(ear.bar, side, session.words[kind], held, count)
    number = seq if seq >= 0 else NULL_INT
    fate = Fate(ear.symbol, number, ear.bar, rows.FILTERED, ordered=False)
    session.ledger.fates.append(fate)
    return number
