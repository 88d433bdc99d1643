"""What the host's loop over the bars knows: found by its frame, once for each pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pybroker.interval import parse_indicator_interval_name
from pybroker.optimize import OptimizeMixin
from pybroker.strategy import BacktestMixin, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from numpy.typing import NDArray

__all__ = ["LOOP", "Window", "bars_of", "frames", "window_of"]

LOOP: Final = BacktestMixin.backtest_executions.__code__
"""The code of the host's loop over the bars."""

_CALLS: Final = (Strategy.walkforward.__code__, OptimizeMixin.optimize.__code__)


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, the nearest first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


class Window:
    """One pass over bars: a backtest has one, a walkforward one for each of its windows.

    Attributes:
        strategy: the host's strategy.
        host: variables of the loop.
        call: variables of what the user called.
        ends: by symbol, how many bars of the window have passed.
        offsets: by symbol, the number of the window's first bar in the symbol's data.
    """

    def __init__(self, host: Mapping[str, Any], call: Mapping[str, Any]) -> None:
        """Take down what is known where a pass begins."""
        self.strategy: Any = host["self"]
        self.host = host
        self.call = call
        self.ends: Mapping[str, int] = host["sym_end_index"]
        every = bars_of(host)
        self.offsets: dict[str, int] = {}
        for symbol, columns in host["col_scope"].store.sym_arrays.items():
            if symbol in every and len(columns["date"]):
                whole = every[symbol]["date"]
                self.offsets[symbol] = int(np.searchsorted(whole, columns["date"][0]))

    def indicators(self, symbol: str) -> dict[str, NDArray[np.float64]]:
        """Return the values of each indicator on the bars of this window."""
        dates = self.host["col_scope"].store.sym_arrays[symbol]["date"]
        found = {}
        for (name, of), series in self.host["indicator_data"].items():
            if of == symbol:
                base, token = parse_indicator_interval_name(name)
                if token is None:
                    found[name] = _aligned(series, dates)
                else:
                    found[f"{base}_{token}"] = self._of_interval(symbol, token, series)
        return found

    def _of_interval(self, symbol: str, token: int | str, series: Any) -> NDArray[np.float64]:
        """Return what was known at each bar of an indicator that is computed on longer bars."""
        key = (symbol, int(token) if str(token).isdigit() else token)
        completed = np.asarray(self.host["interval_data"].compressed[key].completed)
        values = np.asarray(series.to_numpy(copy=False), dtype=np.float64)
        known = completed >= 0
        return np.where(known, values[np.where(known, completed, 0)], np.nan)


def window_of(ctx: Any, frame: FrameType | None) -> Window | None:
    """Return the pass over bars in which a context is used; None outside of one."""
    stack = frames(frame)
    for each in stack:
        if each.f_code is LOOP and each.f_locals["exec_ctxs"].get(ctx.symbol) is ctx:
            call = next((f.f_locals for f in stack if f.f_code in _CALLS), {})
            return Window(dict(each.f_locals), dict(call))
    return None


def bars_of(host: Mapping[str, Any]) -> Mapping[str, Mapping[str, NDArray[Any]]]:
    """Return all bars of the run, by symbol and column."""
    scope = host["master_col_scope"] or host["col_scope"]
    found: Mapping[str, Mapping[str, NDArray[Any]]] = scope.store.sym_arrays
    return found


def _aligned(series: Any, dates: NDArray[Any]) -> NDArray[np.float64]:
    """Return the values of a series at these dates; NaN where it has none."""
    labels = series.index.to_numpy(dtype="datetime64[ns]")
    values = np.asarray(series.to_numpy(copy=False), dtype=np.float64)
    if not len(labels):
        return np.full(len(dates), np.nan)
    places = np.minimum(np.searchsorted(labels, dates), len(labels) - 1)
    return np.where(labels[places] == dates, values[places], np.nan)
