"""What the strategy notes: a value with a signal or with the bar, or a signal it refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.journal import NULL_INT
from capture.recorder.adapting import note
from capture_backtesting import rows
from capture_backtesting.placed import Placed

if TYPE_CHECKING:
    from capture_backtesting.ear import Ear
    from capture_backtesting.opening import Opened

__all__ = ["keep"]


def keep(
    opened: Opened,
    ear: Ear,
    name: str,
    value: Any,
    *,
    signal: Any = None,
    direction: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep a value with a signal or with the bar; with a direction, a refused signal.

    Args:
        opened: where it is written.
        ear: knows the bar and the position.
        name: name of the value.
        value: the value.
        signal: an order, or the trade that it opened.
        direction: direction of a signal that the strategy would have given.
        reason: why it did not.
    """
    bar, placed = ear.broker._i, getattr(signal, "_capture", None)
    if placed is None and signal is not None:  # a trade whose opening is deferred
        ear.deferred.attend()
        placed = getattr(signal, "_capture", None)
    if direction is not None:
        placed = _refused(ear, direction)
    more = {**opened.labels, "bar_index": bar, "strategy_id": opened.strategy_id}
    label = opened.timeline.labels_ns
    if label is not None:
        more["timestamp"] = int(label[bar])
    # Of an order whose fill is deferred, it is the number.
    seq = NULL_INT if placed is None else getattr(placed, "signal_seq", placed)
    note(opened.engine, name, value, signal_seq=seq, reason=reason, **more)


def _refused(ear: Ear, direction: int) -> Placed:
    """Record a signal that the strategy's own filter refused."""
    side = (direction > 0) - (direction < 0)
    held = ear.broker._position_size * side
    kind = "exit" if not side or held < 0 else "adjustment" if held else "entry"
    bar = ear.broker._i
    placed = Placed(ear.intents.refused(bar, side, kind), NULL_INT, bar)
    ear.settle(placed, rows.FILTERED)
    return placed
