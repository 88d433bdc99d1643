"""When bars were and when they became known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Timeline"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
_UNITS: Final = (
    ("w", 7 * 86_400 * 10**9),
    ("d", 86_400 * 10**9),
    ("h", 3_600 * 10**9),
    ("min", 60 * 10**9),
    ("s", 10**9),
    ("ms", 10**6),
    ("us", 10**3),
    ("ns", 1),
)


@dataclass(frozen=True)
class Timeline:
    """The times of a series of bars.

    Attributes:
        labels_ns: the label of each bar, nanoseconds since 1970 in UTC; None where the bars are
            only numbered.
        step_ns: the usual distance of two bars.
        timeframe: that distance as a word, such as 1d or 5min.
        naive: whether the labels had no time zone and were taken for UTC.
    """

    labels_ns: NDArray[np.int64] | None
    step_ns: int
    timeframe: str
    naive: bool

    @classmethod
    def of(cls, index: pd.Index[Any], timeframe: str | None = None) -> Timeline:
        """Read the times from the index of a frame; a bar is labelled with its beginning."""
        if not isinstance(index, pd.DatetimeIndex):
            return cls(None, 0, timeframe or "bar", naive=False)
        naive = index.tz is None
        aware = index.tz_localize("UTC") if naive else index.tz_convert("UTC")
        labels = aware.as_unit("ns").asi8
        steps = np.diff(labels)
        steps = steps[steps > 0]
        step = int(np.median(steps)) if len(steps) else 0
        return cls(labels, step, timeframe or _word(step), naive=naive)

    def labels(self, bars: NDArray[np.int64]) -> pa.Array:
        """Return the labels of these bars."""
        if self.labels_ns is None:
            return pa.nulls(len(bars), _TIME)
        return pa.array(self.labels_ns[bars]).cast(_TIME)

    def closes(self, bars: NDArray[np.int64]) -> pa.Array:
        """Return when these bars became known."""
        if self.labels_ns is None:
            return pa.nulls(len(bars), _TIME)
        return pa.array(self.labels_ns[bars] + self.step_ns).cast(_TIME)


def _word(step_ns: int) -> str:
    """Return a distance in the largest unit that measures it in whole numbers."""
    if step_ns <= 0:
        return "bar"
    unit, length = next((u, n) for u, n in _UNITS if step_ns % n == 0)
    return f"{step_ns // length}{unit}"
