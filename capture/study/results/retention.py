"""Retention: how long each kind of results is kept, told before anything is removed."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from capture.analysis.results import Result
from capture.errors import ConfigError, StoreError
from capture.store.records import now_text
from capture.study.results.layout import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from capture.study.results.layout import WorkflowLayout
    from capture.study.results.store import HybridResultStore, WorkflowResults

__all__ = ["Removal", "RetentionPlan", "RetentionPolicy", "plan_retention", "remove"]

_AGE: Final = re.compile(r"(\d+)\s*(d|days?|w|weeks?|y|years?)")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_NEEDS: Final = {"events": "metrics", "trades": "metrics", "metrics": "summaries"}
_FOR_EVER: Final = (None, "for ever", "forever")


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """How long each kind of data is kept after its workflow has ended; None is for ever.

    Attributes:
        events: lines of what happened.
        trades: tables of trades.
        metrics: tables of metrics.
        summaries: what is left then: metadata and summary; with them a workflow is gone.

    Example:
        ```python
        RetentionPolicy(events="7d", trades="90d", metrics="365d")
        ```
    """

    events: str | timedelta | None = None
    trades: str | timedelta | None = None
    metrics: str | timedelta | None = None
    summaries: str | timedelta | None = None

    def __post_init__(self) -> None:
        """Read ages that are written as text, and refuse what makes no sense."""
        for field in fields(self):
            object.__setattr__(self, field.name, _age(field.name, getattr(self, field.name)))
        for kind, needs in _NEEDS.items():
            age, limit = self.age(kind), self.age(needs)
            if limit is not None and (age is None or age > limit):
                raise ConfigError(
                    needs,
                    f"{limit.days}d",
                    f"{kind} would be kept longer than the {needs} that say what they are",
                )

    def age(self, kind: str) -> timedelta | None:
        """Return how long a kind is kept; None for ever."""
        age: timedelta | None = getattr(self, kind)
        return age

    @classmethod
    def from_mapping(cls, said: Mapping[str, Any]) -> RetentionPolicy:
        """Make a policy of a mapping such as a file holds; an unknown kind is refused."""
        for name, value in said.items():
            if name not in KINDS:
                raise ConfigError(name, value, f"there are these kinds: {', '.join(KINDS)}")
        return cls(**said)


@dataclass(frozen=True)
class Removal:
    """Something that is older than the policy keeps it.

    Attributes:
        workflow_id: whose it is.
        kind: one of events, trades, metrics and summaries.
        age_days: how long ago the workflow ended.
        size_bytes: how much room it takes.
        files: how many files it is.
        held: why it stays all the same; empty if it goes.
    """

    workflow_id: str
    kind: str
    age_days: int
    size_bytes: int
    files: int
    held: str


@dataclass(frozen=True)
class RetentionPlan(Result):
    """What a policy would remove, and what it would if nothing held it.

    Attributes:
        removals: a row per workflow and kind.
    """

    title = "Retention"

    removals: tuple[Removal, ...]

    @property
    def going(self) -> tuple[Removal, ...]:
        """What would be removed."""
        return tuple(one for one in self.removals if not one.held)

    @property
    def size_bytes(self) -> int:
        """How much room that would make."""
        return sum(one.size_bytes for one in self.going)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per workflow and kind."""
        import pandas as pd

        return pd.DataFrame(list(self.removals), columns=[f.name for f in fields(Removal)])

    def summary(self) -> str:
        """Say how much would go."""
        held = len(self.removals) - len(self.going)
        said = f"{len(self.going)} to remove, {self.size_bytes:,} bytes"
        return f"{said}; {held} held." if held else f"{said}."


