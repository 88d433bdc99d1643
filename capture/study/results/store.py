"""`HybridResultStore`: what workflows came to, in a folder each."""

from __future__ import annotations

import json
import secrets
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture._version import __version__
from capture.errors import PartBusy, StoreError, did_you_mean
from capture.store.layout import slug
from capture.store.locks import Lock, is_held
from capture.store.records import digest_of, now_text, plain, read_record, write_record
from capture.store.summary_cache import SummaryCache
from capture.study.results.collector import ResultCollector
from capture.study.results.layout import ResultLayout, WorkflowLayout
from capture.study.results.phase import PhaseResults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd

__all__ = ["HybridResultStore", "WorkflowResults", "WorkflowWriter", "new_workflow_id"]

RESULTS_VERSION: Final = 1
# 1: first release

_SUFFIX: Final = "abcdefghijklmnopqrstuvwxyz234567"
_SHOWN: Final = ("workflow_id", "kind", "state", "created", "ended", "phases", "trials", "failed")


def new_workflow_id(name: str) -> str:
    """Return an identity for a workflow that begins now: it sorts by time and says its name."""
    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    return f"{now}-{slug(name)}-{''.join(secrets.choice(_SUFFIX) for _ in range(4))}"


class WorkflowResults:
    """What one workflow came to; every call reads what is there now."""

    def __init__(self, workflow_id: str, layout: WorkflowLayout) -> None:
        """Read from these paths."""
        self.workflow_id: Final = workflow_id
        self.layout: Final = layout

    @property
    def metadata(self) -> dict[str, Any]:
        """What the workflow is: its configuration and its inputs."""
        return read_record(self.layout.metadata)

    @property
    def summary(self) -> dict[str, Any] | None:
        """What came of it; None until it has ended."""
        return read_record(self.layout.summary) if self.layout.summary.exists() else None

    @property
    def state(self) -> str:
        """One of running, ended and interrupted; an interrupted one can be resumed."""
        if is_held(self.layout.lock):
            return "running"
        return "ended" if self.layout.summary.exists() else "interrupted"

    @property
    def kept(self) -> bool:
        """Whether retention leaves it alone because somebody said so."""
        return self.layout.keep.exists()

    def phases(self) -> list[str]:
        """Return the names of its phases, in the order in which they are meant to run."""
        planned = self.metadata["phases"]
        begun = self.layout.phase_names()
        return [n for n in planned if n in begun] + [n for n in begun if n not in planned]

    def phase(self, name: str) -> PhaseResults:
        """Return what a phase came to."""
        if name not in self.layout.phase_names():
            known = self.phases()
            raise StoreError(
                self.layout.folder,
                f'it has no phase "{name}".{did_you_mean(name, known)}',
                f"there are: {', '.join(known) or 'none'}",
            )
        return PhaseResults(name, self.layout.phase(name), self.removed())

    def removed(self) -> dict[str, str]:
        """Return which kinds of data retention took away, and when."""
        if not self.layout.removed.exists():
            return {}
        lines = self.layout.removed.read_text(encoding="utf-8").splitlines()
        records = map(json.loads, filter(None, lines))
        return {record["kind"]: record["removed"] for record in records}


class WorkflowWriter(WorkflowResults):
    """A workflow in the hands of the one who writes it; made by `HybridResultStore.writing`."""

    @contextmanager
    def collect(self, phase: str, **how: Any) -> Iterator[ResultCollector]:
        """Collect the results of a phase.

        Args:
            phase: name of the phase.
            **how: settings of `ResultCollector`.
        """
        with ResultCollector(phase, self.layout.phase(phase), **how) as collector:
            yield collector

    def end(self, **said: Any) -> dict[str, Any]:
        """Note that the workflow has ended; return the summary as written."""
        records = {name: self.phase(name).record for name in self.phases()}
        return write_record(
            self.layout.summary,
            {
                "workflow_id": self.workflow_id,
                "ended": now_text(),
                "trials": sum(one.get("trials", 0) for one in records.values()),
                "failed": sum(one.get("failed", 0) for one in records.values()),
                "phases": records,
                **said,
            },
        )


