"""A selection takes the best, the same ones every time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError, UnknownName
from capture.study.results.trial import TrialResult, metrics_table
from capture.study.sequencer.selecting import Selection

values = st.floats(allow_nan=True, allow_infinity=True, width=16)


def _table(objectives: list[float | None], **columns: list[Any]) -> Any:
    return metrics_table(
        [
            TrialResult(
                trial=f"t{n}",
                number=n,
                metrics={"sharpe": value, **{name: each[n] for name, each in columns.items()}},
            )
            for n, value in enumerate(objectives)
        ]
    )


def _names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["trial"] for row in rows]


@given(st.lists(values, min_size=1, max_size=30), st.integers(1, 8), st.booleans())
def test_nothing_that_was_left_out_is_better(
    objectives: list[float], top: int, maximise: bool
) -> None:
    direction = "maximise" if maximise else "minimise"
    chosen = Selection(by="sharpe", top=top, direction=direction).choose(_table(objectives))
    numbers = [n for n, value in enumerate(objectives) if value == value]
    assert len(chosen) == min(top, len(numbers))
    sign = -1 if maximise else 1
    expected = sorted(numbers, key=lambda n: (sign * objectives[n], n))[:top]
    assert [row["number"] for row in chosen] == expected


def test_equal_ones_are_taken_in_order() -> None:
    table = _table([1.0, 2.0, 2.0, 2.0]).take([3, 1, 0, 2])
    assert _names(Selection(by="sharpe", top=2).choose(table)) == ["t1", "t2"]


def test_what_has_no_objective_or_failed_is_never_chosen() -> None:
    failed = TrialResult(trial="bad", number=0, error="no")
    table = metrics_table([failed, TrialResult(trial="t", number=1, metrics={"sharpe": -9.0})])
    assert _names(Selection(by="sharpe", top=5).choose(table)) == ["t"]


def test_a_condition_is_met_by_all_that_are_chosen() -> None:
    table = _table([3.0, 2.0, 1.0], trades=[4, 40, 60])
    assert _names(Selection(by="sharpe", top=3, where="trades >= 30").choose(table)) == ["t1", "t2"]


def test_as_many_are_chosen_of_each_group() -> None:
    table = _table([1.0, 5.0, 3.0, 4.0, 2.0], strategy=["a", "a", "b", "b", "c"])
    chosen = Selection(by="sharpe", top=1, per="strategy").choose(table)
    assert _names(chosen) == ["t1", "t3", "t4"]


@pytest.mark.parametrize("words", [{"by": "sharp"}, {"by": "sharpe", "per": "strategie"}])
def test_a_column_that_is_not_there_is_told(words: dict[str, str]) -> None:
    with pytest.raises(UnknownName):
        Selection(**words).choose(_table([1.0], strategy=["a"]))


@pytest.mark.parametrize(
    "words", [{"top": 0}, {"top": True}, {"direction": "most"}, {"where": "trades >"}]
)
def test_a_selection_that_chooses_nothing_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Selection(by="sharpe", **words)
