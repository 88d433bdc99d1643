"""Which bar of another symbol or timeframe was known at a bar: never one that had not closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import InvalidEvent, UnknownName
from capture.index.events import bar_number

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from capture.store.recording import Recording

    Series = tuple[str, str]

__all__ = ["CrossReference", "align", "align_in_order"]

_UNSET: Final = -(2**63)


def align(moments_ns: NDArray[np.int64], available_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for each moment, the last bar that had become known by then; -1 for none.

    Args:
        moments_ns: moments, in any order.
        available_ns: when each bar became known, which never goes backwards. A bar that became
            known at the moment itself is known.
    """
    found: NDArray[np.int64] = np.searchsorted(available_ns, moments_ns, side="right")
    return found - 1


def align_in_order(
    moments_ns: NDArray[np.int64], available_ns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the same for moments that never go backwards, much faster.

    Each bar is looked up among the moments, and holds up to where the next one becomes known.
    """
    places = np.searchsorted(moments_ns, available_ns, side="left")
    edges = np.concatenate(([0], places, [len(moments_ns)]))
    found: NDArray[np.int64] = np.repeat(np.arange(-1, len(available_ns)), np.diff(edges))
    return found


class CrossReference:
    """When the bars of several symbols and timeframes became known, and how they align.

    A bar is known when it has closed: a bar of five minutes from 10:00 on is known from 10:05 on,
    together with the bar of one minute from 10:04 on.

    Example:
        ```python
        times = CrossReference.from_recording(recording)
        times.align(("GOOG", "1min"), ("GOOG", "5min"))
        ```
    """

    def __init__(self) -> None:
        """Know no bars yet."""
        self._available: dict[Series, NDArray[np.int64]] = {}

    def add(self, symbol: str, timeframe: str, available_time: Any) -> None:
        """Say when the bars of a symbol and timeframe became known.

        Args:
            symbol: the symbol.
            timeframe: the timeframe.
            available_time: the close of each bar, in order: zoned times, or nanoseconds since 1970
                in UTC.
        """
        times = _nanoseconds(available_time)
        if (times == _UNSET).any():
            bar = int(np.argmax(times == _UNSET))
            raise InvalidEvent("available_time", None, f"is missing at bar {bar}")
        back = np.flatnonzero(np.diff(times) < 0)
        if len(back):
            bar = int(back[0]) + 1
            raise InvalidEvent("available_time", int(times[bar]), f"goes backwards at bar {bar}")
        self._available[symbol, timeframe] = times

    @classmethod
    def from_recording(
        cls, recording: Recording, *, parts: Collection[int] | None = None
    ) -> CrossReference:
        """Return when the bars of a recording's base data became known.

        Base data without times are left out: their bars are only numbered.

        Args:
            recording: the recording.
            parts: the parts whose base data to take; all if None.
        """
        made = cls()
        chosen = [part for part in recording.parts if parts is None or part.number in parts]
        references = {ref["fingerprint"]: ref for part in chosen for ref in part.base}
        for mark, ref in references.items():
            closes = _closes(recording.store.base_data(mark).bars, ref["timeframe"])
            if closes is not None:
                made.add(ref["symbol"], ref["timeframe"], closes)
        return made

    def __len__(self) -> int:
        return len(self._available)

    def __iter__(self) -> Iterator[Series]:
        return iter(self._available)

    def __contains__(self, series: object) -> bool:
        return series in self._available

    def available_ns(self, series: Series) -> NDArray[np.int64]:
        """Return when each bar became known, in nanoseconds since 1970."""
        if series not in self._available:
            known = [f"{symbol} {timeframe}" for symbol, timeframe in self._available]
            raise UnknownName("series of bars", " ".join(map(str, series)), known)
        return self._available[series]

    def align(self, of: Series, to: Series, bars: Any = None) -> NDArray[np.int64]:
        """Return, for each bar of one series, the last bar of another that was known by then.

        Args:
            of: symbol and timeframe of the bars that ask.
            to: symbol and timeframe of the bars to look up.
            bars: the bars that ask, in any order; all of them if None.

        Returns:
            Numbers of bars; -1 where none had closed yet.
        """
        moments = self.available_ns(of)
        if bars is None:
            return align_in_order(moments, self.available_ns(to))
        asked = np.asarray(bars, dtype=np.int64)
        wrong = asked[(asked < 0) | (asked >= len(moments))]
        if len(wrong):
            bar_number(int(wrong[0]), "bars")
            raise InvalidEvent("bars", int(wrong[0]), f"{of} has {len(moments)} bars")
        return align(moments[asked], self.available_ns(to))

    def known_at(self, series: Series, moments: Any) -> NDArray[np.int64]:
        """Return the last bar that was known at each of these moments; -1 for none."""
        return align(_nanoseconds(moments), self.available_ns(series))

    def to_frame(self, of: Series) -> pd.DataFrame:
        """Return the whole table: a row per bar of one series, a column per other series."""
        import pandas as pd

        others = {other: self.align(of, other) for other in self._available if other != of}
        index = pd.RangeIndex(len(self.available_ns(of)), name="bar_index")
        columns = pd.MultiIndex.from_tuples(list(others), names=["symbol", "timeframe"])
        if not others:
            return pd.DataFrame(index=index)
        return pd.DataFrame(np.column_stack(list(others.values())), index=index, columns=columns)

    def to_table(self) -> pa.Table:
        """Return one row per bar of every series."""
        import pyarrow as pa

        counts = [len(times) for times in self._available.values()]
        rows = pa.array(np.repeat(np.arange(len(counts)), counts))
        names = [pa.array([said[place] for said in self._available]) for place in (0, 1)]
        symbol, timeframe = (column.cast(pa.string()).take(rows) for column in names)
        times = np.concatenate([*self._available.values(), np.empty(0, dtype=np.int64)])
        return pa.table({"symbol": symbol, "timeframe": timeframe, "available_ns": times})

    @classmethod
    def from_table(cls, table: pa.Table) -> CrossReference:
        """Return what `to_table` wrote."""
        series = list(
            zip(
                table.column("symbol").to_pylist(),
                table.column("timeframe").to_pylist(),
                strict=True,
            )
        )
        times = table.column("available_ns").to_numpy()
        firsts = [row for row, said in enumerate(series) if not row or said != series[row - 1]]
        made = cls()
        for first, stop in zip(firsts, [*firsts[1:], len(series)], strict=False):
            made.add(*series[first], times[first:stop])
        return made


def _closes(bars: pa.Table, timeframe: str) -> Any:
    """Return when bars became known; where it was not said, the label and the usual distance."""
    import pandas as pd

    from capture.timeline import Timeline

    if "available_time" in bars.column_names and not bars.column("available_time").null_count:
        return bars.column("available_time").to_pandas()
    if "timestamp" not in bars.column_names:
        return None
    line = Timeline.of(pd.DatetimeIndex(bars.column("timestamp").to_pandas()), timeframe)
    return None if line.labels_ns is None else line.labels_ns + line.step_ns


def _nanoseconds(times: Any) -> NDArray[np.int64]:
    """Return times as nanoseconds since 1970 in UTC."""
    import pandas as pd

    if isinstance(times, np.ndarray) and times.dtype.kind in "iu":
        return times.astype(np.int64)
    try:
        index = pd.DatetimeIndex(times)
    except (TypeError, ValueError) as exc:
        raise InvalidEvent("times", type(times).__name__, "must be times") from exc
    if index.tz is None:
        raise InvalidEvent("times", str(index.dtype), "have no time zone; use tz_localize first")
    return np.array(index.as_unit("ns").asi8)
