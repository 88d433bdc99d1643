"""Signals on markets that are made, with nothing to find in them or with a pattern planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from capture.analysis.material import Bars, Material, SeriesKey

REGIMES = ("bull", "bear", "side")


def noise(seed: int, *, bars: int = 2000, signals: int = 600, drift: float = 0.001) -> Material:
    """Return signals that know nothing, with everything that makes noise look like a pattern.

    Returns have fat tails and volatility that comes in clusters, the market drifts, indicators and
    regimes last for long, and with a signal on every third bar returns over five bars overlap.
    """
    random = np.random.default_rng(seed)
    calm = np.clip(np.exp(np.cumsum(random.normal(0, 0.05, bars)) * 0.3), 0.3, 3)
    returns = random.standard_t(4, bars) * 0.01 * calm + drift
    at = np.sort(random.choice(bars - 1, signals, replace=False))
    side = random.choice([-1, 1], signals)
    return _material(random, returns, at, side, _lasting(random, bars))


def planted(seed: int, *, effect: float = 0.03, bars: int = 8000, apart: int = 8) -> Material:
    """Return signals that earn more over five bars where x0 is low and the trend is bull."""
    random = np.random.default_rng(seed)
    returns = random.normal(0, 0.01, bars)
    at = np.arange(10, bars - 10, apart)
    side = random.choice([-1, 1], len(at))
    lines = random.normal(size=(3, bars))
    good = (lines[0, at] < -0.43) & (regimes(bars)[at] == "bull")
    for bar, sign in zip(at[good], side[good], strict=True):
        returns[bar + 1 : bar + 6] += sign * effect / 5
    return _material(random, returns, at, side, lines)


def regimes(bars: int) -> np.ndarray[Any, Any]:
    """Return the regime at each bar."""
    return np.array(REGIMES, object)[np.arange(bars) // 40 % 3]


def _lasting(random: np.random.Generator, bars: int, memory: float = 0.97) -> Any:
    lines = random.normal(size=(3, bars))
    for bar in range(1, bars):
        lines[:, bar] = memory * lines[:, bar - 1] + np.sqrt(1 - memory**2) * lines[:, bar]
    return lines


def _material(
    random: np.random.Generator, returns: Any, at: Any, side: Any, lines: Any
) -> Material:
    bars = len(returns)
    close = 100 * np.exp(np.cumsum(returns))
    opened = np.concatenate(([100.0], close[:-1]))
    columns = {
        "open": opened,
        "high": np.maximum(opened, close) * 1.002,
        "low": np.minimum(opened, close) * 0.998,
        "close": close,
        "volume": random.gamma(3.0, 100.0, bars),
    }
    times = pd.date_range("2010-01-01", periods=bars, freq="D", tz="UTC")
    average = pd.Series(close).rolling(20, min_periods=1).mean().to_numpy()
    signals = pd.DataFrame(
        {
            "run_id": "run",
            "part": 0,
            "seq": np.arange(len(at)),
            "timestamp": times[at],
            "strategy_id": "made",
            "symbol": "ACME",
            "timeframe": "1d",
            "bar_index": at,
            "direction": side,
            "signal_type": np.where(random.random(len(at)) < 0.6, "entry", "exit"),
            "disposition": np.where(returns[at + 1] * side > 0, "executed", "rejected"),
            "regime": regimes(bars)[at],
            **{f"indicator_x{number}": line[at] for number, line in enumerate(lines)},
            "indicator_average": average[at],
        }
    )
    key = SeriesKey("run", "ACME", "1d")
    labels = times.as_unit("ns").asi8
    return Material(signals, {key: Bars("ACME", "1d", labels, columns)})
