"""The bars of a run: where the host keeps them, by instrument and length of a bar."""

from __future__ import annotations

import gc
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from nautilus_trader.model.data import Bar

from capture_nautilus.amounts import SCALE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Market", "Series", "engine_of"]

_TIME: Final = pa.timestamp("ns", tz="UTC")
_UNITS: Final = {
    "MILLISECOND": "ms",
    "SECOND": "s",
    "MINUTE": "min",
    "HOUR": "h",
    "DAY": "d",
    "WEEK": "w",
    "MONTH": "mo",
}
PRICES: Final = ("open", "high", "low", "close", "volume")


def engine_of(msgbus: Any) -> Any:
    """Return the backtest engine that a message bus belongs to; None of a live node.

    A strategy knows no engine, but its message bus does: the engine takes commands from it.
    """
    for held in gc.get_referents(msgbus):
        if isinstance(held, dict) and "BacktestEngine.execute" in held:
            return held["BacktestEngine.execute"].__self__
    return None


def timeframe_of(bar_type: Any) -> str:
    """Return the length of a bar as all hosts say it."""
    step, kind = bar_type.spec.step, str(bar_type.spec).split("-")[1]
    return f"{step}{_UNITS.get(kind, kind.lower())}"


class Series:
    """The bars of one type.

    Attributes:
        bar_type: the host's name of it, as text.
        instrument_id: of which instrument.
        symbol: what the recording calls it.
        timeframe: length of a bar.
        known_ns: when each bar became known.
        labels_ns: how the host labels each bar.
        columns: prices and volume.
    """

    def __init__(self, bar_type: Any, bars: list[Any]) -> None:
        """Read the bars once."""
        self.bar_type = str(bar_type)
        self.instrument_id = bar_type.instrument_id
        self.symbol = bar_type.instrument_id.symbol.value
        self.timeframe = timeframe_of(bar_type)
        # One piece of memory: a signal looks up its bar when little of it is in the caches.
        self.known_ns = array("q", [bar.ts_init for bar in bars])
        self.labels_ns = np.array([bar.ts_event for bar in bars], dtype=np.int64)
        self.columns: dict[str, NDArray[np.float64]] = {
            "open": _reals(bar.open.raw / SCALE for bar in bars),
            "high": _reals(bar.high.raw / SCALE for bar in bars),
            "low": _reals(bar.low.raw / SCALE for bar in bars),
            "close": _reals(bar.close.raw / SCALE for bar in bars),
            "volume": _reals(bar.volume.raw / SCALE for bar in bars),
        }

    def __len__(self) -> int:
        return len(self.known_ns)

    def at(self, time_ns: int) -> int:
        """Return the number of the last bar that is known at a moment; -1 before the first."""
        return bisect_right(self.known_ns, time_ns) - 1

    def table(self) -> pa.Table:
        """Return the bars as they are stored."""
        return pa.table(
            {
                "timestamp": pa.array(self.labels_ns).cast(_TIME),
                "available_time": pa.array(self.known_ns, pa.int64()).cast(_TIME),
                **self.columns,
            }
        )


def _reals(values: Iterable[float]) -> NDArray[np.float64]:
    return np.fromiter(values, dtype=np.float64)


class Market:
    """All bars of an engine.

    Attributes:
        series: every type of bar, in the order in which they first come.
    """

    def __init__(self, engine: Any) -> None:
        """Read them once, before the first one is processed."""
        by_type: dict[Any, list[Any]] = {}
        for bar in engine.data if engine is not None else ():
            if type(bar) is Bar:
                by_type.setdefault(bar.bar_type, []).append(bar)
        self.series = [Series(bar_type, bars) for bar_type, bars in by_type.items()]
        self._tell_apart()
        self._by_instrument: dict[Any, Series] = {}
        for series in self.series:
            self._by_instrument.setdefault(series.instrument_id, series)
        self._by_type = {series.bar_type: series for series in self.series}

    def _tell_apart(self) -> None:
        """Give series that would have the same name a longer one."""
        homes: dict[str, set[Any]] = {}
        for series in self.series:
            homes.setdefault(series.symbol, set()).add(series.instrument_id)
        for series in self.series:
            if len(homes[series.symbol]) > 1:
                series.symbol = str(series.instrument_id)
        taken: set[tuple[str, str]] = set()
        for series in self.series:
            if (series.symbol, series.timeframe) in taken:
                series.timeframe = series.bar_type.removeprefix(f"{series.instrument_id}-")
            taken.add((series.symbol, series.timeframe))

    def of(self, instrument_id: Any) -> Series | None:
        """Return the series on which an instrument's orders are counted: its first one."""
        return self._by_instrument.get(instrument_id)

    def of_type(self, bar_type: str) -> Series | None:
        """Return the bars of a type; None of one that the host makes itself."""
        return self._by_type.get(bar_type)

    def named(self, symbol: str | None) -> Series | None:
        """Return the first series of a symbol; the only one there is, whatever it is called."""
        for series in self.series:
            if series.symbol == symbol:
                return series
        return self.series[0] if len(self._by_instrument) == 1 else None
