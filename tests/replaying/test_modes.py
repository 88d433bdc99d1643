"""Targets and directions instead of calls, and parts of a recording instead of all of it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest, Strategy
from backtesting.test import GOOG

import capture
from capture.errors import NotReplayable
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000}


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_cross_that_turns_from_side_to_side_is_the_same_in_every_mode(
    mode: Any,
    recorded: tuple[Any, Recording],
    sma_cross: Case,
    same: Callable[..., bool],
    again: Callable[..., Any],
) -> None:
    original, recording = recorded
    results = again(sma_cross, capture.replay(recording, mode).into("backtesting"))
    assert len(results._trades) > 50
    assert same(original, results)


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_size_is_that_of_every_order_that_has_none(
    mode: Any, recorded: tuple[Any, Recording], sma_cross: Case, again: Callable[..., Any]
) -> None:
    replay = capture.replay(recorded[1], mode).into("backtesting", size=7)
    trades = again(sma_cross, replay)._trades
    assert set(trades["Size"]) == {7, -7}
    assert len(trades) == len(recorded[0]._trades)


def test_a_recorded_size_is_kept_in_targets_and_not_in_signals(tmp_path: Path) -> None:
    class Three(s.SmaCross):
        def buy(self, **said: Any) -> Any:
            return super().buy(size=3, **said)

        def sell(self, **said: Any) -> Any:
            return super().sell(size=3, **said)

    case = Case(Three, goog, CASH)
    _, recording = captured(case, tmp_path)
    for mode, sizes in (("target", {3, -3}), ("signal", {5, -5})):
        replay = capture.replay(recording, mode).into("backtesting", size=5)  # type: ignore[arg-type]
        assert set(run(case.backtest(lambda _, r=replay: r))._trades["Size"]) == sizes


class _Bracketed(Strategy):
    """Enters with a stop once, and takes no further step."""

    def init(self) -> None:
        """Declare nothing."""

    def next(self) -> None:
        if len(self.data) == 100:
            self.buy(size=10, sl=self.data.Close[-1] * 0.99)


def test_a_target_has_no_stop(tmp_path: Path) -> None:
    case = Case(_Bracketed, goog, CASH)
    original, recording = captured(case, tmp_path)
    assert len(original._trades) == 1
    target = capture.replay(recording, "target").into("backtesting")
    results = run(case.backtest(lambda _: target))
    assert len(results._trades) == 0
    assert results._strategy.position.size == 10


def test_calls_exist_for_one_backtester_and_directions_for_all(tmp_path: Path) -> None:
    # As if another backtester had recorded it: bars, directions, and calls of its own.
    case = Case(s.SmaCross, goog, CASH)
    original, recording = captured(case, tmp_path / "theirs")
    manifest = recording.path / "manifest.json"
    document = {**json.loads(manifest.read_text()), "host": "another"}
    from capture.store.records import write_record

    write_record(manifest, {k: v for k, v in document.items() if k != "sha256"})
    foreign = capture.open(tmp_path / "theirs").latest()
    assert foreign.manifest["host"] == "another"
    with pytest.raises(NotReplayable, match="not of backtesting"):
        capture.replay(foreign).into("backtesting")
    results = run(case.backtest(lambda _: capture.replay(foreign, "signal").into("backtesting")))
    assert results._trades["PnL"].tolist() == original._trades["PnL"].tolist()


# --- filters -------------------------------------------------------------------------------------


class Bracketing(s.SmaCross):
    """Buys with a limit now and then, and cancels or edits what came of it."""

    order: Any = None

    def next(self) -> None:
        price = float(self.data.Close[-1])
        match len(self.data) % 40:
            case 0:
                self.order = self.buy(size=2, limit=price * 0.9)
            case 5 if len(self.data) > 40 and self.order in self.orders:
                self.order.cancel()
            case 10:
                self.buy(size=1, sl=price * 0.8)
            case 15 if len(self.data) > 40:
                for trade in self.trades:
                    trade.sl = price * 0.7


@pytest.fixture
def bracketing(tmp_path: Path) -> tuple[Case, Recording]:
    case = Case(Bracketing, goog, {"cash": 1_000_000})  # one trade never lacks another's money
    return case, captured(case, tmp_path / "store")[1]


BEGIN, END = datetime(2007, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC)
FILTERS: dict[str, dict[str, Any]] = {
    "from a day on": {"start": BEGIN},
    "until a day": {"end": END},
    "between days": {"start": BEGIN, "end": END},
    "the one symbol": {"symbols": ["data"]},
    "no such symbol": {"symbols": ["AAPL"]},
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_out_whole_signals_with_all_that_followed(
    name: str, bracketing: tuple[Case, Recording], again: Callable[..., Any]
) -> None:
    case, recording = bracketing
    store, words = recording.store.root, FILTERS[name]
    again(case, capture.replay(recording, **words).into("backtesting", store=store, force=True))
    replayed = capture.open(store).latest("replay")

    signals = recording.signals()
    within = signals["timestamp"].between(words.get("start", "1990"), words.get("end", "2050"))
    if "symbols" in words:
        within &= signals["symbol"].isin(words["symbols"])
    kept = signals[within]
    assert replayed.signals()["source_signal_id"].tolist() == kept["signal_id"].tolist()

    # An order, cancel or edit comes with the signal that it belongs to, and never without.
    orders = recording.orders()
    expected = orders[orders["signal_seq"].isin(kept["seq"])]
    got = replayed.orders()
    assert got["action"].tolist() == expected["action"].tolist()
    assert got["bar_index"].tolist() == expected["bar_index"].tolist()
    if words == {"end": END}:
        assert {"new", "cancel", "edit"} <= set(got["action"])


class LateBracketing(Bracketing):
    """The same, and begins to trade on a certain day."""

    def next(self) -> None:
        if self.data.index[-1].tz_localize("UTC") >= BEGIN:
            super().next()


@pytest.mark.parametrize("recorded_too", [False, True], ids=["plain", "recorded"])
def test_a_later_start_is_what_a_strategy_that_begins_later_comes_to(
    recorded_too: bool,
    bracketing: tuple[Case, Recording],
    same: Callable[..., bool],
    again: Callable[..., Any],
    tmp_path: Path,
) -> None:
    # Every trade has another number than in the recording, and is edited all the same.
    case, recording = bracketing
    words = {"store": tmp_path / "late"} if recorded_too else {}
    late = Case(LateBracketing, goog, case.settings)()
    # It looks at its trades, so to leave signals out is to replay under other settings.
    replay = capture.replay(recording, start=BEGIN).into("backtesting", force=True, **words)
    results = again(case, replay)
    assert same(late, results)
    stops = [trade.sl for trade in results._strategy.trades]
    assert len(set(stops) - {None}) == 1  # the last edit moved all that are open
    assert stops == [trade.sl for trade in late._strategy.trades]


@pytest.mark.parametrize("start", ["2010", "2010-01-01", date(2010, 1, 1), datetime(2010, 1, 1)])
@pytest.mark.parametrize("end", ["2011", "2011-12", date(2011, 12, 31), "2011-12-31T23:59"])
def test_a_span_is_said_as_users_say_it(
    start: Any, end: Any, recorded: tuple[Any, Recording]
) -> None:
    first, last = datetime(2010, 1, 1, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    signals = recorded[1].signals(columns=["seq", "timestamp"])
    within = signals[(signals["timestamp"] >= first) & (signals["timestamp"] < last)]
    every = capture.replay(recorded[1]).source("backtesting").intents
    wanted = [intent for intent in every if intent.signal_seq in set(within["seq"])]
    kept = capture.replay(recorded[1], start=start, end=end).source("backtesting", force=True)
    assert list(kept.intents) == wanted
    assert wanted


@pytest.mark.parametrize("end", ["now", "today"])
def test_a_span_may_last_until_now(end: str, recorded: tuple[Any, Recording]) -> None:
    every = capture.replay(recorded[1]).source("backtesting").intents
    kept = capture.replay(recorded[1], end=end).source("backtesting", force=True)
    assert list(kept.intents) == list(every)
    assert (
        list(capture.replay(recorded[1], start=end).source("backtesting", force=True).intents) == []
    )


def test_without_its_signals_a_replay_does_nothing(
    recorded: tuple[Any, Recording],
) -> None:
    replay = capture.replay(recorded[1], symbols=["AAPL"]).into("backtesting")
    assert len(run(Backtest(GOOG, replay, cash=10_000))._trades) == 0
