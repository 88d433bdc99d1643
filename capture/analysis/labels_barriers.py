"""Which barrier the market touches first, bar by bar, for all signals of a series at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.analysis.material import Bars

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]
    Flags = NDArray[np.bool_]

__all__ = ["Barriers", "Exits", "touched"]


@dataclass(frozen=True, eq=False)
class Barriers:
    """The barriers of signals.

    Attributes:
        price: price of the entry.
        sign: 1 long, -1 short.
        scale: what distances are counted in, as a share of the price.
        profit: distance of the profit, or None.
        stop: distance of the stop, or None.
        max_bars: bars after which time is over.
        from_close: the entry was at the close before the first bar, which may open beyond a
            barrier.
    """

    price: Reals
    sign: Wholes
    scale: Reals
    profit: float | None
    stop: float | None
    max_bars: int
    from_close: bool

    def levels(self) -> tuple[Reals, Reals]:
        """Return stop and profit as returns in the signal's direction."""
        far = np.full(len(self.price), np.inf)
        return (
            -far if self.stop is None else -self.stop * self.scale,
            far if self.profit is None else self.profit * self.scale,
        )


@dataclass(frozen=True, eq=False)
class Exits:
    """Where each signal ends.

    Attributes:
        bar: bar on which it does.
        label: 1 at the profit, -1 at the stop, 0 when time is over.
        earned: return in the signal's direction.
        known: False where a price that decides was missing.
    """

    bar: Wholes
    label: Reals
    earned: Reals
    known: Flags


def touched(bars: Bars, at: Wholes, barriers: Barriers) -> Exits:
    """Return where signals at these bars end; all their bars are within the data."""
    count = len(at)
    stop, profit = barriers.levels()
    bar, label = at + barriers.max_bars, np.zeros(count)
    earned, known = np.full(count, np.nan), np.ones(count, bool)
    missing = np.full(len(bars), np.nan)
    first, high, low, last = (
        bars.columns.get(name, missing) for name in ("open", "high", "low", "close")
    )
    going = np.arange(count)
    for step in range(1, barriers.max_bars + 1):
        here = at[going] + step
        price, sign = barriers.price[going], barriers.sign[going]
        best, worst = _in_direction(high[here], low[here], price, sign)
        opened = sign * (first[here] / price - 1)
        if step == 1 and not barriers.from_close:
            opened = np.full(len(going), np.nan)  # the entry itself
        unknown = np.isnan(best) | np.isnan(worst)
        stopped = (worst <= stop[going]) | (opened <= stop[going])
        won = ~stopped & (best >= profit[going])
        opened_won = opened >= profit[going]  # before the bar could fall to the stop
        stopped, won = stopped & ~opened_won, won | opened_won
        ends = (stopped | won) & ~unknown
        level = np.where(won, profit[going], stop[going])
        gapped = np.where(won, opened > level, opened < level)
        value = np.where(gapped, opened, level)
        done = going[ends]
        bar[done], label[done] = here[ends], np.where(won, 1.0, -1.0)[ends]
        earned[done] = value[ends]
        known[going[unknown]] = False
        going = going[~(ends | unknown)]
    end = at[going] + barriers.max_bars
    earned[going] = barriers.sign[going] * (last[end] / barriers.price[going] - 1)
    known &= np.isfinite(earned)
    return Exits(bar, label, earned, known)


def _in_direction(high: Reals, low: Reals, price: Reals, sign: Wholes) -> tuple[Reals, Reals]:
    """Return the best and the worst return of a bar for a signal of this direction."""
    up, down = high / price - 1, low / price - 1
    return np.where(sign > 0, up, -down), np.where(sign > 0, down, -up)
