"""What many fills of one feed did, all at once, where sizes are whole numbers.

Then what is held follows from sums, and is exactly what it would be piece by piece.
"""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture_backtrader.placed import Traded

__all__ = ["Fills", "read"]

_SAID: Final = attrgetter("closed", "opened", "closedcomm", "openedcomm", "psize", "size", "price")
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


def read(pieces: Sequence[Any], numbers: Sequence[NDArray[np.int64]], held: float) -> Fills | None:
    """Read pieces of fills; None if a size is not whole.

    Args:
        pieces: what the host says of them.
        numbers: those of signals and orders, the bars of the fills, and those of the intents.
        held: what is held of the trade that is open.
    """
    said = np.fromiter(chain.from_iterable(map(_SAID, pieces)), np.float64).reshape(-1, 7)
    moved, costs = said[:, :2], said[:, 2:4]
    if not (moved == np.floor(moved)).all() or abs(held) + np.abs(moved).sum() >= _EXACT:
        return None
    (closed, opened), (after, size, price) = moved.T, said[:, 4:].T.copy()
    # The host reckons before it looks for the cash: where it closed and had none to open the
    # rest, it says a position on the other side that it never had.
    after[(closed != 0) & (opened == 0) & (after * size > 0)] = 0.0
    there = moved != 0
    piece, opens = np.nonzero(there)
    own = moved[there]
    then = held + np.cumsum(own)
    begins = np.append(not held, then[:-1] == 0)
    columns = [
        *(column[piece] for column in numbers),
        np.sign(own).astype(np.int64),
        np.abs(own),
        price[piece],
        costs[there],
        np.stack((after - opened, after), 1)[there],
    ]
    trade = np.cumsum(begins) - (not held)
    return Fills(columns, own, opens == 0, then, trade, after)
