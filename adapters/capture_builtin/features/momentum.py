"""How far and how steadily prices went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture_builtin.features.windows import smoothed, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["roc", "rsi"]


def rsi(bars: Mapping[str, Reals], *, window: int = 14, column: str = "close") -> Reals:
    """Return the relative strength index, 0 to 100, as Wilder smooths it; 50 where nothing moved.

    Args:
        bars: columns by name.
        window: how many changes the smoothing begins with.
        column: which column.
    """
    window = whole("window", window)
    changes = np.diff(bars[column], prepend=np.nan)
    gains = smoothed(
        np.where(np.isnan(changes), np.nan, np.maximum(changes, 0)), 1 / window, window
    )
    losses = smoothed(
        np.where(np.isnan(changes), np.nan, np.maximum(-changes, 0)), 1 / window, window
    )
    total = gains + losses
    moved = np.where(total > 0, total, 1.0)
    return np.where(np.isnan(total), np.nan, np.where(total > 0, 100.0 * gains / moved, 50.0))


def roc(bars: Mapping[str, Reals], *, window: int = 10, column: str = "close") -> Reals:
    """Return the change since so many bars ago, as a fraction.

    Args:
        bars: columns by name.
        window: how many bars ago.
        column: which column.
    """
    window, values = whole("window", window), bars[column]
    found = np.full(len(values), np.nan)
    found[window:] = values[window:] / values[:-window] - 1.0
    return found