class HybridResultStore:
    """A folder of workflows: metrics and trades in Parquet, events in lines, an index in SQLite.

    The files are the truth. The index is made again when it is missing or damaged.

    Example:
        ```python
        results = capture.HybridResultStore("results")
        results.workflows()
        results["study-1"].phase("replay").metrics()
        ```
    """

    def __init__(self, root: str | Path) -> None:
        """Use a folder; it is made when the first workflow begins."""
        self.layout: Final = ResultLayout(Path(root).expanduser())
        self._index = SummaryCache(self.layout.index, RESULTS_VERSION, self._summarised)

    @property
    def root(self) -> Path:
        """The folder."""
        return self.layout.root

    def begin(
        self,
        workflow_id: str,
        *,
        kind: str,
        configuration: Mapping[str, Any],
        phases: Iterable[str] = (),
        inputs: Iterable[Mapping[str, Any]] = (),
        parents: Iterable[str] = (),
    ) -> WorkflowResults:
        """Begin a workflow, or go on with one that was begun with the same configuration.

        Args:
            workflow_id: what it is called from now on.
            kind: what it is, in a word.
            configuration: everything that its results depend on, in plain values.
            phases: names of its phases, in order.
            inputs: the recordings that it reads.
            parents: workflows whose results it reads; retention keeps them as long as this one.

        Raises:
            StoreError: one of this name was begun with another configuration.
        """
        layout = self.layout.workflow(workflow_id)
        said = plain(dict(configuration))
        digest = digest_of(said)
        if layout.metadata.exists():
            before = read_record(layout.metadata)
            if before["configuration_sha256"] != digest:
                raise _other_configuration(workflow_id, layout, before["configuration"], said)
            return WorkflowResults(workflow_id, layout)
        layout.phases.mkdir(parents=True, exist_ok=True)
        record = {
            "format_version": RESULTS_VERSION,
            "workflow_id": workflow_id,
            "kind": kind,
            "created": now_text(),
            "configuration": said,
            "configuration_sha256": digest,
            "phases": list(phases),
            "inputs": [dict(one) for one in inputs],
            "parents": list(parents),
            "versions": {"signal-capture": __version__, "python": sys.version.split()[0]},
        }
        write_record(layout.metadata, record)
        return WorkflowResults(workflow_id, layout)

    @contextmanager
    def writing(self, workflow_id: str) -> Iterator[WorkflowWriter]:
        """Be the one who writes a workflow that was begun, for as long as the block lasts."""
        workflow = self[workflow_id]
        try:
            lock = Lock(workflow.layout.lock)
        except PartBusy as exc:
            raise StoreError(
                workflow.layout.folder,
                "another process is at work on this workflow",
                "wait until it has ended; what it has written can be read meanwhile",
            ) from exc
        try:
            yield WorkflowWriter(workflow.workflow_id, workflow.layout)
        finally:
            lock.release()

    @contextmanager
    def collect(self, workflow_id: str, phase: str, **how: Any) -> Iterator[ResultCollector]:
        """Collect the results of a phase; nobody else may write the workflow meanwhile.

        Args:
            workflow_id: a workflow that was begun.
            phase: name of the phase.
            **how: settings of `ResultCollector`.
        """
        with self.writing(workflow_id) as workflow, workflow.collect(phase, **how) as collector:
            yield collector

    def __getitem__(self, workflow_id: str) -> WorkflowResults:
        """Return a workflow by its identity, or by the beginning of it."""
        known = self.layout.workflow_ids()
        found = [workflow_id] if workflow_id in known else []
        found = found or [name for name in known if name.startswith(workflow_id)]
        if len(found) == 1 and workflow_id:
            return WorkflowResults(found[0], self.layout.workflow(found[0]))
        if found:
            raise StoreError(
                self.root, f'"{workflow_id}" could be {" or ".join(found[:3])}', "say more of it"
            )
        raise StoreError(
            self.root,
            f'there is no workflow "{workflow_id}".{did_you_mean(workflow_id, known)}',
            f"there are: {', '.join(known[-5:]) or 'none'}",
        )

    def __iter__(self) -> Iterator[str]:
        """Yield the identities of the workflows."""
        return iter(self.layout.workflow_ids())

    def __contains__(self, workflow_id: object) -> bool:
        return workflow_id in self.layout.workflow_ids()

    def summaries(self) -> list[dict[str, Any]]:
        """Return a few facts on every workflow, in order of their identities."""
        stamps = {name: self._stamp(name) for name in self}
        return [
            {**summary, "state": WorkflowResults(name, self.layout.workflow(name)).state}
            if summary["state"] != "corrupt"
            else summary
            for name, summary in self._index.up_to_date(stamps).items()
        ]

    def workflows(self) -> pd.DataFrame:
        """Return one row per workflow."""
        import pandas as pd

        return pd.DataFrame(self.summaries(), columns=list(_SHOWN))

    def reindex(self) -> int:
        """Make the index again from the files; return how many workflows there are."""
        self._index.forget()
        return len(self.summaries())

    def keep(self, workflow_id: str, *, keep: bool = True) -> None:
        """Let retention leave a workflow alone, or no longer."""
        place = self[workflow_id].layout.keep
        if keep:
            place.touch()
        else:
            place.unlink(missing_ok=True)

    def _stamp(self, workflow_id: str) -> str:
        layout = self.layout.workflow(workflow_id)
        stamps = []
        for path in (layout.metadata, layout.summary):
            found = path.stat() if path.exists() else None
            stamps.append(f"{found.st_size}-{found.st_mtime_ns}" if found else "none")
        return "/".join(stamps)

    def _summarised(self, workflow_id: str) -> dict[str, Any]:
        workflow = WorkflowResults(workflow_id, self.layout.workflow(workflow_id))
        empty = dict.fromkeys(_SHOWN)
        try:
            metadata, summary = workflow.metadata, workflow.summary or {}
        except StoreError:
            return {**empty, "workflow_id": workflow_id, "state": "corrupt"}
        return {
            "workflow_id": workflow_id,
            "kind": metadata["kind"],
            "state": "",
            "created": metadata["created"],
            "ended": summary.get("ended"),
            "phases": len(metadata["phases"]),
            "trials": summary.get("trials"),
            "failed": summary.get("failed"),
        }


def _other_configuration(
    workflow_id: str, layout: WorkflowLayout, before: Mapping[str, Any], now: Mapping[str, Any]
) -> StoreError:
    differs = sorted(
        name for name in {*before, *now} if before.get(name, _ABSENT) != now.get(name, _ABSENT)
    )
    return StoreError(
        layout.folder,
        f"{workflow_id} was begun with another configuration ({', '.join(differs)} differ)",
        "give this one another name, or resume it as it was",
    )


_ABSENT: Final = object()
