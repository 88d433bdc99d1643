"""Curves keep their extremes, stretches their order, whatever is left out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.report.thinning import even, extremes, stretches

VALUES = st.lists(st.floats(-1e6, 1e6) | st.just(float("nan")), max_size=300)


@given(VALUES, st.integers(4, 60))
def test_the_extremes_of_every_piece_are_kept_and_nothing_is_made_up(values, most):
    line = np.array(values, float)
    places, each = extremes(line, most)
    known = np.flatnonzero(np.isfinite(line))
    assert np.isin(places, known).all()
    assert (np.diff(places) > 0).all()
    assert len(places) <= most + 2
    if len(known):
        assert line[places].max() == line[known].max()
        assert line[places].min() == line[known].min()
        assert (places[0], places[-1]) == (known[0], known[-1])
        for start in range(0, len(known), each):
            piece = line[known[start : start + each]]
            assert piece.min() in line[places] and piece.max() in line[places]
    if len(known) <= most:
        assert each == 1 and places.tolist() == known.tolist()


@given(st.integers(0, 500), st.integers(1, 100))
def test_evenly_chosen_places_begin_at_the_first_and_are_no_more_than_asked(count, most):
    places = even(count, most)
    assert len(places) == min(count, most)
    assert count == 0 or places[0] == 0
    assert len(places) < 2 or np.diff(places).max() - np.diff(places).min() <= 1


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
def test_stretches_say_what_a_plain_loop_says(states):
    starts = np.arange(len(states), dtype=float)
    made, merged = stretches(starts, states, float(len(states)), 100)
    assert not merged
    said = [state for one in made for state in one.state * int(one.end - one.start)]
    assert said == list(states)
    assert all(one.state != other.state for one, other in pairwise(made))


def test_of_too_many_stretches_the_long_ones_are_kept():
    states = ["a"] * 400 + ["b", "a"] * 100 + ["c"] * 400
    made, merged = stretches(np.arange(1000.0), states, 1000.0, 50)
    assert merged
    assert len(made) <= 50
    assert (made[0].state, made[-1].state) == ("a", "c")
    assert (made[0].start, made[-1].end) == (0.0, 1000.0)


def test_nothing_to_thin_is_nothing():
    assert stretches(np.empty(0), [], 1.0, 10) == ((), False)
    assert extremes(np.array([np.nan, np.nan]), 10)[0].tolist() == []
    assert extremes(np.arange(5.0), 10)[1] == pytest.approx(1)
