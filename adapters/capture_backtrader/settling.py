"""What many fills of one feed did, all at once, where sizes are whole numbers.

Then what is held follows from sums, and is exactly what it would be piece by piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture_backtrader.placed import Placed, Traded

__all__ = ["Fills", "read"]

_EXACT: Final = 2.0**53
"""Whole numbers below it are the same as floats."""


class Fills(NamedTuple):
    """Fills in the order in which they happened.

    A piece that turns a position round is two fills: one closes a trade, one opens the next.

    Attributes:
        columns: theirs, up to the position after each; the trade and the effect come next.
        moved: what each fill bought; negative where it sold.
        closes: whether each fill closed a trade, or a part of one.
        held: what was held of the trade after each.
        trade: of which trade each fill is: 0 for the one that was open before, if one was.
        positions: what was held after each piece.
    """

    columns: list[NDArray[Any]]
    moved: NDArray[np.float64]
    closes: NDArray[np.bool_]
    held: NDArray[np.float64]
    trade: NDArray[np.int64]
    positions: NDArray[np.float64]

    def put(self, trades: Sequence[Traded]) -> None:
        """Add the fills to their trades, each in turn."""
        units, price = self.columns[5], self.columns[6]
        opened = np.where(self.closes, 0.0, self.moved)
        left = np.where(self.closes, units, 0.0)
        before = np.arange(len(trades))
        sums = [
            np.bincount(np.append(before, self.trade), np.append(start, more)).tolist()
            for start, more in (
                ([each.units for each in trades], opened),
                ([each.left for each in trades], left),
                ([each.proceeds for each in trades], left * price),
            )
        ]
        last = np.append(np.flatnonzero(np.diff(self.trade)), len(self.trade) - 1)
        held = dict(zip(self.trade[last].tolist(), self.held[last].tolist(), strict=True))
        for number, (traded, *said) in enumerate(zip(trades, *sums, strict=True)):
            traded.units, traded.left, traded.proceeds = said
            traded.held = held.get(number, traded.held)


def read(placed: Sequence[Placed], bars: NDArray[np.int64], held: float) -> Fills | None:
    """Read the fills of orders that were filled in one piece each; None if a size is not whole.

    Args:
        placed: the orders.
        bars: on which each was filled.
        held: what is held of the trade that is open.
    """
    bits = [each.order.executed.exbits[0] for each in placed]
    closed = np.array([bit.closed for bit in bits], np.float64)
    opened = np.array([bit.opened for bit in bits], np.float64)
    moved = np.stack((closed, opened), 1)
    if not (moved == np.floor(moved)).all() or abs(held) + np.abs(moved).sum() >= _EXACT:
        return None
    # The host reckons before it looks for the cash: where it closed and had none to open the
    # rest, it says a position on the other side that it never had.
    after = np.array([bit.psize for bit in bits], np.float64)
    size = np.array([bit.size for bit in bits], np.float64)
    after[(closed != 0) & (opened == 0) & (after * size > 0)] = 0.0
    there = moved != 0
    piece, opens = np.nonzero(there)
    own = moved[there]
    costs = np.stack(([bit.closedcomm for bit in bits], [bit.openedcomm for bit in bits]), 1)
    then = held + np.cumsum(own)
    begins = np.append(not held, then[:-1] == 0)
    columns = [
        np.array([each.signal_seq for each in placed])[piece],
        np.array([each.order_seq for each in placed])[piece],
        bars[piece],
        np.array([each.bar for each in placed])[piece],
        np.sign(own).astype(np.int64),
        np.abs(own),
        np.array([bit.price for bit in bits], np.float64)[piece],
        costs[there].astype(np.float64),
        np.stack((after - opened, after), 1)[there],
    ]
    trade = np.cumsum(begins) - (not held)
    return Fills(columns, own, opens == 0, then, trade, after)
