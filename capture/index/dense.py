"""From a value per bar to changes of the value, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from capture.errors import ConfigError, InvalidEvent
from capture.index.events import bar_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Layout = Literal["held", "events"]
    Bars = NDArray[np.int64]
    Reals = NDArray[np.float64]

__all__ = ["at_bars", "checked_layout", "held", "last_of_each_bar", "reals", "starts_of_runs"]

_LAYOUTS: Final = ("held", "events")
_EXACT: Final = 2**53


def checked_layout(layout: str) -> str:
    """Return the layout, or say which there are."""
    if layout not in _LAYOUTS:
        raise ConfigError("layout", layout, f"use one of {', '.join(_LAYOUTS)}")
    return layout


def reals(name: str, series: Any) -> Reals:
    """Return a series as reals in which NaN is missing; refuse what would not come back."""
    if hasattr(series, "isna"):  # pandas says NA in several ways
        series = series.to_numpy(dtype="float64", na_value=np.nan)
    try:
        whole = np.asarray(series)
        if whole.dtype.kind in "iu" and whole.size and np.abs(whole).max() > _EXACT:
            raise InvalidEvent(name, int(np.abs(whole).max()), "is too large for a real number")
        values = np.array(whole, dtype=np.float64)
    except (TypeError, ValueError) as exc:
        if isinstance(exc, InvalidEvent):
            raise
        raise InvalidEvent(name, type(series).__name__, "must be a series of numbers") from exc
    if values.ndim != 1:
        raise InvalidEvent(name, values.shape, "must be one series: a value per bar")
    endless = np.flatnonzero(np.isinf(values))
    if len(endless):
        bar = int(endless[0])
        raise InvalidEvent(name, float(values[bar]), f"must be finite, and is not at bar {bar}")
    values += 0.0  # -0.0 becomes 0.0: both mean flat
    return values


def starts_of_runs(values: Reals) -> Bars:
    """Return the bars at which the value is another than before; NaN before the first is none."""
    if not len(values):
        return np.empty(0, dtype=np.int64)
    changed = np.empty(len(values), dtype=bool)
    changed[0] = not np.isnan(values[0])
    changed[1:] = values[1:] != values[:-1]
    changed[1:] &= ~(np.isnan(values[1:]) & np.isnan(values[:-1]))
    return np.flatnonzero(changed)


def held(bars: Bars, values: NDArray[Any], missing: Any, start: int, stop: int) -> NDArray[Any]:
    """Return the value at every bar from start to before stop; each holds until the next one."""
    first, last = np.searchsorted(bars, (start, stop - 1), side="right")
    before = values[first - 1] if first else missing
    pieces = np.empty(last - first + 1, dtype=values.dtype)
    pieces[0] = before
    pieces[1:] = values[first:last]
    edges = np.empty(last - first + 2, dtype=np.int64)
    edges[0], edges[1:-1], edges[-1] = start, bars[first:last], stop
    return np.repeat(pieces, np.diff(edges))


def at_bars(bars: Bars, values: NDArray[Any], missing: Any, asked: Any) -> NDArray[Any]:
    """Return the value that holds at each of these bars, which may come in any order."""
    places = np.searchsorted(bars, asked, side="right") - 1
    found = values[np.maximum(places, 0)] if len(values) else np.full(len(places), missing)
    result: NDArray[Any] = np.where(places >= 0, found, missing).astype(values.dtype, copy=False)
    return result


def last_of_each_bar(bars: Bars) -> NDArray[np.bool_]:
    """Return which rows are the last of their bar; the bars must not go backwards."""
    steps = np.diff(bars)
    backwards = np.flatnonzero(steps < 0)
    if len(backwards):
        place = int(backwards[0]) + 1
        before = int(bars[place - 1])
        raise InvalidEvent("bar_index", int(bars[place]), f"comes after bar {before}: backwards")
    if len(bars):
        bar_number(int(bars[0]))
    return np.append(steps > 0, True)[: len(bars)]
