"""One course of a workflow through its phases: where results go, and what phases feed on."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from capture.contracts.executor import Executor
    from capture.study.results.collector import ResultCollector
    from capture.study.results.store import HybridResultStore, WorkflowWriter
    from capture.study.sequencer.candidates import Candidate, SignalsOf

    Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]

__all__ = ["Course", "Fed", "Phase", "quiet"]


@dataclass(frozen=True)
class Fed:
    """What a phase hands on.

    Attributes:
        signals: signals that were recorded.
        candidates: what was tried, or chosen.
    """

    signals: tuple[SignalsOf, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class Phase(Protocol):
    """One step of a workflow. It writes results under its name, and hands something on."""

    @property
    def name(self) -> str:
        """What it is called; also the name of its folder."""
        ...

    @property
    def needs(self) -> tuple[str, ...]:
        """The phases that it feeds on."""
        ...

    def described(self) -> dict[str, Any]:
        """Return everything that its results depend on, in plain values."""
        ...

    def run(self, course: Course) -> Fed:
        """Do what is not done yet, and return what it hands on."""
        ...


@contextmanager
def quiet(_doing: str, _total: int) -> Iterator[Callable[[int], None]]:
    """Show no progress."""
    yield lambda _steps: None


@dataclass
class Course:
    """What the phases of one workflow share while they run.

    Attributes:
        results: the store of results.
        workflow: takes results.
        executor: runs trials.
        keep: which kinds of results are kept beside metrics: trades, events.
        progress: shows how far a phase has come.
        flush_seconds: how long results may wait in memory.
        fed: what the phases so far handed on.
    """

    results: HybridResultStore
    workflow: WorkflowWriter
    executor: Executor
    keep: frozenset[str] = frozenset()
    progress: Progress = quiet
    flush_seconds: float = 5.0
    fed: dict[str, Fed] = field(default_factory=dict)

    def collect(self, phase: str) -> AbstractContextManager[ResultCollector]:
        """Collect the results of a phase."""
        return self.workflow.collect(phase, buffer_seconds=self.flush_seconds)

    def candidates(self, phase: str) -> tuple[Candidate, ...]:
        """Return what a phase tried or chose."""
        found = self.fed[phase].candidates
        if not found:
            raise ConfigError(
                "from", phase, "this phase hands on no trials; name one that replays or selects"
            )
        return found
