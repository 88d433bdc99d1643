"""What the judgement of a selection returns."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING

from capture.analysis.results import Result
from capture.analysis.selection.overfitting import Overfitting

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SelectionReport", "TrialRow"]


@dataclass(frozen=True, kw_only=True)
class TrialRow:
    """One trial.

    Attributes:
        trial: name of the parameter set.
        run_id: the first run that tried it.
        part: the part of that run.
        periods: how many returns it has.
        total_return: what the account earned in all.
        sharpe: Sharpe ratio per period.
        sharpe_annual: the same per year.
        skew: skewness of the returns.
        kurtosis: their kurtosis; 3 is normal.
        probabilistic: how likely its true Sharpe ratio is above zero, looked at alone.
        min_track_record: periods that it takes to be 95% sure of that, looked at alone.
    """

    trial: str
    run_id: str
    part: int
    periods: int
    total_return: float
    sharpe: float
    sharpe_annual: float
    skew: float
    kurtosis: float
    probabilistic: float
    min_track_record: float


@dataclass(frozen=True, kw_only=True)
class SelectionReport(Result):
    """What the chosen one of many trials is worth.

    Attributes:
        trials: how many different ones were run.
        measured: how many of them have returns.
        executions: how often a host ran, repetitions counted.
        unreadable: runs that cannot be read; what they tried is not counted.
        chosen: the trial that is judged; None if no trial has returns.
        correlation: mean correlation between the trials; NaN where fewer than two move.
        independent: how many independent trials they are worth.
        best_by_luck: how high the best Sharpe ratio of so many trials gets in the mean if none is
            worth anything, per period, all trials counted as independent.
        deflated: how likely the chosen one's true Sharpe ratio is above that.
        deflated_independent: the same with the number of independent trials.
        min_track_record: periods that it takes to be 95% sure that the chosen one is above the best
            by luck.
        periods_per_year: from the times of the returns; NaN where they have none.
        overfitting: probability of backtest overfitting; None where it cannot be told.
        problem: why it cannot; empty otherwise.
        rows: the measured trials, the best first.
    """

    title = "Selection"

    trials: int
    measured: int
    executions: int
    unreadable: tuple[str, ...]
    chosen: TrialRow | None
    correlation: float
    independent: float
    best_by_luck: float
    deflated: float
    deflated_independent: float
    min_track_record: float
    periods_per_year: float
    overfitting: Overfitting | None
    problem: str
    rows: tuple[TrialRow, ...]

    def to_frame(self) -> pd.DataFrame:
        """Return one row per measured trial, the best first."""
        import pandas as pd

        names = [field.name for field in fields(TrialRow)]
        return pd.DataFrame([asdict(row) for row in self.rows], columns=names)

    def summary(self) -> str:
        """Say what the chosen trial is worth, in a few sentences."""
        runs = f"{self.trials:,} trial{'' if self.trials == 1 else 's'} in {self.executions:,} "
        runs += f"execution{'' if self.executions == 1 else 's'}"
        if self.chosen is None:
            return f"{runs}; {self.problem}."
        one = self.chosen
        said = [
            f"{runs}, worth {self.independent:.1f} independent ones.",
            f"{one.trial}: Sharpe ratio {self._yearly(one.sharpe)}; the best of {self.trials:,} "
            f"would reach {self._yearly(self.best_by_luck)} by luck alone.",
            f"Above zero with probability {one.probabilistic:.1%} looked at alone; above luck with "
            f"{self.deflated:.1%} ({self.deflated_independent:.1%} with the independent trials).",
            self._needed(one.periods),
        ]
        said.append(self.overfitting.summary() if self.overfitting else f"{self.problem}.")
        return "\n".join(said)

    def _needed(self, have: int) -> str:
        if not isfinite(self.min_track_record):
            return "No track record, however long, would set it apart from luck."
        need = f"{self.min_track_record:,.0f} periods"
        return f"It takes {need} to be 95% sure that it is above luck; there are {have:,}."

    def _yearly(self, sharpe: float) -> str:
        if isfinite(self.periods_per_year):
            return f"{sharpe * self.periods_per_year**0.5:.2f} a year"
        return f"{sharpe:.3f} a period"
