"""Bars made from a seed, for tests of the built-in backtester."""

from __future__ import annotations

import numpy as np
import pandas as pd


def bars(
    count: int = 400, seed: int = 1, freq: str = "h", start: str = "2024-01-01"
) -> pd.DataFrame:
    """Return bars of a random walk that gaps now and then."""
    random = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    opened = np.concatenate(([100.0], close[:-1])) * np.exp(
        np.where(random.random(count) < 0.1, random.normal(0, 0.02, count), 0.0)
    )
    reach = np.abs(random.normal(0, 0.004, (2, count)))
    return pd.DataFrame(
        {
            "open": opened,
            "high": np.maximum(opened, close) * (1 + reach[0]),
            "low": np.minimum(opened, close) * (1 - reach[1]),
            "close": close,
            "volume": random.integers(100, 1_000, count).astype(float),
        },
        index=pd.date_range(start, periods=count, freq=freq, tz="UTC"),
    )


def flat(prices: list[tuple[float, float, float, float]], volume: float = 1e6) -> pd.DataFrame:
    """Return hourly bars of these prices: open, high, low, close."""
    frame = pd.DataFrame(prices, columns=["open", "high", "low", "close"], dtype=float)
    frame["volume"] = volume
    frame.index = pd.date_range("2024-01-01", periods=len(frame), freq="h", tz="UTC")
    return frame


def minutes(count: int, every: int, symbol_seed: int, drop: float = 0.0) -> pd.DataFrame:
    """Return bars of so many minutes, a share of them missing."""
    frame = bars(count, symbol_seed, f"{every}min")
    kept = np.random.default_rng(symbol_seed).random(count) >= drop
    return frame[kept]
