"""Averages of closes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture_builtin.features.windows import rolling, smoothed, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["ema", "sma"]


def sma(bars: Mapping[str, Reals], *, window: int = 20, column: str = "close") -> Reals:
    """Return the mean of the last values of a column.

    Args:
        bars: columns by name.
        window: how many bars, the present one included.
        column: which column.
    """
    return rolling(bars[column], whole("window", window), np.mean)


def ema(bars: Mapping[str, Reals], *, window: int = 20, column: str = "close") -> Reals:
    """Return the exponential mean with the weight 2 / (window + 1), begun with a plain mean.

    Args:
        bars: columns by name.
        window: how many bars the plain mean at its beginning is of.
        column: which column.
    """
    window = whole("window", window)
    return smoothed(bars[column], 2.0 / (window + 1.0), window)
