"""Bars of several series are brought together in time, and none is seen before its close."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture.errors import ConfigError, InvalidEvent, UnknownName
from capture.index.alignment import align
from capture_builtin import TimeAlignmentBuffer
from capture_builtin.alignment import Frame, moments_of

NAMES = [("A", "1min"), ("B", "1min"), ("C", "5min")]


@st.composite
def closes(draw):
    """When the bars of each series became known: in order, with gaps, many at the same moment."""
    count = draw(st.integers(1, 3))
    times = st.lists(st.integers(0, 30), min_size=1, max_size=15, unique=True).map(sorted)
    return [draw(times) for _ in range(count)]


def plainly(series, mode):
    """The frames as one would write them down by hand: moment after moment, series after series."""
    found = []
    for moment in sorted({time for times in series for time in times}):
        bars = tuple(sum(time <= moment for time in times) - 1 for times in series)
        fresh = tuple(moment in times for times in series)
        if mode == "any" or all(fresh):
            found.append(Frame(moment, bars, fresh))
    return found


def pushed(buffer, series, order):
    """What the buffer gives if bars come in this order of series."""
    frames, queues = [], [list(enumerate(times)) for times in series]
    for place in order:
        if queues[place]:
            bar, time = queues[place].pop(0)
            frames += buffer.push(NAMES[place], bar, time)
    for place, queue in enumerate(queues):
        for bar, time in queue:
            frames += buffer.push(NAMES[place], bar, time)
    return frames + buffer.close()


@given(closes(), st.sampled_from(["any", "all"]), st.lists(st.integers(0, 2), max_size=60))
def test_the_buffer_gives_what_one_would_write_down_whatever_order_bars_come_in(
    series, mode, order
):
    buffer = TimeAlignmentBuffer(NAMES[: len(series)], mode)
    frames = pushed(buffer, series, [place for place in order if place < len(series)])
    assert frames == plainly(series, mode)
    assert len(buffer) == buffer.dropped == 0
    assert buffer.incomplete == len(plainly(series, "any")) - len(frames)


@given(closes(), st.sampled_from(["any", "all"]), st.integers(1, 7))
def test_whole_series_give_the_same_frames_as_single_bars(series, mode, chunk):
    arrays = [np.array(times, dtype=np.int64) for times in series]
    found = [
        Frame(moment, tuple(bars), tuple(fresh))
        for moments, rows, flags in moments_of(arrays, mode, chunk=chunk)
        for moment, bars, fresh in zip(moments.tolist(), rows.tolist(), flags.tolist(), strict=True)
    ]
    assert found == plainly(series, mode)


@given(closes())
def test_the_index_of_recordings_aligns_in_the_same_way(series):
    buffer = TimeAlignmentBuffer(NAMES[: len(series)], "any")
    frames = pushed(buffer, series, [])
    moments = np.array([frame.moment_ns for frame in frames], dtype=np.int64)
    for place, times in enumerate(series):
        known = align(moments, np.array(times, dtype=np.int64))
        assert known.tolist() == [frame.bars[place] for frame in frames]


@given(closes(), st.sampled_from(["any", "all"]), st.lists(st.integers(0, 2), max_size=60))
def test_no_frame_shows_a_bar_before_its_close(series, mode, order):
    buffer = TimeAlignmentBuffer(NAMES[: len(series)], mode)
    for frame in pushed(buffer, series, [place for place in order if place < len(series)]):
        for place, bar in enumerate(frame.bars):
            assert bar < 0 or series[place][bar] <= frame.moment_ns


def test_a_frame_comes_as_soon_as_nothing_earlier_can():
    buffer = TimeAlignmentBuffer(NAMES[:2], "any")
    assert buffer.push(NAMES[0], 0, 60) == []
    assert buffer.push(NAMES[0], 1, 120) == []
    assert buffer.push(NAMES[1], 0, 60) == [Frame(60, (0, 0), (True, True))]
    assert buffer.push(NAMES[1], 1, 180) == [Frame(120, (1, 0), (True, False))]


def test_all_gives_the_moments_of_the_longer_timeframe():
    buffer = TimeAlignmentBuffer([NAMES[0], NAMES[2]], "all")
    frames = [f for bar in range(10) for f in buffer.push(NAMES[0], bar, (bar + 1) * 60)]
    frames += [f for bar in range(2) for f in buffer.push(NAMES[2], bar, (bar + 1) * 300)]
    assert [frame.moment_ns for frame in frames] == [300, 600]


def test_a_full_buffer_gives_up_the_oldest_moment_and_counts_it():
    buffer = TimeAlignmentBuffer(NAMES[:2], "all", capacity=2)
    for bar in range(4):
        assert buffer.push(NAMES[0], bar, bar * 60) == []
        assert len(buffer) <= 2
    assert buffer.dropped == 2
    with pytest.raises(InvalidEvent, match="comes too late"):
        buffer.push(NAMES[1], 0, 60)
    assert buffer.push(NAMES[1], 1, 120) == [Frame(120, (2, 1), (True, True))]


def test_a_full_buffer_raises_if_it_was_told_to():
    buffer = TimeAlignmentBuffer(NAMES[:2], capacity=1, when_full="raise")
    buffer.push(NAMES[0], 0, 60)
    with pytest.raises(InvalidEvent, match="so many moments wait"):
        buffer.push(NAMES[0], 1, 120)
    assert buffer.push(NAMES[1], 0, 60) == [Frame(60, (0, 0), (True, True))]


@pytest.mark.parametrize(("bar", "time"), [(1, 60), (0, 120), (1, 30)])
def test_bars_of_a_series_come_in_order(bar, time):
    buffer = TimeAlignmentBuffer(NAMES[:1])
    buffer.push(NAMES[0], 0, 60)
    with pytest.raises(InvalidEvent, match="not after the last one"):
        buffer.push(NAMES[0], bar, time)


def test_what_it_does_not_wait_for_is_refused_with_a_suggestion():
    buffer = TimeAlignmentBuffer(NAMES)
    with pytest.raises(UnknownName, match='Did you mean "A 1min"'):
        buffer.push(("A", "1mim"), 0, 60)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"mode": "al"}, 'Did you mean "all"'),
        ({"capacity": 0}, "at least 1"),
        ({"when_full": "drop"}, "drop_oldest"),
    ],
)
def test_settings_that_cannot_be_are_refused(words, said):
    with pytest.raises(ConfigError, match=said):
        TimeAlignmentBuffer(NAMES, **words)


def test_it_is_imported_from_capture_through_the_plugin_host():
    assert capture.TimeAlignmentBuffer is TimeAlignmentBuffer
    assert "TimeAlignmentBuffer" in dir(capture)
