"""Runs that raise, are nested or parallel, and what they leave behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import vectorbt as vbt
from vectorbt.portfolio.enums import RejectedOrderError

import capture
from capture.testing.traces import traces_of
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES, Case, plain
from tests.adapters.vectorbt.results import assert_same, captured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.host, pytest.mark.slow]

SMA = CASES["SMA cross, GOOG"]
BROKE = {"init_cash": 100, "size": 5_000.0, "allow_partial": False, "raise_reject": True}


def broke() -> Any:
    """Let vectorbt raise at the first order."""
    return SMA(**BROKE)


def states(folder: Path) -> list[str]:
    store = capture.open(folder)
    return [store[run_id].state for run_id in store]


def test_an_error_of_the_run_reaches_the_user_unchanged(tmp_path: Path) -> None:
    with pytest.raises(Exception) as plainly:  # noqa: PT011 - whatever the host raises
        broke()
    before = traces_of(("vectorbt",))
    with capture.record(tmp_path) as recorded, pytest.raises(plainly.type) as caught:
        broke()
    assert caught.value.args == plainly.value.args
    assert traces_of(("vectorbt",)) == before
    [recording] = recorded.recordings
    assert recording.state == "failed"
    assert plainly.type.__name__ in recording.manifest["problem"]
    assert capture.verify(tmp_path).ok


@pytest.mark.parametrize("name", ["SMA cross, GOOG", "a grid over assets", "named closes"])
def test_of_a_run_that_raised_the_signals_are_those_of_one_that_does_not(
    name: str, tmp_path: Path
) -> None:
    whole, failed = tmp_path / "whole", tmp_path / "failed"
    _, recording = captured(CASES[name], whole)
    with capture.record(failed) as recorded, pytest.raises(RejectedOrderError):
        CASES[name](**{**BROKE, "init_cash": 5})
    [broken] = recorded.recordings
    columns = ["bar_index", "strategy_id", "symbol", "direction", "signal_type", "market_close"]
    assert broken.signals(columns).equals(recording.signals(columns))
    assert set(broken.signals()["disposition"]) == {"generated"}
    assert broken.signals()["position_before"].isna().all()
    assert capture.verify(failed).ok


def test_an_error_that_leaves_the_with_is_the_users_too(tmp_path: Path) -> None:
    recorded = capture.record(tmp_path)

    def script() -> None:
        with recorded:
            SMA()
            raise KeyError("mine")

    before = traces_of(("vectorbt",))
    with pytest.raises(KeyError, match="mine"):
        script()
    assert traces_of(("vectorbt",)) == before
    assert [recording.state for recording in recorded.recordings] == ["ended"]


@pytest.mark.parametrize("durability", ["journal", "memory"])
def test_what_observers_raise_loses_none_of_the_calls_that_waited(
    durability: str, tmp_path: Path
) -> None:
    class Faulty:
        @capture.hookimpl
        def on_signal(self, signal: Any) -> None:
            raise ValueError(f"a defect of the plugin at {signal.bar_index}")

    recorded = capture.record(tmp_path, plugin_failure="raise", durability=durability)

    def script() -> None:
        with recorded:
            for _ in range(3):
                SMA()

    faulty = Faulty()
    capture.get_host().register(faulty)
    try:
        with pytest.raises(ValueError, match="a defect of the plugin"):
            script()
    finally:
        capture.get_host().unregister(faulty)
    assert [recording.state for recording in recorded.recordings] == ["ended"] * 3
    first, *others = recorded.recordings
    for other in others:
        assert other.signals(["bar_index"]).equals(first.signals(["bar_index"]))
    assert capture.verify(tmp_path).ok


def test_a_run_that_raised_is_followed_by_one_that_does_not(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        with pytest.raises(Exception):  # noqa: B017, PT011
            broke()
        portfolio = SMA()
    assert_same(plain("SMA cross, GOOG"), portfolio)
    assert [recording.state for recording in recorded.recordings] == ["failed", "ended"]


@pytest.mark.parametrize(
    "wrong",
    [{"fats": 3}, {"direction": "sideways"}, {"close": None}],
    ids=str,
)
def test_a_wrong_call_is_the_hosts_to_refuse(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Exception) as plainly:  # noqa: PT011
        SMA(**wrong)
    with capture.record(tmp_path), pytest.raises(plainly.type) as caught:
        SMA(**wrong)
    assert str(caught.value) == str(plainly.value)


def test_a_constructor_inside_another_is_no_run_of_its_own(tmp_path: Path) -> None:
    class Twice(vbt.Portfolio):  # type: ignore[misc]
        @classmethod
        def from_signals(cls, close: Any, *args: Any, **kwargs: Any) -> Any:
            return super().from_signals(close, *args, **kwargs)

    for number, name in enumerate(["holding", "random signals"], 1):
        captured(CASES[name], tmp_path)
        assert len(capture.open(tmp_path)) == number
    portfolio, recording = captured(Case("from_signals", c.sma_goog, {}, Twice), tmp_path)
    assert type(portfolio) is Twice
    assert len(capture.open(tmp_path)) == 3
    assert len(recording.signals()) == c.sma_goog()["entries"].sum() + c.sma_goog()["exits"].sum()


def test_an_inner_with_records_in_place_of_the_outer(tmp_path: Path) -> None:
    with capture.record(tmp_path / "outer") as outer:
        first = SMA()
        with capture.record(tmp_path / "inner") as inner:
            second = SMA()
        third = SMA()
    assert (len(outer.recordings), len(inner.recordings)) == (2, 1)
    for portfolio in (first, second, third):
        assert_same(plain("SMA cross, GOOG"), portfolio)


def test_threads_are_recorded_by_their_own_with(tmp_path: Path) -> None:
    names = ["SMA cross, GOOG", "size as a value", "size as a share", "closes as an array"]
    expected = [plain(name) for name in names]

    def run(name: str) -> Any:
        return captured(CASES[name], tmp_path / "own")

    with ThreadPoolExecutor(len(names)) as pool:
        got = list(pool.map(run, names))
    for one, (portfolio, recording) in zip(expected, got, strict=True):
        assert_same(one, portfolio)
        assert len(recording.fills()) == len(one.order_records)
    assert states(tmp_path / "own") == ["ended"] * 4


def test_another_thread_is_not_recorded(tmp_path: Path) -> None:
    with capture.record(tmp_path / "signals") as recorded, ThreadPoolExecutor(1) as pool:
        portfolio = pool.submit(SMA).result()
    assert_same(plain("SMA cross, GOOG"), portfolio)
    assert recorded.recordings == []
    assert not (tmp_path / "signals").exists()


def test_what_runs_before_and_after_is_not_recorded(tmp_path: Path) -> None:
    SMA()
    with capture.record(tmp_path) as recorded:
        portfolio = SMA()
    SMA()
    portfolio.replace(init_cash=5.0)
    assert len(recorded.recordings) == len(capture.open(tmp_path)) == 1


def test_a_portfolio_can_be_used_on_as_ever(tmp_path: Path) -> None:
    portfolio, _ = captured(SMA, tmp_path)
    expected = plain("SMA cross, GOOG")
    assert portfolio.stats().equals(expected.stats())
    assert_same(expected, vbt.Portfolio.loads(portfolio.dumps()))
    assert type(portfolio).from_signals.__func__ is vbt.Portfolio.from_signals.__func__


def test_what_the_user_hands_over_is_left_as_it_is(tmp_path: Path) -> None:
    words = c.own_bars()
    copies = {name: np.array(value, copy=True) for name, value in words.items()}
    with capture.record(tmp_path):
        vbt.Portfolio.from_signals(words.pop("close"), **words, init_cash=50_000)
    for name, value in words.items():
        assert np.array_equal(np.asarray(value), copies[name], equal_nan=value.dtype.kind == "f")


def test_arrays_that_change_afterwards_do_not_change_the_recording(tmp_path: Path) -> None:
    close = p.close_of(p.goog()).copy()
    entries = np.asarray(c.sma_goog()["entries"]).copy()
    with capture.record(tmp_path) as recorded:
        expected = vbt.Portfolio.from_signals(close, entries, init_cash=100).order_records.copy()
        close.iloc[:] = 1.0
        entries[:] = True
    [recording] = recorded.recordings
    replayed = capture.replay(recording).into("vectorbt")
    assert replayed.order_records.tobytes() == expected.tobytes()
