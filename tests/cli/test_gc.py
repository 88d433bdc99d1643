"""`capture gc` lists what is old, and removes it only when it is told to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from capture import HybridResultStore
from capture.store.records import read_record, write_record
from capture.study.results.trial import TrialResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POLICY = ["--events", "7d", "--trades", "90d", "--metrics", "1y"]


@pytest.fixture
def results(tmp_path: Path) -> HybridResultStore:
    """Results of a workflow that ended 100 days ago."""
    results = HybridResultStore(tmp_path / "results")
    results.begin("study", kind="sweep", configuration={})
    with results.writing("study") as workflow:
        with workflow.collect("replay") as collector:
            trial = TrialResult(trial="t", metrics={"n": 1}, events=[{"kind": "entry"}])
            collector.add(trial)
            collector.finish()
        workflow.end()
    path = results["study"].layout.summary
    then = datetime.now(UTC) - timedelta(days=100, hours=1)
    write_record(path, {**read_record(path), "ended": then.isoformat()})
    return results


def test_nothing_is_removed_unless_asked_for(
    call: Callable[..., Any], results: HybridResultStore
) -> None:
    said = call("gc", "--results", str(results.root), *POLICY)
    assert said.exit_code == 0
    assert "study     events   100" in said.stdout
    assert "1 item" in said.stdout
    assert "nothing was removed" in said.stdout
    assert len(list(results["study"].phase("replay").events())) == 1


def test_what_is_listed_is_removed(call: Callable[..., Any], results: HybridResultStore) -> None:
    said = call("gc", "--results", str(results.root), *POLICY, "--delete", "--json")
    assert json.loads(said.stdout)["deleted"] == [["study", "events"]]
    again = call("gc", "--results", str(results.root), *POLICY)
    assert "Nothing is older" in again.stdout


def test_without_ages_nothing_is_old(call: Callable[..., Any], results: HybridResultStore) -> None:
    said = call("gc", "--results", str(results.root), "--delete")
    assert "Nothing is older" in said.stdout


def test_a_kept_workflow_stays_and_says_why(
    call: Callable[..., Any], results: HybridResultStore
) -> None:
    results.keep("study")
    said = call("gc", "--results", str(results.root), *POLICY, "--delete")
    assert "kept" in said.stdout
    assert "Removed 0 items" in said.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--events", "soon"], "events='soon'"),
        (["--metrics", "7d"], "kept longer"),
        (["--results", "nowhere"], "does not exist"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    call: Callable[..., Any], results: HybridResultStore, words: list[str], problem: str
) -> None:
    said = call("gc", "--results", str(results.root), *words)
    assert said.exit_code == 2
    assert problem in said.stderr
    assert said.stderr.count("\n") == 1