def plan_retention(
    results: HybridResultStore, policy: RetentionPolicy, *, now: datetime | None = None
) -> RetentionPlan:
    """Return what a policy would remove; nothing is touched."""
    moment = now or datetime.now(UTC)
    workflows = [results[name] for name in results]
    held = _held(workflows)
    found = []
    for workflow in workflows:
        ended = _ended(workflow)
        for kind in KINDS:
            limit = policy.age(kind)
            if ended is None or limit is None or moment - ended <= limit:
                continue
            files = list(_files(workflow.layout, kind))
            if files:
                size = sum(path.stat().st_size for path in files)
                age = (moment - ended).days
                why = held.get(workflow.workflow_id, "")
                found.append(Removal(workflow.workflow_id, kind, age, size, len(files), why))
    return RetentionPlan(tuple(found))


def remove(results: HybridResultStore, plan: RetentionPlan) -> tuple[Removal, ...]:
    """Remove what a plan says, and return what was removed.

    What has come to be held since the plan was made stays. A workflow that is being written or was
    removed meanwhile is left alone.
    """
    gone = []
    for one in plan.going:
        if one.workflow_id not in results:
            continue
        held = _held([results[name] for name in results])
        if one.workflow_id in held:
            continue
        with results.writing(one.workflow_id) as workflow:
            _remove(workflow.layout, one.kind)
        gone.append(one)
    return tuple(gone)


def _remove(layout: WorkflowLayout, kind: str) -> None:
    if kind == "summaries":
        layout.metadata.unlink()  # without it, it is no workflow any more
        shutil.rmtree(layout.folder)
        return
    # Said first: who reads in between hears that it was removed, not that it was damaged.
    with layout.removed.open("a", encoding="utf-8") as record:
        record.write(json.dumps({"kind": kind, "removed": now_text()}) + "\n")
    for path in list(_files(layout, kind)):
        path.unlink(missing_ok=True)


def _files(layout: WorkflowLayout, kind: str) -> Iterator[Path]:
    if kind == "summaries":
        yield from (path for path in layout.folder.rglob("*") if path.is_file())
        return
    for name in layout.phase_names():
        phase = layout.phase(name)
        match kind:
            case "events":
                yield from phase.events.glob("*.jsonl.gz")
            case "trades":
                yield from filter(_is_there, (phase.trades, *phase.parts.glob("*.trades.parquet")))
            case "metrics":
                found = (phase.metrics, *phase.parts.glob("*.metrics.parquet"))
                yield from filter(_is_there, found)


def _is_there(path: Path) -> bool:
    return path.exists()


def _held(workflows: Iterable[WorkflowResults]) -> dict[str, str]:
    """Return which workflows stay as they are, and why: those in use, and all that they read."""
    known = {workflow.workflow_id: workflow for workflow in workflows}
    held = {name: why for name, workflow in known.items() if (why := _reason(workflow))}
    waiting = list(held)
    while waiting:
        name = waiting.pop()
        for parent in _parents(known[name]):
            if parent in known and parent not in held:
                held[parent] = f"{name} needs it"
                waiting.append(parent)
    return held


def _reason(workflow: WorkflowResults) -> str:
    if workflow.kept:
        return "kept"
    state = workflow.state
    return "" if state == "ended" else f"{state}: its results are not complete"


def _parents(workflow: WorkflowResults) -> list[str]:
    try:
        parents: list[str] = workflow.metadata["parents"]
    except StoreError:  # damaged: it needs nothing that anybody could name
        return []
    return parents


def _ended(workflow: WorkflowResults) -> datetime | None:
    """Return when a workflow ended; one that has not is as old as its last word."""
    try:
        said = workflow.summary or workflow.metadata
    except StoreError:
        return None  # it is damaged, and whoever looks after it wants to see it
    return datetime.fromisoformat(said["ended"] if "ended" in said else said["created"])


def _age(kind: str, said: Any) -> timedelta | None:
    if said in _FOR_EVER:
        return None
    if isinstance(said, timedelta):
        return said
    found = _AGE.fullmatch(str(said).strip())
    if not found:
        raise ConfigError(kind, said, "say an age such as 7d, 12w or 2y, or `forever`")
    return timedelta(days=int(found[1]) * _DAYS[found[2][0]])
