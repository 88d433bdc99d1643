"""What the rows of all tables share: times, names, and the bars that are stored once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from vectorbt.base.reshape_fns import broadcast

from capture.timeline import Timeline
from capture_vectorbt.columns import Columns, columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from capture.config import SignalCaptureConfig
    from capture_vectorbt.calls import Call
    from capture_vectorbt.cells import Simulated

__all__ = ["Bars", "Frame", "bars_of", "frame_of", "labels_of"]

_PRICES: Final = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Frame:
    """The times of the bars, and what the columns stand for."""

    timeline: Timeline
    columns: Columns

    def words(self, text: str, count: int) -> pa.Array:
        """Return a column that says the same in each row."""
        return pa.repeat(pa.scalar(text, pa.string()), count)

    def owners(self, columns: NDArray[np.int64]) -> dict[str, pa.Array]:
        """Return strategy and symbol of rows that belong to these columns."""
        places = pa.array(columns)
        return {
            "strategy_id": pa.array(self.columns.strategies, pa.string()).take(places),
            "symbol": pa.array(self.columns.symbols, pa.string()).take(places),
        }

    def moments(self, bars: NDArray[np.int64], columns: NDArray[np.int64]) -> dict[str, Any]:
        """Return the columns that say where in the data rows belong."""
        return {
            **self.owners(columns),
            "timeframe": self.words(self.timeline.timeframe, len(bars)),
            "bar_index": bars,
            "timestamp": self.timeline.labels(bars),
            "extra_column": columns,
        }


def labels_of(call: Call, shape: tuple[int, int]) -> tuple[pd.Index[Any], pd.Index[Any]]:
    """Return the labels of bars and columns that the host gives a portfolio of this call."""
    labelled = [v for v in call.arguments.values() if isinstance(v, (pd.Series, pd.DataFrame))]
    form = {**(call.arguments.get("broadcast_kwargs") or {}), "return_meta": True}
    _, _, bars, columns = broadcast(*labelled, np.broadcast_to(0.0, shape), **form)
    return bars, columns


def frame_of(
    labels: tuple[pd.Index[Any], pd.Index[Any]],
    close: NDArray[Any],
    call: Call,
    config: SignalCaptureConfig,
) -> Frame:
    """Return the frame of a call.

    Args:
        labels: those of bars and columns.
        close: the prices by bar and column.
        call: what was called.
        config: how to record.
    """
    given: Any = call.arguments.get("close")
    columns = columns_of(labels[1], given, config.symbol)
    if np.ndim(given) > 1 and np.shape(given)[1] > 1:
        columns = columns.told_apart(close)
    return Frame(Timeline.of(labels[0], config.timeframe), columns)


@dataclass(frozen=True)
class Bars:
    """The prices of a call by symbol, as they are stored.

    Attributes:
        tables: base data, by symbol.
        holders: by symbol, the column of the portfolio that they were read from.
    """

    tables: Mapping[str, pa.Table]
    holders: Mapping[str, int]


def bars_of(close: NDArray[Any], frame: Frame, simulated: Simulated | None) -> Bars:
    """Return the prices, each symbol once."""
    every = np.arange(len(close))
    times = {
        "timestamp": frame.timeline.labels(every),
        "available_time": frame.timeline.closes(every),
    }
    if frame.timeline.labels_ns is None:
        times = {}
    prices = {"close": close}
    for name in _PRICES[:3]:
        if simulated is not None and name in simulated and simulated.alone(name) is None:
            prices[name] = simulated.whole(simulated.array(name))
    tables: dict[str, pa.Table] = {}
    holders: dict[str, int] = {}
    for column, symbol in enumerate(frame.columns.symbols):
        if symbol not in tables:
            holders[symbol] = column
            tables[symbol] = pa.table(
                {**times, **{name: _real(values[:, column]) for name, values in prices.items()}}
            )
    return Bars(tables, holders)


def _real(values: NDArray[Any]) -> pa.Array:
    return pa.array(np.ascontiguousarray(values, dtype=np.float64))
