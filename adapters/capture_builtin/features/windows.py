"""Rolling windows: the value at a bar is computed from its window alone, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["rolling", "smoothed", "whole"]

_CHUNK_VALUES = 1 << 22


def whole(name: str, value: int, least: int = 1) -> int:
    """Return a number of bars, or say that it is none."""
    if isinstance(value, bool) or int(value) != value or value < least:
        raise ConfigError(name, value, f"a whole number of at least {least} is needed")
    return int(value)


def rolling(values: Reals, window: int, of: Callable[..., Reals]) -> Reals:
    """Return a figure of the last `window` values; NaN where there are fewer.

    Args:
        values: a value per bar.
        window: how many values.
        of: from windows, a row each, to a figure of each; takes `axis`.
    """
    found = np.full(len(values), np.nan)
    if len(values) < window:
        return found
    windows = sliding_window_view(values, window)
    # A running sum would be faster, and its rounding would depend on every bar before the window.
    step = max(1, _CHUNK_VALUES // window)
    for first in range(0, len(windows), step):
        piece = windows[first : first + step]
        found[window - 1 + first : window - 1 + first + len(piece)] = of(piece, axis=1)
    return found


def smoothed(values: Reals, weight: float, warm_up: int) -> Reals:
    """Return an exponential mean that begins with the mean of the first `warm_up` values.

    A value that is missing leaves the mean as it was, and is missing in the result as well.
    """
    found, seen = [float("nan")] * len(values), 0
    mean, rest = 0.0, 1.0 - weight
    for bar, value in enumerate(values.tolist()):
        if value != value:
            continue
        if seen < warm_up:
            seen += 1
            mean += value / warm_up
            if seen < warm_up:
                continue
        else:
            mean = mean * rest + value * weight
        found[bar] = mean
    return np.array(found)
