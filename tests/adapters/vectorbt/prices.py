"""Real prices in the shapes that vectorbt takes."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import vectorbt as vbt
from backtesting.test import EURUSD, GOOG

__all__ = ["assets", "close_of", "crossing", "eurusd", "gappy", "goog", "numbered", "zoned"]

_STRETCH = 700


def goog() -> pd.DataFrame:
    """Return 2148 daily bars, without a time zone."""
    frame: pd.DataFrame = GOOG
    return frame


def eurusd() -> pd.DataFrame:
    """Return 5000 hourly bars, without a time zone."""
    frame: pd.DataFrame = EURUSD
    return frame


@cache
def zoned() -> pd.DataFrame:
    """Return hourly bars in a time zone that has a summer time."""
    return EURUSD.tz_localize("UTC").tz_convert("America/New_York")


@cache
def numbered() -> pd.DataFrame:
    """Return bars without times."""
    return GOOG.reset_index(drop=True)


@cache
def gappy() -> pd.DataFrame:
    """Return bars of which some have no price."""
    frame = GOOG.iloc[:600].astype(float).copy()
    frame.iloc[::37] = np.nan
    return frame


@cache
def assets() -> pd.DataFrame:
    """Return the closes of three assets: three stretches of real prices on the same days."""
    closes = GOOG["Close"].to_numpy()
    stretches = {name: closes[i * _STRETCH :][:_STRETCH] for i, name in enumerate("ABC")}
    frame = pd.DataFrame(stretches, index=GOOG.index[:_STRETCH])
    return frame.rename(columns={"A": "AAA", "B": "BBB", "C": "CCC"}).rename_axis(columns="symbol")


def close_of(bars: pd.DataFrame) -> pd.Series[float]:
    """Return the closes as a series without a name."""
    return bars["Close"].rename(None)


def crossing(close: Any, fast: int = 10, slow: int = 20) -> dict[str, Any]:
    """Return closes with the crossings of two averages as entries and exits."""
    one, other = vbt.MA.run(close, fast), vbt.MA.run(close, slow)
    return {
        "close": close,
        "entries": one.ma_crossed_above(other),
        "exits": one.ma_crossed_below(other),
    }
