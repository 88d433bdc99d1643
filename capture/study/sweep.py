"""`sweep`: one recording under every point of a grid, as a workflow of one phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc

from capture.analysis.results import Result
from capture.analysis.selection import judge
from capture.host import get_host
from capture.study.grid import Grid
from capture.study.heatmap import heat_map
from capture.study.objectives import DEFAULT
from capture.study.results.store import HybridResultStore
from capture.study.results.trial import OK, SETTING
from capture.study.results.trials import trials_in
from capture.study.sequencer.candidates import signals_in
from capture.study.sequencer.course import quiet
from capture.study.sequencer.replaying import Portfolios, Replays
from capture.study.sequencer.selecting import Selection
from capture.study.sequencer.sequencer import Sequencer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from capture.analysis.selection import SelectionReport
    from capture.contracts.executor import Executor
    from capture.store.recording import Recording
    from capture.study.heatmap import HeatMap
    from capture.study.sequencer.course import Progress

__all__ = ["PHASE", "Sweep", "direction_of", "sweep", "sweep_of"]

PHASE: Final = "replay"
"""Name of the one phase."""


@dataclass(frozen=True, eq=False)
class Sweep(Result):
    """What came of a sweep.

    Attributes:
        workflow_id: its identity in the store of results.
        objective: what decides.
        direction: "maximise" or "minimise".
        metrics: a row per trial, in order of the grid.
        results: the store of results.
    """

    title: ClassVar[str] = "Sweep"

    workflow_id: str
    objective: str
    direction: str
    metrics: pa.Table
    results: HybridResultStore = field(repr=False)

    def __len__(self) -> int:
        return int(self.metrics.num_rows)

    @property
    def failed(self) -> list[dict[str, Any]]:
        """The rows of trials that came to nothing, with their errors."""
        rows: list[dict[str, Any]] = self.metrics.filter(
            pc.not_equal(self.metrics["status"], OK)
        ).to_pylist()
        return rows

    @property
    def by_events(self) -> list[str]:
        """The settings for which trials were made event by event, if any were."""
        if "because" not in self.metrics.column_names:
            return []
        said = {name for name in self.metrics["because"].to_pylist() if name}
        return sorted({word for name in said for word in name.split(", ")})

    def best(self, top: int = 1) -> list[dict[str, Any]]:
        """Return the rows of the best trials, the best first; of equal ones the first."""
        if self.objective not in self.metrics.column_names:
            return []  # every trial failed
        chosen = Selection(by=self.objective, top=top, direction=self.direction)
        return chosen.choose(self.metrics)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per trial, without its daily returns."""
        frame: pd.DataFrame = self._bare().to_pandas()
        return frame

    def _bare(self) -> pa.Table:
        return self.metrics.select(
            [name for name in self.metrics.column_names if name not in ("days", "returns")]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values: the best trial, and a row per trial without its returns."""
        return {
            "workflow_id": self.workflow_id,
            "objective": self.objective,
            "direction": self.direction,
            "trials": len(self),
            "failed": len(self.failed),
            "by_events": self.by_events,
            "best": next(iter(self.best()), {}).get("trial"),
            "rows": self._bare().to_pylist(),
        }

    def summary(self) -> str:
        """Say what the best trial is."""
        said = f"{len(self):,} trials, {len(self.failed):,} failed"
        best = self.best()
        if not best:
            return f"{said}; none has a {self.objective}."
        return f"{said}; best {self.objective} {best[0][self.objective]:.6g}: {best[0]['trial']}"

    def heat_map(self, x: str | None = None, y: str | None = None) -> HeatMap:
        """Return the objective over two settings; those with the most values by default."""
        return heat_map(self.metrics, self.objective, x=x, y=y, direction=self.direction)

    def judge(self, **how: Any) -> SelectionReport:
        """Return what the best trial is worth, all trials of this sweep counted, each once."""
        trials = trials_in(self.results, [self.workflow_id], phases=[PHASE])
        return judge(trials, **how)

    def settings_of(self, trial: str) -> dict[str, Any]:
        """Return the settings of a trial that are not the default."""
        (row,) = self.metrics.filter(pc.equal(self.metrics["trial"], trial)).to_pylist()
        return {
            name.removeprefix(SETTING): value
            for name, value in row.items()
            if name.startswith(SETTING) and value is not None
        }


def sweep(  # noqa: PLR0913 - each is a word that a user may say
    recording: Recording,
    grid: Any,
    *,
    portfolios: Mapping[str, Mapping[str, Any]] | None = None,
    objectives: Sequence[str] | None = None,
    by: str | None = None,
    strategies: Iterable[str] | None = None,
    filters: Mapping[str, Any] | None = None,
    event_driven: bool = False,
    results: str | Path | HybridResultStore = "results",
    workflow_id: str | None = None,
    resume: bool = False,
    executor: str | Executor = "serial",
    workers: int | None = None,
    keep: Collection[str] = (),
    progress: Progress = quiet,
    flush_seconds: float = 5.0,
) -> Sweep:
    """Replay a recording into a portfolio under every point of a grid.

    Args:
        recording: a run that has ended.
        grid: settings with their values, as `Grid` takes them; a `Grid`; or points of one, such as
            a random part of it.
        portfolios: settings by name, on top of which come those of the grid.
        objectives: what is computed of each trial; the usual ones by default.
        by: the objective that decides; the first of `objectives`, or the Sharpe ratio.
        strategies: which strategies of the recording, one after the other; all by default.
        filters: what is left out of the signals: `symbols`, `start`, `end`, `where`, `regime`,
            `boundary`; and `force`, as in `.into(...)`.
        event_driven: replay event by event also what the sparse replay can do.
        results: where results go.
        workflow_id: identity of the sweep in the store of results; a new one by default.
        resume: go on with the sweep of this identity.
        executor: the name of an executor, or one that is open.
        workers: how many workers it has.
        keep: what is kept of each trial beside its metrics: "trades", "events".
        progress: shows how far it has come.
        flush_seconds: how long results may wait in memory; a killed process loses these alone.

    Example:
        ```python
        found = sweep(recording, {"size": [1, 2, 5], "commission_rate": [0, 0.001]})
        found.best(), found.heat_map(), found.judge()
        ```
    """
    measured = _measured(objectives, by)
    signals = signals_in(recording, strategies=strategies, **(filters or {}))
    phase = Replays(
        name=PHASE,
        portfolios=Portfolios(
            signals=tuple(signals), portfolios=portfolios or {}, points=_points(grid)
        ),
        objectives=measured,
        event_driven=event_driven,
    )
    course = Sequencer(
        phases=[phase],
        results=results,
        name=f"sweep-{recording.manifest['strategy']}",
        workflow_id=workflow_id,
        kind="sweep",
        executor=executor,
        workers=workers,
        keep=keep,
        inputs=[{"store": str(recording.store.url), "run": recording.run_id}],
        progress=progress,
        flush_seconds=flush_seconds,
    )
    found = course.run(resume=resume)
    return sweep_of(course.store, found.workflow_id, by or measured[0])


def sweep_of(results: HybridResultStore, workflow_id: str, by: str) -> Sweep:
    """Return a sweep that is in a store of results."""
    workflow = results[workflow_id]
    table = workflow.phase(PHASE).metrics_table()
    return Sweep(workflow.workflow_id, by, direction_of(by), table, results)


def direction_of(name: str) -> str:
    """Return whether the best value of an objective is its highest or its lowest."""
    return str(get_host().objective(name).direction)


def _points(grid: Any) -> tuple[Mapping[str, Any], ...]:
    if isinstance(grid, Mapping):
        grid = Grid(grid)
    return tuple(dict(point) for point in grid)


def _measured(objectives: Sequence[str] | None, by: str | None) -> list[str]:
    """Return what is computed: what was asked for, and what decides."""
    names = list(DEFAULT if objectives is None else objectives)
    if objectives is None:
        names.sort(key=lambda name: name != _USUAL)
    if by is not None and by not in names:
        names.insert(0, by)
    for name in names:
        get_host().objective(name)  # one that is not there is told before anything runs
    return names


_USUAL: Final = "sharpe"
"""What decides unless something else is said."""
