"""Conditions as text: they mean what they say, and never run as Python."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import SignalCaptureConfig, SignalCaptureEngine
from capture.errors import ConfigError, UnknownName
from capture.expressions import Expression

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

JANUARY, FEBRUARY, MARCH = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 2, 3))
TABLE = pa.table(
    {
        "rsi": pa.array([25.0, 75.0, None, math.nan], pa.float64(), from_pandas=False),
        "regime": pa.array(["bull", "bear", None, "bull"], pa.string()),
        "bar": pa.array([1, 2, 3, 4], pa.int64()),
        "late": pa.array([False, True, None, False], pa.bool_()),
        "at": pa.array([JANUARY, FEBRUARY, None, MARCH], pa.timestamp("ns", tz="UTC")),
    }
)


def bars(text: str, table: pa.Table = TABLE) -> list[int]:
    expression = Expression(text).arrow(table.schema)
    found: list[int] = ds.dataset(table).to_table(filter=expression).column("bar").to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rsi < 30", [1]),
        ("rsi < 30 and regime == 'bull'", [1]),
        ("rsi > 30 or regime == 'bull'", [1, 2, 4]),
        ("not regime == 'bull'", [2]),
        ("regime != 'bull'", [2]),
        ("regime in ['bull', 'bear'] and bar > 1", [2, 4]),
        ("regime not in ('bear',)", [1, 4]),
        ("regime in []", []),
        ("1 < bar <= 3", [2, 3]),
        ("2 <= bar", [2, 3, 4]),
        ("bar / 2 == 0.5", [1]),
        ("bar * 10 - rsi < -50", [2]),
        ("rsi + -5 > 60", [2]),
        ("-rsi < -70", [2]),
        ("rsi is None", [3]),
        ("rsi is not None and bar < 3", [1, 2]),
        ("late", [2]),
        ("not late", [1, 4]),
        ("late == True", [2]),
        ("True", [1, 2, 3, 4]),
        ("at >= '2024-02-01'", [2, 4]),
        ("at < '2024-01-31T23:00:00+01:00'", [1]),
        ("(rsi < 30 or bar == 3) and (regime is None or regime == 'bull')", [1, 3]),
        ("bar == -1", []),
    ],
)
def test_a_condition_keeps_the_rows_that_meet_it(text: str, expected: list[int]) -> None:
    assert bars(text) == expected


def test_a_nan_meets_no_comparison_of_order() -> None:
    assert 4 not in bars("rsi < 1e9") + bars("rsi >= -1e9")


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "rsi.real > 1",
        "rsi[0] > 1",
        "lambda: 1",
        "[rsi for rsi in ()]",
        "rsi if late else bar",
        "f'{rsi}' == 'x'",
        "(rsi := 3) > 1",
        "rsi < 30; bar",
        "rsi ** 2 > 3",
        "rsi @ bar",
        "b'x' == regime",
        "1j == rsi",
        "... == rsi",
        "regime in 'bull'",
        "regime in bar",
        "regime is 'bull'",
        "regime == ['bull']",
        "rsi <",
        "",
        "   ",
        "(" * 500 + "bar" + ")" * 500 + " >",
        "not " * 300 + "late",
    ],
)
def test_what_is_no_condition_is_refused_when_it_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match="where"):
        Expression(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("regime == 3", "regime holds string, and 3 is none"),
        ("bar == 'x'", "bar holds int64, and 'x' is none"),
        ("late == 'yes'", "late holds bool"),
        ("regime in ['bull', 3]", "3 is none"),
        ("at > 'yesterday'", "at is a time"),
        ("at > 5", "at is a time"),
        ("regime", "regime is no condition"),
        ("regime and late", "regime is no condition"),
        ("3", "3 is no condition"),
        ("bar + 1", "'bar + 1' is no condition"),
    ],
)
def test_what_does_not_fit_the_columns_names_them(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="where") as refused:
        bars(text)
    assert problem in str(refused.value)


def test_an_unknown_column_is_named_with_the_likely_one() -> None:
    with pytest.raises(UnknownName, match=r'"regim"\. Did you mean "regime"'):
        bars("regim == 'bull'")


@given(
    st.lists(st.tuples(st.integers(-5, 5), st.none() | st.sampled_from("ab")), max_size=20),
    st.integers(-5, 5),
    st.sampled_from("ab"),
    st.booleans(),
)
def test_it_is_a_plain_loop_over_the_rows(
    rows: list[tuple[int, str | None]], level: int, state: str, either: bool
) -> None:
    numbers, states = [number for number, _ in rows], [one for _, one in rows]
    table = pa.table(
        {
            "x": pa.array(numbers, pa.int64()),
            "s": pa.array(states, pa.string()),
            "bar": pa.array(range(len(rows)), pa.int64()),
        }
    )
    word = "or" if either else "and"
    expected = []
    for place, (number, one) in enumerate(rows):
        known, equal = number > level, one == state
        if (known or equal) if either else (known and equal):
            expected.append(place)
    assert bars(f"x > {level} {word} s == '{state}'", table) == expected


def test_a_backend_gets_what_it_can_check_beforehand() -> None:
    schema = TABLE.schema
    found = Expression("bar > 2 and 'bull' == regime and rsi < bar and late").predicates(schema)
    assert [str(one) for one in found] == ["bar > 2", "regime = 'bull'"]
    assert Expression("bar > 2 or bar < 1").predicates(schema) == ()
    assert Expression("at > '2024-01-01' and other == 1").predicates(schema) == ()


# --- on a recording ------------------------------------------------------------------------------


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    config = SignalCaptureConfig(storage_path=tmp_path)
    with SignalCaptureEngine(config) as engine:
        for bar in range(20):
            engine.capture_signal(
                {"symbol": "AB"[bar % 2], "direction": 1 if bar % 3 else -1, "bar_index": bar},
                {
                    "timestamp": datetime(2024, 1, 1 + bar, tzinfo=UTC),
                    "strategy_id": "mine",
                    "indicators": {"rsi": float(bar * 5)},
                    "current_regime": "bull" if bar < 10 else "bear",
                },
            )
        return engine.recording


TENTH = pd.Timestamp("2024-01-10", tz="UTC")


@pytest.mark.parametrize(
    ("where", "query"),
    [
        ("indicator_rsi < 30 and regime == 'bull'", "indicator_rsi < 30 and regime == 'bull'"),
        ("symbol == 'A' and bar_index >= 4", "symbol == 'A' and bar_index >= 4"),
        (
            "direction < 0 and disposition == 'generated'",
            "direction < 0 and disposition == 'generated'",
        ),
        (
            "timestamp >= '2024-01-10' and indicator_rsi / 5 == bar_index",
            "timestamp >= @TENTH and indicator_rsi / 5 == bar_index",
        ),
        (["symbol == 'B'", ("bar_index", "<", 9)], "symbol == 'B' and bar_index < 9"),
    ],
)
def test_a_recording_is_filtered_by_any_column(
    recording: Recording, where: Any, query: str
) -> None:
    whole = recording.signals()
    expected = whole.query(query)["seq"].tolist()
    assert 0 < len(expected) < len(whole)
    assert recording.signals(where=where)["seq"].tolist() == expected
    only = recording.signals(columns=["seq"], where=where)
    assert list(only.columns) == ["seq"]
    assert only["seq"].tolist() == expected


def test_every_table_takes_a_text(recording: Recording) -> None:
    assert recording.table("signals", ["seq"], "bar_index > 17").num_rows == 2
    assert len(recording.orders(where="action == 'new'")) == 0
    with pytest.raises(UnknownName, match="bar_indx"):
        recording.signals(where="bar_indx > 3")
