"""What is drawn: texts that cannot steer, tables that fit, colour only where it is wanted."""

from __future__ import annotations

import json
import math
import unicodedata
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.commands.terminal.document import json_line, plain
from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amount, amounts, duration, moments, of_bytes, safe


@given(st.text(st.characters()))
def test_a_safe_text_has_nothing_that_a_terminal_obeys(text):
    assert not [c for c in safe(text) if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_an_ordinary_text_is_not_changed(text):
    assert safe(text) == text


@given(
    st.lists(st.tuples(st.text("ab", min_size=1, max_size=9), st.integers(0, 9)), min_size=1),
    st.integers(1, 80),
)
def test_a_table_fits_or_has_only_columns_that_are_never_given_up(columns, width):
    table = Table(tuple(Column(title, [title], rank=rank) for title, rank in columns))
    fitting = table.fit(width)
    fits = max(map(len, fitting.lines()), default=0) <= width
    assert fits or not any(column.rank for column in fitting.columns)
    assert len(fitting.columns) + len(fitting.left_out) == len(columns)


def test_the_least_wanted_column_is_given_up_first():
    table = Table.of(Column("A", ["x"]), Column("B", ["x"], rank=1), Column("C", ["x"], rank=2))
    assert table.fit(5).left_out == ("C",)


def test_a_column_that_says_nothing_is_left_out():
    table = Table.of(Column("A", ["", ""]), Column("B", ["", ""], rank=1))
    assert [column.title for column in table.columns] == ["A"]


def test_numbers_stand_under_one_another_with_the_decimals_that_they_need():
    assert amounts([1.5, None, 10.25, 3]) == ["1.50", "", "10.25", "3.00"]
    assert amounts([1.0, float("nan"), 2.0]) == ["1", "", "2"]
    assert amounts([math.inf, 0.5]) == ["inf", "0.5"]
    assert amounts([1234.5678]) == ["1234.57"]
    assert amounts(["a\x1b", 1.5, True]) == ["a\\x1b", "1.5", "True"]
    assert amount(0.0000123) == "0.0000123"
    assert amount(pd.NA) == ""


def test_times_at_midnight_are_days():
    days = pd.to_datetime(["2024-01-01", None, "2024-01-02"], utc=True)
    assert moments(list(days)) == ["2024-01-01", "", "2024-01-02"]
    assert moments([pd.Timestamp("2024-01-01 09:30", tz="Europe/Berlin")]) == [
        "2024-01-01 08:30:00"
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0000125, "12.5 µs"), (0.25, "250.0 ms"), (59, "59.00 s"), (150, "2 min 30 s")],
)
def test_a_span_of_time_has_the_unit_that_fits(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(999, "999 B"), (1500, "1.5 kB"), (2e6, "2.0 MB"), (3e12, "3.0 TB")]
)
def test_a_size_has_the_unit_that_fits(size, text):
    assert of_bytes(size) == text


def test_a_document_holds_nothing_that_json_does_not_know():
    value = {
        "nan": float("nan"),
        "inf": np.float64("inf"),
        "whole": np.int64(3),
        "flag": np.bool_(True),
        "none": pd.NaT,
        "time": datetime(2024, 1, 1, tzinfo=UTC),
        "fine": pd.Timestamp("2024-01-01 00:00:00.000000001", tz="UTC"),
        3: ["Zürich\x9b", (1, 2)],
    }
    assert plain(value) == {
        "nan": None,
        "inf": None,
        "whole": 3,
        "flag": True,
        "none": None,
        "time": "2024-01-01T00:00:00Z",
        "fine": "2024-01-01T00:00:00.000000001Z",
        "3": ["Zürich\x9b", [1, 2]],
    }
    assert json_line(value).isascii()
    assert json.loads(json_line(value)) == plain(value)


def test_into_a_pipe_go_no_escape_sequences(shell, store):
    done = shell("show")
    assert "\x1b" not in done.stdout
    assert done.stderr == ""


def test_a_terminal_gets_colour(terminal, store):
    assert "\x1b[1m" in terminal("ls")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_nobody_gets_colour_who_does_not_want_it(terminal, store, environment):
    assert "\x1b" not in terminal("show", **environment)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("verb", ["ls", "stats", "plugins"])
def test_no_line_of_a_table_is_wider_than_the_terminal(terminal, store, verb, columns):
    shown = terminal(verb, columns=columns, NO_COLOR="1")
    table = [line for line in shown.splitlines() if not line.startswith(("not shown", "note"))]
    assert max(map(len, table)) <= columns


def test_what_found_no_room_is_named(terminal, store):
    assert "not shown, for want of room:" in terminal("ls", columns=60, NO_COLOR="1")
