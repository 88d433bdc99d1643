"""Many series in one place: kept once, read when asked for, written at once or not at all."""

from __future__ import annotations

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import ClassifierChangeIndex, SignalIndex, SignalStorageManager
from capture.errors import ConfigError, CorruptRecording, StoreError, UnknownName
from capture.index.cache import GroupCache
from capture.index.group import SeriesGroup, SeriesKey

if TYPE_CHECKING:
    from pathlib import Path

N_BARS = 30
SERIES = st.lists(
    st.sampled_from([1.0, -1.0, 0.0, 0.25, float("nan")]), min_size=N_BARS, max_size=N_BARS
)
PLACES = st.tuples(
    st.sampled_from(["momentum", "../mean reversion"]),
    st.sampled_from(["GOOG", "SPY", ""]),
    st.sampled_from(["1min", "5min"]),
    st.sampled_from(["", "fast_10", "fast_20"]),
)
STATES = st.lists(st.sampled_from(["bull", "bear", None]), min_size=N_BARS, max_size=N_BARS)


@settings(max_examples=40)
@given(
    st.dictionaries(PLACES, SERIES, min_size=1, max_size=6),
    st.dictionaries(PLACES, STATES, max_size=3),
)
def test_dense_series_of_several_symbols_and_timeframes_come_back_from_the_folder(
    tmp_path_factory: pytest.TempPathFactory, dense: dict[Any, Any], states: dict[Any, Any]
) -> None:
    manager = SignalStorageManager()
    for (name, symbol, timeframe, one), series in dense.items():
        index = SignalIndex.from_dense(name, series)
        manager.add(index, symbol=symbol, timeframe=timeframe, parameter_set=one)
    for (name, symbol, timeframe, one), series in states.items():
        changes = ClassifierChangeIndex.from_dense(name, series)
        manager.add(changes, symbol=symbol, timeframe=timeframe, parameter_set=one)
    folder = manager.save(tmp_path_factory.mktemp("saved") / "index")
    for kept in (manager, SignalStorageManager.open(folder)):
        for place, series in dense.items():
            np.testing.assert_array_equal(kept.signals(*place).to_dense(N_BARS), series)
        for place, series in states.items():
            assert kept.classifier(*place).to_dense(N_BARS) == series


def grid(sets: int = 20, *, different: int = 5) -> SignalStorageManager:
    """Return a grid in which only some parameter sets give different signals."""
    manager = SignalStorageManager()
    for number in range(sets):
        random = np.random.default_rng(number % different)
        bars = np.sort(random.choice(2000, 100, replace=False))
        index = SignalIndex.of("momentum", bars, random.choice([-1, 0, 1], 100))
        params = {"lookback": number}
        manager.add(
            index, symbol="GOOG", timeframe="1min", parameter_set=f"{number}", params=params
        )
    return manager


def names_in(folder: Path) -> set[str]:
    return {str(name) for name in SignalStorageManager.open(folder).to_frame()["name"]}


def test_equal_series_of_a_grid_are_kept_once(tmp_path: Path) -> None:
    folder = grid().save(tmp_path / "index")
    [row] = SignalStorageManager.open(folder).to_frame().to_dict("records")
    assert (row["sets"], row["series"], row["rows"]) == (20, 5, 500)
    [path] = folder.glob("*.parquet")
    assert pq.read_metadata(path).num_rows == 500
    opened = SignalStorageManager.open(folder)
    assert opened.signals("momentum", parameter_set="7") == opened.signals(
        "momentum", parameter_set="2"
    )
    assert opened.parameter_sets("momentum")["7"] == {"lookback": 7}


def test_a_group_is_a_sparse_matrix_whose_rows_are_the_series(tmp_path: Path) -> None:
    group = SignalStorageManager.open(grid().save(tmp_path / "index")).group(
        "signals", "momentum", "GOOG", "1min"
    )
    assert len(group) == 5 and len(group.sets) == 20
    row = group.series_of("3")
    bars = group.bar_index[group.starts[row] : group.starts[row + 1]]
    index = grid().signals("momentum", parameter_set="3")
    assert bars.tolist() == index.bar_index.tolist()
    with pytest.raises(UnknownName, match="parameter set"):
        group.series_of("300")


