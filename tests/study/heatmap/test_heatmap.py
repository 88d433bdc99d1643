"""A heat map shows what trials came to, says what it leaves out, and escapes what it was given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError, UnknownName
from capture.study.heatmap import heat_map, write_heat_map
from capture.study.heatmap.colours import colour_of, ink_on, shares
from capture.study.results.trial import TrialResult, metrics_table

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<script>alert(1)</script>&\"'"


def _trials(**axes: list[Any]) -> list[TrialResult]:
    """Return a trial for every pair of values of two settings."""
    (first, xs), (second, ys) = axes.items()
    return [
        TrialResult(
            trial=f"{x}/{y}",
            number=n,
            settings={first: x, second: y, "cash": 5.0},
            metrics={"sharpe": float(n) - 3},
        )
        for n, (x, y) in enumerate((x, y) for x in xs for y in ys)
    ]


def test_each_cell_is_the_trial_of_its_settings() -> None:
    found = heat_map(metrics_table(_trials(size=[1, 2, 3], rate=[0.0, 0.1])), "sharpe")
    assert (found.x, found.y, found.hidden) == ("size", "rate", ())
    assert (found.xs, found.ys) == ((1, 2, 3), (0.0, 0.1))
    assert found.cells == ((-3.0, -1.0, 1.0), (-2.0, 0.0, 2.0))
    assert found.trials[0] == ("1/0.0", "2/0.0", "3/0.0")
    assert found.best == (1, 2)
    assert found.to_frame().loc[0.1, 3] == 2.0


def test_the_axes_may_be_chosen_and_the_others_are_told() -> None:
    trials = [
        TrialResult(
            trial=f"{n}",
            number=n,
            settings={"a": n % 2, "b": n // 2 % 2, "c": n // 4},
            metrics={"sharpe": float(n)},
        )
        for n in range(8)
    ]
    found = heat_map(metrics_table(trials), "sharpe", x="c", y="a")
    assert found.hidden == ("b",)
    assert found.cells == ((2.0, 6.0), (3.0, 7.0))
    assert "best over b" in found.summary()
    lowest = heat_map(metrics_table(trials), "sharpe", x="c", y="a", direction="minimise")
    assert lowest.cells == ((0.0, 4.0), (1.0, 5.0))
    assert lowest.best == (0, 0)


def test_one_setting_makes_one_row() -> None:
    found = heat_map(metrics_table(_trials(size=[1, 2], rate=[0.0])), "sharpe")
    assert (found.x, found.y, found.ys) == ("size", "", ("",))
    assert found.cells == ((-3.0, -2.0),)


def test_values_are_in_order_and_no_limit_is_the_largest() -> None:
    found = heat_map(metrics_table(_trials(limit=[0.5, None, 0.1], size=[1])), "sharpe")
    assert found.xs == (0.1, 0.5, None)


def test_failed_trials_and_what_is_no_number_leave_a_gap() -> None:
    trials = [
        TrialResult(trial="a", number=0, settings={"x": 1}, metrics={"sharpe": float("nan")}),
        TrialResult(trial="b", number=1, settings={"x": 2}, metrics={"sharpe": 1.0}),
        TrialResult(trial="c", number=2, settings={"x": 3}, error="no"),
    ]
    found = heat_map(metrics_table(trials), "sharpe")
    assert (found.xs, found.cells) == ((1, 2), ((None, 1.0),))


def test_without_a_setting_that_varies_there_is_none() -> None:
    with pytest.raises(ConfigError, match="more than one value"):
        heat_map(metrics_table(_trials(size=[1], rate=[0.1])), "sharpe")


@pytest.mark.parametrize("words", [{"x": "sise"}, {"y": "cash"}])
def test_an_axis_that_does_not_vary_is_told_with_those_that_do(words: dict[str, str]) -> None:
    with pytest.raises(UnknownName, match="rate, size"):
        heat_map(metrics_table(_trials(size=[1, 2], rate=[0.0, 0.1])), "sharpe", **words)


def test_an_objective_that_is_not_there_is_told() -> None:
    with pytest.raises(UnknownName, match='Did you mean "sharpe"'):
        heat_map(metrics_table(_trials(size=[1, 2], rate=[0.0])), "sharp")


@pytest.mark.parametrize("suffix", [".svg", ".html"])
def test_what_the_user_wrote_is_escaped(tmp_path: Path, suffix: str) -> None:
    found = heat_map(metrics_table(_trials(size=[HOSTILE, "b"], rate=[0.0, 0.1])), "sharpe")
    place = tmp_path / f"map{suffix}"
    write_heat_map(found, place, [{"trial": HOSTILE}])
    assert "<script>alert" not in place.read_text()
    assert "alert" in place.read_text()


def test_svg_is_well_formed_and_follows_the_theme(tmp_path: Path) -> None:
    found = heat_map(metrics_table(_trials(size=[1, 2, 3], rate=[0.0, 0.1])), "sharpe")
    write_heat_map(found, tmp_path / "map.svg")
    text = (tmp_path / "map.svg").read_text()
    root = ElementTree.fromstring(text)
    titles = [t.text for t in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 6
    assert "3/0.1: 2" in titles
    assert "prefers-color-scheme: dark" in text


def test_a_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    found = heat_map(metrics_table(_trials(size=[1, 2, 3], rate=[0.0, 0.1])), "sharpe")
    write_heat_map(found, tmp_path / "map.html", [{"trial": "3/0.1", "sharpe": 2.0}])
    text = (tmp_path / "map.html").read_text()
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    assert "prefers-color-scheme: dark" in text
    assert "<td>3/0.1</td><td>2</td>" in text


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    found = heat_map(metrics_table(_trials(size=[1, 2], rate=[0.0])), "sharpe")
    with pytest.raises(ConfigError, match=r"\.html or \.svg"):
        write_heat_map(found, tmp_path / "map.bmp")


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.sampled_from(["maximise", "minimise"]),
)
def test_the_best_is_the_bluest_and_every_ink_can_be_read(
    values: list[float], direction: str
) -> None:
    ends = shares(values, direction)
    best = max(values) if direction == "maximise" else min(values)
    blues = [colour_of(value, ends)[2] - colour_of(value, ends)[0] for value in values]
    assert blues[values.index(best)] >= max(blues) - 2  # colours are whole numbers
    for value in values:
        red, green, blue = colour_of(value, ends)
        light = 0.299 * red + 0.587 * green + 0.114 * blue
        ink = 255 if ink_on((red, green, blue)) == "#ffffff" else 16
        assert abs(light - ink) > 90
