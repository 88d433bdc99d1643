"""A bundle of zipline, made of files once per process: GOOG, EURUSD by day, and two made of them.

XYZ has a split, a dividend, and an end: it stops trading in the autumn of 2005. THIN has so little
volume that orders are filled bit by bit.
"""

from __future__ import annotations

import atexit
import os
import warnings
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from backtesting.test import EURUSD, GOOG

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLE = "capture-tests"
OTHER = "capture-tests-otherwise"
MINUTES = "capture-tests-minutes"

_ADJUSTED = "DataFrameGroupBy.apply operated on the grouping columns"


@cache
def ingested() -> str:
    """Make the bundles in a folder of this process, and return its path."""
    from zipline.data.bundles import ingest, register
    from zipline.data.bundles.csvdir import csvdir_equities

    folder = TemporaryDirectory(prefix="capture-zipline-")
    atexit.register(folder.cleanup)
    root = Path(folder.name)
    os.environ["ZIPLINE_ROOT"] = str(root / "root")
    made = {
        BUNDLE: ("daily", _frames()),
        OTHER: ("daily", {name: _moved(frame) for name, frame in _frames().items()}),
        MINUTES: ("minute", {"MIN": _minutes()}),
    }
    for name, (frequency, frames) in made.items():
        place = root / name / frequency
        place.mkdir(parents=True)
        for symbol, frame in frames.items():
            frame.to_csv(place / f"{symbol}.csv", index_label="date")
        register(name, csvdir_equities([frequency], str(place.parent)), calendar_name="XNYS")
        with warnings.catch_warnings():
            # zipline 3.2 groups symbols in a way that pandas 2.2 deprecated.
            warnings.filterwarnings("ignore", _ADJUSTED, FutureWarning)
            ingest(name, show_progress=False)
    return str(root)


def _frames() -> Mapping[str, Any]:
    goog = _plain(GOOG)
    daily = EURUSD.resample("1D").agg(
        {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
    )
    other = goog.iloc[:280] / [3, 3, 3, 3, 100, 1, 1]
    other["volume"] = other["volume"].round()
    other.loc["2005-03-01":, ["open", "high", "low", "close"]] /= 2
    other.loc["2005-03-01", "split"] = 2.0
    other.loc["2005-02-01", "dividend"] = 0.75
    thin = goog.copy()
    thin["volume"] = np.arange(len(thin)) % 700 + 100
    thin["close"] = (thin["close"] * 0.7).round(2)
    return {
        "GOOG": goog,
        "EURUSD": _in_sessions(_plain(daily.dropna())),
        "XYZ": other,
        "THIN": thin,
    }


def _plain(frame: Any) -> Any:
    frame = frame.rename(columns=str.lower)
    return frame.assign(dividend=0.0, split=1.0)


def _in_sessions(frame: Any) -> Any:
    """Return a market's days as sessions of the exchange; prices are in hundredths of a cent."""
    from zipline.utils.calendar_utils import get_calendar

    sessions = get_calendar("XNYS").sessions_in_range(frame.index[0], frame.index[-1])
    frame = frame.reindex(sessions).ffill()
    frame[["open", "high", "low", "close"]] *= 100
    return frame


def _moved(frame: Any) -> Any:
    moved = frame.copy()
    moved.loc[moved.index[50], "close"] += 0.5
    return moved


def _minutes() -> Any:
    """Return three days of minutes that wander."""
    from zipline.utils.calendar_utils import get_calendar

    index = get_calendar("XNYS").sessions_minutes("2005-01-03", "2005-01-05").tz_localize(None)
    steps = np.random.default_rng(7).normal(0, 0.05, len(index))
    close = (100 + steps.cumsum()).round(2)
    return pd.DataFrame(
        {
            "open": close, "high": close + 0.1, "low": close - 0.1, "close": close,
            "volume": 1000, "dividend": 0.0, "split": 1.0,
        },
        index=index,
    )  # fmt: skip
