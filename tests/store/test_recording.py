"""A recording is read as one row per signal, with its market, parameters, notes and fate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import capture
from capture.errors import CorruptRecording, MissingExtra, StoreError, UnknownName
from capture.filters import Predicate
from capture.store.signals_table import SIGNAL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording
    from capture.store.store import Store


def close_of(count: int, factor: float) -> pa.Table:
    index = pd.date_range("2020-01-01", periods=count, tz="UTC")
    return pa.table({"timestamp": pa.array(index), "close": np.arange(count) * factor})


@pytest.fixture(params=["parquet", "json", "sql", "hdf5"])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def recording(store: Store, record: Callable[..., str], backend: str) -> Recording:
    return store[record(store, backend=backend, count=20, parts=2)]


def test_the_columns_come_in_the_order_that_is_promised(recording: Recording) -> None:
    names = list(recording.signals().columns)
    assert tuple(names[: len(SIGNAL_COLUMNS)]) == SIGNAL_COLUMNS
    assert names[len(SIGNAL_COLUMNS) :] == [
        "market_open",
        "market_high",
        "market_low",
        "market_close",
        "market_volume",
        "indicator_sma",
        "param_fast",
    ]


def test_there_is_one_row_per_signal_ordered_by_part_and_sequence(recording: Recording) -> None:
    found = recording.signals()
    assert len(found) == 40
    assert found[["part", "seq"]].equals(found[["part", "seq"]].sort_values(["part", "seq"]))
    assert found["signal_id"].is_unique
    assert str(found["timestamp"].dtype) == "datetime64[ns, UTC]"
    assert found["bar_index"].dtype == np.int64


def test_market_columns_are_looked_up_by_bar(recording: Recording) -> None:
    found = recording.signals()
    assert (found["market_close"] == found["bar_index"] + 1).all()
    assert (found["market_open"] == found["bar_index"]).all()


def test_conditions_on_stored_and_on_joined_columns_are_both_met(recording: Recording) -> None:
    found = recording.signals(
        where=[
            Predicate("direction", "=", 1),
            ("market_close", ">", 5.0),
            ("disposition", "=", "rejected"),
            ("bar_index", "<", 10),
            ("part", "=", 1),
        ]
    )
    assert list(found["bar_index"]) == [6, 8]
    assert set(found["part"]) == {1}


def test_only_the_columns_that_are_asked_for_come_back(recording: Recording) -> None:
    found = recording.signals(["signal_id", "market_close", "reason"], where=[("seq", "=", 4)])
    assert list(found.columns) == ["signal_id", "market_close", "reason"]
    assert list(found["market_close"]) == [3.0, 3.0]
    assert list(found["reason"]) == ["risk_limit"] * 2


def test_a_condition_that_nothing_meets_gives_no_row_and_all_columns(recording: Recording) -> None:
    found = recording.signals(where=[("symbol", "=", "MSFT")])
    assert found.empty
    assert tuple(found.columns[: len(SIGNAL_COLUMNS)]) == SIGNAL_COLUMNS
    assert recording.signals(where=[("indicator_nothing", ">", 1)]).empty


def test_a_misspelt_column_is_refused(recording: Recording) -> None:
    with pytest.raises(UnknownName, match='Did you mean "disposition"') as refused:
        recording.signals(["dispositon"])
    assert sorted(set(refused.value.known)) == list(refused.value.known)
    with pytest.raises(UnknownName, match='no table is called "signal"'):
        recording.table("signal")


def test_other_tables_are_frames_of_their_own(recording: Recording) -> None:
    assert len(recording.statuses()) == 40
    assert len(recording.statuses(where=[("part", "=", 0)], columns=["status"])) == 20
    assert len(recording.bars()) == 50
    for empty in (recording.orders(), recording.fills(), recording.regimes(), recording.equity()):
        assert empty.empty
        assert "seq" in empty.columns
    assert recording.quarantine().empty
    assert recording.notes().empty


def test_the_last_status_is_the_fate(store: Store, record_tables: Callable[..., str]) -> None:
    run_id = record_tables(
        store,
        {
            "signals": {"seq": [0, 1, 2], "signal_id": ["a", "b", "c"]},
            "statuses": {
                "seq": [3, 4, 5, 6],
                "signal_seq": [0, 1, 0, None],
                "signal_id": ["a", "b", "a", "b"],
                "status": ["submitted", "rejected", "executed", "error"],
                "reason": ["accepted", "risk_limit", "filled", None],
            },
        },
    )
    found = store[run_id].signals()
    assert list(found["disposition"]) == ["executed", "error", "generated"]
    assert list(found["reason"].fillna("none")) == ["filled", "none", "none"]


def test_each_part_has_its_own_fates(store: Store, record_tables: Callable[..., str]) -> None:
    parts = [
        {
            "signals": {"seq": [0, 1], "signal_id": [f"{n}.0", f"{n}.1"]},
            "statuses": {"seq": [2], "signal_seq": [n], "status": ["rejected"]},
        }
        for n in (0, 1)
    ]
    found = store[record_tables(store, *parts)].signals()
    assert list(found["disposition"]) == ["rejected", "generated", "generated", "rejected"]


def test_the_market_of_several_symbols_and_timeframes_is_not_confused(
    store: Store, record_tables: Callable[..., str]
) -> None:
    base = [
        store.add_base_data(close_of(9, 1.0), symbol="A", timeframe="1d").to_dict(),
        store.add_base_data(close_of(9, 10.0), symbol="A", timeframe="1h").to_dict(),
        store.add_base_data(close_of(9, 100.0), symbol="B", timeframe="1d").to_dict(),
    ]
    run_id = record_tables(
        store,
        {
            "signals": {
                "seq": range(6),
                "symbol": ["A", "A", "B", "C", "B", None],
                "timeframe": ["1d", "1h", "1d", "1d", "1d", "1d"],
                "bar_index": [2, 2, 2, 2, 99, 2],
            }
        },
        base=base,
    )
    found = store[run_id].signals()["market_close"]
    assert list(found[:3]) == [2.0, 20.0, 200.0]
    assert found[3:].isna().all()


def test_market_values_that_were_stored_with_the_signal_win(
    store: Store, record_tables: Callable[..., str]
) -> None:
    ref = store.add_base_data(close_of(9, 1.0), symbol="A", timeframe="1d").to_dict()
    run_id = record_tables(
        store,
        {
            "signals": {
                "seq": [0, 1],
                "symbol": ["A", "A"],
                "timeframe": ["1d", "1d"],
                "bar_index": [3, 4],
                "market_close": [77.0, None],
                "market_bid": [1.0, 2.0],
            }
        },
        base=[ref],
    )
    found = store[run_id].signals()
    assert list(found["market_close"]) == [77.0, 4.0]
    assert list(found["market_bid"]) == [1.0, 2.0]


def test_parameters_come_from_the_segment_of_the_signal(
    store: Store, record_tables: Callable[..., str]
) -> None:
    params: list[dict[str, Any]] = [
        {"fast": 1, "name": "a", "deep": {"x": [1]}},
        {"fast": 2.5, "slow": True},
    ]
    segments = [
        {"segment": n, "strategy_id": "s", "params": said, "indicators": {}}
        for n, said in enumerate(params)
    ]
    columns = {"seq": [0, 1, 2], "segment": pa.array([1, 0, None], pa.int32())}
    found = store[record_tables(store, {"signals": columns}, segments=segments)].signals()
    assert list(found["param_fast"][:2]) == [2.5, 1.0]
    assert found["param_fast"][2:].isna().all()
    assert list(found["param_name"].fillna("none")) == ["none", "a", "none"]
    assert list(found["param_deep"].fillna("none")) == ["none", '{"x": [1]}', "none"]
    assert found["param_slow"].iloc[0]


def test_the_last_note_of_a_name_is_the_signals(
    store: Store, record_tables: Callable[..., str]
) -> None:
    run_id = record_tables(
        store,
        {
            "signals": {"seq": [0, 1], "signal_id": ["a", "b"]},
            "notes": {
                "seq": [2, 3, 4, 5],
                "signal_seq": [0, 0, 1, None],
                "name": ["why", "why", "score", "on the bar"],
                "value": ['"first"', '"last"', "0.5", "1"],
            },
        },
    )
    recording = store[run_id]
    found = recording.signals()
    assert list(found["note_why"].fillna("none")) == ["last", "none"]
    assert found["note_score"].iloc[1] == 0.5
    assert "note_on the bar" not in found
    assert list(recording.notes()["value"]) == ["first", "last", 0.5, 1]


def test_strategies_with_other_indicators_share_one_frame(
    store: Store, record_tables: Callable[..., str]
) -> None:
    run_id = record_tables(
        store,
        {"signals": {"seq": [0], "indicator_a": [1], "extra_x": ["t"]}},
        {"signals": {"seq": [0], "indicator_a": [1.5], "indicator_b": [2.0]}},
    )
    found = store[run_id].signals()
    assert list(found["indicator_a"]) == [1.0, 1.5]
    assert list(found["indicator_b"].isna()) == [True, False]
    assert list(found.columns[-1:]) == ["extra_x"]


def test_whole_numbers_stay_whole_beside_nulls(
    store: Store, record_tables: Callable[..., str]
) -> None:
    run_id = record_tables(store, {"signals": {"seq": [0, 1], "bar_index": [2**60 + 1, None]}})
    found = store[run_id].signals()["bar_index"]
    assert found[0] == 2**60 + 1
    assert found[1] is pd.NA


def test_bars_are_base_data_and_those_recorded_one_by_one(
    store: Store, record_tables: Callable[..., str]
) -> None:
    ref = store.add_base_data(close_of(3, 1.0), symbol="A", timeframe="1d").to_dict()
    run_id = record_tables(
        store,
        {"bars": {"seq": [0], "symbol": ["B"], "bar_index": [7], "close": [9.0]}},
        {"bars": {"seq": [0], "symbol": ["B"], "bar_index": [8], "close": [9.5]}},
        base=[ref],
    )
    found = store[run_id].bars()
    assert list(found["symbol"]) == ["A"] * 3 + ["B"] * 2
    assert list(found["bar_index"]) == [0, 1, 2, 7, 8]
    assert list(store[run_id].bars(where=[("symbol", "=", "B")])["close"]) == [9.0, 9.5]


def test_a_file_that_is_gone_is_an_error_and_not_an_empty_table(
    store: Store, record: Callable[..., str], backend: str
) -> None:
    run_id = record(store, backend=backend)
    part = store.root / "runs" / run_id / "parts" / "0000"
    for path in part.iterdir():
        if path.suffix != ".json" and not path.name.startswith("chain"):
            path.unlink()
    with pytest.raises(StoreError, match="parts/0000"):
        store[run_id].signals()


def test_what_was_kept_in_memory_says_so_once_its_process_has_ended(
    store: Store, record: Callable[..., str], python: Callable[..., Any]
) -> None:
    run_id = record(store, backend="memory")
    assert len(store[run_id].signals()) == 10
    done = python(
        "import sys; from capture.store.store import open_store\n"
        "from capture.store.verify import verify\n"
        "store = open_store(sys.argv[1])\n"
        "print(verify(store).ok, flush=True)\n"
        "store.latest().signals()",
        store.root,
    )
    assert done.stdout.strip() == "True"
    assert "kept in memory, and ended with their process" in done.stderr


def test_a_damaged_file_is_an_error_that_names_the_part(
    store: Store, record: Callable[..., str]
) -> None:
    run_id = record(store)
    path = store.root / "runs" / run_id / "parts" / "0000" / "signals.parquet"
    path.write_bytes(b"\xff" * path.stat().st_size)
    with pytest.raises(CorruptRecording, match="parts/0000"):
        store[run_id].signals()


def test_columns_that_nobody_filled_are_there_and_empty(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path / "s")
    days = pd.date_range("2020-01-01", periods=3, tz="UTC")
    with capture.SignalCaptureEngine(config) as engine:
        bars = pd.DataFrame({"timestamp": days, "close": [1.0, 2.0, 3.0]})
        engine.add_base_data(bars, symbol="A", timeframe="1d")
        for bar in range(3):
            said = {"symbol": "A", "direction": 1, "timestamp": bar, "bar_index": bar}
            engine.capture_signal({**said, "strategy_id": "mine"})
        engine.capture_status("of another run", "executed", "filled")
    recording = capture.open(tmp_path / "s").latest()
    signals = recording.signals()
    assert signals["market_close"].tolist() == [1.0, 2.0, 3.0]
    assert signals["timeframe"].isna().all()
    assert recording.signals(columns=["regime"])["regime"].isna().all()
    assert recording.statuses()["signal_seq"].isna().all()
    assert recording.signals(where=[("timeframe", "=", "1d")]).empty


@pytest.mark.parametrize("name", ["signals", "bars", "orders", "fills", "equity"])
def test_polars_gets_the_tables_that_pandas_gets(recording: Recording, name: str) -> None:
    found, expected = recording.to_polars(name), getattr(recording, name)()
    assert found.columns == list(expected.columns)
    assert len(found) == len(expected)
    for column in found.columns:
        assert list(map(_plain, found[column].to_list())) == list(map(_plain, expected[column]))


def _plain(value: Any) -> Any:
    """One value for what is absent, and times to the microsecond, which Python's own have."""
    if value is None or pd.isna(value):
        return None
    return pd.Timestamp(value).floor("us") if hasattr(value, "tzinfo") else value


def test_without_polars_the_extra_is_named(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(MissingExtra, match="signal-capture\\[polars\\]"):
        recording.to_polars("fills")
