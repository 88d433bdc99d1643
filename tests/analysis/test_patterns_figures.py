"""Figures of patterns and of selection: what the results say, and nothing the data can steer."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from capture.analysis.patterns import find
from capture.analysis.selection import judge, overfitting
from tests.analysis.made_markets import noise, planted
from tests.analysis.test_selection import made


@pytest.fixture(scope="module")
def trials() -> Any:
    return made(np.random.default_rng(2).normal(0.0005, 0.01, (400, 10)))


def test_each_pattern_has_its_effect_and_interval_found_and_later():
    material = planted(1)
    material.signals["regime"] = material.signals["regime"].replace("bull", "<b>bull</b>")
    found = find(material)
    drawn = found.plot()
    searched, later = drawn.data
    assert list(searched.x) == [one.effect for one in found.patterns][::-1]
    assert list(later.x) == [one.later_effect for one in found.patterns][::-1]
    apart = [one.high - one.effect for one in found.patterns][::-1]
    assert list(searched.error_x.array) == pytest.approx(apart)
    assert "<b>" not in json.dumps(drawn.to_plotly_json()["data"], default=list)
    assert drawn.layout.paper_bgcolor == "rgba(0,0,0,0)"


def test_no_pattern_is_an_empty_figure():
    drawn = find(noise(1, bars=100, signals=50)).plot()
    assert [len(trace.x or ()) for trace in drawn.data] == [0, 0]


def test_ranks_of_the_future_are_all_ways(trials):
    drawn = overfitting(trials.together().to_numpy()).plot()
    (bars,) = drawn.data
    assert sum(bars.y) == pytest.approx(1.0)


def test_the_chosen_trial_and_luck_are_marked_among_all(trials):
    said = judge(trials)
    drawn = said.plot()
    (bars,) = drawn.data
    scale = said.periods_per_year**0.5
    assert list(bars.x) == pytest.approx([row.sharpe * scale for row in said.rows])
    assert [shape.x0 for shape in drawn.layout.shapes] == pytest.approx(
        [said.best_by_luck * scale, said.rows[0].sharpe * scale]
    )
