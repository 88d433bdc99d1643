"""Trying candidates: what is not done goes to the executor, results are kept as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capture.contracts.executor import Task, name_of
from capture.study.executors.running import run_tasks
from capture.study.results.trial import TrialResult
from capture.study.results.trials import KEY, ROLE, TRIED
from capture.study.sequencer.evaluating import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.contracts.executor import Failure
    from capture.study.executors.running import Outcome
    from capture.study.results.collector import ResultCollector
    from capture.study.sequencer.candidates import Candidate
    from capture.study.sequencer.course import Course

__all__ = ["Trying", "try_all"]

_PARAM = "param_"


@dataclass(frozen=True, kw_only=True)
class Trying:
    """One trial that is to be made.

    Attributes:
        name: what it is called in the table of its phase.
        number: its place there.
        candidate: what is tried.
        role: what its result is for.
        window: first moment and moment after the last of what it sees, in nanoseconds; None for
            all.
        facts: further columns of its row.
    """

    name: str
    number: int
    candidate: Candidate
    role: str = TRIED
    window: tuple[int, int] | None = None
    facts: Mapping[str, Any] | None = None

    def columns(self) -> dict[str, Any]:
        """Return what its row says beside settings and metrics."""
        one = self.candidate
        return {
            KEY: one.key(self.window),
            ROLE: self.role,
            "strategy": one.signals.strategy,
            "portfolio": one.portfolio or None,
            **{f"{_PARAM}{name}": value for name, value in one.signals.params.items()},
            **(self.facts or {}),
        }


def try_all(
    course: Course,
    collector: ResultCollector,
    tryings: Sequence[Trying],
    *,
    objectives: Sequence[str],
    event_driven: bool,
) -> None:
    """Make the trials that have no result yet.

    Args:
        course: who works.
        collector: takes the results.
        tryings: the trials.
        objectives: what is computed of each.
        event_driven: let every event happen, also where the quick way would do.
    """
    waiting = {one.name: one for one in tryings if one.name not in collector.done}
    tasks = [
        Task(
            one.name,
            name_of(evaluate),
            {
                "signals": one.candidate.signals.arguments(),
                "settings": dict(one.candidate.settings),
                "window": one.window,
                "objectives": list(objectives),
                "event_driven": event_driven,
                "keep": sorted(course.keep),
            },
        )
        for one in waiting.values()
    ]
    with course.progress(collector.phase, len(tasks)) as advance:
        for outcome in run_tasks(tasks, course.executor):
            collector.add(_result(waiting[outcome.task.key], outcome))
            advance(1)


def _result(trying: Trying, outcome: Outcome) -> TrialResult:
    said: dict[str, Any] = {
        "trial": trying.name,
        "number": trying.number,
        "settings": trying.candidate.settings,
    }
    columns = trying.columns()
    if outcome.failure is not None:
        event = _failed(trying, outcome.failure)
        error = f"{outcome.failure.kind}: {outcome.failure.message}"
        return TrialResult(**said, metrics=columns, error=error, events=[event])
    value = outcome.value
    return TrialResult(
        **said,
        metrics={**columns, **value["metrics"]},
        trades=value.get("trades"),
        events=value.get("events", ()),
        days=value.get("days"),
        returns=value.get("returns"),
    )


def _failed(trying: Trying, failure: Failure) -> dict[str, Any]:
    return {
        "kind": "failure",
        "error": failure.kind,
        "message": failure.message,
        "traceback": failure.traceback,
        "settings": dict(trying.candidate.settings),
        "signals": trying.candidate.signals.arguments(),
    }
