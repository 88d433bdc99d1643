"""Intervals are sets of bars, and follow the laws of sets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError
from capture.index import END, Intervals, Layers, SignalIndex
from capture.index.changes import ClassifierChangeIndex

N = 40
PAIRS = st.lists(st.tuples(st.integers(0, N), st.integers(0, 9), st.booleans()), max_size=8)


def made(pairs: list[tuple[int, int, bool]]) -> Intervals:
    return Intervals.of((a, None if endless else a + n) for a, n, endless in pairs)


def bars_of(pairs: list[tuple[int, int, bool]]) -> set[int]:
    """Say which of the first bars lie within, in the plainest words."""
    return {
        bar
        for bar in range(2 * N)
        for a, n, endless in pairs
        if a <= bar and (endless or bar < a + n)
    }


def shown(intervals: Intervals) -> set[int]:
    return set(np.flatnonzero(intervals.to_mask(2 * N)).tolist())


@given(PAIRS, PAIRS)
def test_operators_are_those_of_sets(one: list[Any], other: list[Any]) -> None:
    a, b = made(one), made(other)
    mine, theirs = bars_of(one), bars_of(other)
    assert shown(a) == mine
    assert shown(a | b) == mine | theirs
    assert shown(a & b) == mine & theirs
    assert shown(a - b) == mine - theirs
    assert shown(~a) == set(range(2 * N)) - mine
    assert ~~a == a
    assert (a == b) == (a | b == a & b)


@given(PAIRS)
def test_stretches_are_in_order_apart_and_not_empty(pairs: list[Any]) -> None:
    intervals = made(pairs)
    assert (intervals.stops > intervals.starts).all()
    assert (intervals.starts[1:] > intervals.stops[:-1]).all()
    assert Intervals(intervals.starts[::-1], intervals.stops[::-1]) == intervals


@given(PAIRS, st.lists(st.integers(0, 2 * N - 1)))
def test_both_ways_to_look_up_bars_agree_with_the_set(pairs: list[Any], bars: list[int]) -> None:
    intervals, inside = made(pairs), bars_of(pairs)
    assert intervals.contains(np.array(bars, dtype=np.int64)).tolist() == [
        b in inside for b in bars
    ]
    ordered = np.array(sorted(bars), dtype=np.int64)
    assert intervals.contains_sorted(ordered).tolist() == [b in inside for b in sorted(bars)]
    assert all((bar in intervals) == (bar in inside) for bar in bars)


@given(st.lists(st.booleans(), max_size=N))
def test_flags_come_back(flags: list[bool]) -> None:
    intervals = Intervals.from_mask(np.array(flags, dtype=bool))
    assert intervals.to_mask(len(flags)).tolist() == flags
    assert len(flags) not in intervals


def test_what_is_no_interval_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\(5, 4\)"):
        Intervals([1, 5], [2, 4])
    with pytest.raises(ConfigError, match=r"\(-1, 4\)"):
        Intervals([-1], [4])
    with pytest.raises(ConfigError, match="give as many"):
        Intervals([1, 2], [3])
    with pytest.raises(ConfigError, match="one flag per bar"):
        Intervals.from_mask([0, 1])


def test_a_stretch_without_end_is_shown_as_such() -> None:
    intervals = Intervals.of([(1, 3), (7, None)])
    assert list(intervals) == [(1, 3), (7, END)]
    assert repr(intervals) == "Intervals(1-3, 7-)"
    frame = intervals.to_frame()
    assert frame["start"].tolist() == [1, 7]
    assert frame["stop"].isna().tolist() == [False, True]


@given(
    st.lists(st.sampled_from([None, "bull", "bear"]), min_size=N, max_size=N),
    st.lists(st.booleans(), min_size=N, max_size=N),
    st.lists(st.sampled_from([1.0, 0.0, -1.0]), min_size=N, max_size=N),
)
def test_layers_say_bar_by_bar_what_they_select(
    states: list[str | None], flags: list[bool], values: list[float]
) -> None:
    signals = SignalIndex.from_dense("momentum", values, layout="events").select(values=[1, -1])
    trend = ClassifierChangeIndex.from_dense("trend", states)
    layers = Layers(signals).regime(trend, "bull").filter("open", np.array(flags))
    passes = [s == "bull" and f for s, f in zip(states, flags, strict=True)]
    assert [s.bar_index for s in layers.selected()] == [
        bar for bar in range(N) if passes[bar] and values[bar]
    ]
    frame = layers.to_dense(N)
    assert list(frame) == ["signal", "regime_trend", "filter_regime_trend", "filter_open", "passes"]
    assert frame["passes"].tolist() == passes
    assert frame["filter_open"].tolist() == flags
    assert [s if isinstance(s, str) else None for s in frame["regime_trend"]] == states
    np.testing.assert_array_equal(frame["signal"], signals.to_dense(N))


def test_layers_without_a_condition_let_every_bar_pass() -> None:
    layers = Layers(SignalIndex.of("momentum", [3], [1]))
    assert layers.selected() == layers.signals
    assert layers.regime(ClassifierChangeIndex("trend")).to_dense(5)["passes"].all()
    with pytest.raises(ConfigError, match="there is a condition of this name"):
        layers.filter("a", Intervals()).filter("a", Intervals())
