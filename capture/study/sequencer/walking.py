"""The phase that walks forward: choose in each window, and see how the chosen fare after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import nan, sqrt
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from capture.errors import ConfigError
from capture.study.results.trials import TRIED
from capture.study.sequencer.course import Fed
from capture.study.sequencer.evaluating import refuse_unfit, span_of
from capture.study.sequencer.trying import Trying, try_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from capture.study.results.collector import ResultCollector
    from capture.study.sequencer.candidates import Candidate
    from capture.study.sequencer.course import Course
    from capture.study.sequencer.replaying import Portfolios
    from capture.study.sequencer.selecting import Selection
    from capture.study.sequencer.windows import WalkForward, Window

__all__ = ["TESTED", "WalksForward", "out_of_sample"]

TESTED: Final = "tested"
"""The role of a row that nothing is chosen from any more."""

_DAYS_PER_YEAR: Final = 252.0


@dataclass(frozen=True, kw_only=True)
class WalksForward:
    """A phase that chooses on each window's past, and tries the chosen on what comes next.

    Its table has a row for every trial of every window: those that were tried in training, and
    those that were chosen and tested. The record of the phase says what the tests came to together.
    A window in which no trial has an objective, for want of trades, chooses and tests nothing.

    Attributes:
        name: what it is called.
        portfolios: what is tried.
        windows: how time is cut.
        selection: which are chosen in each window.
        objectives: what is computed of each trial.
        event_driven: let every event happen, also where the quick way would do.
    """

    name: str
    portfolios: Portfolios
    windows: WalkForward
    selection: Selection
    objectives: Sequence[str]
    event_driven: bool = False

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that it feeds on."""
        return self.portfolios.needs

    def described(self) -> dict[str, Any]:
        """Return everything that its results depend on."""
        lengths = {name: str(value) for name, value in asdict(self.windows).items()}
        return {
            "phase": "walk_forward",
            **self.portfolios.described(),
            "windows": lengths,
            "selection": asdict(self.selection),
            "objectives": list(self.objectives),
            "event_driven": self.event_driven,
        }

    def run(self, course: Course) -> Fed:
        """Train, choose and test what is not done yet; hand on what the last window chose."""
        candidates = self.portfolios.candidates(course)
        refuse_unfit(one.signals for one in candidates)
        windows = self.windows.windows(*_span(candidates))
        with course.collect(self.name) as collector:
            training = [
                self._trying(window, one, TRIED, number)
                for number, (window, one) in enumerate(
                    (window, one) for window in windows for one in candidates
                )
            ]
            self._try(course, collector, training)
            collector.flush()
            chosen = self._chosen(course, windows, {one.name: one for one in candidates})
            tests = [
                self._trying(window, one, TESTED, len(training) + number)
                for number, (window, one) in enumerate(
                    (window, one) for window in windows for one in chosen[window.number]
                )
            ]
            self._try(course, collector, tests)
            collector.flush()
            table = course.workflow.phase(self.name).metrics_table()
            planned = len(training) + len(tests)
            told = [{**_told(one), "chosen": len(chosen[one.number])} for one in windows]
            collector.finish(planned=planned, windows=told, tests=out_of_sample(table))
        return Fed(candidates=tuple(next(filter(None, reversed(chosen)))))

    def _try(self, course: Course, collector: ResultCollector, tryings: Sequence[Trying]) -> None:
        try_all(
            course,
            collector,
            tryings,
            objectives=self.objectives,
            event_driven=self.event_driven,
        )

    def _trying(self, window: Window, one: Candidate, role: str, number: int) -> Trying:
        start, end = (
            (window.train_start, window.train_end)
            if role == TRIED
            else (window.test_start, window.test_end)
        )
        return Trying(
            name=f"{window.name}_{role}__{one.name}",
            number=number,
            candidate=one,
            role=role,
            window=(int(start.value), int(end.value)),
            facts={"window": window.number, "candidate": one.name},
        )

    def _chosen(
        self, course: Course, windows: Sequence[Window], known: Mapping[str, Candidate]
    ) -> list[list[Candidate]]:
        table = course.workflow.phase(self.name).metrics_table()
        found = []
        for window in windows:
            mine = table.filter(
                pc.and_(pc.equal(table["window"], window.number), pc.equal(table["role"], TRIED))
            )
            rows = self.selection.choose(mine)
            found.append([known[row["candidate"]] for row in rows])
        if not any(found):
            raise ConfigError(
                "walk_forward",
                self.selection.by,
                "no trial of any window has a value of it; give longer windows, or a condition "
                "that some meet",
            )
        return found


def out_of_sample(table: pa.Table) -> dict[str, Any]:
    """Return what the tests of all windows came to, one after the other.

    Where several were chosen in a window, each got an equal share of the money in it.
    """
    tested = [row for row in table.to_pylist() if row["role"] == TESTED and row["days"]]
    by_window: dict[int, list[pd.Series[float]]] = {}
    for row in tested:
        series = pd.Series(row["returns"], index=row["days"], dtype=np.float64)
        by_window.setdefault(row["window"], []).append(series)
    shares = [pd.concat(many, axis=1).fillna(0.0).mean(axis=1) for many in by_window.values()]
    if not shares:
        return {"windows": 0, "days": 0, "total_return": nan, "sharpe": nan}
    returns = pd.concat(shares).sort_index().to_numpy(np.float64)
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    return {
        "windows": len(by_window),
        "days": len(returns),
        "total_return": float(np.prod(1.0 + returns) - 1.0),
        "sharpe": float(returns.mean()) / spread * sqrt(_DAYS_PER_YEAR) if spread else nan,
    }


def _span(candidates: Sequence[Candidate]) -> tuple[pd.Timestamp, pd.Timestamp]:
    """Return from where to where all candidates have data."""
    spans = {span_of(one.signals) for one in candidates}
    start, end = max(first for first, _ in spans), min(last for _, last in spans)
    return pd.Timestamp(start, unit="ns", tz="UTC"), pd.Timestamp(end + 1, unit="ns", tz="UTC")


def _told(window: Window) -> dict[str, Any]:
    return {
        "window": window.number,
        "train": [window.train_start.isoformat(), window.train_end.isoformat()],
        "test": [window.test_start.isoformat(), window.test_end.isoformat()],
    }
