"""A column that parts of a run do not agree about has one type all the same."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from capture.store.uniting import united

WHOLE, REAL, TEXT = pa.int64(), pa.float64(), pa.string()
TIME = pa.timestamp("ns", tz="UTC")
BEYOND = 2**53 + 1


def piece(values: list[Any], kind: pa.DataType, name: str = "x") -> pa.Table:
    return pa.table({name: pa.array(values, kind)})


@pytest.mark.parametrize(
    ("one", "other", "kind", "values"),
    [
        pytest.param(([1], WHOLE), ([0.5], REAL), REAL, [1.0, 0.5], id="whole and real"),
        pytest.param(([1], pa.int32()), ([2], WHOLE), WHOLE, [1, 2], id="short and long"),
        pytest.param(([BEYOND], WHOLE), ([0.5], REAL), TEXT, [str(BEYOND), "0.5"], id="too long"),
        pytest.param(([True], pa.bool_()), ([0.5], REAL), REAL, [1.0, 0.5], id="yes and real"),
        pytest.param(([False], pa.bool_()), ([7], WHOLE), WHOLE, [0, 7], id="no and whole"),
        pytest.param(([True], pa.bool_()), (["a"], TEXT), TEXT, ["true", "a"], id="yes and text"),
        pytest.param(([0.1], REAL), (["a"], TEXT), TEXT, ["0.1", "a"], id="real and text"),
        pytest.param(([None], TEXT), ([7], WHOLE), WHOLE, [None, 7], id="empty text and whole"),
        pytest.param(([None], REAL), (["a"], TEXT), TEXT, [None, "a"], id="empty real and text"),
        pytest.param(([None], TEXT), ([None], WHOLE), TEXT, [None, None], id="both empty"),
        pytest.param(
            ([0], TIME), ([7], WHOLE), TEXT, ["1970-01-01 00:00:00.000000000Z", "7"], id="time"
        ),
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
def test_parts_that_disagree(
    one: Any, other: Any, kind: Any, values: list[Any], *, turned: bool
) -> None:
    pieces = [piece(*one), piece(*other)]
    whole = united(pieces[::-1] if turned else pieces)
    assert whole.schema == pa.schema([("x", kind)])
    assert whole.column("x").to_pylist() == (values[::-1] if turned else values)


def test_a_column_that_some_parts_lack_is_null_there() -> None:
    whole = united([piece([1], WHOLE), piece(["a"], TEXT, "y"), piece(["b"], TEXT)])
    assert whole.to_pylist() == [
        {"x": "1", "y": None},
        {"x": None, "y": "a"},
        {"x": "b", "y": None},
    ]


def test_columns_that_agree_are_left_as_they_are() -> None:
    pieces = [
        pa.table({"x": pa.array([1], WHOLE), "y": pa.array([0.5], REAL)}),
        pa.table({"x": pa.array(["a"], TEXT), "y": pa.array([1.5], REAL)}),
    ]
    assert united(pieces).schema == pa.schema([("x", TEXT), ("y", REAL)])
