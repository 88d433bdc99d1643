"""The assets of a run: their names, and their bars as base data.

A bar is what the bundle holds, as it was then: unadjusted, because that is what orders are filled
at. Splits and dividends stand beside it where there are any. A daily bar is labelled with its
session, and known at the session's close; a minute is labelled with its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Feed", "Market"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
_PRICES: Final = ("open", "high", "low", "close", "volume")
_ADJUSTMENTS: Final = {"splits": "split", "mergers": "merger", "dividends": "dividend"}


class Market:
    """The clock of a run, and the assets that its strategy came across.

    Attributes:
        daily: whether bars are sessions.
        labels: time of each bar of the run, in nanoseconds since 1970.
        closes: when each became known.
        ends: of each session, its last bar.
    """

    def __init__(self, algorithm: Any) -> None:
        """Look at the run of an algorithm that has been made."""
        self._algorithm = algorithm
        self._portal = algorithm.data_portal
        calendar, sessions = algorithm.trading_calendar, algorithm.sim_params.sessions
        self.daily = algorithm.sim_params.data_frequency == "daily"
        self._sessions = sessions
        closes = _ns(pd.DatetimeIndex(calendar.schedule.loc[sessions, "close"]))
        if self.daily:
            self._index = sessions
            self.labels, self.closes = _ns(sessions), closes
            self.ends = np.arange(len(sessions))
        else:
            self._index = calendar.sessions_minutes(sessions[0], sessions[-1])
            self.labels = self.closes = _ns(self._index)
            self.ends = np.searchsorted(self.labels, closes, side="right") - 1
        self.feeds: dict[int, Feed] = {}
        self.timeframe = "1d" if self.daily else "1min"

    def feed(self, asset: Any) -> Feed:
        """Return the asset's bars, which are read when it is first asked for."""
        known = self.feeds.get(asset.sid)
        if known is None:
            known = self.feeds[asset.sid] = self._read(asset)
        return known

    def _read(self, asset: Any) -> Feed:
        name, taken = asset.symbol or f"sid{asset.sid}", {f.symbol for f in self.feeds.values()}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} #{number}"
        first, count = self._range(asset)
        columns: dict[str, NDArray[np.float64]] = {n: np.empty(0) for n in _PRICES}
        if count:
            reader = self._portal._get_pricing_reader("daily" if self.daily else "minute")
            times = self._index[first], self._index[first + count - 1]
            arrays = reader.load_raw_arrays(list(_PRICES), *times, [asset.sid])
            columns = {
                n: np.asarray(values, np.float64).reshape(-1)
                for n, values in zip(_PRICES, arrays, strict=True)
            }
            columns |= self._adjustments(asset, first, count)
        return Feed(self, asset, free, first, columns)

    def _range(self, asset: Any) -> tuple[int, int]:
        """Return the first bar that the asset has in this run, and how many there are."""
        begin, end = (_ns(pd.DatetimeIndex([t]))[0] for t in (asset.start_date, asset.end_date))
        if not self.daily:
            end += 86_400 * 10**9 - 1
        first, last = np.searchsorted(self.labels, [begin, end + 1])
        return int(first), int(max(last - first, 0))

    def _adjustments(self, asset: Any, first: int, count: int) -> dict[str, NDArray[np.float64]]:
        """Return the ratios that take effect at bars; nothing of what does not happen."""
        reader, found = self._portal.adjustment_reader, {}
        for table, name in _ADJUSTMENTS.items() if reader is not None else ():
            ratios = np.ones(count)
            for day, ratio in reader.get_adjustments_for_sid(table, asset.sid):
                at = np.searchsorted(self.labels, _ns(pd.DatetimeIndex([day]))[0]) - first
                if 0 <= at < count:
                    ratios[at] *= ratio
            if (ratios != 1.0).any():
                found[f"{name}_ratio"] = ratios
        return found


class Feed:
    """An asset of a run, with its bars.

    Attributes:
        asset: the host's.
        symbol: its name, which no other asset of the run has.
        timeframe: length of a bar.
        first: bar of the run at which its own bars begin.
        columns: its bars, by name.
    """

    def __init__(
        self, market: Market, asset: Any, symbol: str, first: int,
        columns: dict[str, NDArray[np.float64]],
    ) -> None:  # fmt: skip
        """Keep what was read."""
        self._market = market
        self.asset = asset
        self.symbol = symbol
        self.timeframe = market.timeframe
        self.first = first
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["close"])

    def bar_of(self, moment: int) -> int:
        """Return the asset's bar at a bar of the run; before its first one, that."""
        return max(min(moment - self.first, len(self) - 1), 0)

    def labels(self, bars: Any) -> pa.Array:
        """Return the times of these bars."""
        return self._times(self._market.labels, bars)

    def closes(self, bars: Any) -> pa.Array:
        """Return when these bars became known."""
        return self._times(self._market.closes, bars)

    def _times(self, times: NDArray[np.int64], bars: Any) -> pa.Array:
        places = np.asarray(bars, np.int64) + self.first
        inside = (places >= 0) & (places < len(times))
        found = times[np.where(inside, places, 0)]
        return pa.array(found, mask=~inside).cast(_TIME)

    def time_ns(self, bar: int) -> int:
        """Return the time of one bar."""
        return int(self._market.labels[min(bar + self.first, len(self._market.labels) - 1)])

    def values(self, name: str, bars: Any) -> NDArray[np.float64]:
        """Return a column at these bars; NaN outside of them."""
        places, column = np.asarray(bars, np.int64), self.columns[name]
        inside = (places >= 0) & (places < len(column))
        found = np.full(len(places), np.nan)
        found[inside] = column[places[inside]]
        return found

    def row(self, bar: int) -> dict[str, Any]:
        """Return one bar, with the names of its asset and its times."""
        times = {"timestamp": self.labels([bar]), "available_time": self.closes([bar])}
        return {
            "symbol": self.symbol,
            "timeframe": self.timeframe,
            **{name: found[0].as_py() for name, found in times.items()},
            **{name: float(values[bar]) for name, values in self.columns.items()},
        }

    def table(self) -> pa.Table:
        """Return the bars as base data."""
        every = np.arange(len(self))
        return pa.table(
            {
                "timestamp": self.labels(every),
                "available_time": self.closes(every),
                **{name: pa.array(values) for name, values in self.columns.items()},
            }
        )


def _ns(times: pd.DatetimeIndex) -> NDArray[np.int64]:
    utc = times if times.tz is None else times.tz_convert("UTC").tz_localize(None)
    return np.asarray(utc.to_numpy().astype("datetime64[ns]").astype(np.int64))
