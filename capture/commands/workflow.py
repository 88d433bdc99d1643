"""Running a workflow from the command line, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from capture.commands.terminal.document import write
from capture.commands.terminal.screen import Screen, progress
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import count, of_bytes, plural, safe
from capture.commands.words import NOT_CLEAN
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from capture.study.results.retention import RetentionPlan
    from capture.study.results.store import WorkflowResults
    from capture.study.sequencer.sequencer import Sequencer
    from capture.study.sequencer.workflow import Workflow

__all__ = ["run_workflow"]

_MOST_ERRORS: Final = 5


def run_workflow(
    place: Path,
    store: str,
    *,
    as_json: bool,
    executor: str | None,
    workers: int | None,
    results: str | None,
    workflow_id: str | None,
    resume: bool,
) -> None:
    """Run the workflow of a file and say what it came to.

    Args:
        place: the file.
        store: where signals are recorded by a phase that does not say it.
        as_json: answer with one document.
        executor: who works, instead of what the file says.
        workers: how many workers, likewise.
        results: where results go, likewise.
        workflow_id: identity of the workflow; a new one by default.
        resume: go on with the workflow of this identity.
    """
    from capture.study.results.retention import plan_retention, remove
    from capture.study.sequencer.workflow import read_workflow

    if resume and not workflow_id:
        raise ConfigError("resume", True, "name the workflow: --id ID")
    workflow = read_workflow(place, store=store)
    sequencer = _sequencer(workflow, executor, workers, results, workflow_id)
    found = sequencer.run(resume=resume)
    plan = plan_retention(sequencer.store, workflow.retention)
    gone = remove(sequencer.store, plan) if workflow.model.results.delete else ()
    records = {name: found.phase(name).record for name in found.phases()}
    failed = sum(record.get("failed", 0) for record in records.values())
    if as_json:
        write(
            {
                "workflow_id": found.workflow_id,
                "results": str(sequencer.store.root),
                "phases": records,
                "failed": failed,
                "retention": {**plan.to_dict(), "deleted": len(gone)},
            }
        )
    else:
        _draw(found, records, plan, deleted=len(gone))
    if failed:
        raise click.exceptions.Exit(NOT_CLEAN)


def _sequencer(
    workflow: Workflow,
    executor: str | None,
    workers: int | None,
    results: str | None,
    workflow_id: str | None,
) -> Sequencer:
    from capture.study.sequencer.sequencer import Sequencer
    from capture.study.sequencer.workflow import run_options

    model = workflow.model
    options = run_options(model)
    if executor is not None:
        options = {"executor": executor, "workers": workers}
    elif workers is not None:
        options["workers"] = workers
    return Sequencer(
        phases=workflow.phases,
        results=results or model.results.store,
        name=model.workflow,
        workflow_id=workflow_id,
        keep=model.results.keep,
        progress=progress,
        **options,
    )


def _draw(
    found: WorkflowResults,
    records: Mapping[str, Mapping[str, Any]],
    plan: RetentionPlan,
    *,
    deleted: int,
) -> None:
    screen = Screen()
    screen.text(safe(found.workflow_id), "bold")
    screen.text()
    screen.table(_table(records))
    for name, record in records.items():
        for line in _said(record):
            screen.text(safe(f"{name}: {line}"))
    _draw_failures(found, records, screen)
    screen.text()
    screen.text(f"Kept in {safe(found.layout.folder)}")
    if plan.going:
        said = f"{plural(len(plan.going), 'item')} ({of_bytes(plan.size_bytes)})"
        verb = "were removed" if deleted else "are older than they are to be kept; see capture gc"
        screen.text(f"{said} {verb}")


def _table(records: Mapping[str, Mapping[str, Any]]) -> Table:
    rows = list(records.values())
    return Table.of(
        Column("PHASE", [safe(name) for name in records]),
        Column("TRIALS", [_count(row, "trials") for row in rows], right=True),
        Column("FAILED", [_count(row, "failed") for row in rows], right=True),
        Column("TRADES", [_count(row, "trades") for row in rows], right=True),
        Column("RUN", [safe(row.get("run", "")) for row in rows], rank=1),
    )


def _count(row: Mapping[str, Any], name: str) -> str:
    return count(row[name]) if name in row else ""


def _said(record: Mapping[str, Any]) -> Sequence[str]:
    """Return what the record of a phase says in words."""
    said = []
    selection = record.get("selection")
    if selection:
        worth = f"above luck with {_share(selection['deflated'])}"
        said.append(f"{selection['chosen']}, the best of {selection['trials']:,} trials: {worth}")
    tests = record.get("tests")
    if tests:
        said.append(
            f"tests of {plural(tests['windows'], 'window')}, one after the other: return "
            f"{_share(tests['total_return'])}, Sharpe ratio {_number(tests['sharpe'])}"
        )
    return said


def _share(value: Any) -> str:
    return f"{value:.1%}" if isinstance(value, float) else "unknown"


def _number(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else "unknown"


def _draw_failures(
    found: WorkflowResults, records: Mapping[str, Mapping[str, Any]], screen: Screen
) -> None:
    for name, record in records.items():
        if not record.get("failed"):
            continue
        rows = found.phase(name).metrics_table().select(["trial", "error"]).to_pylist()
        errors = [row for row in rows if row["error"]]
        screen.heading(f"{plural(len(errors), 'trial')} of {safe(name)} failed")
        for row in errors[:_MOST_ERRORS]:
            screen.text(safe(f"{row['trial']}: {row['error']}"), "red")
