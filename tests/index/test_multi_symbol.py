"""A signal that looked at several bars keeps each of them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import MultiSymbolSignal
from capture.errors import InvalidEvent

BARS = st.lists(
    st.tuples(st.text(), st.none() | st.text(), st.integers(0, 2**62)),
    min_size=1,
    unique_by=lambda bar: bar[:2],
)
METADATA = st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.booleans())
VALUES = st.none() | st.floats(allow_infinity=False, allow_nan=False)


@given(VALUES, BARS, st.text(), METADATA)
def test_the_sparse_format_goes_through_json_and_back(
    value: float | None, bars: Any, strategy: str, metadata: Any
) -> None:
    signal = MultiSymbolSignal(value, bars, strategy, metadata)
    said = json.loads(json.dumps(signal.to_sparse_format(), allow_nan=False))
    assert MultiSymbolSignal.from_sparse_format(said) == signal


def test_a_bar_is_found_by_its_symbol() -> None:
    pair = MultiSymbolSignal(1, [("GOOG", "1min", 9000), ("SPY", "5min", 1799), ("SPY", "1d", 20)])
    assert pair.bar_index == 9000
    assert pair.bar_of("SPY") == 1799
    assert pair.bar_of("SPY", "1d") == 20
    assert pair.bar_of("SPY", "1h") is None
    assert pair.to_sparse_format()["symbols"] == ["GOOG", "SPY", "SPY"]
    assert MultiSymbolSignal(math.nan, [("GOOG", None, 0)]).value is None


@pytest.mark.parametrize(
    ("value", "bars", "problem"),
    [
        (1, [], "own bar at least"),
        (1, [("GOOG", "1d")], r"must be a list of \(symbol, timeframe, bar index\)"),
        (1, "GOOG", "must be a list of"),
        (1, None, "must be a list of"),
        (1, [(1, "1d", 3)], "must be a list of"),
        (1, [("GOOG", "1d", -3)], "must be the number of a bar"),
        (1, [("GOOG", "1d", 3), ("GOOG", "1d", 4)], "twice"),
        (math.inf, [("GOOG", "1d", 3)], "must be finite"),
    ],
)
def test_what_is_no_reference_is_refused(value: Any, bars: Any, problem: str) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        MultiSymbolSignal(value, bars)


@pytest.mark.parametrize(
    "said", [{}, {"symbols": ["A"], "timeframes": [], "bar_indices": [1]}, {"symbols": None}]
)
def test_a_format_that_lacks_something_is_refused(said: Any) -> None:
    with pytest.raises(InvalidEvent, match="equal length"):
        MultiSymbolSignal.from_sparse_format(said)
