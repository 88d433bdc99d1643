"""`judge`: what the best of many trials is worth, given how many there were."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from capture.analysis.selection.overfitting import BLOCKS, Overfitting, overfitting
from capture.analysis.selection.report import SelectionReport, TrialRow
from capture.analysis.selection.sharpe import (
    Moments,
    deflated_sharpe,
    expected_best_sharpe,
    min_track_record,
    moments_of,
    probabilistic_sharpe,
)
from capture.analysis.selection.trials import Trials, trials_of
from capture.errors import UnknownName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

__all__ = ["independent_trials", "judge", "mean_correlation"]

_YEAR_SECONDS = 365.25 * 24 * 3600


def judge(
    source: Any,
    *,
    chosen: str | None = None,
    every: str | None = None,
    blocks: int = BLOCKS,
) -> SelectionReport:
    """Judge the trial that was chosen, counting every trial that was run.

    Args:
        source: a `Store`, a `Recording` such as that of a grid, a list of them, or `Trials`.
        chosen: name of the trial that was chosen; by default the one with the best Sharpe ratio.
        every: length of a period, as pandas spells it; a bar by default.
        blocks: into how many blocks the time is cut for the probability of overfitting.

    Raises:
        UnknownName: no trial of that name has returns.
    """
    trials = source if isinstance(source, Trials) else trials_of(source, every=every)
    yearly = _periods_per_year([one.returns for one in trials.measured])
    found = [moments_of(np.asarray(one.returns, np.float64)) for one in trials.measured]
    rows = [_row(one, mine, yearly) for one, mine in zip(trials.measured, found, strict=True)]
    order = sorted(range(len(rows)), key=lambda n: -found[n].sharpe)
    place = _place(rows, order, chosen)
    matrix = trials.together().to_numpy(np.float64)
    correlation = mean_correlation(matrix)
    independent = independent_trials(len(trials), correlation)
    ratios = np.array([one.sharpe for one in found])
    variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    mine = Moments(0, 0.0) if place is None else found[place]
    best = expected_best_sharpe(len(trials), variance)
    split, problem = _overfitting(matrix, blocks)
    return SelectionReport(
        trials=len(trials),
        measured=len(rows),
        executions=trials.executions,
        unreadable=trials.unreadable,
        chosen=None if place is None else rows[place],
        correlation=correlation,
        independent=independent,
        best_by_luck=best,
        deflated=deflated_sharpe(mine, len(trials), variance),
        deflated_independent=deflated_sharpe(mine, independent, variance),
        min_track_record=min_track_record(mine, best),
        periods_per_year=yearly,
        overfitting=split,
        problem=problem if rows else "none of them says what its account was worth",
        rows=tuple(rows[n] for n in order),
    )


def mean_correlation(returns: Reals) -> float:
    """Return the mean correlation of all pairs of columns that move; NaN without a pair."""
    if len(returns) < 3:
        return np.nan
    moving = returns[:, returns.std(axis=0) > 0]
    count = moving.shape[1]
    if count < 2:
        return np.nan
    centred = moving - moving.mean(axis=0)
    scaled = centred / np.sqrt((centred**2).sum(axis=0))
    # The squared length of the sum of unit vectors is the sum of all their correlations.
    total = float((scaled.sum(axis=1) ** 2).sum())
    return float((total - count) / (count * (count - 1)))


def independent_trials(trials: int, correlation: float) -> float:
    """Return how many independent trials correlated ones are worth.

    As many as there are if they have nothing in common, one if they are all the same; in between
    linear in their mean correlation, one below zero counting as none.
    """
    if trials < 2 or not np.isfinite(correlation):
        return float(trials)
    common = min(max(correlation, 0.0), 1.0)
    return common + (1 - common) * trials


def _row(trial: Any, found: Moments, yearly: float) -> TrialRow:
    moments = {name: asdict(found)[name] for name in ("periods", "sharpe", "skew", "kurtosis")}
    return TrialRow(
        trial=trial.name,
        run_id=trial.run_id,
        part=trial.part,
        total_return=float((1 + trial.returns).prod() - 1),
        sharpe_annual=found.sharpe * float(yearly**0.5),
        probabilistic=probabilistic_sharpe(found),
        min_track_record=min_track_record(found),
        **moments,
    )


def _place(rows: Sequence[TrialRow], order: Sequence[int], chosen: str | None) -> int | None:
    if chosen is None:
        return order[0] if order else None
    for n in order:
        if rows[n].trial == chosen:
            return n
    raise UnknownName("trial", chosen, {row.trial for row in rows})


def _periods_per_year(series: Sequence[pd.Series[float]]) -> float:
    """Return the median over the trials of periods per year."""
    found = []
    for one in series:
        if isinstance(one.index, pd.DatetimeIndex):
            seconds = (one.index[-1] - one.index[0]).total_seconds()
            if seconds > 0:
                found.append((len(one) - 1) / (seconds / _YEAR_SECONDS))
    return float(np.median(found)) if found else np.nan


def _overfitting(matrix: Reals, blocks: int) -> tuple[Overfitting | None, str]:
    periods, trials = matrix.shape
    if trials < 2:
        return None, "Overfitting cannot be told from fewer than two trials with returns"
    if periods < 2 * blocks:
        return None, (
            f"Overfitting cannot be told: the trials have {periods} periods in common, and "
            f"{blocks} blocks need {2 * blocks}"
        )
    return overfitting(matrix, blocks=blocks), ""
