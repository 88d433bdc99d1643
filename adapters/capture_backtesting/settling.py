"""What became of many plain intents, read off the trades that they led to, all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.errors import CaptureError
from capture.journal import NULL_INT
from capture_backtesting import rows
from capture_backtesting.placed import ClosingAll, Opening, Placed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.journal.many import Extend
    from capture_backtesting.ear import Ear

__all__ = ["placed_as", "settle"]


def placed_as(kind: type[Placed], signal: int, bar: int) -> Placed:
    """Return an intent; one that the overload policy dropped has no number."""
    return kind(signal, signal + 1, bar) if signal >= 0 else kind(NULL_INT, NULL_INT, bar)


def settle(ear: Ear, extend: Extend, signals: NDArray[np.int64], said: NDArray[np.int64]) -> None:
    """Record the fills of intents, and what kept the others from one.

    There is one trade at a time: the intents after one closing, up to the next, are about the same.

    Args:
        ear: knows the broker, and what was recorded until now.
        extend: writes many fills of executed signals.
        signals: number of the signal of each.
        said: bar of each; that of a closing is inverted.
    """
    if not len(signals):
        return
    broker = ear.broker
    trades = [*broker.closed_trades[ear.closed_count :], *broker.trades]
    closes = said < 0
    decided = np.where(closes, ~said, said)
    then = np.minimum(decided + 1, broker._i)
    about: NDArray[np.int64] = np.cumsum(closes) - closes
    filled = np.zeros(len(signals), bool)
    columns: list[Any] = []
    if trades:
        known = np.minimum(about, len(trades) - 1)
        entry, exit_ = _bars(trades)
        due = then - bool(broker._trade_on_close)
        filled = np.where(closes, exit_[known] >= 0, entry[known] == due) & (about < len(trades))
        numbers = np.where(signals < 0, [[NULL_INT], [NULL_INT]], [signals, signals + 1])
        known, shut = known[filled], closes[filled]
        bars = np.where(shut, exit_[known], entry[known])
        moves = _moves(ear, trades, known, shut)
        columns = [*numbers[:, filled], bars, decided[filled], *moves]
    if not _written(ear, extend, columns, (signals, said), filled, then):
        return
    opened = np.flatnonzero(filled & ~closes)
    closed = np.flatnonzero(filled & closes)
    ear.count += len(opened)
    ear.closed_count += len(closed)
    if columns:
        ear.position = float(columns[-3][-1]) if len(columns[-3]) else ear.position
    if len(opened) and (not len(closed) or closed[-1] < opened[-1]):
        trade = trades[about[opened[-1]]]
        signal, bar = int(signals[opened[-1]]), int(said[opened[-1]])
        trade._capture = placed = placed_as(Opening, signal, bar)
        placed.settled, placed.trade, placed.units = True, ear.count, abs(trade.size)


def _bars(trades: Sequence[Any]) -> tuple[Any, Any]:
    """Return the bars of entry and exit; -1 where a trade is open, as only the last one can be."""
    entry = [trade._Trade__entry_bar for trade in trades]
    ends = [trade._Trade__exit_bar for trade in trades]
    if ends[-1] is None:
        ends[-1] = -1
    return np.array(entry, np.int64), np.array(ends, np.int64)


def _moves(ear: Ear, trades: Sequence[Any], about: Any, closes: Any) -> list[Any]:
    """Return side, units, price, commission, position, trade and effect of fills."""
    sizes = np.array([trade._Trade__size for trade in trades], np.float64)
    bought = np.array([trade._Trade__entry_price for trade in trades], np.float64)
    sold = np.array([trade._Trade__exit_price for trade in trades], np.float64)  # None is NaN
    moved = np.where(closes, -sizes[about], sizes[about])
    units, price = np.abs(moved), np.where(closes, sold[about], bought[about])
    fixed, relative = ear.rates or (0, 0)
    opens, _, shuts = ear.effects
    return [
        np.sign(moved).astype(np.int8),
        units,
        price,
        fixed + units * price * relative,
        ear.position + np.cumsum(moved),
        ear.count + np.cumsum(~closes),
        np.where(closes, shuts, opens),
    ]


def _written(
    ear: Ear,
    extend: Extend,
    columns: Sequence[Any],
    kept: tuple[NDArray[np.int64], NDArray[np.int64]],
    filled: Any,
    then: Any,
) -> bool:
    """Write the fills, and at their places among them what was not filled; False if that ended."""
    begin = 0
    try:
        for before, place in enumerate(np.flatnonzero(~filled).tolist()):
            if place - before > begin:
                extend([column[begin : place - before] for column in columns])
                begin = place - before
            signal, bar = (int(column[place]) for column in kept)
            if bar < 0:  # whoever took the order away
                placed, outcome = placed_as(ClosingAll, signal, ~bar), rows.NOTHING_TO_CLOSE
            else:
                placed, outcome = placed_as(Opening, signal, bar), rows.INSUFFICIENT_MARGIN
            ear.settle(placed, outcome, int(then[place]))
            if ear.problem is not None:
                return False
        if columns and len(columns[0]) > begin:
            extend([column[begin:] for column in columns])
    except CaptureError as exc:
        ear.failed(exc)
        return False
    return True
