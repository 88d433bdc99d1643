"""The material of analyses: signals of whatever source, and their bars once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import capture
from capture.analysis.material import material_of
from capture.errors import ConfigError

if TYPE_CHECKING:
    from capture.store.recording import Recording

pytestmark = pytest.mark.host


def test_the_material_of_a_recording_is_its_signals_and_its_bars(goog_recording: Recording) -> None:
    material = material_of(goog_recording)
    expected = goog_recording.signals()
    assert material.signals.drop(columns="run_id").equals(expected)
    assert set(material.signals["run_id"]) == {goog_recording.run_id}
    (found,) = material.series()
    key, bars, rows = found
    assert key == (goog_recording.run_id, "GOOG", "1d")
    assert np.array_equal(rows, np.arange(len(expected)))
    stored = goog_recording.bars()
    assert np.array_equal(bars["close"], stored["close"])
    at = material.signals["bar_index"].to_numpy()
    assert np.array_equal(bars["close"][at], material.signals["market_close"])
    assert np.array_equal(bars.times_ns[at], material.signals["timestamp"].astype("int64"))


def test_the_material_of_a_store_is_that_of_its_captured_runs(goog_recording: Recording) -> None:
    one = material_of(goog_recording)
    every = material_of(goog_recording.store)
    assert every.signals.equals(one.signals)
    assert [r.run_id for r in every.recordings] == [goog_recording.run_id]


def test_several_recordings_have_a_run_each(
    goog_recording: Recording, eurusd_recording: Recording
) -> None:
    both = material_of([goog_recording, eurusd_recording])
    counts = both.signals["run_id"].value_counts()
    assert counts[goog_recording.run_id] == len(goog_recording.signals())
    assert counts[eurusd_recording.run_id] == len(eurusd_recording.signals())
    assert len(both.bars) == 2
    assert set(both.table("equity")["run_id"]) == set(counts.index)


def test_a_frame_gives_signals_without_bars(goog_recording: Recording) -> None:
    material = material_of(goog_recording.signals(), symbols=["GOOG"], where="direction > 0")
    assert (material.signals["direction"] == 1).all()
    assert not material.bars and list(material.series()) == []


def test_a_backend_gives_the_signals_it_holds(goog_recording: Recording) -> None:
    parquet = capture.get_host().backend("parquet")
    backend = parquet(goog_recording.parts[0].path)
    material = material_of(backend)
    assert list(material.signals["seq"]) == list(goog_recording.signals()["seq"])
    assert not material.recordings


@pytest.mark.parametrize("source", [None, 7, "signals", [1, 2]])
def test_what_is_no_source_is_refused(source: object) -> None:
    with pytest.raises(ConfigError, match="give a recording, a store, a backend or a frame"):
        material_of(source)


def test_a_time_that_is_none_is_refused(goog_recording: Recording) -> None:
    with pytest.raises(ConfigError, match="start"):
        material_of(goog_recording, start="yesterday evening")
