"""What the strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.journal import NULL_INT
from capture.recorder.adapting import write_note
from capture_backtesting import rows
from capture_backtesting.placed import Placed

if TYPE_CHECKING:
    from capture.recorder.current import Note
    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["keep"]


def keep(opened: Opened, ear: Ear, said: Note) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        opened: where it is written.
        ear: knows the bar and the position.
        said: the note; its signal is an order, or the trade that it opened.
    """
    bar, signal = ear.broker._i, said.signal
    placed = getattr(signal, "_capture", None)
    if placed is None and signal is not None:  # a trade whose opening is deferred
        ear.deferred.attend()
        placed = getattr(signal, "_capture", None)
    if said.refuses:
        placed = _refused(ear, said.side)
    more = {**opened.labels, "bar_index": bar, "strategy_id": opened.strategy_id}
    label = opened.timeline.labels_ns
    if label is not None:
        more["timestamp"] = int(label[bar])
    # Of an order whose fill is deferred, it is the number.
    seq = NULL_INT if placed is None else getattr(placed, "signal_seq", placed)
    write_note(opened.engine, said, signal_seq=seq, **more)


def _refused(ear: Ear, side: int) -> Placed:
    """Record a signal that the strategy's own filter refused."""
    held = ear.broker._position_size * side
    kind = "exit" if not side or held < 0 else "adjustment" if held else "entry"
    bar = ear.broker._i
    placed = Placed(ear.intents.refused(bar, side, kind), NULL_INT, bar)
    ear.settle(placed, rows.FILTERED)
    return placed
