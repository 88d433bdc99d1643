"""`capture export`: files for other tools, whole or not at all."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

import capture
from capture import schema
from capture.commands import export
from capture.commands.writing import write_whole


def _read(place):
    match place.suffix:
        case ".csv":
            return pd.read_csv(place)
        case ".json":
            return pd.DataFrame(json.loads(place.read_text()))
        case ".jsonl":
            return pd.DataFrame([json.loads(line) for line in place.read_text().splitlines()])
        case ".parquet":
            return pd.read_parquet(place)
        case ".feather":
            return pd.read_feather(place)


FORMATS = ["csv", "json", "jsonl", "parquet", "feather"]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_holds_the_signals_with_all_their_digits(call, store, tmp_path, form):
    place = tmp_path / f"signals.{form}"
    result = call("export", "-o", place)
    assert (result.exit_code, result.stdout) == (0, f"Wrote 12 signals to {place}.\n")
    expected = capture.open(store).latest().signals()
    read = _read(place)
    assert list(read.columns) == list(expected.columns)
    assert list(read["signal_id"]) == list(expected["signal_id"])
    assert list(read["indicator_fast"]) == list(expected["indicator_fast"])
    times = pd.to_datetime(read["recorded_time"], utc=True, format="ISO8601")
    assert list(times) == list(expected["recorded_time"])


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_has_null_where_there_is_no_number(call, store, tmp_path, form):
    place = tmp_path / f"signals.{form}"
    call("export", "-o", place)
    assert "NaN" not in place.read_text()
    assert set(_read(place)["indicator_slow"]) == {None}


def test_parquet_keeps_the_types(call, store, tmp_path):
    call("export", "-o", "signals.parquet")
    read = pd.read_parquet(tmp_path / "signals.parquet")
    assert str(read["timestamp"].dtype) == "datetime64[ns, UTC]"
    assert math.isnan(read["indicator_slow"].iloc[0])


def test_the_tables_are_those_of_the_schema():
    assert set(export.TABLES) == set(schema.TABLES)


@pytest.mark.parametrize("table", ["orders", "fills", "statuses", "notes", "quarantine", "bars"])
def test_any_table_can_be_written(call, store, tmp_path, table):
    result = call("export", "-o", "table.jsonl", "--table", table)
    assert result.exit_code == 0
    expected = len(getattr(capture.open(store).latest(), table)())
    assert len((tmp_path / "table.jsonl").read_text().splitlines()) == expected


def test_a_file_that_is_there_is_not_overwritten(call, store, tmp_path):
    place = tmp_path / "signals.csv"
    place.write_text("mine")
    result = call("export", "-o", place)
    assert result.exit_code == 2
    assert "add --force" in result.stderr
    assert place.read_text() == "mine"
    assert call("export", "-o", place, "--force").exit_code == 0
    assert len(_read(place)) == 12


def test_the_format_follows_the_suffix_or_is_asked_for(call, store):
    unknown = call("export", "-o", "signals.xls")
    assert unknown.exit_code == 2
    assert "--format" in unknown.stderr
    assert call("export", "-o", "signals.xls", "--format", "csv").exit_code == 0


def test_all_tables_go_into_a_folder(call, store, tmp_path):
    result = call("export", "-o", "tables", "--all", "--json")
    assert json.loads(result.stdout)["rows"] == {
        "signals": 12,
        "orders": 12,
        "fills": 8,
        "statuses": 12,
        "quarantine": 1,
    }
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == [
        "fills.parquet",
        "orders.parquet",
        "quarantine.parquet",
        "signals.parquet",
        "statuses.parquet",
    ]


def test_a_folder_that_is_not_empty_is_left_alone(call, store, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "mine").write_text("mine")
    assert call("export", "-o", "tables", "--all").exit_code == 2
    assert call("export", "-o", "tables", "--all", "--force").exit_code == 0
    assert (tmp_path / "tables" / "mine").read_text() == "mine"


def test_a_folder_needs_all_and_all_needs_a_folder(call, store, tmp_path):
    assert "name a file" in call("export", "-o", tmp_path, "--format", "csv", "--force").stderr
    (tmp_path / "file").write_text("")
    assert "this is a file" in call("export", "-o", "file", "--all").stderr


def test_into_a_pipe_goes_nothing_but_the_table(shell, store):
    done = shell("export", "-o", "-", "--format", "jsonl", "--table", "fills")
    assert [json.loads(line)["price"] for line in done.stdout.splitlines()] == [100.5] * 8
    assert done.stderr == ""


def test_a_file_that_cannot_be_completed_leaves_nothing_behind(tmp_path):
    def fill(stream):
        stream.write(b"half")
        raise RuntimeError("the disk fell out")

    with pytest.raises(RuntimeError):
        write_whole(tmp_path / "signals.csv", fill)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_in_one_line(call, store):
    result = call("export", "-o", "nowhere/signals.csv")
    assert result.exit_code == 2
    assert "check that its folder is there" in result.stderr


def test_notes_of_different_types_fit_into_one_column(call, tmp_path):
    place = tmp_path / "noted"
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        for number, value in enumerate([1.5, "two", {"three": 3}]):
            context = {"timestamp": 1_704_067_200_000_000_000 + number, "strategy_id": "Notes"}
            signal_id = engine.capture_signal({"symbol": "GOOG", "direction": 1}, context)
            engine.note("mood", value, signal_id=signal_id)
    out = tmp_path / "notes.parquet"
    assert call("export", "--store", place, "-o", out, "--table", "notes").exit_code == 0
    assert list(pd.read_parquet(out)["value"]) == ["1.5", '"two"', '{"three": 3}']
