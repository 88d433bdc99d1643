"""A signal index means one thing, keeps it on disk, and gives every series back."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture import IndexedEvent, IndexedSignal, SignalIndex
from capture.errors import CaptureError, ConfigError, CorruptRecording, InvalidEvent, StoreError
from capture.index import Intervals

if TYPE_CHECKING:
    from pathlib import Path

DIRECTIONS = st.sampled_from([1.0, -1.0, 0.0, -0.0, math.nan])
REALS = st.floats(allow_infinity=False)
SERIES = st.lists(DIRECTIONS | REALS, max_size=60)
STATES = st.sampled_from(["bull", "bear", ""])


@st.composite
def indices(draw: st.DrawFn) -> SignalIndex:
    """Draw an index, signal by signal; some bars have several, some values are missing."""
    index = SignalIndex("momentum")
    bar = 0
    for step in draw(st.lists(st.integers(0, 5), max_size=20)):
        bar += step
        classifiers = draw(st.none() | st.dictionaries(st.sampled_from("ab"), STATES))
        metadata = draw(st.none() | st.dictionaries(st.text(), st.integers() | st.text()))
        index.append_signal(bar, draw(DIRECTIONS | REALS), classifiers, metadata)
    return index


def loop_of_held(index: SignalIndex, n_bars: int) -> list[float]:
    """Say the held layout in the plainest words."""
    by_bar = {signal.bar_index: signal.value for signal in index}
    wanted: float | None = None
    dense = []
    for bar in range(n_bars):
        wanted = by_bar.get(bar, wanted)
        dense.append(math.nan if wanted is None else wanted)
    return dense


@given(SERIES, st.sampled_from(["held", "events"]))
def test_a_dense_series_comes_back_from_its_signals(series: list[float], layout: Any) -> None:
    index = SignalIndex.from_dense("momentum", series, layout=layout)
    np.testing.assert_array_equal(index.to_dense(len(series), layout=layout), series)


@given(SERIES)
def test_the_held_layout_keeps_changes_only(series: list[float]) -> None:
    index = SignalIndex.from_dense("momentum", series)
    values = [signal.value for signal in index]
    assert all(one != other for one, other in pairwise(values))
    assert not values or values[0] is not None


@given(indices(), st.integers(0, 5))
def test_a_value_holds_until_the_next_signal(index: SignalIndex, more: int) -> None:
    n_bars = (int(index.bar_index[-1]) + 1 if len(index) else 0) + more
    plain = loop_of_held(index, n_bars)
    np.testing.assert_array_equal(index.to_dense(n_bars), plain)
    found = [index.value_at(bar) for bar in range(n_bars)]
    np.testing.assert_array_equal([math.nan if v is None else v for v in found], plain)
    np.testing.assert_array_equal(index.values_at(np.arange(n_bars)[::-1]), plain[::-1])


@given(saved=indices())
def test_an_index_comes_back_from_its_file(
    saved: SignalIndex, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("saved") / "momentum.parquet"
    saved.save(path)
    assert SignalIndex.load(path) == saved
    assert SignalIndex.load(path).content_sha256() == saved.content_sha256()
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@given(indices(), indices())
def test_a_hash_tells_contents_apart(one: SignalIndex, other: SignalIndex) -> None:
    assert (one.content_sha256() == other.content_sha256()) == (one == other)


def test_the_last_signal_of_a_bar_counts_and_one_that_reaffirms_stays() -> None:
    index = SignalIndex("momentum")
    index.append_signal(3, 1, {"trend": "bull"}, {"first": True})
    index.append_signal(3, -1)
    index.append_signal(5, -1, metadata={"why": "again"})
    assert list(index) == [IndexedSignal(3, -1.0), IndexedSignal(5, -1.0, None, {"why": "again"})]
    assert isinstance(next(iter(index)), IndexedEvent)
    np.testing.assert_array_equal(index.to_dense(5 + 1, layout="events")[3:], [-1, math.nan, -1])


def test_backwards_is_refused_and_changes_nothing() -> None:
    index = SignalIndex("momentum")
    index.append_signal(7, 1)
    with pytest.raises(InvalidEvent, match=r"bar_index=6: the last signal is at bar 7"):
        index.append_signal(6, 1)
    assert len(index) == 1


@pytest.mark.parametrize("bar", [-1, 1.5, "3", None, True, 2**63])
def test_what_is_no_bar_is_refused(bar: Any) -> None:
    with pytest.raises(InvalidEvent, match="must be the number of a bar"):
        SignalIndex("momentum").append_signal(bar, 1)


@pytest.mark.parametrize("value", ["1", math.inf, -math.inf, object()])
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(InvalidEvent, match="value="):
        SignalIndex("momentum").append_signal(0, value)


@pytest.mark.parametrize(
    "more",
    [{"classifiers": {"trend": 1}}, {"metadata": {"x": object()}}, {"metadata": {"x": math.nan}}],
)
def test_what_no_file_can_hold_is_refused_and_changes_nothing(more: Any) -> None:
    index = SignalIndex("momentum")
    index.append_signal(0, 1, {"trend": "bull"}, {"kept": 1})
    with pytest.raises(InvalidEvent):
        index.append_signal(0, -1, **more)
    assert list(index) == [IndexedSignal(0, 1.0, {"trend": "bull"}, {"kept": 1})]


def test_fewer_bars_than_there_are_signals_is_refused() -> None:
    index = SignalIndex.of("momentum", [2, 9], [1, 0])
    with pytest.raises(InvalidEvent, match=r"n_bars=9: the last signal is at bar 9"):
        index.to_dense(9)
    assert len(index.select(stop=9).to_dense(9)) == 9


@pytest.mark.parametrize(
    ("series", "problem"),
    [
        ([1.0, math.inf], "must be finite, and is not at bar 1"),
        ([[1.0], [2.0]], "must be one series"),
        (["long"], "must be a series of numbers"),
        ([2**53 + 1], "too large"),
    ],
)
def test_a_series_that_would_not_come_back_is_refused(series: Any, problem: str) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        SignalIndex.from_dense("momentum", series)
    with pytest.raises(ConfigError, match="layout"):
        SignalIndex.from_dense("momentum", [1.0], layout="dense")  # type: ignore[arg-type]


def test_a_series_of_pandas_may_say_missing_in_any_way() -> None:
    series = pd.Series([1, None, -1, 0], dtype="Int8")
    index = SignalIndex.from_dense("momentum", series)
    np.testing.assert_array_equal(index.to_dense(4), [1, math.nan, -1, 0])
    flags = SignalIndex.from_dense("momentum", pd.Series([True, False]))
    np.testing.assert_array_equal(flags.to_dense(2), [1, 0])


@given(indices(), st.integers(0, 20), st.none() | st.integers(20, 60), st.data())
def test_a_selection_is_a_plain_filter(
    index: SignalIndex, start: int, stop: int | None, data: st.DataObject
) -> None:
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 9))))
    within = Intervals.of((a, a + length) for a, length in pairs)
    values = data.draw(st.none() | st.sets(st.sampled_from([1.0, -1.0, 0.0])))
    states = data.draw(st.none() | st.just({"a": "bull"}) | st.just({"a": ["bull", "bear"]}))
    found = index.select(start, stop, values=values, classifiers=states, within=within)
    allowed = (
        None if states is None else set([states["a"]] if states["a"] == "bull" else states["a"])
    )
    expected = [
        signal
        for signal in index
        if start <= signal.bar_index
        and (stop is None or signal.bar_index < stop)
        and (values is None or signal.value in values)
        and (allowed is None or (signal.classifiers or {}).get("a") in allowed)
        and any(a <= signal.bar_index < b for a, b in within)
    ]
    assert list(found) == expected


def test_a_copy_and_a_selection_grow_on_their_own() -> None:
    index = SignalIndex.of("momentum", [1, 2], [1, -1])
    for other in (index.copy(), index.select()):
        other.append_signal(2, 0)
        other.append_signal(3, 1)
        assert other.bar_index.tolist() == [1, 2, 3]
    assert index.values.tolist() == [1.0, -1.0]
    with pytest.raises(ValueError, match="read-only"):
        index.values[0] = 5


def test_pandas_and_duckdb_read_the_file(tmp_path: Path) -> None:
    index = SignalIndex("momentum")
    index.append_signal(3, 1, {"trend": "bull"}, {"why": "cross"})
    index.append_signal(9, None)
    path = tmp_path / "momentum.parquet"
    index.save(path)
    frame = pd.read_parquet(path)
    assert list(frame.columns) == ["bar_index", "value", "classifier_trend", "metadata"]
    assert frame["bar_index"].tolist() == [3, 9]
    rows = duckdb.sql(f"SELECT bar_index, value, metadata FROM '{path}'").fetchall()
    assert rows == [(3, 1, '{"why": "cross"}'), (9, None, None)]
    assert str(pq.read_schema(path).field("value").type) == "int8"
    assert index.to_frame()["classifier_trend"].fillna("none").tolist() == ["bull", "none"]


def test_a_damaged_or_foreign_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "momentum.parquet"
    SignalIndex.from_dense("momentum", np.random.default_rng(0).normal(size=500)).save(path)
    whole = path.read_bytes()
    for place in range(4, len(whole), 97):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            found = SignalIndex.load(path)
        except (CorruptRecording, StoreError):
            continue
        path.write_bytes(whole)
        assert found.values.tolist() == SignalIndex.load(path).values.tolist()
    path.write_text("no index")
    with pytest.raises(CorruptRecording, match=r"momentum\.parquet"):
        SignalIndex.load(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(StoreError, match="no file of an index"):
        SignalIndex.load(path)
    with pytest.raises(CaptureError, match="missing"):
        SignalIndex.load(tmp_path / "none.parquet")
