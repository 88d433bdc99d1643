"""What a condition means is settled before a backend sees it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from capture.contracts.conditions import bind
from capture.errors import ConfigError
from capture.filters import Predicate

_SCHEMA = pa.schema(
    {
        "small": pa.int8(),
        "whole": pa.int64(),
        "real": pa.float64(),
        "text": pa.string(),
        "raw": pa.binary(),
        "time": pa.timestamp("ns", "UTC"),
        "flag": pa.bool_(),
    }
)
_NAN, _INF = float("nan"), float("inf")
_NEVER, _KNOWN = None, ("known", ())


def _bound(column: str, operator: Any, value: Any) -> Any:
    bound = bind([Predicate(column, operator, value)], _SCHEMA)
    return None if bound is None else (bound[0].operator, bound[0].values)


@pytest.mark.parametrize(
    ("column", "operator", "value", "meaning"),
    [
        ("small", "<", 2.5, ("<", (3,))),
        ("small", ">=", 2.5, (">=", (3,))),
        ("small", ">", 2.5, (">", (2,))),
        ("small", "<=", 2.5, ("<=", (2,))),
        ("small", "=", 2.5, _NEVER),
        ("small", "!=", 2.5, _KNOWN),
        ("small", "<", 128, _KNOWN),
        ("small", ">", 128, _NEVER),
        ("small", ">", -_INF, _KNOWN),
        ("small", "in", [1, 2.5, 300, None, _NAN], ("in", (1,))),
        ("whole", "=", 2.0**63, _NEVER),
        ("whole", "<=", 10**30, _KNOWN),
        ("whole", ">", 2**53 + 1, (">", (2**53 + 1,))),
        ("real", "=", _NAN, _NEVER),
        ("real", "!=", _NAN, _KNOWN),
        ("real", "<", _NAN, _NEVER),
        ("real", "in", [_NAN, None], _NEVER),
        ("real", "in", [0], ("in", (0.0, 0.0, -0.0))),
        ("flag", "<", True, ("in", (False,))),
        ("flag", "!=", False, ("in", (True,))),
        ("flag", ">", True, _NEVER),
        ("flag", "=", np.True_, ("in", (True,))),
        ("text", "=", None, _NEVER),
        ("text", "!=", None, _NEVER),
        ("raw", ">=", b"\xff", (">=", (b"\xff",))),
        ("real", "=", np.float32(0.5), ("=", (0.5,))),
        ("nothing", "!=", 1, _NEVER),
    ],
)
def test_the_edges_are_those_of_python(
    column: str, operator: str, value: Any, meaning: Any
) -> None:
    assert _bound(column, operator, value) == meaning


@pytest.mark.parametrize(
    "value",
    [
        "2024-01-02",
        "2024-01-02T01:00:00+01:00",
        "2024-01-02 00:00:00.000000000Z",
        date(2024, 1, 2),
        datetime(2024, 1, 2),
        datetime(2024, 1, 2, 1, tzinfo=timezone(timedelta(hours=1))),
        pd.Timestamp("2024-01-02", tz="UTC"),
        np.datetime64("2024-01-02"),
        1_704_153_600_000_000_000,
    ],
    ids=repr,
)
def test_a_moment_may_be_written_in_many_ways(value: Any) -> None:
    assert _bound("time", "=", value) == ("=", (1_704_153_600_000_000_000,))


def test_nanoseconds_are_kept() -> None:
    assert _bound("time", "=", pd.Timestamp(7, tz="UTC")) == ("=", (7,))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("whole", "1"),
        ("real", "x"),
        ("real", 10**400),
        ("text", 1),
        ("text", "\ud800"),
        ("raw", "x"),
        ("flag", 1),
        ("time", "yesterday"),
        ("time", 1.5),
        ("time", datetime(3000, 1, 1)),
        ("time", 2**70),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(column: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=column):
        _bound(column, "=", value)
