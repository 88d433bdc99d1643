"""What the strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import note
from capture_pybroker import rows
from capture_pybroker.hearing import CAPTURE
from capture_pybroker.ledger import Fate, signed_position
from capture_pybroker.window import frames

if TYPE_CHECKING:
    from capture_pybroker.intents import Ear
    from capture_pybroker.session import Session

__all__ = ["keep", "write"]


def keep(
    session: Session,
    name: str,
    value: Any,
    *,
    signal: Any = None,
    direction: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep a value with the bar, or with the signal of the bar; with a direction, a refused signal.

    Args:
        session: where it is written.
        name: name of the value.
        value: the value.
        signal: the context: its signal of this bar, which the host makes when all executions are
            done.
        direction: direction of a signal that the strategy would have given.
        reason: why it did not.
    """
    ctx = signal if signal is not None else _speaking(session)
    ear = getattr(ctx, "__dict__", {}).get(CAPTURE)
    if ear is None:
        raise ValueError("a note is kept where an execution runs; as a signal, name its context")
    said = value if reason is None else {"reason": reason, "value": value}
    if direction is not None:
        write(session, ear.symbol, ear.bar, name, said, _refused(session, ear, direction))
    elif signal is not None:
        ear.notes.append((name, said))
    else:
        write(session, ear.symbol, ear.bar, name, said)


def write(
    session: Session, symbol: str, bar: int, name: str, value: Any, signal_seq: int = NULL_INT
) -> None:
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
    note(session.engine, name, value, signal_seq=signal_seq, **more)


def _speaking(session: Session) -> Any:
    """Return the context of the execution that runs just now."""
    for frame in frames(sys._getframe(1)):
        ctx = frame.f_locals.get("ctx")
        ear = getattr(ctx, "__dict__", {}).get(CAPTURE)
        if ear is not None and ear.channels is session.symbols.channels.get(ear.symbol):
            return ctx
    return None


def _refused(session: Session, ear: Ear, direction: int) -> int:
    """Record a signal that the strategy's own filter refused."""
    side = (direction > 0) - (direction < 0)
    portfolio = ear.portfolio
    held = signed_position(portfolio, ear.symbol)
    kind = "exit" if not side or held * side < 0 else "adjustment" if held else "entry"
    count = len(portfolio.long_positions) + len(portfolio.short_positions)
    seq = ear.channels.signal(ear.bar, side, session.words[kind], held, count)
    number = seq if seq >= 0 else NULL_INT
    fate = Fate(ear.symbol, number, ear.bar, rows.FILTERED, ordered=False)
    session.ledger.fates.append(fate)
    return number
