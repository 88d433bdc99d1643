"""The probability of backtest overfitting, by combinatorially symmetric cross-validation.

The time is cut into blocks. Each half of the blocks is once the past, in which the best trial is
chosen, and the other half the future, in which its rank among all trials is looked at. Overfitting
is when what was best in the past is below the middle in the future.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.analysis.results import Result
from capture.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Wholes = NDArray[np.int64]

__all__ = ["BLOCKS", "Overfitting", "overfitting"]

BLOCKS: Final = 16
_MOST_BLOCKS: Final = 20  # they can be parted in 184,756 ways
_CELLS: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class Overfitting(Result):
    """How the best of the past fared in the future, over all ways to part the time.

    Attributes:
        probability: share of the ways in which it was at or below the middle of all trials.
        loss_probability: share in which it lost.
        slope: by how much its future Sharpe ratio changes with that of the past; below zero means
            that the better a past looked, the worse its future was.
        ways: how many ways to part the time there are.
        trials: how many trials there were.
        periods: how many periods were used; those that do not fill the blocks are left out at the
            beginning.
        blocks: into how many blocks the time was cut.
        past: Sharpe ratio of the best, in each past.
        future: Sharpe ratio of the same, in each future.
        rank: its rank in the future, from 0 for the worst to 1 for the best.
    """

    title = "Probability of backtest overfitting"

    probability: float
    loss_probability: float
    slope: float
    ways: int
    trials: int
    periods: int
    blocks: int
    past: Reals
    future: Reals
    rank: Reals

    def to_frame(self) -> pd.DataFrame:
        """Return one row per way to part the time."""
        import pandas as pd

        logit = np.log(self.rank / (1 - self.rank))
        return pd.DataFrame(
            {"past": self.past, "future": self.future, "rank": self.rank, "logit": logit}
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, without those of each way."""
        names = ("probability", "loss_probability", "slope", "ways", "trials", "periods", "blocks")
        return {name: getattr(self, name) for name in names}

    def summary(self) -> str:
        """Say how likely overfitting is."""
        return (
            "The best of the past was not in the better half afterwards in "
            f"{self.probability:.0%} of {self.ways:,} ways to part the time, and lost in "
            f"{self.loss_probability:.0%} "
            f"({self.trials:,} trials, {self.periods:,} periods)."
        )

    def __str__(self) -> str:
        return f"{self.title}\n{self.summary()}"


def overfitting(returns: Reals, *, blocks: int = BLOCKS) -> Overfitting:
    """Return the probability of backtest overfitting.

    Args:
        returns: one row per period, one column per trial, none of them NaN.
        blocks: into how many blocks the time is cut: an even number.
    """
    periods, trials = returns.shape
    if not 2 <= blocks <= _MOST_BLOCKS or blocks % 2:
        raise ConfigError("blocks", blocks, f"give an even number from 2 to {_MOST_BLOCKS}")
    if trials < 2:
        raise ConfigError("returns", trials, "give the returns of two trials or more")
    if periods < 2 * blocks:
        raise ConfigError(
            "blocks", blocks, f"give at most {periods // 4 * 2} for {periods} periods"
        )
    length = periods // blocks
    pieces = returns[periods - length * blocks :].reshape(blocks, length, trials)
    # Sums are enough for the Sharpe ratio of any union of blocks; small means keep them exact.
    sums, squares = pieces.sum(axis=1), (pieces**2).sum(axis=1)
    chosen = np.array(list(combinations(range(blocks), blocks // 2)), np.int64)
    step = max(1, _CELLS // trials)
    found = [
        _of_ways(chosen[first : first + step], sums, squares, length * blocks // 2)
        for first in range(0, len(chosen), step)
    ]
    past, future, rank = (np.concatenate(column) for column in zip(*found, strict=True))
    return Overfitting(
        probability=float((rank <= 0.5).mean()),
        loss_probability=float((future < 0).mean()),
        slope=_slope(past, future),
        ways=len(chosen),
        trials=trials,
        periods=length * blocks,
        blocks=blocks,
        past=past,
        future=future,
        rank=rank,
    )


def _of_ways(
    chosen: Wholes, sums: Reals, squares: Reals, periods: int
) -> tuple[Reals, Reals, Reals]:
    """Return past and future Sharpe ratio of the best of each past, and its rank in the future."""
    here = np.zeros((len(chosen), len(sums)))
    np.put_along_axis(here, chosen, 1.0, axis=1)
    before = _sharpe(here @ sums, here @ squares, periods)
    after = _sharpe((1 - here) @ sums, (1 - here) @ squares, periods)
    best = before.argmax(axis=1)[:, None]
    mine = np.take_along_axis(after, best, axis=1)
    below, equal = (after < mine).sum(axis=1), (after == mine).sum(axis=1)
    rank = (below + (equal + 1) / 2) / (after.shape[1] + 1)
    return np.take_along_axis(before, best, axis=1)[:, 0], mine[:, 0], rank


def _sharpe(sums: Reals, squares: Reals, periods: int) -> Reals:
    mean = sums / periods
    variance = (squares - sums * mean) / (periods - 1)
    moves = variance > 1e-14 * squares / periods
    found: Reals = np.where(moves, mean / np.sqrt(np.where(moves, variance, 1.0)), 0.0)
    return found


def _slope(past: Reals, future: Reals) -> float:
    centred = past - past.mean()
    spread = float((centred**2).sum())
    return float((centred * future).sum() / spread) if spread > 0 else float("nan")
