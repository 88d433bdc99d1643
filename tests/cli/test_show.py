"""`capture show`: a run at a glance, and one signal with its fate."""

from __future__ import annotations

import json

import pytest

import capture
from capture.recorder.grids import Grid
from capture.store.run import RunStart
from capture.store.store import Store


def test_a_run_is_shown_with_its_counts_and_strategy(call, store, run_id):
    result = call("show")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{run_id}\nended\n")
    assert "12 signals, 12 orders, 8 fills, 12 statuses" in result.stdout
    assert "parameters      n1=10" in result.stdout
    assert "indicator fast  period=10" in result.stdout


def test_what_became_of_the_signals_is_counted(call, store):
    shown = call("show").stdout
    assert "What became of 12 signals; 8 traded" in shown
    assert "executed  filled            8  66.7%" in shown
    assert "rejected  risk_limit        4  33.3%" in shown


def test_the_first_and_the_last_signals_do_not_overlap(call, store):
    view = json.loads(call("show", "--json", "-n", 8).stdout)
    assert [len(view["first_signals"]), len(view["last_signals"])] == [8, 4]
    bars = [row["bar_index"] for row in view["first_signals"] + view["last_signals"]]
    assert bars == list(range(12))


def test_no_signals_are_shown_if_none_are_wanted(call, store):
    assert "First" not in call("show", "-n", 0).stdout


def test_the_document_has_no_nan_and_its_times_have_z(call, store):
    text = call("show", "--json").stdout
    view = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    first = view["first_signals"][0]
    assert first["indicator_slow"] is None
    assert first["timestamp"] == "2024-01-01T00:00:00Z"
    assert view["started"].endswith("Z")
    assert view["counts"]["signals"] == 12


def test_the_beginning_of_an_identity_is_enough(call, store, run_id):
    assert call("show", run_id[:20]).stdout.startswith(run_id)


def test_nothing_that_data_contain_steers_the_terminal(call, store, terminal):
    for shown in (call("show").stdout, terminal("show", columns=200, NO_COLOR="1")):
        assert "\x1b" not in shown
        assert "[red]Cross[/red]" in shown
        assert "note=[bold]x\\x1b[31m" in shown


def test_a_refused_signal_says_why_it_did_not_trade(call, store):
    refused = call("show", "--signal", 0)
    assert refused.exit_code == 0
    assert refused.stdout.splitlines()[1] == (
        "It did not trade; it was rejected by the risk: risk_limit ([blink]\\x1b[2J too much)."
    )


def test_a_signal_that_traded_says_for_what_price(call, store, run_id):
    signals = capture.open(store).latest().signals()
    signal_id = signals["signal_id"].iloc[1]
    shown = call("show", "--signal", signal_id).stdout
    assert shown.startswith(f"Signal {signal_id}\nIt traded: 10 at 100.5.\n")
    assert "Market\nclose  101.25" in shown
    assert "Indicators\nfast  1.5" in shown


def test_the_document_of_a_signal_has_its_whole_context_and_fate(call, store, run_id):
    found = json.loads(call("show", "--signal", 0, "--json").stdout)
    assert found["run_id"] == run_id
    assert found["signal"]["market_close"] == 100.25
    assert found["signal"]["param_n1"] == 10
    assert found["indicators"] == {"fast": {"period": 10}}
    assert [status["reason"] for status in found["statuses"]] == ["risk_limit"]
    assert [order["order_type"] for order in found["orders"]] == ["market"]
    assert found["fills"] == []


def test_a_signal_is_found_in_the_run_that_its_identity_names(call, store, run_id):
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=store)):
        pass
    assert call("show").stdout.splitlines()[0] != run_id
    assert call("show", "--signal", f"{run_id}.0.0").exit_code == 0


def test_a_signal_that_is_not_there_is_a_negative_answer(call, store):
    result = call("show", "--signal", 99999)
    assert result.exit_code == 1
    assert "it has no signal '99999'" in result.stderr


def test_in_a_run_of_several_parts_the_number_of_a_signal_needs_its_part(call, tmp_path):
    place = tmp_path / "parts"
    config = capture.SignalCaptureConfig(storage_path=place)
    run = Store(place, create=True).begin_run(RunStart(host="engine", strategy="Grid"))
    moment = {"timestamp": 1_704_067_200_000_000_000, "strategy_id": "Grid"}
    for direction in (1, -1):
        with capture.SignalCaptureEngine(config, run=run) as engine:
            engine.capture_signal({"symbol": "GOOG", "direction": direction}, moment)
    run.finish()
    ambiguous = call("show", "--store", place, "--signal", 0)
    assert ambiguous.exit_code == 1
    assert "it has 2 parts" in ambiguous.stderr
    assert "direction" in call("show", "--store", place, "--signal", "1.0").stdout
    shown = call("show", "--store", place).stdout
    assert "PART  SEQ" in shown
    assert "parts     2" in shown


def test_a_run_without_signals_can_be_shown(call, tmp_path):
    place = tmp_path / "empty"
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)):
        pass
    result = call("show", "--store", place)
    assert result.exit_code == 0
    assert "recorded  nothing" in result.stdout
    assert json.loads(call("show", "--store", place, "--json").stdout)["first_signals"] == []


def test_a_run_that_is_being_recorded_can_be_shown(call, tmp_path):
    place = tmp_path / "live"
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        context = {"timestamp": 1_704_067_200_000_000_000, "strategy_id": "Live"}
        engine.capture_signal({"symbol": "GOOG", "direction": 1}, context)
        result = call("show", "--store", place)
        signal = call("show", "--store", place, "--signal", 0)
    assert "running" in result.stdout
    assert "1 signals" in result.stdout
    assert "Nothing has become of it yet." in signal.stdout


def test_a_grid_is_shown_with_a_line_for_each_parameter_set(call, tmp_path):
    folder = tmp_path / "grid"
    config = capture.SignalCaptureConfig(storage_path=folder)
    grid = Grid.begin(config, RunStart(host="engine", strategy="Cross", params={"fast": "0-29"}))
    for fast in [*range(30), 7]:
        said = {"strategy_id": f"Cross_fast_{fast}", "strategy_params": {"fast": fast}}
        with capture.SignalCaptureEngine(config, run=grid.folder) as engine:
            engine.capture_signal({"symbol": "GOOG", "direction": 1}, {"timestamp": 0, **said})
    grid.end()
    lines = call("show", "--store", folder).stdout.splitlines()
    assert "30 parameter sets" in lines
    assert "Cross_fast_0   fast=0          1        1" in lines
    assert "Cross_fast_7   fast=7          2        2" in lines
    assert "and 6 more; --json lists them all" in lines
    view = json.loads(call("show", "--store", folder, "--json").stdout)
    assert (len(view["strategies"]), view["parts"]) == (30, 31)
    [run] = json.loads(call("ls", "--store", folder, "--json").stdout)
    assert (run["parts"], run["signals"], run["state"]) == (31, 31, "ended")
