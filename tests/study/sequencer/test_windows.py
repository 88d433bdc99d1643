"""Windows of a walk forward never let a test be seen by its training."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from capture.errors import ConfigError
from capture.study.sequencer.windows import WalkForward

START = pd.Timestamp("2020-01-01", tz="UTC")
lengths = st.integers(1, 400)


@given(
    days=st.integers(10, 3000),
    train=lengths,
    test=lengths,
    extra=st.integers(0, 60),
    purge=st.integers(0, 50),
    embargo=st.integers(0, 50),
    anchored=st.booleans(),
)
def test_training_comes_before_its_test_and_tests_do_not_overlap(
    days: int, train: int, test: int, extra: int, purge: int, embargo: int, anchored: bool
) -> None:
    assume(purge < train and train + embargo + test <= days)
    end = START + pd.Timedelta(days=days)
    said = WalkForward(
        train=f"{train}D",
        test=f"{test}D",
        step=f"{test + extra}D",
        purge=f"{purge}D",
        embargo=f"{embargo}D",
        anchored=anchored,
    )
    windows = said.windows(START, end)
    assert [window.number for window in windows] == list(range(len(windows)))
    for window in windows:
        assert START <= window.train_start < window.train_end <= window.test_start
        assert window.test_start - window.train_end == pd.Timedelta(days=purge + embargo)
        assert window.test_end - window.test_start == pd.Timedelta(days=test)
        assert window.test_end <= end
        if anchored:
            assert window.train_start == START
        else:
            length = window.train_end - window.train_start
            assert length == pd.Timedelta(days=train - purge)
    for before, after in pairwise(windows):
        assert before.test_end <= after.test_start
    # One more would not have fitted.
    assert windows[-1].test_end + said.step > end


def test_four_quarters_after_a_year() -> None:
    windows = WalkForward(train="366D", test="91D").windows(START, "2022-01-01T00:00Z")
    assert [str(window.test_start.date()) for window in windows] == [
        "2021-01-01",
        "2021-04-02",
        "2021-07-02",
        "2021-10-01",
    ]
    assert [window.name for window in windows] == ["w00", "w01", "w02", "w03"]


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        ({"train": "0D", "test": "5D"}, "train"),
        ({"train": "5D", "test": "0D"}, "test"),
        ({"train": "5D", "test": "5D", "step": "4D"}, "step"),
        ({"train": "5D", "test": "5D", "purge": "5D"}, "purge"),
        ({"train": "5D", "test": "5D", "embargo": "-1D"}, "embargo"),
        ({"train": "five days", "test": "5D"}, "train"),
        ({"train": 90, "test": "5D"}, "train"),
    ],
)
def test_lengths_that_leave_nothing_over_are_refused(words: dict[str, Any], setting: str) -> None:
    with pytest.raises(ConfigError) as raised:
        WalkForward(**words)
    assert raised.value.setting == setting


def test_too_little_data_are_told_with_how_much_is_needed() -> None:
    with pytest.raises(ConfigError, match="one window takes 110 days"):
        WalkForward(train="90D", test="20D").windows(START, START + pd.Timedelta(days=100))
