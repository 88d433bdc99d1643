"""How wide prices move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.errors import ConfigError
from capture_builtin.features.windows import rolling, smoothed, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["atr", "bollinger", "highest", "lowest", "volatility"]


def atr(bars: Mapping[str, Reals], *, window: int = 14) -> Reals:
    """Return the average true range, as Wilder smooths it.

    Args:
        bars: columns by name.
        window: how many ranges the smoothing begins with.
    """
    window = whole("window", window)
    high, low, close = (bars[name] for name in ("high", "low", "close"))
    before = np.concatenate(([np.nan], close[:-1]))
    reach = np.fmax(np.abs(high - before), np.abs(low - before))
    # The first bar has no close before it: its range is from its high to its low.
    return smoothed(np.fmax(high - low, reach), 1 / window, window)


def bollinger(
    bars: Mapping[str, Reals], *, window: int = 20, width: float = 2.0, column: str = "close"
) -> dict[str, Reals]:
    """Return a mean and the bands so many standard deviations above and below it.

    Args:
        bars: columns by name.
        window: how many bars, the present one included.
        width: how many standard deviations (of the population).
        column: which column.
    """
    if not width > 0:
        raise ConfigError("width", width, "more than 0 is needed")
    window = whole("window", window)
    middle = rolling(bars[column], window, np.mean)
    spread = rolling(bars[column], window, np.std) * width
    return {"upper": middle + spread, "middle": middle, "lower": middle - spread}


def highest(bars: Mapping[str, Reals], *, window: int = 20) -> Reals:
    """Return the highest high of the bars before this one: what a breakout has to pass.

    Args:
        bars: columns by name.
        window: how many bars.
    """
    return _before(rolling(bars["high"], whole("window", window), np.max))


def lowest(bars: Mapping[str, Reals], *, window: int = 20) -> Reals:
    """Return the lowest low of the bars before this one.

    Args:
        bars: columns by name.
        window: how many bars.
    """
    return _before(rolling(bars["low"], whole("window", window), np.min))


def volatility(bars: Mapping[str, Reals], *, window: int = 20, column: str = "close") -> Reals:
    """Return the standard deviation (of a sample) of the last log returns, per bar.

    Args:
        bars: columns by name.
        window: how many returns.
        column: which column.
    """
    returns = np.diff(np.log(bars[column]), prepend=np.nan)
    return rolling(returns, whole("window", window, 2), _sample_std)


def _sample_std(windows: Reals, axis: int) -> Reals:
    found: Reals = np.std(windows, axis=axis, ddof=1)
    return found


def _before(values: Reals) -> Reals:
    return np.concatenate(([np.nan], values[:-1]))
