"""Symbols and timeframes align in time, and no bar is used before it has closed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import InvalidEvent, UnknownName
from capture.index import CrossReference

MINUTE = 60 * 10**9
CLOSES = st.lists(st.integers(0, 30), max_size=25).map(sorted)


def plain(moment: int, closes: list[int]) -> int:
    """Say which bar was the last one known, in the plainest words."""
    known = [bar for bar, close in enumerate(closes) if close <= moment]
    return known[-1] if known else -1


@given(CLOSES, CLOSES)
def test_no_bar_is_used_before_its_close_and_none_that_is_known_is_missed(
    of: list[int], to: list[int]
) -> None:
    times = CrossReference()
    times.add("A", "1min", np.array(of, dtype=np.int64))
    times.add("B", "5min", np.array(to, dtype=np.int64))
    found = times.align(("A", "1min"), ("B", "5min")).tolist()
    assert found == [plain(moment, to) for moment in of]
    assert all(to[bar] <= moment for moment, bar in zip(of, found, strict=True) if bar >= 0)
    assert found == sorted(found)
    bars = np.arange(len(of))[::-1]
    assert times.align(("A", "1min"), ("B", "5min"), bars).tolist() == found[::-1]


def minutes_and_fives() -> CrossReference:
    start = pd.Timestamp("2024-01-01 10:00", tz="UTC")
    times = CrossReference()
    ones = pd.date_range(start, periods=12, freq="1min")
    times.add("GOOG", "1min", ones + pd.Timedelta(minutes=1))
    fives = pd.date_range(start, periods=3, freq="5min")
    times.add("GOOG", "5min", fives + pd.Timedelta(minutes=5))
    return times


def test_a_bar_of_five_minutes_is_known_only_when_it_closed() -> None:
    times = minutes_and_fives()
    found = times.align(("GOOG", "1min"), ("GOOG", "5min")).tolist()
    assert found == [-1, -1, -1, -1, 0, 0, 0, 0, 0, 1, 1, 1], (
        "10:00-10:05 is known with 10:04-10:05"
    )
    back = times.align(("GOOG", "5min"), ("GOOG", "1min")).tolist()
    assert back == [4, 9, 11]
    just_before = pd.DatetimeIndex(["2024-01-01 10:04:59.999999999"], tz="UTC")
    assert times.known_at(("GOOG", "5min"), just_before).tolist() == [-1]


def test_the_table_shows_every_other_series_and_comes_back() -> None:
    times = minutes_and_fives()
    frame = times.to_frame(("GOOG", "1min"))
    assert frame["GOOG", "5min"].tolist()[4:10] == [0, 0, 0, 0, 0, 1]
    again = CrossReference.from_table(times.to_table())
    assert list(again) == list(times)
    for series in times:
        np.testing.assert_array_equal(again.available_ns(series), times.available_ns(series))
    assert len(CrossReference.from_table(CrossReference().to_table())) == 0
    alone = CrossReference()
    alone.add("GOOG", "1d", np.array([1, 2]))
    assert alone.to_frame(("GOOG", "1d")).shape == (2, 0)


@pytest.mark.parametrize(
    ("closes", "problem"),
    [
        (np.array([2, 1]), "goes backwards at bar 1"),
        (pd.DatetimeIndex(["2024-01-01", None], tz="UTC"), "is missing at bar 1"),
        (pd.DatetimeIndex(["2024-01-01"]), "have no time zone"),
        (["yesterday or so"], "must be times"),
    ],
)
def test_times_that_cannot_be_are_refused(closes: Any, problem: str) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        CrossReference().add("GOOG", "1d", closes)


def test_a_series_or_a_bar_that_is_not_there_is_named() -> None:
    times = minutes_and_fives()
    with pytest.raises(UnknownName, match="GOOG 2min"):
        times.align(("GOOG", "1min"), ("GOOG", "2min"))
    with pytest.raises(InvalidEvent, match="has 3 bars"):
        times.align(("GOOG", "5min"), ("GOOG", "1min"), [3])
    with pytest.raises(InvalidEvent, match="must be the number of a bar"):
        times.align(("GOOG", "5min"), ("GOOG", "1min"), [-1])
