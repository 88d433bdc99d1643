"""Sets of bars as intervals: what lies in them, and and, or, not of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.errors import ConfigError
from capture.index.events import END

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Intervals"]


class Intervals:
    """A set of bars: disjoint stretches in order, each from its start to before its stop.

    The last one may have no end (`END`), so that `~` needs no number of bars. `&`, `|`, `-` and `~`
    give new sets.

    Attributes:
        starts: the first bar of each stretch.
        stops: the first bar after each stretch.

    Example:
        ```python
        bull = trend.ranges("bull")
        quiet = volatility.ranges("low")
        signals.select(within=bull & ~quiet)
        ```
    """

    __slots__ = ("starts", "stops")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, starts: Any = (), stops: Any = ()) -> None:
        """Unite these stretches, in whatever order; they may overlap."""
        begin = np.array(starts, dtype=np.int64).reshape(-1)
        end = np.array(stops, dtype=np.int64).reshape(-1)
        if len(begin) != len(end):
            raise ConfigError("stops", len(end), f"there are {len(begin)} starts; give as many")
        wrong = np.flatnonzero((begin < 0) | (end < begin))
        if len(wrong):
            pair = (int(begin[wrong[0]]), int(end[wrong[0]]))
            raise ConfigError("intervals", pair, "a stretch goes from a bar to the same or a later")
        self.starts, self.stops = _united(begin, end)

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, int | None]]) -> Intervals:
        """Return the set of these stretches; None as stop is without end."""
        listed = [(start, END if stop is None else stop) for start, stop in pairs]
        return cls([start for start, _ in listed], [stop for _, stop in listed])

    @classmethod
    def from_mask(cls, mask: Any) -> Intervals:
        """Return the bars at which a series of flags is true; no bar after its end is one."""
        flags = np.asarray(mask)
        if flags.dtype != bool or flags.ndim != 1:
            raise ConfigError("mask", str(flags.dtype), "give one flag per bar, true or false")
        edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).view(np.int8)))
        return cls(edges[::2], edges[1::2])

    def to_mask(self, n_bars: int) -> NDArray[np.bool_]:
        """Return for each of this many bars whether it is in the set."""
        edges = np.minimum(self._edges(), n_bars)
        return _alternating(np.diff(np.concatenate(([0], edges, [n_bars]))))

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self.starts.tolist(), self.stops.tolist(), strict=True)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Intervals):
            return NotImplemented
        same = np.array_equal(self.starts, other.starts)
        return same and np.array_equal(self.stops, other.stops)

    def __repr__(self) -> str:
        shown = ", ".join(f"{a}-{'' if b == END else b}" for a, b in list(self)[:4])
        return f"Intervals({shown}{', ...' if len(self) > 4 else ''})"

    def __contains__(self, bar: int) -> bool:
        return bool(self.contains(np.array([bar]))[0])

    def __or__(self, other: Intervals) -> Intervals:
        return Intervals(
            np.concatenate((self.starts, other.starts)), np.concatenate((self.stops, other.stops))
        )

    def __and__(self, other: Intervals) -> Intervals:
        return ~(~self | ~other)

    def __sub__(self, other: Intervals) -> Intervals:
        return ~(~self | other)

    def __invert__(self) -> Intervals:
        return Intervals(np.concatenate(([0], self.stops)), np.concatenate((self.starts, [END])))

    def contains(self, bars: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of these bars are in the set; they may come in any order."""
        places: NDArray[np.int64] = np.searchsorted(self._edges(), bars, side="right")
        result: NDArray[np.bool_] = places % 2 == 1
        return result

    def contains_sorted(self, bars: NDArray[Any]) -> NDArray[np.bool_]:
        """Return the same for bars that never go backwards, much faster.

        Each edge is looked up among the bars, not each bar among the edges.
        """
        places = np.searchsorted(bars, self._edges(), side="left")
        return _alternating(np.diff(np.concatenate(([0], places, [len(bars)]))))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per stretch; a stop that is not known is missing."""
        import pandas as pd

        stops = pd.array(self.stops, dtype="Int64")
        stops[self.stops == END] = pd.NA
        return pd.DataFrame({"start": self.starts, "stop": stops})

    def _edges(self) -> NDArray[np.int64]:
        edges = np.empty(2 * len(self.starts), dtype=np.int64)
        edges[::2], edges[1::2] = self.starts, self.stops
        return edges


def _united(
    starts: NDArray[np.int64], stops: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the stretches in order, with those that overlap or touch made one."""
    filled = stops > starts
    starts, stops = starts[filled], stops[filled]
    if len(starts) > 1:
        order = np.argsort(starts, kind="stable")
        starts, stops = starts[order], np.maximum.accumulate(stops[order])
        parted = starts[1:] > stops[:-1]
        starts = starts[np.append(True, parted)]
        stops = stops[np.append(parted, True)]
    starts.flags.writeable = stops.flags.writeable = False
    return starts, stops


def _alternating(lengths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return flags that begin with False and change after each length."""
    flags = np.zeros(len(lengths), dtype=bool)
    flags[1::2] = True
    result: NDArray[np.bool_] = np.repeat(flags, lengths)
    return result
