"""Features of two symbols together: the engine hands over bars that were known at each moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture_builtin.features.windows import rolling, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["correlation", "spread"]


def correlation(
    bars: Mapping[str, Reals], other: Mapping[str, Reals], *, window: int = 20
) -> Reals:
    """Return the correlation of the last log returns; NaN where one of them did not move.

    Args:
        bars: columns of the symbol by whose bars it goes.
        other: columns of the other one, as known at each of these bars.
        window: how many returns.
    """
    window = whole("window", window, 2)
    one, two = (np.diff(np.log(each["close"]), prepend=np.nan) for each in (bars, other))
    pairs = np.stack([one, two], axis=-1)
    found = np.full(len(one), np.nan)
    if len(one) < window:
        return found
    windows = np.lib.stride_tricks.sliding_window_view(pairs, window, axis=0)
    centred = windows - windows.mean(axis=2, keepdims=True)
    both = (centred[:, 0] * centred[:, 1]).sum(axis=1)
    scale = np.sqrt((centred[:, 0] ** 2).sum(axis=1) * (centred[:, 1] ** 2).sum(axis=1))
    known = scale > 0
    found[window - 1 :] = np.where(known, both / np.where(known, scale, 1.0), np.nan)
    return found


def spread(bars: Mapping[str, Reals], other: Mapping[str, Reals], *, window: int = 50) -> Reals:
    """Return the log ratio of two closes, in standard deviations from its mean.

    Args:
        bars: columns of the symbol by whose bars it goes.
        other: columns of the other one, as known at each of these bars.
        window: how many bars mean and deviation are of.
    """
    window = whole("window", window, 2)
    ratio = np.log(bars["close"]) - np.log(other["close"])
    mean, deviation = (rolling(ratio, window, of) for of in (np.mean, np.std))
    known = deviation > 0
    return np.where(known, (ratio - mean) / np.where(known, deviation, 1.0), np.nan)
