"""Targets and signals: what was wanted, reached in the host's own way, from this host or others."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.bt import strategies as s
from tests.adapters.bt.runs import CASES, Case, captured, four, google, share

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


@pytest.mark.parametrize("name", ["SMA cross, GOOG", "SMA cross, EURUSD, costs"])
def test_targets_of_one_symbol_are_what_was_held(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    results, recording = captured(case, tmp_path)
    for mode in ("target", "signal"):
        again = case(lambda _, mode=mode: capture.replay(recording, mode).into("bt"))
        assert again.transactions["quantity"].tolist() == pytest.approx(
            results.transactions["quantity"].tolist(), rel=0.01
        )
        assert again.transactions.index.equals(results.transactions.index)


def test_targets_are_replayed_where_the_strategy_saw_its_portfolio(tmp_path: Path) -> None:
    case = CASES["over time"]
    results, recording = captured(case, tmp_path)
    again = case(lambda _: capture.replay(recording, "target").into("bt"))
    assert again.worth == pytest.approx(results.worth, rel=0.02)


def test_units_are_reached_from_what_is_held(tmp_path: Path) -> None:
    case = Case(s.every_verb, four, {"initial_capital": 90_000.0})
    _, recording = captured(case, tmp_path)
    again = case(lambda _: capture.replay(recording, "target").into("bt"))
    held = again.nodes["every verb>A"]["position"]
    orders = recording.orders()
    first = orders[(orders["call"] == "transact") & (orders["symbol"] == "A")].iloc[0]
    assert held.iloc[int(first["bar_index"]) + 1] == 40


def test_a_filter_leaves_out_whole_signals(tmp_path: Path) -> None:
    case = CASES["SMA cross, four assets"]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording, symbols=["A", "B"])
    again = case(lambda _: replay.into("bt"))
    traded = set(again.transactions.index.get_level_values("Security"))
    assert traded == {"A", "B"}
    late = capture.replay(recording, where="bar_index >= 100")
    again = case(lambda _: late.into("bt"))
    dates = again.transactions.index.get_level_values("Date")
    assert dates.min() >= four().index[100]


def test_a_recording_of_another_host_is_replayed_by_its_targets(tmp_path: Path) -> None:
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover
    from backtesting.test import GOOG, SMA

    class Cross(Strategy):
        def init(self) -> None:
            self.fast = self.I(SMA, self.data.Close, 10)
            self.slow = self.I(SMA, self.data.Close, 30)

        def next(self) -> None:
            if crossover(self.fast, self.slow):
                self.position.close()
                self.buy()
            elif crossover(self.slow, self.fast):
                self.position.close()
                self.sell()

    bars = GOOG.iloc[:250]
    own = Backtest(
        bars,
        capture.wrap(Cross, store=tmp_path),
        cash=10_000,
        trade_on_close=True,
        finalize_trades=True,
    )
    trades = own.run()._trades
    recording = capture.open(tmp_path).latest()

    def replay(mode: Any = "target", **options: Any) -> Any:
        return capture.replay(recording, mode).into("bt", **options)

    case = Case(replay, google, {"initial_capital": 10_000.0})
    results = Case(lambda _: replay(), google, case.settings)()
    held = results.nodes["Cross>GOOG"]["position"].iloc[1:].reset_index(drop=True)
    turns = held.index[held.gt(0) != held.shift(fill_value=0).gt(0)]
    assert set(turns) <= {*trades["EntryBar"], *trades["ExitBar"]}
    assert len(turns) >= len(trades) - 1
    half = Case(lambda _: replay("signal", size=0.25), google, case.settings)()
    assert half.nodes["Cross>GOOG"]["position"].abs().max() * 2 < held.abs().max()


def test_a_replay_under_another_capital_is_recorded_with_its_settings(tmp_path: Path) -> None:
    case = CASES["SMA cross, GOOG"]
    captured(case, tmp_path)
    recording = capture.open(tmp_path).latest()
    other = replace(case, settings={"initial_capital": 5_000.0, "commissions": share})
    other(lambda _: capture.replay(recording).into("bt", store=tmp_path))
    replayed = capture.open(tmp_path).latest("replay")
    assert replayed.manifest["settings"]["initial_capital"] == 5_000.0
    assert replayed.manifest["settings"]["commissions"].startswith("tests.adapters.bt.runs.share#")
    assert replayed.signals()["source_signal_id"].notna().all()
