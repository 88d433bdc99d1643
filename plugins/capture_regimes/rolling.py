"""Rolling figures whose value at a bar depends on the bars of its window and on nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rolling_mean", "rolling_std"]

# A running sum would be faster, and its rounding would depend on every bar before the window.


def rolling_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the mean of the last `window` values; NaN where there are fewer."""
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        means[window - 1 :] = sliding_window_view(values, window).mean(axis=1)
    return means


def rolling_std(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Return the standard deviation of the last `window` values; NaN where there are fewer."""
    spreads = np.full(len(values), np.nan)
    if len(values) >= window:
        spreads[window - 1 :] = sliding_window_view(values, window).std(axis=1)
    return spreads
