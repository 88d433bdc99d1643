"""One-minute bars, signals on some of them, and settings to trade them under."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capture.study.portfolio.market import Market
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import Signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CASH", "World", "portfolios", "world"]

CASH = 1_000_000.0
_DAY_BARS = 390


@dataclass(frozen=True, eq=False)
class World:
    """Bars and signals.

    Attributes:
        frame: open, high, low, close and volume.
        bars: bar of each signal.
        directions: what each wants.
        market: the bars, prepared.
        signals: the signals, prepared.
    """

    frame: pd.DataFrame
    bars: NDArray[np.int64]
    directions: NDArray[np.int64]
    market: Market
    signals: Signals


def world(bars: int, signals: int) -> World:
    """Make a market of one-minute bars in sessions of 390, and signals on some of its bars."""
    random = np.random.default_rng(7)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(0, 0.0005, bars))), 2)
    open_ = np.round(np.concatenate([close[:1], close[:-1]]) + random.normal(0, 0.01, bars), 2)
    spread = np.round(np.abs(random.normal(0, 0.02, bars)), 2)
    day, minute = np.divmod(np.arange(bars), _DAY_BARS)
    labels = (
        pd.to_datetime("2022-01-03T14:30Z")
        + pd.to_timedelta(day, "D")
        + pd.to_timedelta(minute, "min")
    )
    frame = pd.DataFrame(
        {
            "Open": open_,
            "High": np.maximum(open_, close) + spread,
            "Low": np.minimum(open_, close) - spread,
            "Close": close,
            "Volume": 1000.0,
        },
        index=labels,
    )
    places = np.sort(random.choice(bars - 2, signals, replace=False))
    directions = random.choice(np.array([-1, 1]), signals)
    known = labels.as_unit("ns").asi8 + 60 * 10**9
    market = Market.of({"S": close}, {"S": open_}, {"S": known})
    rows = [
        (n, "S", int(bar), float(d), 0, 1.0)
        for n, (bar, d) in enumerate(zip(places, directions, strict=True))
    ]
    return World(frame, places, directions, market, Signals.of(rows))


def portfolios(count: int) -> list[PortfolioSettings]:
    """Return sizes, commissions and slippages, in every combination up to a count."""
    sizes = [float(10 * n) for n in range(1, count // 25 + 2)]
    costs = product(sizes, (0.0, 1e-5, 5e-5, 1e-4, 2e-4), (0.0, 1e-5, 5e-5, 1e-4, 2e-4))
    made = [
        PortfolioSettings(cash=CASH, size=size, commission_rate=rate, slippage_fraction=slip)
        for size, rate, slip in costs
    ]
    return made[:count]
