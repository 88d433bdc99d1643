"""Base data are kept once, are named by their content, and answer by bar."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import CorruptRecording, InvalidEvent, StoreError
from capture.store.base import BARS_FILE, BASE_RECORD, GROUP_BARS, fingerprint, prepare
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable


def table(**more: Any) -> pa.Table:
    index = pd.date_range("2020-01-01", periods=4, tz="UTC")
    return pa.table(
        {
            "timestamp": pa.array(index),
            "close": [1.0, 2.0, None, float("nan")],
            "volume": [1, 2, 3, 4],
            **more,
        }
    )


def test_equal_bars_are_kept_once(store: Store) -> None:
    refs = {store.add_base_data(table(), symbol="A", timeframe="1d") for _ in range(3)}
    assert len(refs) == 1
    other = Store(store.root).add_base_data(table(), symbol="A", timeframe="1d")
    assert refs == {other}
    assert [p.name for p in (store.root / "base").iterdir()] == [other.fingerprint[:32]]


@pytest.mark.parametrize(
    ("symbol", "timeframe", "bars"),
    [
        ("B", "1d", table()),
        ("A", "1h", table()),
        ("A", "1d", table(vwap=[1.0, 1.0, 1.0, 1.0])),
        ("A", "1d", table().slice(1)),
        ("A", "1d", table().set_column(1, "close", pa.array([1.0, 2.0, 0.0, float("nan")]))),
        ("A", "1d", table().set_column(1, "close", pa.array([1.0, 2.0, float("nan"), None]))),
        ("A", "1d", table().rename_columns(["timestamp", "open", "volume"])),
    ],
    ids=["symbol", "timeframe", "column", "rows", "null-or-zero", "null-or-nan", "name"],
)
def test_other_bars_have_another_fingerprint(symbol: str, timeframe: str, bars: pa.Table) -> None:
    known = fingerprint(prepare(table()), symbol="A", timeframe="1d")
    assert fingerprint(prepare(bars), symbol=symbol, timeframe=timeframe) != known


@given(
    columns=st.permutations(["timestamp", "close", "volume", "name"]),
    cut=st.integers(0, 4),
)
def test_the_fingerprint_is_of_the_values_alone(columns: list[str], cut: int) -> None:
    bars = table(name=["a", None, "ü", ""])
    pieces = pa.concat_tables([bars.slice(0, cut), bars.slice(cut)])
    assert fingerprint(prepare(pieces.select(columns)), symbol="A", timeframe="1d") == fingerprint(
        prepare(bars), symbol="A", timeframe="1d"
    )


def test_a_frame_and_a_table_of_the_same_bars_are_the_same(store: Store) -> None:
    index = pd.date_range("2020-01-01", periods=3)  # without a zone, as backtesters have it
    frame = pd.DataFrame({"Open": [1.0, 2, 3], "Volume": [1, 2, 3]}, index=index)
    arrow = pa.table(
        {
            "volume": [1, 2, 3],
            "open": [1.0, 2, 3],
            "timestamp": pa.array(index.tz_localize("UTC")),
        }
    )
    one = store.add_base_data(frame, symbol="A", timeframe="1d")
    assert one == store.add_base_data(arrow, symbol="A", timeframe="1d")
    assert one.columns == ("timestamp", "open", "volume")


def test_a_column_is_gathered_by_bar(store: Store) -> None:
    ref = store.add_base_data(table(), symbol="A", timeframe="1d")
    data = Store(store.root).base_data(ref.fingerprint)
    columns = data.columns_at(["volume"], np.array([3, 0, -1, 4]))
    assert columns["volume"].to_pylist() == [4, 1, None, None]


@pytest.mark.parametrize("first", [0, GROUP_BARS - 2, 3 * GROUP_BARS, 5 * GROUP_BARS - 3])
def test_a_few_bars_of_many_are_read_without_the_rest(store: Store, first: int) -> None:
    bars = 5 * GROUP_BARS
    times = pd.date_range("2020-01-01", periods=bars, freq="min", tz="UTC")
    whole = pa.table({"timestamp": pa.array(times), "close": np.arange(bars) / 2})
    ref = store.add_base_data(whole, symbol="A", timeframe="1min")
    data = Store(store.root).base_data(ref.fingerprint)
    wanted = np.array([first + 2, first, -1, bars, first + 1])
    close = data.columns_at(["close"], wanted)["close"]
    assert close.to_pylist() == [(first + 2) / 2, first / 2, None, None, (first + 1) / 2]
    assert data._bars is None, "all of the bars were read"


def test_the_bars_are_read_by_anything_that_reads_parquet(store: Store) -> None:
    ref = store.add_base_data(table(), symbol="A", timeframe="1d")
    path = store.root / "base" / ref.fingerprint[:32] / BARS_FILE
    assert pq.read_table(path).column("volume").to_pylist() == [1, 2, 3, 4]


def test_what_is_no_bar_data_is_refused(store: Store) -> None:
    with pytest.raises(InvalidEvent, match="must hold times"):
        store.add_base_data(pa.table({"timestamp": ["yesterday"]}), symbol="A", timeframe="1d")
    with pytest.raises(InvalidEvent, match="numbers, flags, texts and zoned times"):
        store.add_base_data(table(x=[[1]] * 4), symbol="A", timeframe="1d")
    assert list((store.root / "base").iterdir()) == []


def test_writers_of_the_same_bars_do_not_disturb_one_another(store: Store) -> None:
    stores = [Store(store.root) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        added = pool.map(lambda s: s.add_base_data(table(), symbol="A", timeframe="1d"), stores * 5)
    assert len(set(added)) == 1
    assert len(list((store.root / "base").iterdir())) == 1


@pytest.mark.parametrize("name", [BARS_FILE, BASE_RECORD])
def test_adding_bars_again_mends_what_was_lost(store: Store, name: str) -> None:
    ref = store.add_base_data(table(), symbol="A", timeframe="1d")
    (store.root / "base" / ref.fingerprint[:32] / name).unlink()
    with pytest.raises(StoreError, match="missing"):
        _ = Store(store.root).base_data(ref.fingerprint).bars
    Store(store.root).add_base_data(table(), symbol="A", timeframe="1d")
    assert Store(store.root).base_data(ref.fingerprint).ref == ref


def test_a_file_that_is_no_parquet_is_an_error_that_names_it(
    store: Store, record: Callable[..., str]
) -> None:
    run_id = record(store)
    ref = store.add_base_data(table(), symbol="A", timeframe="1d")
    path = store.root / "base" / ref.fingerprint[:32] / BARS_FILE
    path.write_bytes(b"nonsense")
    with pytest.raises(CorruptRecording, match=r"bars\.parquet"):
        _ = Store(store.root).base_data(ref.fingerprint).bars
    assert len(store[run_id].signals()) == 10, "other base data are not concerned"
