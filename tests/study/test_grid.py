"""Grids expand to points that a person can name, and refuse what cannot be tried."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError
from capture.study.grid import Grid, linspace, logspace, only_when, values_of
from capture.study.naming import identity, word_of

NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(
    ["a", "a_b", "a_b_c", "stop", "stop_loss"]
)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.floats(allow_nan=False),
    st.text(max_size=5),
    st.sampled_from(["b", "1", "0.7", "true", "none", "nan", "..", "../x", "a_b", "%41", "A", ""]),
    st.lists(st.integers(0, 3) | st.sampled_from(["(", "1"]), max_size=3),
)


def _told(value: Any) -> Any:
    """Return a value such that two are equal where a person would call them equal."""
    if isinstance(value, list):
        return ("list", *map(_told, value))
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return (type(value).__name__, value)
    return ("number", value)


@given(VALUES, VALUES)
def test_two_values_have_one_word_only_if_they_are_equal(one: Any, other: Any) -> None:
    assert (word_of(one) == word_of(other)) == (_told(one) == _told(other))


@given(st.dictionaries(NAMES, st.lists(VALUES, min_size=1, max_size=3), max_size=4))
def test_identities_of_a_grid_are_unique_plain_and_stable(values: dict[str, list[Any]]) -> None:
    unique = {}
    for name, many in values.items():
        unique[name] = list({word_of(one): one for one in many}.values())
    points = list(Grid(unique))
    ids = [point.id for point in points]
    assert len(set(ids)) == len(ids) == len(Grid(unique))
    assert ids == [point.id for point in Grid(unique)]
    assert all(set(one) <= set("%_+-.") or one.isascii() for one in ids)
    assert not any(bad in one for one in ids for bad in ("/", "\\", " ", "\n", "\0"))


@given(
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.dictionaries(NAMES, VALUES, max_size=3),
)
def test_identities_over_the_same_names_tell_any_two_points_apart(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    names = sorted({*one, *other})
    first = {name: one[name] for name in names if name in one}
    second = {name: other[name] for name in names if name in other}
    same = {n: _told(v) for n, v in first.items()} == {n: _told(v) for n, v in second.items()}
    assert (identity("p", first, names) == identity("p", second, names)) == same


def test_a_person_reads_an_identity() -> None:
    grid = Grid({"lookback": [10, 20], "threshold": [0.5, 0.7]}, prefix="momentum")
    assert [point.id for point in grid][-1] == "momentum_lookback_20_threshold_0.7"


def test_every_combination_is_there_once() -> None:
    grid = Grid({"a": [1, 2, 3], "b": ["x", "y"], "c": [True, False]})
    expected = [
        dict(zip("abc", each, strict=True)) for each in product([1, 2, 3], "xy", [True, False])
    ]
    assert [dict(point) for point in grid] == expected
    assert [dict(grid[number]) for number in range(len(grid))] == expected


def test_a_setting_with_a_condition_is_tried_only_where_it_is_met() -> None:
    grid = Grid(
        {
            "exit": ["stop", "time", "signal"],
            "stop": only_when([0.01, 0.02], exit="stop"),
            "bars": only_when([5, 10, 20], exit=["time", "signal"]),
            "size": [1, 2],
        }
    )
    points = [dict(point) for point in grid]
    assert len(points) == len(grid) == (2 + 3 + 3) * 2
    assert all(("stop" in one) == (one["exit"] == "stop") for one in points)
    assert all(("bars" in one) == (one["exit"] != "stop") for one in points)


@given(st.integers(1, 40), st.integers(0, 2**31))
def test_a_sample_is_the_same_for_a_seed_and_holds_no_point_twice(count: int, seed: int) -> None:
    grid = Grid({"a": {"range": [1, 5]}, "b": only_when([1, 2], a=[1, 2]), "c": ["x", "y"]})
    every = [point.id for point in grid]
    chosen = [point.id for point in grid.sample(count, seed=seed)]
    assert chosen == [point.id for point in grid.sample(count, seed=seed)]
    assert len(set(chosen)) == len(chosen) == min(count, len(grid))
    assert set(chosen) <= set(every)


def test_a_part_of_a_grid_that_is_too_large_can_be_tried() -> None:
    wide: dict[str, Any] = {f"s{n}": {"range": [0, 999]} for n in range(6)}
    with pytest.raises(ConfigError, match="sample="):
        Grid(wide)
    grid = Grid.of({"values": wide, "sample": 5, "seed": 3})
    assert grid.size == 1000**6
    assert len({point.id for point in grid}) == len(grid) == 5


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"range": [1, 5, 2]}, (1, 3, 5)),
        ({"range": [0.1, 0.5, 0.1]}, (0.1, 0.2, 0.3, 0.4, 0.5)),
        ({"range": [3, 1, -1]}, (3, 2, 1)),
        ({"linspace": [0, 1, 5]}, (0.0, 0.25, 0.5, 0.75, 1)),
        ({"logspace": [1, 100, 3]}, (1, pytest.approx(10), 100)),
        ("one", ("one",)),
        (3, (3,)),
        ({"values": [1, 2]}, (1, 2)),
    ],
)
def test_values_can_be_written_as_ranges(said: Any, expected: tuple[Any, ...]) -> None:
    assert values_of("x", said).values == expected


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"a": []}, "nothing to try"),
        ({"a": [1, 1.0]}, "twice"),
        ({"a": [1], "b": only_when([1], aa=1)}, 'Did you mean "a"'),
        ({"a": [1], "b": only_when([1], a=2)}, "a is never that"),
        ({"a": only_when([1], b=1), "b": only_when([1], a=1)}, "wait for one another"),
        ({"a": {"rnge": [1, 2]}}, 'Did you mean "range"'),
        ({"a": {"range": [2, 1]}}, "never comes to its stop"),
        ({"a": {"range": [1, 2, 0]}}, "never comes to its stop"),
        ({"a": {"linspace": [1, 2]}}, "write it as"),
        ({"a": {"linspace": [1, 2, 0]}}, "at least 1"),
        ({"a": {"logspace": [0, 2, 3]}}, "more than 0"),
        ({"a": {"range": [1, float("inf")]}}, "numbers are needed"),
        ({"": [1]}, "has a name"),
        ([1], "name settings"),
    ],
)
def test_a_grid_that_cannot_be_tried_is_refused(said: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Grid(said)


def test_both_ends_of_a_space_are_exact() -> None:
    assert linspace(0.1, 0.7, 4)[-1] == 0.7
    assert logspace(0.001, 0.1, 5)[0] == 0.001
    assert logspace(0.001, 0.1, 5)[-1] == 0.1
