"""`Sequencer`: runs the phases of a workflow, each fed by what the others came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from capture.errors import ConfigError, StoreError, UnknownName
from capture.study.executors.running import open_executor
from capture.study.results.layout import check_name
from capture.study.results.store import HybridResultStore, new_workflow_id
from capture.study.sequencer.course import Course, quiet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from capture.contracts.executor import Executor
    from capture.study.results.store import WorkflowResults
    from capture.study.sequencer.course import Phase, Progress

__all__ = ["KEEPS", "Sequencer"]

KEEPS = ("trades", "events")
"""What may be kept of a trial beside its metrics."""


@dataclass(kw_only=True)
class Sequencer:
    """Runs phases in order. Each keeps its results as they come, so that a killed run can go on.

    Attributes:
        phases: what is done, in order; each may feed on those before it.
        results: where results go.
        name: what the workflow is called; also the beginning of its identity.
        workflow_id: its identity; a new one by default.
        kind: what it is, in a word.
        executor: the name of an executor, or one that is open.
        workers: how many workers it has.
        options: further words for the executor.
        keep: what is kept of each trial beside its metrics: "trades", "events".
        inputs: the recordings that it reads, for the record.
        parents: workflows whose results it reads.
        progress: shows how far it has come.
        flush_seconds: how long results may wait in memory; a killed process loses these alone.

    Example:
        ```python
        Sequencer(phases=[replays, selects], results="results", name="study").run()
        ```
    """

    phases: Sequence[Phase]
    results: HybridResultStore | str | Path = "results"
    name: str = "workflow"
    workflow_id: str | None = None
    kind: str = "workflow"
    executor: str | Executor = "serial"
    workers: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    keep: Collection[str] = ()
    inputs: Iterable[Mapping[str, Any]] = ()
    parents: Iterable[str] = ()
    progress: Progress = quiet
    flush_seconds: float = 5.0

    def __post_init__(self) -> None:
        """Refuse phases that cannot feed one another."""
        if not isinstance(self.results, HybridResultStore):
            self.results = HybridResultStore(self.results)
        for word in self.keep:
            if word not in KEEPS:
                raise ConfigError("keep", word, f"choose of {', '.join(KEEPS)}")
        self._check_phases()

    def _check_phases(self) -> None:
        names = [check_name("phase", phase.name) for phase in self.phases]
        if not names:
            raise ConfigError("phases", [], "name one phase at least")
        name, count = Counter(names).most_common(1)[0]
        if count > 1:
            raise ConfigError("phases", name, "two phases cannot have the same name")
        for place, phase in enumerate(self.phases):
            for need in phase.needs:
                if need in names[place:]:
                    raise ConfigError("from", need, f"{phase.name} comes before it")
                if need not in names:
                    raise UnknownName("phase", need, names[:place])

    def run(self, *, resume: bool = False) -> WorkflowResults:
        """Run what is not done yet, and return what came of the workflow.

        Args:
            resume: go on with the workflow of this identity, which must have been begun with the
                same phases; what is done is not done again, what failed is tried again.

        Raises:
            StoreError: there is such a workflow already, or none that could be resumed.
        """
        results = self.store
        workflow_id = self.workflow_id or new_workflow_id(self.name)
        known = workflow_id in results
        if known and not resume:
            place = results.layout.workflow(workflow_id).folder
            raise StoreError(
                place, "there is such a workflow already", "resume it, or give this one its own id"
            )
        if resume and not known:
            workflow_id = results[workflow_id].workflow_id  # by the beginning of it, or it is told
        self.workflow_id = workflow_id
        results.begin(
            workflow_id,
            kind=self.kind,
            configuration=self.described(),
            phases=[phase.name for phase in self.phases],
            inputs=self.inputs,
            parents=self.parents,
        )
        with (
            results.writing(workflow_id) as workflow,
            open_executor(self.executor, self.workers, **self.options) as executor,
        ):
            course = Course(
                results,
                workflow,
                executor,
                frozenset(self.keep),
                self.progress,
                self.flush_seconds,
            )
            for phase in self.phases:
                course.fed[phase.name] = phase.run(course)
            workflow.end()
        return results[workflow_id]

    @property
    def store(self) -> HybridResultStore:
        """The store of results."""
        assert isinstance(self.results, HybridResultStore)
        return self.results

    def described(self) -> dict[str, Any]:
        """Return everything that results depend on; not who works, which changes none of them."""
        return {
            "name": self.name,
            "phases": {phase.name: phase.described() for phase in self.phases},
            "keep": sorted(self.keep),
        }
