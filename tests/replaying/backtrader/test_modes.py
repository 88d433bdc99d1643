"""Targets and directions instead of calls, and parts of a recording instead of all of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import backtesting.test
import backtrader as bt
import pytest

import capture
from capture.errors import NotReplayable
from tests.adapters import runs as backtesting_runs
from tests.adapters import strategies as backtesting_strategies
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import Case, Results, a_year, captured, goog, three_lengths

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000.0}


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_cross_that_turns_from_side_to_side_is_the_same_in_every_mode(
    mode: Any, recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> None:
    original, recording = recorded
    results = again(cross, capture.replay(recording, mode).into("backtrader"))
    assert len(results.trades[0]) > 5
    assert results == original


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_size_is_that_of_every_order_that_has_none(
    mode: Any, recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> None:
    results = again(cross, capture.replay(recorded[1], mode).into("backtrader", size=7))
    sizes = {abs(fill[4]) for fill in results.executions[0]}
    assert sizes == {7}


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_every_signal_of_a_recorded_replay_names_the_one_that_it_repeats(
    mode: Any, recorded: tuple[Results, Recording], replayed: Callable[..., Recording]
) -> None:
    sources = replayed(mode).signals()["source_signal_id"]
    assert sources.notna().all()
    assert set(sources) <= set(recorded[1].signals()["signal_id"])


class Wanting(bt.Strategy):
    """Says what it wants to hold, in units, in money, as a share."""

    def next(self) -> None:
        match len(self) % 24:
            case 0:
                self.order_target_size(target=5)
            case 6:
                self.order_target_value(target=-900.0)
            case 12:
                self.order_target_percent(target=0.3)
            case 18:
                self.order_target_size(target=0)


def test_what_is_wanted_to_be_held_is_the_same_as_a_target(tmp_path: Path) -> None:
    case = Case(Wanting, a_year, CASH)
    original, recording = captured(case, tmp_path)
    replay = capture.replay(recording, "target").into("backtrader")
    assert case(lambda _: replay) == original


def test_a_target_has_no_stop(tmp_path: Path) -> None:
    class Bracketed(bt.Strategy):
        def next(self) -> None:
            if len(self) == 50:
                price = self.data.close[0]
                self.buy_bracket(
                    size=10,
                    exectype=bt.Order.Market,
                    stopprice=price * 0.99,
                    limitprice=price * 1.01,
                )

    case = Case(Bracketed, a_year, CASH)
    original, recording = captured(case, tmp_path)
    assert original.account[0][-1][-1] == 0
    results = case(lambda _: capture.replay(recording, "target").into("backtrader"))
    assert results.account[0][-1][-1] == 10


class EachFeed(bt.Strategy):
    """Turns each feed around at a pace of its own."""

    def next(self) -> None:
        for i, data in enumerate(self.datas):
            turn, rest = divmod(len(self), 7 + i)
            if rest == 0:
                self.close(data)
                (self.buy if turn % 2 else self.sell)(data, size=1 + i)


def test_targets_of_several_feeds_find_their_feed(tmp_path: Path) -> None:
    case = Case(EachFeed, three_lengths, CASH)
    original, recording = captured(case, tmp_path)
    assert len(set(recording.signals()["symbol"])) == 3
    replay = capture.replay(recording, "target").into("backtrader")
    assert case(lambda _: replay) == original


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_what_backtesting_py_wanted_is_carried_out_in_backtrader(mode: Any, tmp_path: Path) -> None:
    theirs = backtesting_runs.Case(
        backtesting_strategies.SmaCross, backtesting_runs.goog, {"cash": 10_000}
    )
    stats, recording = backtesting_runs.captured(theirs, tmp_path)
    with pytest.raises(NotReplayable, match="not of backtrader"):
        capture.replay(recording).into("backtrader")
    case = Case(None, goog, {**CASH, "sizer": (bt.sizers.FixedSize, {"stake": 1})})
    results = case(lambda _: capture.replay(recording, mode).into("backtrader"))
    # Both carry an order out at the next open; they count bars from 0 and from 1.
    there = stats._trades[["EntryBar", "EntryPrice", "Size"]].to_numpy().tolist()
    here = [
        (bar, price, 1.0 if size > 0 else -1.0)
        for bar, price, size in sorted(
            (fill[1], fill[5], fill[4]) for fill in results.executions[0] if fill[7]
        )
    ]
    assert [(int(bar), price, size / abs(size)) for bar, price, size in there] == [
        entry for entry in here if entry[0] <= int(there[-1][0])
    ]
    assert len(here) > 50


def test_what_backtrader_wanted_is_carried_out_in_backtesting_py(
    recorded: tuple[Results, Recording],
) -> None:
    replay = capture.replay(recorded[1], "signal").into("backtesting", size=1)
    bars = backtesting.test.GOOG.iloc[:250]
    stats = backtesting_runs.run(backtesting.Backtest(bars, replay, cash=10_000))
    entries = sorted(fill[1] for fill in recorded[0].executions[0] if fill[7])
    assert sorted(stats._trades["EntryBar"]) == entries[: len(stats._trades)]
    assert len(stats._trades) >= len(entries) - 1


# --- filters -------------------------------------------------------------------------------------


def test_a_filter_leaves_out_whole_signals_and_what_belongs_to_them(tmp_path: Path) -> None:
    case = Case(s.Brackets, a_year, {"cash": 50_000.0})
    original, recording = captured(case, tmp_path)
    start = datetime(2005, 2, 1, tzinfo=UTC)
    replay = capture.replay(recording, start=start).into("backtrader", store=tmp_path)
    results = case(lambda _: replay)
    kept = recording.signals(where=[("timestamp", ">=", start)])
    again = capture.open(tmp_path).latest("replay").signals()
    assert 0 < len(again) < len(recording.signals())
    assert again["source_signal_id"].tolist() == kept["signal_id"].tolist()
    assert results != original


def test_a_filter_may_take_the_signals_of_one_feed(tmp_path: Path) -> None:
    case = Case(EachFeed, three_lengths, CASH)
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording, symbols=["b"]).into("backtrader")
    results = case(lambda _: replay)
    assert {execution[0] for execution in results.executions[0]} == {1}
    alone = [e[1:6] for e in results.executions[0]]
    assert alone == [e[1:6] for e in case().executions[0] if e[0] == 1]
