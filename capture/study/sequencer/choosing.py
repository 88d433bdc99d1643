"""The phase that selects: some trials of another phase go on, by what they came to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from capture.analysis.selection import judge
from capture.errors import ConfigError
from capture.study.results.trial import SETTING, TrialResult
from capture.study.results.trials import ROLE, trials_in
from capture.study.sequencer.course import Fed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.study.sequencer.course import Course
    from capture.study.sequencer.selecting import Selection

__all__ = ["CHOSEN", "Selects"]

CHOSEN: Final = "chosen"
"""The role of a row that repeats what was tried before."""

_KNOWN: Final = frozenset({"number", "trial", "status", "error", "days", "returns"})


@dataclass(frozen=True, kw_only=True)
class Selects:
    """A phase that chooses among the trials of another.

    Attributes:
        name: what it is called.
        source: the phase that tried them.
        selection: which are chosen.
    """

    name: str
    source: str
    selection: Selection

    @property
    def needs(self) -> tuple[str, ...]:
        """The phase that it feeds on."""
        return (self.source,)

    def described(self) -> dict[str, Any]:
        """Return everything that its result depends on."""
        return {"phase": "select", "source": self.source, **asdict(self.selection)}

    def run(self, course: Course) -> Fed:
        """Choose, note what was chosen, and hand it on."""
        candidates = {one.name: one for one in course.candidates(self.source)}
        rows = self.selection.choose(course.workflow.phase(self.source).metrics_table())
        if not rows:
            condition = f" that meets {self.selection.where!r}" if self.selection.where else ""
            raise ConfigError(
                "select",
                self.selection.by,
                f"no trial of {self.source} has a value of it{condition}",
            )
        with course.collect(self.name) as collector:
            for number, row in enumerate(rows):
                collector.add(_chosen(number, row))
            collector.finish(planned=len(rows), selection=_judged(course, rows[0]["trial"]))
        return Fed(candidates=tuple(candidates[row["trial"]] for row in rows))


def _judged(course: Course, chosen: str) -> dict[str, Any] | None:
    """Return what the best of the chosen is worth, given all that was tried so far in the workflow.

    None where trials have no returns, as on bars without times.
    """
    # Not what came later: a workflow that is resumed says the same.
    before = list(course.fed)
    trials = trials_in(course.results, [course.workflow.workflow_id], phases=before)
    if chosen not in {one.name for one in trials.measured}:
        return None
    report = judge(trials, chosen=chosen)
    return {
        "chosen": chosen,
        "trials": report.trials,
        "executions": report.executions,
        "independent": report.independent,
        "probabilistic": report.chosen.probabilistic if report.chosen else None,
        "deflated": report.deflated,
        "overfitting": None if report.overfitting is None else report.overfitting.probability,
    }


def _chosen(number: int, row: Mapping[str, Any]) -> TrialResult:
    settings = {n.removeprefix(SETTING): v for n, v in row.items() if n.startswith(SETTING)}
    metrics = {n: v for n, v in row.items() if n not in _KNOWN and not n.startswith(SETTING)}
    return TrialResult(
        trial=row["trial"],
        number=number,
        settings=settings,
        metrics={**metrics, ROLE: CHOSEN},
        days=row["days"],
        returns=row["returns"],
    )
