"""What an account came to, from its worth at every bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from capture.report.axis import Axis, numbers
from capture.report.model import Account

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["account_of", "fall_of"]


def account_of(
    equity: pd.DataFrame, axis: Axis
) -> tuple[tuple[Reals, Reals] | None, Account | None]:
    """Return where and what an account was worth, and what it came to; None if that is not known.

    Args:
        equity: the rows of one account.
        axis: where its bars stand.
    """
    if equity.empty:
        return None, None
    x, worth = axis.of_events(equity), numbers(equity, "equity")
    known = np.isfinite(x) & np.isfinite(worth)
    x, worth = x[known], worth[known]
    if not len(worth):
        return None, None
    fall = fall_of(worth)
    held = numbers(equity, "position")
    held = held[np.isfinite(held)]
    first, last = float(worth[0]), float(worth[-1])
    lowest = int(fall.argmin())
    return (x, worth), Account(
        first=first,
        last=last,
        total_return=last / first - 1 if first else np.nan,
        worst_drawdown=float(fall[lowest]),
        worst_at=float(x[lowest]),
        time_in_market=float((held != 0).mean()) if len(held) else np.nan,
    )


def fall_of(worth: Reals) -> Reals:
    """Return how far an account is below its highest worth so far, as a share; never above 0."""
    highest = np.maximum.accumulate(worth)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(highest > 0, worth / highest - 1, 0.0)
