"""`capture stats`: what recording cost, and what was refused."""

from __future__ import annotations

import json

import capture


def test_what_was_captured_and_quarantined_is_told(call, store):
    shown = call("stats").stdout
    assert "captured         12 signals" in shown
    assert "quarantined      1\n" in shown
    assert "dropped          0\n" in shown
    assert "     1  signals  timestamp  is required" in shown


def test_every_table_has_its_rows_and_bytes(call, store):
    view = json.loads(call("stats", "--json").stdout)
    tables = {table["table"]: table for table in view["tables"]}
    assert tables["signals"]["rows"] == 12
    assert tables["signals"]["bytes"] > 0
    assert view["bytes_per_signal"] == view["bytes"] / 12
    assert view["bytes"] >= sum(table["bytes"] for table in view["tables"])


def test_the_reasons_of_the_quarantine_are_counted(call, store):
    (reason,) = json.loads(call("stats", "--json").stdout)["quarantine"]
    assert (reason["kind"], reason["events"]) == ("signals", 1)


def test_base_data_are_told_apart(call, tmp_path):
    import pandas as pd

    place = tmp_path / "based"
    index = pd.date_range("2024-01-01", periods=3, tz="UTC", name="timestamp")
    prices = {name: [1.0, 2.0, 3.0] for name in ("open", "high", "low", "close")}
    bars = pd.DataFrame({"timestamp": index, **prices, "volume": 1.0})
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        engine.add_base_data(bars, symbol="GOOG", timeframe="1d")
    view = json.loads(call("stats", "--store", place, "--json").stdout)
    assert view["base_bytes"] > 0
    assert view["bytes_per_signal"] is None


def test_a_run_that_goes_on_has_its_rows_counted(call, tmp_path):
    place = tmp_path / "live"
    with capture.SignalCaptureEngine(capture.SignalCaptureConfig(storage_path=place)) as engine:
        context = {"timestamp": 1_704_067_200_000_000_000, "strategy_id": "Live"}
        engine.capture_signal({"symbol": "GOOG", "direction": 1}, context)
        view = json.loads(call("stats", "--store", place, "--json").stdout)
    assert view["state"] == "running"
    assert view["tables"] == [{"table": "signals", "rows": 1, "bytes": None}]