def test_a_saved_group_is_a_plain_table_for_everyone(tmp_path: Path) -> None:
    folder = grid().save(tmp_path / "index")
    [path] = folder.glob("*.parquet")
    frame = pd.read_parquet(path)
    assert list(frame.columns) == ["series", "bar_index", "value"]
    said = json.loads(pq.read_schema(path).metadata[b"signal_capture_index"])
    number = next(one["series"] for one in said["sets"] if one["params"] == {"lookback": 11})
    mine = frame[frame["series"] == number]
    index = grid().signals("momentum", parameter_set="11")
    assert mine["bar_index"].tolist() == index.bar_index.tolist()
    assert mine["value"].tolist() == index.values.tolist()


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path) -> None:
    manager = grid()
    manager.add(SignalIndex.of("other", [1], [1]), symbol="GOOG", timeframe="1min")
    folder = manager.save(tmp_path / "index")
    for path in folder.glob("signals-momentum-*"):
        path.write_bytes(b"\0" * path.stat().st_size)
    opened = SignalStorageManager.open(folder)
    assert len(opened.keys()) == 2 and len(opened.cache) == 0
    assert len(opened.signals("other")) == 1
    with pytest.raises(CorruptRecording, match="signals-momentum"):
        opened.signals("momentum", parameter_set="0")


def test_what_is_read_often_is_read_once(tmp_path: Path) -> None:
    opened = SignalStorageManager.open(grid().save(tmp_path / "index"))
    for number in range(20):
        opened.signals("momentum", parameter_set=f"{number}")
    assert (opened.cache.misses, opened.cache.hits) == (1, 19)


def test_groups_are_read_ahead_several_at_a_time(tmp_path: Path) -> None:
    manager = SignalStorageManager()
    for number in range(12):
        manager.add(SignalIndex.of("momentum", [number], [1]), symbol=f"S{number}")
    opened = SignalStorageManager.open(manager.save(tmp_path / "index"))
    assert opened.load(opened.keys()[:5]) == 5
    assert len(opened.cache) == 5
    assert opened.load(workers=3) == 12
    for path in (tmp_path / "index").glob("*.parquet"):
        path.unlink()
    assert [int(opened.signals("momentum", f"S{n}").bar_index[0]) for n in range(12)] == [
        *range(12)
    ]


def test_the_cache_forgets_what_was_not_used_for_the_longest_time() -> None:
    def group(name: str, rows: int) -> SeriesGroup:
        index = SignalIndex.of(name, np.arange(rows), np.ones(rows))
        return SeriesGroup.of(SeriesKey("signals", name, "", ""), {"": index}, {})

    groups = {name: group(name, 100) for name in "abc"}
    cache = GroupCache(groups["a"].nbytes * 2)
    for name in "abac":
        if cache.get(groups[name].key) is None:
            cache.put(groups[name])
    assert [name for name in "abc" if cache.get(groups[name].key)] == ["a", "c"]
    assert cache.nbytes <= cache.most_bytes
    cache.put(group("large", 1000))
    assert len(cache) == 2, "what is too large alone displaces nothing"


def test_signals_and_changes_are_added_online_and_reach_the_folder_with_save(
    tmp_path: Path,
) -> None:
    folder = grid().save(tmp_path / "index")
    live = SignalStorageManager.open(folder)
    place = {"symbol": "GOOG", "timeframe": "1min"}
    before = live.signals("momentum", parameter_set="2")
    live.append_signal("momentum", 2500, 1, **place, parameter_set="2", metadata={"a": 1})
    live.append_signal("momentum", 2600, 0, **place, parameter_set="2")
    for bar, state in ((10, "bull"), (11, "bull"), (12, "bear")):
        live.append_change("trend", bar, state, **place, confidence=0.5)
    assert live.signals("momentum", parameter_set="2").bar_index[-2:].tolist() == [2500, 2600]
    assert live.signals("momentum", parameter_set="7") == before, "it shared its series with 2"
    assert [c.new for c in live.classifier("trend")] == ["bull", "bear"]
    assert SignalStorageManager.open(folder).signals("momentum", parameter_set="2") == before
    live.save()
    again = SignalStorageManager.open(folder)
    assert again.signals("momentum", parameter_set="2") == live.signals(
        "momentum", parameter_set="2"
    )
    assert again.signals("momentum", parameter_set="7") == before
    assert again.parameter_sets("momentum")["2"] == {"lookback": 2}
    live.append_signal("momentum", 2700, 1, **place, parameter_set="2")
    live.save()
    assert len(list(folder.glob("signals-*"))) == 1, "files that are not needed any more go away"


def test_what_is_handed_out_is_a_copy() -> None:
    manager = grid()
    manager.signals("momentum", parameter_set="1").append_signal(3000, 1)
    assert int(manager.signals("momentum", parameter_set="1").bar_index[-1]) < 2000
    index = SignalIndex.of("mine", [1], [1])
    manager.add(index)
    index.append_signal(2, 0)
    assert len(manager.signals("mine")) == 1


def test_equal_series_take_memory_once_before_they_are_saved() -> None:
    index = SignalIndex.of("momentum", np.arange(10_000), np.ones(10_000))
    manager = SignalStorageManager()
    tracemalloc.start()
    for number in range(50):
        manager.add(index, parameter_set=f"{number}")
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken < 3 * (index.bar_index.nbytes + index.values.nbytes)


