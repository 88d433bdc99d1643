"""Retention removes what is old and not needed, says so first, and nothing by default."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import HybridResultStore
from capture.errors import ConfigError, StoreError
from capture.study.results.retention import (
    RetentionPlan,
    RetentionPolicy,
    plan_retention,
    remove,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.study.results.trial import TrialResult

YEARS = RetentionPolicy(events="7d", trades="90d", metrics="365d")


@pytest.fixture
def make(
    results: HybridResultStore, trial: Callable[..., TrialResult]
) -> Callable[..., HybridResultStore]:
    def made(name: str = "study", **how: Any) -> HybridResultStore:
        results.begin(name, kind="sweep", configuration={}, phases=["replay"], **how)
        with results.writing(name) as workflow:
            with workflow.collect("replay") as collector:
                for number in range(4):
                    collector.add(trial(number))
                collector.finish()
            workflow.end()
        return results

    return made


def _in(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def _kinds(plan: RetentionPlan) -> list[tuple[str, str]]:
    return [(one.workflow_id, one.kind) for one in plan.going]


def _files(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("days", "kinds"),
    [(6, []), (8, ["events"]), (100, ["events", "trades"]), (400, ["events", "trades", "metrics"])],
)
def test_what_is_older_than_the_policy_goes(
    make: Callable[..., HybridResultStore], days: float, kinds: list[str]
) -> None:
    plan = plan_retention(make(), YEARS, now=_in(days))
    assert _kinds(plan) == [("study", kind) for kind in kinds]


def test_a_plan_touches_nothing(make: Callable[..., HybridResultStore]) -> None:
    results = make()
    before = _files(results.root)
    plan = plan_retention(results, YEARS, now=_in(400))
    assert plan.size_bytes > 0
    assert "3 to remove" in str(plan)
    assert _files(results.root) == before


def test_the_default_keeps_everything_for_ever(make: Callable[..., HybridResultStore]) -> None:
    assert plan_retention(make(), RetentionPolicy(), now=_in(40_000)).removals == ()


def test_what_was_removed_is_told_and_the_rest_is_read_as_before(
    make: Callable[..., HybridResultStore],
) -> None:
    results = make()
    phase = results["study"].phase("replay")
    metrics, summary = phase.metrics(), results["study"].summary
    gone = remove(results, plan_retention(results, YEARS, now=_in(100)))
    assert [one.kind for one in gone] == ["events", "trades"]
    phase = results["study"].phase("replay")
    assert phase.metrics().equals(metrics)
    for read in (phase.trades, lambda: list(phase.events())):
        with pytest.raises(StoreError, match="removed by retention at 20"):
            read()
    remove(results, plan_retention(results, YEARS, now=_in(400)))
    assert results["study"].summary == summary
    assert list(results.workflows()["state"]) == ["ended"]
    assert plan_retention(results, YEARS, now=_in(400)).removals == ()


def test_a_workflow_without_its_summary_is_gone(make: Callable[..., HybridResultStore]) -> None:
    results = make()
    make("other")
    all_year = RetentionPolicy(events="7d", trades="7d", metrics="7d", summaries="1y")
    results.keep("other")
    remove(results, plan_retention(results, all_year, now=_in(400)))
    assert list(results) == ["other"]
    assert list(results.workflows()["workflow_id"]) == ["other"]


def test_a_kept_workflow_and_all_that_it_reads_stay(
    make: Callable[..., HybridResultStore],
) -> None:
    results = make("grandparent")
    make("parent", parents=["grandparent"])
    make("child", parents=["parent"])
    make("stranger")
    results.keep("child")
    plan = plan_retention(results, YEARS, now=_in(400))
    assert {one.workflow_id for one in plan.going} == {"stranger"}
    held = {one.workflow_id: one.held for one in plan.removals if one.held}
    assert held == {
        "child": "kept",
        "parent": "child needs it",
        "grandparent": "parent needs it",
    }
    results.keep("child", keep=False)
    plan = plan_retention(results, YEARS, now=_in(400))
    assert {one.workflow_id for one in plan.going} == set(results)


def test_an_interrupted_workflow_keeps_what_resuming_needs(begun: HybridResultStore) -> None:
    with begun.collect("study", "replay") as collector:
        collector.flush()
    (removals,) = {plan_retention(begun, YEARS, now=_in(400)).going}
    assert removals == ()


def test_what_came_to_be_kept_after_the_plan_stays(
    make: Callable[..., HybridResultStore],
) -> None:
    results = make()
    plan = plan_retention(results, YEARS, now=_in(400))
    results.keep("study")
    assert remove(results, plan) == ()
    assert len(results["study"].phase("replay").metrics()) == 4


def test_a_workflow_that_is_written_to_is_left_alone(
    make: Callable[..., HybridResultStore],
) -> None:
    results = make()
    plan = plan_retention(results, YEARS, now=_in(400))
    with results.writing("study"):
        assert remove(results, plan) == ()


@given(
    ages=st.dictionaries(
        st.sampled_from(["events", "trades", "metrics", "summaries"]), st.integers(1, 500)
    ),
    days=st.integers(0, 600),
)
def test_a_policy_either_makes_sense_or_is_refused(ages: dict[str, int], days: int) -> None:
    """What says what other data are is never removed before them."""
    needs = {"events": "metrics", "trades": "metrics", "metrics": "summaries"}
    sound = all(ages.get(kind, 10**9) <= ages.get(need, 10**9) for kind, need in needs.items())
    said = {kind: f"{age}d" for kind, age in ages.items()}
    if not sound:
        with pytest.raises(ConfigError, match="kept longer"):
            RetentionPolicy.from_mapping(said)
        return
    policy = RetentionPolicy.from_mapping(said)
    gone = [k for k in ages if (age := policy.age(k)) is not None and timedelta(days=days) > age]
    assert set(gone) == {kind for kind, age in ages.items() if days > age}


@pytest.mark.parametrize(
    ("said", "days"), [("7d", 7), ("2 weeks", 14), ("1y", 365), ("30 days", 30), ("12w", 84)]
)
def test_ages_are_written_as_people_write_them(said: str, days: int) -> None:
    assert RetentionPolicy(events=said).age("events") == timedelta(days=days)


@pytest.mark.parametrize("said", [None, "forever", "for ever"])
def test_for_ever_is_an_age(said: str | None) -> None:
    assert RetentionPolicy(metrics=said).age("metrics") is None


@pytest.mark.parametrize("said", ["7", "soon", "-3d", "7 months", ""])
def test_an_age_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(ConfigError, match="events="):
        RetentionPolicy(events=said)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="events, trades, metrics, summaries"):
        RetentionPolicy.from_mapping({"trade": "7d"})
