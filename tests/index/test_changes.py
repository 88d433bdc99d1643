"""Changes of state say the state at every bar, exactly as a plain loop over them does."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import ClassifierChangeIndex, IndexedClassifierChange, IndexedRegime, SignalIndex
from capture.errors import InvalidEvent, StoreError
from capture.index import Intervals

if TYPE_CHECKING:
    from pathlib import Path

STATE = st.none() | st.sampled_from(["bull", "bear", "sideways"])
SURE = st.none() | st.floats(0, 1)


@st.composite
def indices(draw: st.DrawFn) -> ClassifierChangeIndex:
    """Draw changes, some of them in the same bar, some to a state that is not known."""
    index = ClassifierChangeIndex("trend")
    bar = 0
    for step in draw(st.lists(st.integers(0, 6), max_size=15)):
        bar += step
        state = draw(STATE)
        old = index.state if len(index) else draw(STATE)
        if state != old:
            index.append_change(bar, old, state, draw(SURE))
    return index


def loop(index: ClassifierChangeIndex, bar: int) -> str | None:
    """Say the state at a bar in the plainest words."""
    state = None
    for change in index:
        if change.bar_index <= bar:
            state = change.new
    return state


@given(indices(), st.integers(0, 60), st.integers(0, 60))
def test_the_state_at_a_bar_is_that_of_a_loop_over_the_changes(
    index: ClassifierChangeIndex, start: int, count: int
) -> None:
    expected = [loop(index, bar) for bar in range(start, start + count)]
    assert [index.state_at(bar) for bar in range(start, start + count)] == expected
    assert index.states(start, start + count) == expected
    shuffled = np.random.default_rng(count).permutation(np.arange(start, start + count))
    assert index.states_at(shuffled) == [loop(index, int(bar)) for bar in shuffled]


@given(indices())
def test_each_change_starts_where_the_one_before_ended(index: ClassifierChangeIndex) -> None:
    changes = list(index)
    for before, after in pairwise(changes):
        assert before.bar_index < after.bar_index
        assert before.new == after.old != after.new


@given(st.lists(STATE, max_size=60))
def test_a_dense_series_of_states_comes_back_from_its_changes(states: list[str | None]) -> None:
    index = ClassifierChangeIndex.from_dense("trend", states)
    assert index.to_dense(len(states)) == states


@given(indices(), st.sets(st.sampled_from(["bull", "bear"])))
def test_the_ranges_of_states_are_the_bars_in_which_they_hold(
    index: ClassifierChangeIndex, wanted: set[str]
) -> None:
    mask = [loop(index, bar) in wanted for bar in range(120)]
    assert index.ranges(*wanted).to_mask(120).tolist() == mask
    assert index.states(0, 120).where(*wanted).tolist() == mask
    regimes = [r for r in index.regimes() if r.state in wanted]
    assert Intervals.of((r.bar_index, r.stop) for r in regimes) == index.ranges(*wanted)


@given(indices(), st.lists(st.tuples(st.integers(0, 90), st.sampled_from([1, 0, -1]))))
def test_a_regime_filter_is_a_plain_filter_bar_by_bar(
    index: ClassifierChangeIndex, rows: list[tuple[int, int]]
) -> None:
    rows.sort(key=lambda row: row[0])
    signals = SignalIndex.of("momentum", [bar for bar, _ in rows], [value for _, value in rows])
    found = signals.select(within=index.ranges("bull"))
    assert list(found) == [s for s in signals if loop(index, s.bar_index) == "bull"]


@given(saved=indices())
def test_an_index_comes_back_from_its_file(
    saved: ClassifierChangeIndex, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("saved") / "trend.parquet"
    saved.save(path)
    found = ClassifierChangeIndex.load(path)
    assert found == saved
    assert found.content_sha256() == saved.content_sha256()


@given(indices(), indices())
def test_a_hash_tells_contents_apart(
    one: ClassifierChangeIndex, other: ClassifierChangeIndex
) -> None:
    assert (one.content_sha256() == other.content_sha256()) == (one == other)


def trend() -> ClassifierChangeIndex:
    index = ClassifierChangeIndex("trend")
    index.append_change(20, None, "bull", 0.8)
    index.append_change(35, "bull", "bear")
    return index


def test_confidence_and_both_states_are_kept() -> None:
    assert list(trend()) == [
        IndexedClassifierChange(20, "trend", None, "bull", 0.8),
        IndexedClassifierChange(35, "trend", "bull", "bear", None),
    ]
    assert list(trend().regimes()) == [
        IndexedRegime(20, "trend", "bull", 35, 0.8),
        IndexedRegime(35, "trend", "bear", None, None),
    ]
    assert trend().state_at(19) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((40, "bull", "bear"), "old='bull': the present state is 'bear'"),
        ((40, None, "bull"), "old=None: the present state is 'bear'"),
        ((40, "bear", "bear"), "new='bear': is the state already"),
        ((34, "bear", "bull"), "bar_index=34: the last change is at bar 35"),
        ((-1, "bear", "bull"), "bar_index=-1: must be the number of a bar"),
        ((40, "bear", ""), "new='': must be the name of a state"),
        ((40, "bear", 3), "new=3: must be the name of a state"),
        ((40, "bear", "bull", 1.5), "confidence=1.5: must lie between 0 and 1"),
        ((40, "bear", "bull", "sure"), "confidence='sure'"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(change: Any, problem: str) -> None:
    index = trend()
    with pytest.raises(InvalidEvent, match=problem):
        index.append_change(*change)
    assert index == trend()


def test_several_changes_in_one_bar_are_one_or_none() -> None:
    index = trend()
    index.append_change(35, "bear", "sideways", 0.5)
    assert [c.new for c in index] == ["bull", "sideways"]
    index.append_change(35, "sideways", "bull")
    assert [c.new for c in index] == ["bull"]
    assert index.state == "bull"


def test_the_first_change_may_come_from_any_state_and_nothing_is_known_before_it() -> None:
    index = ClassifierChangeIndex("trend")
    index.append_change(10, "bear", "bull")
    assert index.state_at(9) is None
    assert next(iter(index)).old == "bear"


def test_states_are_a_sequence_an_array_and_a_categorical() -> None:
    states = trend().states(19, 37)
    assert states[0] is None and states[1] == "bull" and states[-1] == "bear"
    assert list(states[15:17]) == ["bull", "bear"]
    assert np.asarray(states).tolist() == list(states)
    categorical = states.to_pandas()
    assert pd.Series(categorical).isna().sum() == 1
    assert list(categorical.categories) == ["bull", "bear"]
    assert states.codes.dtype == np.int8
    with pytest.raises(InvalidEvent, match="comes before start=5"):
        trend().states(5, 4)


def test_many_states_and_no_bar_are_no_trouble() -> None:
    names = [f"state {n}" for n in range(300)]
    index = ClassifierChangeIndex.from_dense("fine", names)
    assert index.to_dense(300) == names
    assert index.states_at([-1, 0, 299]) == [None, names[0], names[-1]]
    assert ClassifierChangeIndex("none").states(0, 3) == [None, None, None]
    assert ClassifierChangeIndex("none").states_at([-1, 5]) == [None, None]


def test_the_file_is_readable_and_one_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trend.parquet"
    trend().save(path)
    frame = pd.read_parquet(path)
    assert frame["new"].tolist() == ["bull", "bear"]
    assert frame["bar_index"].tolist() == [20, 35]
    assert frame["confidence"].iloc[0] == 0.8 and math.isnan(frame["confidence"].iloc[1])
    assert trend().to_frame()["old"].fillna("none").tolist() == ["none", "bull"]
    with pytest.raises(StoreError, match="holds changes, not signals"):
        SignalIndex.load(path)