def test_sets_that_share_a_series_grow_apart(tmp_path: Path) -> None:
    manager = SignalStorageManager()
    for name in ("a", "b", "c"):
        manager.add(SignalIndex.of("momentum", [1, 2], [1, 0]), parameter_set=name)
    assert manager.to_frame()["series"].tolist() == [1]
    manager.append_signal("momentum", 3, -1, parameter_set="a")
    manager.append_signal("momentum", 4, 1, parameter_set="a")
    lengths = {one: len(manager.signals("momentum", parameter_set=one)) for one in "abc"}
    assert lengths == {"a": 4, "b": 2, "c": 2}
    opened = SignalStorageManager.open(manager.save(tmp_path / "index"))
    assert opened.to_frame()[["sets", "series", "rows"]].to_numpy().tolist() == [[3, 2, 6]]


def test_sets_that_grew_equal_share_a_series_once_they_are_saved(tmp_path: Path) -> None:
    manager = SignalStorageManager()
    for name in ("a", "b"):
        manager.append_signal("momentum", 3, -1, parameter_set=name)
    folder = manager.save(tmp_path / "index")
    assert SignalStorageManager.open(folder).to_frame()["series"].tolist() == [1]


def test_threads_add_without_losing_anything() -> None:
    manager = SignalStorageManager()

    def strategy(number: int) -> None:
        for bar in range(200):
            manager.append_signal("momentum", bar, bar % 3 - 1, parameter_set=f"{number}")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(strategy, range(4)))
    assert [len(manager.signals("momentum", parameter_set=f"{n}")) for n in range(4)] == [200] * 4


def test_two_who_save_into_one_folder_do_not_overwrite_one_another(tmp_path: Path) -> None:
    folder = grid().save(tmp_path / "index")
    one, other = SignalStorageManager.open(folder), SignalStorageManager.open(folder)
    one.append_signal("a", 1, 1)
    other.append_signal("b", 1, 1)
    one.save()
    with pytest.raises(StoreError, match="somebody else saved another index here"):
        other.save()
    assert names_in(folder) == {"momentum", "a"}
    with pytest.raises(StoreError, match="somebody else"):
        grid().save(folder)
    moved = other.save(tmp_path / "mine")
    assert names_in(moved) == {"momentum", "b"}


def test_a_reader_is_told_when_its_file_went_away(tmp_path: Path) -> None:
    folder = grid().save(tmp_path / "index")
    reader, writer = SignalStorageManager.open(folder), SignalStorageManager.open(folder)
    writer.append_signal("momentum", 3000, 1, symbol="GOOG", timeframe="1min", parameter_set="0")
    writer.save()
    with pytest.raises(StoreError, match="open it again"):
        reader.signals("momentum", parameter_set="0")


def test_what_is_not_there_or_not_clear_is_named() -> None:
    manager = grid()
    manager.add(SignalIndex.of("momentum", [1], [1]), symbol="SPY", timeframe="1min")
    with pytest.raises(ConfigError, match="choose one of GOOG 1min, SPY 1min"):
        manager.signals("momentum")
    with pytest.raises(ConfigError, match="choose one, such as 0, 1, 2"):
        manager.signals("momentum", "GOOG")
    with pytest.raises(UnknownName, match="momentun"):
        manager.signals("momentun")
    with pytest.raises(UnknownName, match="parameter set"):
        manager.signals("momentum", "GOOG", parameter_set="999")
    with pytest.raises(ConfigError, match="name a folder"):
        manager.save()
    with pytest.raises(ConfigError, match="SignalIndex or a ClassifierChangeIndex"):
        manager.add([1, 2])  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="base data"):
        manager.market([1], "GOOG", "1min")
    assert len(manager.signals("momentum", "SPY")) == 1


def test_a_hostile_name_stays_inside_the_folder(tmp_path: Path) -> None:
    manager = SignalStorageManager()
    manager.add(SignalIndex.of("../../x\0y", [1], [1]), symbol="../z")
    folder = manager.save(tmp_path / "a" / "index")
    assert SignalStorageManager.open(folder).signals("../../x\0y").bar_index.tolist() == [1]
    assert {path.name for path in tmp_path.iterdir()} == {"a"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"index"}


def test_the_dense_frame_shows_signals_beside_regimes() -> None:
    manager = grid()
    trend = ClassifierChangeIndex.from_dense("trend", [None, "bull", "bull", "bear"])
    manager.add(trend, symbol="GOOG", timeframe="1min")
    manager.add(ClassifierChangeIndex("elsewhere"), symbol="SPY", timeframe="1min")
    frame = manager.to_dense("momentum", parameter_set="4", n_bars=2000)
    index = manager.signals("momentum", parameter_set="4")
    assert list(frame.columns) == ["signal", "regime_trend", "passes"]
    np.testing.assert_array_equal(frame["signal"], index.to_dense(2000))
    assert frame["regime_trend"].iloc[:4].isna().tolist() == [True, False, False, False]
