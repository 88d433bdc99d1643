"""`capture parity`: 0 exact, 1 differs, 2 could not run."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

import capture
from capture.store.run import RunStart


def _record(store, *, kind="capture", parent=None, equity=(100.0, 100.5, 99.0)):
    config = capture.SignalCaptureConfig(storage_path=store)
    start = RunStart(host="engine", strategy="Cross", kind=kind, parent=parent)
    with capture.SignalCaptureEngine(config, run=start) as engine:
        bars = range(len(equity))
        times = [datetime(2024, 1, 1 + bar, tzinfo=UTC) for bar in bars]
        rows = {
            "symbol": ["[red]GOOG\x1b[31m"] * len(equity),
            "bar_index": list(bars),
            "timestamp": pa.array(times, pa.timestamp("ns", tz="UTC")),
            "equity": list(equity),
        }
        engine.append_table("equity", pa.table(rows))
    return engine.run_id


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("CAPTURE_STORE", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def original(place):
    return _record(place)


def test_a_replay_that_came_out_the_same_is_exact(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    result = call("parity", original, replay)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "trades: 0 rows equal",
        "fills: 0 rows equal",
        "equity: 3 rows equal",
        f"Exact: {replay} against {original}.",
    ]


def test_one_that_did_not_is_told_with_the_first_difference(call, place, original):
    replay = _record(place, kind="replay", parent=original, equity=(100.0, 100.25, 98.0))
    result = call("parity", original, replay)
    assert result.exit_code == 1
    assert "equity: 1 rows equal, then equity row 1: equity 100.5 became 100.25" in result.stdout
    assert result.stdout.splitlines()[-1] == f"Differs: {replay} against {original}."


def test_what_comes_from_data_cannot_steer_the_terminal(call, place, original):
    replay = _record(place, kind="replay", parent=original, equity=(100.0, 100.5))
    result = call("parity", original, replay)
    assert result.exit_code == 1
    assert "is only in the original" in result.stdout
    assert "\x1b" not in result.stdout


def test_latest_is_the_latest_recording_and_the_latest_replay(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    result = call("parity", "latest", "latest", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["original"], found["replayed"], found["exact"]) == (original, replay, True)


def test_the_document_has_the_difference(call, place, original):
    replay = _record(place, equity=(100.0, 100.5, float("nan")))
    result = call("parity", original, replay, "--json")
    assert result.exit_code == 1
    equity = json.loads(result.stdout)["comparisons"][-1]
    assert (equity["table"], equity["equal_rows"]) == ("equity", 2)
    assert equity["difference"]["columns"] == ["equity"]
    assert equity["difference"]["original"]["equity"] == 99.0
    assert equity["difference"]["replayed"]["equity"] is None


def test_the_store_may_be_named(call, place, original, monkeypatch):
    monkeypatch.delenv("CAPTURE_STORE")
    assert call("parity", original, original, "--store", place).exit_code == 0


def test_without_a_store_it_could_not_run(call, tmp_path):
    assert call("parity", "a", "b", "--store", tmp_path / "nothing").exit_code == 2


def test_a_run_that_is_not_there_is_not_called_different(call, original):
    result = call("parity", original, "nope")
    assert result.exit_code == 2
    assert "there is no run 'nope'" in result.stderr


def test_a_store_without_a_replay_is_told(call, original):
    result = call("parity", "latest", "latest")
    assert result.exit_code == 2
    assert "no run of kind 'replay' was recorded here" in result.stderr


def test_a_corrupt_store_is_not_called_different(call, place, original):
    (place / "capture-store.json").write_text("{}")
    result = call("parity", original, original)
    assert result.exit_code == 2
    assert "is not what was written" in result.stderr


def test_both_runs_must_be_named(call, original):
    assert call("parity", original).exit_code == 2
