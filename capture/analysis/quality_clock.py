"""A clock that all signals share, so that errors know which returns overlap or move together."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.analysis.forward import Placed
    from capture.analysis.material import Bars

    Wholes = NDArray[np.int64]

__all__ = ["Clock", "clock_of"]

_APART: Final = 1 << 32
_WIDER: Final = 3


@dataclass(frozen=True, eq=False)
class Clock:
    """When each signal was given.

    Attributes:
        ticks: of each signal, in bars; -1 where its bar is not known. Series of one timeframe tick
            together; others are so far apart that they never meet.
        stretch: how many ticks a bar takes where series of several calendars tick together.
    """

    ticks: Wholes
    stretch: float

    def window(self, horizon: int) -> int:
        """Return the width of the kernel for returns over a horizon.

        Returns over h bars overlap for h - 1 bars. A Bartlett kernel of that width would weigh most
        of the overlap away and understate the error by 18%; three times as wide, by 6%.
        """
        return ceil(_WIDER * horizon * self.stretch)


def clock_of(placed: Placed) -> Clock:
    """Let series with times tick together by timeframe; a series that is only numbered, alone."""
    groups: dict[str, list[int]] = {}
    for number, bars in enumerate(placed.series):
        timed = len(bars.times_ns) == len(bars) and bool(np.all(np.diff(bars.times_ns) > 0))
        groups.setdefault(bars.timeframe or "" if timed else f"\0{number}", []).append(number)
    ticks, stretch = np.full(len(placed.bar), -1, np.int64), 1.0
    where = [(rows, at) for _, rows, at in placed]
    for order, members in enumerate(groups.values()):
        union = _union([placed.series[number] for number in members])
        for number in members:
            rows, at = where[number]
            own = placed.series[number].times_ns
            if union is None:
                positions = at
            else:
                every = np.searchsorted(union, own)
                positions = every[at]
                span = int(every[-1] - every[0]) + 1
                stretch = max(stretch, span / len(own))
            ticks[rows] = order * _APART + positions
    return Clock(ticks, stretch)


def _union(series: Sequence[Bars]) -> Wholes | None:
    """Return the times of all series; None where they all have the same."""
    first = series[0].times_ns
    if all(np.array_equal(one.times_ns, first) for one in series[1:]):
        return None
    return np.unique(np.concatenate([one.times_ns for one in series]))
