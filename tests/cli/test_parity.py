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
        "trades: 0 rows in both",
        "fills: 0 rows in both",
        "equity: 3 rows equal",
        f"Exact, with 0 rows of trades and fills: {replay} against {original}.",
    ]


def test_runs_without_rows_prove_nothing(call, place):
    original = _record(place, equity=())
    replay = _record(place, kind="replay", parent=original, equity=())
    result = call("parity", original, replay)
    assert result.exit_code == 0
    expected = "Nothing to compare: 0 rows of trades, fills and equity: "
    assert result.stdout.splitlines()[-1].startswith(expected)
    found = json.loads(call("parity", original, replay, "--json").stdout)
    assert found["empty"] == ["trades", "fills", "equity"]


def test_one_that_did_not_is_told_with_the_first_difference(call, place, original):
    replay = _record(place, kind="replay", parent=original, equity=(100.0, 100.25, 98.0))
    result = call("parity", original, replay)
    assert result.exit_code == 1
    assert "equity: 1 rows equal, then equity row 1: equity 100.5 became 100.25" in result.stdout
    lines = result.stdout.splitlines()
    assert lines[-1] == f"Differs: {replay} against {original}."
    assert [line.partition(" bar ")[0] for line in lines[3:-1]] == [
        "  original: [red]GOOG\\x1b[31m",
        "  replay: [red]GOOG\\x1b[31m",
    ]


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


def test_the_original_may_be_left_out_where_the_replay_names_it(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    for words in ([replay], ["latest"], []):
        result = call("parity", *words)
        assert result.exit_code == 0
        assert result.stdout.endswith(f": {replay} against {original}.\n")


def test_a_run_that_replays_nothing_needs_an_original(call, original):
    result = call("parity", original)
    assert result.exit_code == 2
    assert "it replays no other run" in result.stderr


def test_three_runs_are_too_many(call, original):
    result = call("parity", original, original, original)
    assert result.exit_code == 2
    assert "two runs at most" in result.stderr


# --- the certificate -----------------------------------------------------------------------------


def test_the_certificate_is_kept_beside_the_replay(call, place, original):
    replay = _record(place, kind="replay", parent=original, equity=(100.0, 100.25, 98.0))
    said = json.loads(call("parity", original, replay, "--json").stdout)
    [kept] = capture.open(place)[replay].certificates
    assert json.loads(json.dumps(kept.to_dict())) == said
    assert kept.saved is not None
    assert call("verify").exit_code == 0


def test_it_is_not_kept_if_nobody_wants_it(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    assert call("parity", original, replay, "--no-store").exit_code == 0
    assert capture.open(place)[replay].certificates == ()


def test_a_run_that_is_no_replay_of_the_other_gets_none(call, place, original):
    other = _record(place)
    assert call("parity", original, other).exit_code == 0
    assert capture.open(place)[other].certificates == ()


def test_where_it_cannot_be_kept_the_answer_is_given_all_the_same(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    (place / "runs" / replay / "certificates").write_text("a file is in the way")
    result = call("parity", original, replay)
    assert result.exit_code == 0
    assert result.stdout.endswith(f": {replay} against {original}.\n")
    assert "capture: the certificate was not kept: " in result.stderr


def test_a_damaged_certificate_is_a_finding(call, place, original):
    replay = _record(place, kind="replay", parent=original)
    call("parity", original, replay)
    [file] = (place / "runs" / replay / "certificates").iterdir()
    file.write_text(file.read_text().replace('"exact": true', '"exact": false'))
    result = call("verify")
    assert result.exit_code == 1
    assert f"{file.name}: the record is not what was written" in result.stdout


@pytest.fixture
def across(place):
    """A recording, and its replay with another fill time and another commission."""
    from tests.replaying.explaining.scripts import recorded, replayed, up_and_down

    original = recorded(place, up_and_down(5, 12, 20, 27, size=10.0))
    return original, replayed(original, fill="close", commission_rate=0.001)


@pytest.mark.usefixtures("across")
def test_what_differs_is_led_to_its_cause(call):
    result = call("parity", "--explain")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    table = lines.index("CAUSE            DIFFERENCES  OF")
    assert lines[table + 1 : table + 4] == [
        "fill time                  5  bar_index",
        "fill price rule            5  price",
        "commission                 5  commission",
    ]
    assert any(line.startswith("trades: 3 then, 3 now; 3 matched") for line in lines)
    assert lines[-1] == "Every difference is explained."


def test_causes_are_printed_for_programs_and_kept_with_the_certificate(call, across):
    document = json.loads(call("parity", "--explain", "--json").stdout)
    said = document["explanation"]
    assert said["causes"] == {"fill time": 5, "fill price rule": 5, "commission": 5}
    assert said["unexplained"] == 0
    assert {gap["column"] for gap in said["gaps"]} == {"bar_index", "price", "commission"}
    (kept,) = across[1].certificates
    assert json.loads(json.dumps(kept.explanation.to_dict())) == said
    assert len(kept.explanation.to_frame()) == 15
    assert len(kept.explanation.to_frame("trades")) == 3


def test_what_has_no_cause_is_counted_and_shown(call, place):
    from tests.replaying.explaining.scripts import recorded, replayed, up_and_down

    original = recorded(place, up_and_down(5, 12, size=10.0))
    replayed(original, commission=_odd)  # a function, of which nobody knows what it comes to
    result = call("parity", "--explain")
    assert result.exit_code == 1
    assert "unexplained: ACME bar 6, entry: commission 0.0 became 0.125" in result.stdout
    # Two fills, and equity from the first of them on.
    assert result.stdout.splitlines()[-1] == "2 differences are unexplained."


def _odd(_units, _price):
    return 0.125
