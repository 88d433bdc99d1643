"""A store of results lists its workflows, and tells one from another."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from capture import HybridResultStore
from capture.errors import ConfigError, StoreError
from capture.study.results.store import new_workflow_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.study.results.trial import TrialResult


@pytest.fixture
def ended(begun: HybridResultStore, trial: Callable[..., TrialResult]) -> HybridResultStore:
    with begun.writing("study") as workflow:
        with workflow.collect("replay") as collector:
            collector.add(trial(0))
            collector.add(trial(1, error="no"))
            collector.finish()
        workflow.end(best="t0")
    return begun


def test_workflows_are_listed_with_what_they_came_to(ended: HybridResultStore) -> None:
    ended.begin("later", kind="workflow", configuration={}, phases=["a", "b"])
    frame = ended.workflows().set_index("workflow_id")
    assert dict(frame["state"]) == {"study": "ended", "later": "interrupted"}
    assert frame.loc["study", "trials"] == 2
    assert frame.loc["study", "failed"] == 1
    assert frame.loc["later", "phases"] == 2


def test_a_workflow_goes_on_under_the_same_configuration_only(begun: HybridResultStore) -> None:
    again = begun.begin("study", kind="sweep", configuration={"size": [1, 2]})
    assert again.metadata["phases"] == ["replay"]
    with pytest.raises(StoreError, match=r"another configuration \(cash, size differ\)"):
        begun.begin("study", kind="sweep", configuration={"size": [1, 3], "cash": 5})


def test_the_index_is_made_again_when_it_is_lost_or_damaged(ended: HybridResultStore) -> None:
    before = ended.summaries()
    index = ended.layout.index
    assert index.exists()
    index.unlink()
    assert HybridResultStore(ended.root).summaries() == before
    index.write_bytes(b"nonsense" * 100)
    assert HybridResultStore(ended.root).summaries() == before
    with closing(sqlite3.connect(index)) as cache, cache:
        cache.execute("UPDATE summaries SET summary = replace(summary, 'sweep', 'broom')")
    assert HybridResultStore(ended.root).summaries() == before
    assert HybridResultStore(ended.root).reindex() == 1


def test_a_summary_that_came_since_is_seen(
    ended: HybridResultStore, trial: Callable[..., TrialResult]
) -> None:
    ended.workflows()
    with ended.writing("study") as workflow:
        with workflow.collect("replay") as collector:
            collector.add(trial(1))
            collector.finish()
        workflow.end()
    assert ended.summaries()[0]["failed"] == 0


def test_a_damaged_workflow_hides_no_other(ended: HybridResultStore) -> None:
    ended.begin("other", kind="sweep", configuration={})
    path = ended.root / "study" / "metadata.json"
    path.write_bytes(path.read_bytes().replace(b"sweep", b"SWEEP"))
    states = {one["workflow_id"]: one["state"] for one in ended.summaries()}
    assert states == {"study": "corrupt", "other": "interrupted"}


def test_a_workflow_is_found_by_the_beginning_of_its_name(ended: HybridResultStore) -> None:
    assert ended["stu"].workflow_id == "study"
    ended.begin("study-2", kind="sweep", configuration={})
    assert ended["study"].workflow_id == "study"
    with pytest.raises(StoreError, match="could be study or study-2"):
        ended["stud"]
    with pytest.raises(StoreError, match='Did you mean "study"'):
        ended["sudy"]


def test_a_phase_that_is_not_there_is_told_with_those_there_are(ended: HybridResultStore) -> None:
    with pytest.raises(StoreError, match='Did you mean "replay"'):
        ended["study"].phase("repaly")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "x" * 200, "a b"])
def test_a_name_that_is_no_safe_folder_is_refused(results: HybridResultStore, name: str) -> None:
    with pytest.raises(ConfigError, match="workflow_id="):
        results.begin(name, kind="sweep", configuration={})


def test_new_identities_differ_and_are_safe(results: HybridResultStore) -> None:
    names = {new_workflow_id("../Größe 1") for _ in range(50)}
    assert len(names) > 45
    for name in names:
        results.layout.workflow(name)


def test_a_summary_says_what_the_phases_came_to(ended: HybridResultStore) -> None:
    summary = ended["study"].summary
    assert summary is not None
    assert summary["phases"]["replay"]["trials"] == 2
    assert summary["best"] == "t0"
