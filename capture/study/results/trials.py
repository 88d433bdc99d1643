"""Trials of workflows, as the judgement of a selection counts them: each once.

A trial is one set of signals under one set of settings over one stretch of data. Whoever chooses
among trials must count all of them, and none twice: a trial that was resumed or repeated in a later
phase or workflow is the same trial, and what was only tested after it was chosen is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from capture.analysis.selection.trials import Trial, Trials
from capture.errors import StoreError
from capture.study.results.trial import OK, SETTING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from capture.study.results.store import HybridResultStore

__all__ = ["KEY", "ROLE", "TRIED", "trials_in"]

KEY: Final = "key"
"""Column of what makes a trial the same trial: a hash of signals, settings and data."""

ROLE: Final = "role"
"""Column of what a row is for."""

TRIED: Final = "tried"
"""The role of a row that something was chosen from."""


def trials_in(
    results: HybridResultStore,
    workflows: Iterable[str] | None = None,
    *,
    phases: Iterable[str] | None = None,
) -> Trials:
    """Return what was tried, ready for `capture.analysis.selection.judge`.

    Args:
        results: the store.
        workflows: which workflows; all of them by default.
        phases: which of their phases; all by default.
    """
    found: dict[str, Trial] = {}
    executions, unreadable = 0, []
    wanted = None if phases is None else set(phases)
    for workflow_id in results if workflows is None else workflows:
        try:
            for key, trial in _of_workflow(results, workflow_id, wanted):
                executions += 1
                known = found.get(key)
                if known is None or len(known.returns) < 2 <= len(trial.returns):
                    found[key] = trial
        except StoreError:
            unreadable.append(workflow_id)
    return Trials(tuple(found.values()), executions, tuple(unreadable))


def _of_workflow(
    results: HybridResultStore, workflow_id: str, wanted: set[str] | None
) -> Iterator[tuple[str, Trial]]:
    workflow = results[workflow_id]
    for name in workflow.phases():
        if wanted is not None and name not in wanted:
            continue
        table = workflow.phase(name).metrics_table()
        if KEY not in table.column_names:
            continue
        for row in table.to_pylist():
            if row["status"] == OK and row.get(ROLE) == TRIED:
                yield row[KEY], _trial(workflow_id, row)


def _trial(workflow_id: str, row: Mapping[str, Any]) -> Trial:
    settings = {
        name.removeprefix(SETTING): value
        for name, value in row.items()
        if name.startswith(SETTING) and value is not None
    }
    days = pd.DatetimeIndex(row["days"] or [], tz="UTC")
    returns = pd.Series(row["returns"] or [], index=days, dtype=np.float64)
    return Trial(row["trial"], workflow_id, row["number"], settings, returns)
