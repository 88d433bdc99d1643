"""Where bars and signals stand in a picture: at their times, or at their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.analysis.material import Bars

    Reals = NDArray[np.float64]

__all__ = ["Axis", "milliseconds", "numbers"]


class Axis:
    """Where bars and signals stand: at their times if all have one, else at their numbers."""

    def __init__(self, bars: Bars | None, signals: pd.DataFrame) -> None:
        """Stand on these bars; without any, on the times of the signals."""
        self._closes = None if bars is None else bars.columns.get("close")
        if bars is None:
            self.timed = "timestamp" in signals and bool(signals["timestamp"].notna().any())
            self.bars = np.empty(0)
            return
        self.timed = len(bars.times_ns) == len(bars) > 0
        self.bars = bars.times_ns / 1e6 if self.timed else np.arange(len(bars), dtype=np.float64)

    def of_signals(self, signals: pd.DataFrame) -> tuple[Reals, Reals]:
        """Return where signals stand, and at which price: that of their bar, or their own."""
        at = numbers(signals, "bar_index")
        if len(self.bars) and self._closes is not None:
            inside = np.isfinite(at) & (at >= 0) & (at < len(self.bars))
            x, y = np.full(len(at), np.nan), np.full(len(at), np.nan)
            places = at[inside].astype(np.int64)
            x[inside], y[inside] = self.bars[places], self._closes[places]
            return x, y
        return self.of_events(signals), numbers(signals, "market_close")

    def of_events(self, frame: pd.DataFrame) -> Reals:
        """Return where the rows of any table stand."""
        at = numbers(frame, "bar_index")
        if len(self.bars):
            inside = np.isfinite(at) & (at >= 0) & (at < len(self.bars))
            if inside.all():
                places: Reals = self.bars[at.astype(np.int64)]
                return places
        if self.timed and "timestamp" in frame:
            return milliseconds(frame["timestamp"])
        return at


def numbers(frame: pd.DataFrame, name: str) -> Reals:
    """Return a column as real numbers; NaN where there is none."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    found: Reals = frame[name].to_numpy(np.float64, na_value=np.nan)
    return found


def milliseconds(times: pd.Series[Any]) -> Reals:
    """Return times as milliseconds since 1970; NaN where there is none."""
    whole = pd.to_datetime(times, utc=True).dt.as_unit("ns").astype("int64").to_numpy()
    return np.where(times.isna().to_numpy(), np.nan, whole / 1e6)
