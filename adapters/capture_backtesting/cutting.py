"""Runs on part of the data, and their indicators at every bar: for look-ahead and warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from capture.contracts.perturbing import rehearsal
from capture.contracts.tracing import Trace, is_traced, keep_trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from backtesting.backtesting import Backtest
    from numpy.typing import NDArray

    from capture_backtesting.facts import Indicators
    from capture_backtesting.opening import Opened

__all__ = ["cut_data", "trace_indicators"]


def cut_data(strategy: Any, backtest: Backtest) -> Callable[[], None] | None:
    """On rehearsal, leave a run that begins part of its bars; return what puts them back."""
    wanted = rehearsal()
    if wanted is None or wanted.cut is None or hasattr(strategy, "replay_source"):
        return None
    whole, cut = backtest._data, wanted.cut
    labels = _labels(whole.index)
    kept = np.array([cut.keeps(label) for label in labels.tolist()], dtype=bool)
    backtest._data = whole[kept]
    # The host has made both already, and the strategy has them; nothing has happened yet.
    strategy._data.__init__(backtest._data.copy(deep=False))
    keywords = {**backtest._broker.keywords, "index": backtest._data.index}
    strategy._broker.__init__(data=strategy._data, **keywords)

    def restore() -> None:
        backtest._data = whole

    return restore


def trace_indicators(opened: Opened, indicators: Indicators, index: pd.Index[Any]) -> None:
    """Keep every indicator at every bar, if a rehearsal wants it."""
    if not is_traced():
        return
    columns = {
        name: np.asarray(values, dtype=np.float64)
        for name, values in indicators.columns.items()
        if np.asarray(values).dtype.kind in "fiub"
    }
    engine = opened.engine
    keep_trace(Trace(engine.run_id, engine.part, opened.strategy_id, _labels(index), columns))


def _labels(index: pd.Index[Any]) -> NDArray[np.int64]:
    """Return the labels of bars as `Cut` has them: times, or the numbers of numbered bars."""
    if isinstance(index, pd.DatetimeIndex):
        naive = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
        found: NDArray[np.int64] = naive.to_numpy("datetime64[ns]").view(np.int64)
        return found
    if pd.api.types.is_integer_dtype(index.dtype):
        return index.to_numpy(np.int64)
    return np.arange(len(index))
