"""The data feeds of a run: their names, their times, and their bars as base data.

The host keeps a time as a real number of days, which is good to ten microseconds. A time within
ten microseconds of a whole millisecond is that millisecond; any other is rounded to ten
microseconds. Times are in UTC, as the host keeps them; what had no time zone is taken for UTC.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt
import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Feed", "base_table", "symbol_of", "timeframe_of", "times_ns"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
_EPOCH: Final = 719_163  # day of 1970-01-01, as the host counts
_DAY_US: Final = 86_400_000_000
_DAY_NS: Final = _DAY_US * 1000
_UNITS: Final = {
    bt.TimeFrame.MicroSeconds: ("us", 1_000),
    bt.TimeFrame.Seconds: ("s", 10**9),
    bt.TimeFrame.Minutes: ("min", 60 * 10**9),
    bt.TimeFrame.Days: ("d", _DAY_NS),
    bt.TimeFrame.Weeks: ("w", 7 * _DAY_NS),
}
_LONGER: Final = {
    bt.TimeFrame.Ticks: "tick",
    bt.TimeFrame.Months: "month",
    bt.TimeFrame.Years: "year",
    bt.TimeFrame.NoTimeFrame: "bar",
}


def times_ns(days: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the host's times as nanoseconds since 1970."""
    days = np.asarray(days)
    whole = np.floor(days)
    us = np.rint((days - whole) * _DAY_US).astype(np.int64)
    ms = (us + 500) // 1000 * 1000
    us = np.where(np.abs(us - ms) <= 10, ms, (us + 5) // 10 * 10)
    return ((whole.astype(np.int64) - _EPOCH) * _DAY_US + us) * 1000


def symbol_of(data: Any, index: int, symbol: str | None = None) -> str:
    """Return the name of a feed: its own, else the one the user gave for the first, else a number.

    Args:
        data: the feed.
        index: its place among the strategy's feeds.
        symbol: name of the first feed, if the user gave one.
    """
    if index == 0 and symbol is not None:
        return symbol
    name = getattr(data, "_name", None)
    return name if isinstance(name, str) and name else f"data{index}"


def timeframe_of(data: Any) -> str:
    """Return the length of a feed's bars, as the feed declares it."""
    frame, count = data._timeframe, data._compression or 1
    if frame in _LONGER:
        return f"{count}{_LONGER[frame]}" if frame != bt.TimeFrame.NoTimeFrame else "bar"
    unit, _ = _UNITS[frame]
    if unit == "min" and count % 60 == 0:
        unit, count = "h", count // 60
    return f"{count}{unit}"


def _step_ns(data: Any) -> int:
    """Return how long after its label a bar became known; 0 where the label is its end."""
    if data.resampling or data.replaying or data._timeframe not in _UNITS:
        return 0
    return _UNITS[data._timeframe][1] * (data._compression or 1)


def base_table(data: Any) -> pa.Table:
    """Return the bars of a feed as base data, as far as the feed has them now."""
    return Feed(data, 0, None).table()


class _Moments:
    """Counts the moments of a feed whose bars grow, as a line counts its bars."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    @property
    def lencount(self) -> int:
        """How many there were, the present one included."""
        self._feed.passed()
        return self._feed.count()


class Feed:
    """A data feed of a run.

    The bars of a feed that the host replays grow from one moment to the next. Each moment is a bar
    of its own here: who gathers a bar later must find what the strategy saw of it.

    Attributes:
        data: the host's feed.
        index: its place among the strategy's feeds.
        symbol: its name.
        timeframe: length of its bars.
        clock: the line that knows how many bars have passed.
        whole: whether all its bars are there from the start.
        grows: whether the host shows its bars before they are complete.
    """

    def __init__(self, data: Any, index: int, symbol: str | None, *, whole: bool = False) -> None:
        """Describe a feed that the host has started."""
        self.data = data
        self.index = index
        self.symbol = symbol_of(data, index, symbol)
        self.timeframe = timeframe_of(data)
        self.grows = bool(data.replaying)
        self.clock: Any = _Moments(self) if self.grows else data.lines[0]
        self.whole = whole
        self._step = _step_ns(data)
        self._names = tuple(data.getlinealiases())
        self._kept: list[array[float]] | None = [] if self.grows else None
        self._shown = 0

    @property
    def naive(self) -> bool:
        """Whether the user said nothing of a time zone."""
        if self.data.p.tzinput is not None or self.data.p.tz is not None:
            return False
        index = getattr(self.data.p.dataname, "index", None)
        return not (isinstance(index, pd.DatetimeIndex) and index.tz is not None)

    @property
    def prices(self) -> tuple[str, ...]:
        """The lines of the feed, without the time: prices first."""
        usual = ("open", "high", "low", "close", "volume")
        more = (name for name in self._names if name not in usual and name != "datetime")
        return (*(name for name in usual if name in self._names), *more)

    # --- bars that the host does not keep ----------------------------------------------------

    def keep_bars(self) -> None:
        """Keep each bar as it passes, because the host forgets it."""
        self._kept = []

    @property
    def keeps(self) -> bool:
        """Whether each bar is kept as it passes."""
        return self._kept is not None

    def passed(self) -> None:
        """Keep the present bar, unless it is kept as it is."""
        kept, count = self._kept, self.data.lines[0].lencount
        if kept is None or not count:
            return
        if self._shown == count and not self.grows:
            return
        bar = array("d", [self.data.lines[place][0] for place in range(len(self._names))])
        if self._shown < count or bar.tobytes() != kept[-1].tobytes():  # NaN is like NaN
            self._shown = count
            kept.append(bar)

    # --- reading -----------------------------------------------------------------------------

    def values(self, name: str, at: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return one line at these bars; NaN before the first one, and where there is none."""
        column = self._column(name)
        known = (at >= 0) & (at < len(column))
        if not known.all():
            found = np.full(len(at), np.nan)
            found[known] = column[at[known]]
            return found
        taken: NDArray[np.float64] = column[at]
        return taken

    def _column(self, name: str) -> NDArray[np.float64]:
        place = self._names.index(name)
        if self._kept is not None:
            self.passed()  # who hears of a fill at once asks before the strategy is notified
            return np.array([bar[place] for bar in self._kept], dtype=np.float64)
        held = self.data.lines[place].array
        # The host could not let the array grow while a view of it is alive: it is not kept.
        return (
            np.frombuffer(held)
            if isinstance(held, array) and held
            else np.array(held, dtype=np.float64)
        )

    def time_ns(self, bar: int) -> int | None:
        """Return the time of one bar; None where there is none yet."""
        found = self.values("datetime", np.array([bar]))
        return None if np.isnan(found[0]) else int(times_ns(found)[0])

    def labels(self, at: NDArray[np.int64]) -> pa.Array:
        """Return the times of these bars."""
        numbers = self.values("datetime", at)
        return _times(times_ns(np.nan_to_num(numbers)), numbers)

    def closes(self, at: NDArray[np.int64]) -> pa.Array:
        """Return when these bars became known."""
        numbers = self.values("datetime", at)
        labels = times_ns(np.nan_to_num(numbers))
        # A daily bar that is labelled with the end of its session became known then.
        at_end = labels % _DAY_NS >= _DAY_NS - 10**9
        return _times(np.where(at_end, labels, labels + self._step), numbers)

    def count(self) -> int:
        """Return how many bars there are."""
        if self._kept is not None:
            return len(self._kept)
        return int(self.clock.buflen() if self.whole else self.clock.lencount)

    def table(self) -> pa.Table:
        """Return the bars as base data: times, prices, and what other lines the feed has."""
        if self._kept is None and not self.whole and not self.clock.lencount:
            every = np.arange(self.clock.buflen())  # preloaded, and not yet begun
        else:
            every = np.arange(self.count())
        columns = {"timestamp": self.labels(every), "available_time": self.closes(every)}
        return pa.table({**columns, **{n: pa.array(self.values(n, every)) for n in self.prices}})


def _times(ns: NDArray[np.int64], numbers: NDArray[np.float64]) -> pa.Array:
    return pa.array(ns, mask=np.isnan(numbers)).cast(_TIME)
