"""Targets and directions instead of calls, and parts of a recording instead of all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import capture
from capture.errors import DataMismatch, NotReplayable
from tests.adapters import runs as backtesting_runs
from tests.adapters import strategies as backtesting_strategies
from tests.adapters.pybroker import strategies as s
from tests.adapters.pybroker.runs import (
    CASES,
    Case,
    assert_same_results,
    captured,
    goog,
    one,
    several,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


def turning(ctx: Any) -> None:
    """Be long and short by turns, ten shares each."""
    turn, rest = divmod(ctx.bars, 23)
    if rest == 0:
        shares = 10 if turn == 1 else 20
        if turn % 2:
            ctx.buy_shares = shares
        else:
            ctx.sell_shares = shares


def flat(ctx: Any) -> None:
    """Buy ten shares, and close them."""
    if ctx.bars % 20 == 5:
        ctx.buy_shares = 10
    elif ctx.bars % 20 == 15 and ctx.long_pos():
        ctx.sell_all_shares()


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_what_was_wanted_is_brought_about_with_sizes_of_its_own(mode: Any, tmp_path: Path) -> None:
    case = Case(one(flat, "GOOG"), goog)
    original, recording = captured(case, tmp_path)
    replay = capture.replay(recording, mode)
    results = case(lambda _: replay.into("pybroker", size=0.1, force=True))
    assert results.orders["date"].tolist() == original.orders["date"].tolist()
    assert results.orders["type"].tolist() == original.orders["type"].tolist()
    sizes = set(results.orders["shares"])
    assert sizes == {10} if mode == "target" else len(sizes) > 5


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_every_signal_of_a_recorded_replay_names_the_one_that_it_repeats(
    mode: Any, tmp_path: Path
) -> None:
    case = CASES["SMA cross"]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording, mode)
    case(lambda _: replay.into("pybroker", store=tmp_path, size=0.2))
    again = capture.open(tmp_path).latest("replay")
    assert again.manifest["source"]["mode"] == mode
    known = set(recording.signals()["signal_id"])
    assert set(again.signals()["source_signal_id"]) <= known
    assert len(again.signals()) > 20


def test_what_backtesting_py_wanted_is_carried_out_in_pybroker(tmp_path: Path) -> None:
    theirs = backtesting_runs.Case(
        backtesting_strategies.SmaCross, backtesting_runs.goog, {"cash": 10_000}
    )
    stats, recording = backtesting_runs.captured(theirs, tmp_path)
    with pytest.raises(NotReplayable, match="not of pybroker"):
        capture.replay(recording).into("pybroker")
    frame = theirs.data().rename(columns=str.lower).rename_axis("date").reset_index()
    case = Case(one(s.silent, "GOOG"), lambda: frame.assign(symbol="GOOG"), {"leverage": 4.0})
    replay = capture.replay(recording, "target")
    results = case(lambda _: replay.into("pybroker", size=0.2))
    dates = results.orders["date"]
    entries = [pd.Timestamp(frame["date"][bar]) for bar in sorted(set(stats._trades["EntryBar"]))]
    # The last one was closed by the end of the data there, and is not here.
    assert dates.tolist()[: len(entries)] == entries
    assert len(dates) - len(entries) < 2
    assert len(dates) > 50


# --- filters -------------------------------------------------------------------------------------


def test_a_filter_leaves_out_whole_signals(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    _, recording = captured(case, tmp_path)
    start = datetime(2006, 1, 1, tzinfo=UTC)
    replay = capture.replay(recording, start=start).into("pybroker", store=tmp_path)
    results = case(lambda _: replay)
    kept = recording.signals(where=[("timestamp", ">=", start)])
    again = capture.open(tmp_path).latest("replay").signals()
    assert 0 < len(again) < len(recording.signals())
    assert again["source_signal_id"].tolist() == kept["signal_id"].tolist()
    assert results.orders["created"].min() >= pd.Timestamp(start).tz_localize(None)


def test_a_filter_may_take_the_signals_of_one_strategy_or_symbol(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording, strategy="sma_cross", symbols=["EEE"])
    results = case(lambda _: replay.into("pybroker"))
    assert set(results.orders["symbol"]) == {"EEE"}


def test_each_strategy_may_be_replayed_by_its_own_execution(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]
    original, recording = captured(case, tmp_path)
    names = {s.ranked: "ranked", s.foreign: "foreign", s.sma_cross: "sma_cross"}
    results = case(
        lambda function: capture.replay(recording, strategy=names[function]).into("pybroker")
    )
    assert_same_results(original, results)


def test_signals_that_nothing_would_trade_are_not_left_out_silently(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]
    _, recording = captured(case, tmp_path)
    less = replace(case, executions=case.executions[:1])
    with pytest.raises(DataMismatch, match="signals of DDD, EEE, which nothing trades now"):
        less(lambda _: capture.replay(recording).into("pybroker"))
    narrowed = capture.replay(recording, symbols=["AAA", "BBB", "CCC"]).into("pybroker")
    assert set(less(lambda _: narrowed).orders["symbol"]) == {"AAA", "BBB", "CCC"}


# --- what is refused -----------------------------------------------------------------------------


def test_nothing_is_computed_in_a_replay(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    original, recording = captured(case, tmp_path)
    bare = replace(case, executions=one(s.failing, "GOOG"))  # no indicators
    assert_same_results(original, bare(lambda _: capture.replay(recording).into("pybroker")))


def test_other_bars_are_named(tmp_path: Path) -> None:
    _, recording = captured(Case(one(turning, "GOOG"), goog), tmp_path)
    changed = goog().copy()
    changed.loc[700, "close"] += 0.01
    with pytest.raises(DataMismatch, match="close of bar 700 was"):
        Case(one(turning, "GOOG"), lambda: changed)(
            lambda _: capture.replay(recording).into("pybroker")
        )
    two = (one(turning, "AAA")[0], one(turning, "BBB")[0])
    replay = capture.replay(recording).into("pybroker")
    with pytest.raises(DataMismatch, match="no bars of AAA, BBB"):
        Case(two, several)(lambda _: replay)


def test_a_symbol_may_have_another_name_now(tmp_path: Path) -> None:
    original, recording = captured(Case(one(turning, "GOOG"), goog), tmp_path)
    renamed = Case(one(turning, "G"), lambda: goog().assign(symbol="G"))
    again = renamed(lambda _: capture.replay(recording).into("pybroker"))
    assert again.portfolio.equals(original.portfolio)


def test_a_replay_that_no_backtest_runs_says_what_it_is_for(tmp_path: Path) -> None:
    _, recording = captured(Case(one(turning, "GOOG"), goog), tmp_path)
    replay = capture.replay(recording).into("pybroker")

    class Context:
        symbol = "GOOG"

    with pytest.raises(NotReplayable, match="add_execution"):
        replay(Context())
