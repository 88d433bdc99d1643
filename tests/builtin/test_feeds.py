"""Feeds: what bars are refused, and with which words; when a bar becomes known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import capture
from capture.errors import ConfigError, DataMismatch, InvalidEvent, StoreError, UnknownName
from capture_builtin import Backtest, Feed, Strategy
from tests.builtin.market import bars


def broken(change):
    frame = bars(20)
    return change(frame)


def with_price(name, value):
    def change(frame):
        frame.iloc[7, frame.columns.get_loc(name)] = value
        return frame

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.iloc[::-1], "bar 1 of X is earlier than the one before it"),
        (lambda f: f.iloc[[0, 1, 1, 2]], "bars 1 and 2 of X have the same time"),
        (lambda f: f.drop(columns="open"), "they have high, low, close, volume"),
        (lambda f: f.iloc[:0], "there is not one bar"),
        (lambda f: f.reset_index(drop=True), "no such column of times"),
        (with_price("low", np.nan), r"bar 7 of X \(2024-01-01 07:00:00\+00:00\) lacks it"),
        (with_price("close", -1.0), "bar 7 of X .* a price is more than 0"),
        (with_price("close", np.inf), "bar 7 of X .* finite"),
        (with_price("high", 1.0), "bar 7 of X .* has a low above it"),
        (lambda f: f.assign(close="dear"), "must hold numbers"),
        (lambda f: f.set_index(f.index.where(f.index != f.index[3])), "bar 3 of X has no time"),
    ],
)
def test_bars_that_cannot_be_are_refused_by_number_and_time(change, said):
    with pytest.raises(InvalidEvent, match=said):
        Feed.from_frame(broken(change), "X")


def test_bars_that_lack_a_price_are_dropped_or_kept_if_the_user_says_so():
    frame = broken(with_price("low", np.nan))
    assert len(Feed.from_frame(frame, "X", nan="drop")) == 19
    kept = Feed.from_frame(frame, "X", nan="keep")
    assert len(kept) == 20
    assert kept.table.num_rows == 20
    with pytest.raises(ConfigError, match="refuse, drop, keep"):
        Feed.from_frame(frame, "X", nan="fill")


def test_a_bar_becomes_known_when_it_has_closed_and_no_later_than_the_next_begins():
    index = pd.to_datetime(["2024-01-01 10:00", "2024-01-01 11:00", "2024-01-01 12:00",
                            "2024-01-01 12:30", "2024-01-01 15:00"]).tz_localize("UTC")  # fmt: skip
    feed = Feed.from_frame(bars(5).set_index(index), "X")
    known = pd.to_datetime(feed.available_ns).strftime("%H:%M").tolist()
    assert known == ["11:00", "12:00", "12:30", "13:30", "16:00"]
    assert feed.timeframe == "1h"


def test_times_without_a_zone_are_taken_for_utc_and_the_recording_says_so(tmp_path):
    frame = bars(60).tz_localize(None)
    assert Feed.from_frame(frame, "X").naive
    assert (
        Feed.from_frame(frame, "X").labels_ns.tolist() == bars(60).index.as_unit("ns").asi8.tolist()
    )

    class Nothing(Strategy):
        def generate_signal(self, market):
            return 1

    Backtest(frame, capture.wrap(Nothing, store=tmp_path)).run()
    assert capture.open(tmp_path).latest().manifest["flags"]["naive_timestamps_taken_for_utc"]


def test_times_of_another_zone_are_the_same_moments():
    there = bars(20).tz_convert("America/New_York")
    assert (
        Feed.from_frame(there, "X").labels_ns.tolist()
        == Feed.from_frame(bars(20), "X").labels_ns.tolist()
    )


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".feather"])
def test_files_give_the_bars_that_were_written(tmp_path, suffix):
    frame, path = bars(50), tmp_path / f"prices{suffix}"
    if ".csv" in suffix:
        frame.to_csv(path)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.rename_axis("time").reset_index().to_feather(path)
    feed = Feed.from_file(path, "X")
    assert feed.labels_ns.tolist() == frame.index.as_unit("ns").asi8.tolist()
    assert feed.columns["close"].tolist() == frame["close"].tolist()


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    (tmp_path / "prices.xls").write_text("no")
    with pytest.raises(StoreError, match=r"use \.csv, \.parquet or \.feather"):
        Feed.from_file(tmp_path / "prices.xls")
    (tmp_path / "prices.parquet").write_text("no")
    with pytest.raises(StoreError, match="cannot be read"):
        Feed.from_file(tmp_path / "prices.parquet")


def test_base_data_of_a_store_are_a_feed(tmp_path):
    class Nothing(Strategy):
        def generate_signal(self, market):
            return None

    own = Feed.from_frame(bars(60), "X")
    Backtest(own, capture.wrap(Nothing, store=tmp_path)).run()
    store = capture.open(tmp_path)
    read = Feed.from_store(store, "X")
    assert read.table.equals(store.base_data(store.latest().parts[0].base[0]["fingerprint"]).bars)
    assert read.available_ns.tolist() == own.available_ns.tolist()
    with pytest.raises(UnknownName, match='Did you mean "X 1h"'):
        Feed.from_store(store, "X", "2h")


def test_the_same_series_twice_is_refused():
    feed = Feed.from_frame(bars(20), "X")

    class Nothing(Strategy):
        def generate_signal(self, market):
            return None

    with pytest.raises(DataMismatch, match="X 1h is there twice"):
        Backtest([feed, feed], Nothing).run()


def test_what_a_feed_holds_cannot_be_changed():
    feed = Feed.from_frame(bars(20), "X")
    with pytest.raises(ValueError, match="read-only"):
        feed.columns["close"][0] = 1.0
