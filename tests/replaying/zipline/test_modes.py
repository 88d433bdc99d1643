"""Targets and signals instead of intents, filters, and recordings of another backtester."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from backtesting import Backtest
from backtesting.test import GOOG

import capture
from capture.errors import ConfigError, DataMismatch, NotReplayable
from tests.adapters import strategies as others
from tests.adapters.zipline.bundle import OTHER
from tests.adapters.zipline.runs import CASES, Case, captured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


@pytest.mark.parametrize("name", ["SMA cross", "scheduled rebalancing"])
def test_targets_come_to_the_same_trades(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    results, recording = captured(case, tmp_path)
    results.like(case(lambda _: capture.replay(recording, "target").into("zipline")))


def test_signals_are_sized_anew(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    results, recording = captured(case, tmp_path)
    with pytest.raises(NotReplayable, match=r"no size recorded.*size=100"):
        capture.replay(recording, "signal").into("zipline")
    results.like(case(lambda _: capture.replay(recording, "signal").into("zipline", size=100)))
    half = case(lambda _: capture.replay(recording, "signal").into("zipline", percent=0.5))
    entries = [one for one in half.transactions if one["amount"] > 0]
    assert len(entries) == len([one for one in results.transactions if one["amount"] > 0])
    assert entries[0]["amount"] > 300


def test_signals_that_are_left_out_take_their_cancels_along(tmp_path: Path) -> None:
    case = CASES["nasty"]
    _, recording = captured(case, tmp_path / "one")
    late = pd.Timestamp("2005-02-01", tz="UTC")
    replay = capture.replay(recording, symbols=["XYZ"], start=late)
    results = case(lambda _: replay.into("zipline", store=tmp_path / "two"))
    assert results.transactions
    assert {one["sid"].symbol for one in results.transactions} == {"XYZ"}
    assert min(one["dt"] for one in results.transactions) > late
    orders = capture.open(tmp_path / "two").latest("replay").orders()
    assert set(orders["symbol"]) == {"XYZ"}
    assert "cancel" in set(orders["action"])


def test_a_regime_can_be_forced_flat_at_its_end(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    original, recording = captured(
        case, tmp_path, classifiers={"trend": {"fast_bars": 5, "slow_bars": 15}}
    )
    bulls = capture.replay(recording, regime="bull", boundary="force_flat")
    results = case(lambda _: bulls.into("zipline"))
    boundaries = bulls.boundary_trades
    assert len(boundaries)
    closes = original.frame.index
    bars = {closes.get_loc(one["dt"]) for one in results.transactions if one["amount"] < 0}
    # What is closed at the close of a bar is filled at that of the next one.
    assert {bar + 1 for bar in boundaries["boundary_bar"].tolist()} <= bars
    assert sum(one["amount"] for one in results.transactions) in {0, 100}


def test_a_recording_of_another_backtester_replays_its_targets(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    bars = len(case(lambda functions: functions).frame)
    backtest = Backtest(
        GOOG[:bars], capture.wrap(others.SmaCross, store=tmp_path), cash=10_000,
        finalize_trades=True,
    )  # fmt: skip
    backtest.run()
    recording = capture.open(tmp_path).latest()
    with pytest.raises(NotReplayable, match="intents are those of backtesting"):
        capture.replay(recording).into("zipline")
    [symbol] = set(recording.signals()["symbol"])
    source = capture.replay(recording, "target")
    with pytest.raises(DataMismatch, match=r"no asset.*symbols="):
        case(lambda _: source.into("zipline", percent=0.9))
    named = {symbol: "GOOG"}
    # The bundle keeps thousandths, which do not come back as the very same numbers.
    results = case(
        lambda _: source.into("zipline", percent=0.9, symbols=named, store=tmp_path / "again")
    )
    fills = recording.fills()
    opened = fills[fills["effect"] == "open"]
    assert len(opened) > 3
    assert len({one["dt"] for one in results.transactions}) == len(opened)
    shorter = Case(case.functions, case.start, "2005-08-30")
    with pytest.raises(DataMismatch, match="bars then"):
        shorter(lambda _: source.into("zipline", percent=0.9, symbols=named))


def test_what_does_not_fit_is_said_before_the_first_bar(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    _, recording = captured(case, tmp_path)
    with pytest.raises(ConfigError, match='Did you mean "initialize"'):
        capture.replay(recording).into("zipline", initialise=print)
    with pytest.raises(DataMismatch, match=r"close of bar 50 was [\d.]+ and is"):
        case.under(bundle=OTHER)(lambda _: capture.replay(recording).into("zipline"))
    with pytest.raises(NotReplayable, match="intents are those of zipline"):
        capture.replay(recording).into("backtrader")
