"""What `capture demo` records: an ordinary strategy of the built-in backtester."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from capture.host import get_host
from capture.wrapping import wrap

__all__ = ["bars", "made_up", "record"]

_CASH: Final = 10_000.0
_SYMBOL: Final = "DEMO"
_SEED: Final = 22
_DAYS: Final = 2_148
_SHARE: Final = 0.9
"""Part of the cash that so many shares cost at first; when they cost more, there is not enough."""


def made_up(days: int = _DAYS, seed: int = _SEED) -> pd.DataFrame:
    """Return daily bars of a price that drifts for months, turns, and gaps now and then."""
    random = np.random.default_rng(seed)
    drift = np.repeat(random.normal(0.0003, 0.002, days // 60 + 1), 60)[:days]
    wild = np.repeat(random.choice([0.009, 0.014, 0.022], days // 90 + 1), 90)[:days]
    steps = drift + wild * random.standard_normal(days)
    close = 100.0 * np.exp(np.cumsum(steps))
    gaps = np.where(random.random(days) < 0.15, random.normal(0.0, 0.008, days), 0.0)
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(gaps)
    reach = np.abs(random.normal(0.0, 0.5, (2, days))) * wild
    bars = {
        "Open": opened,
        "High": np.maximum(opened, close) * np.exp(reach[0]),
        "Low": np.minimum(opened, close) * np.exp(-reach[1]),
        "Close": close,
    }
    rounded = {name: np.round(column, 2) for name, column in bars.items()}
    rounded["High"] = np.maximum.reduce([rounded[n] for n in ("Open", "High", "Close")])
    rounded["Low"] = np.minimum.reduce([rounded[n] for n in ("Open", "Low", "Close")])
    rounded["Volume"] = random.integers(200_000, 4_000_000, days).astype(np.float64)
    return pd.DataFrame(rounded, index=pd.bdate_range("2015-01-01", periods=days, tz="UTC"))


def bars(data: str | None = None) -> Any:
    """Return the data as a feed: those of a file, or made from a fixed seed."""
    feed: Any = get_host().component("part", "Feed")
    if data is None:
        return feed.from_frame(made_up(), _SYMBOL)
    return feed.from_file(data, Path(data).name.partition(".")[0])


def record(store: str, feed: Any) -> None:
    """Run the strategy once, recorded into a store."""
    backtest: Any = get_host().component("part", "Backtest")
    strategy: Any = get_host().component("strategy", "patient_cross")
    price = float(feed.marks[-1] if np.isnan(feed.marks[0]) else feed.marks[0])
    shares = max(1.0, float(int(_SHARE * _CASH / price)))
    backtest(
        feed,
        wrap(strategy, store=store),
        params={"shares": shares},
        cash=_CASH,
        slippage_fraction=0.0002,
        commission_rate=0.0005,
        max_daily_loss=0.02,
    ).run()
