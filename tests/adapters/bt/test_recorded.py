"""What a recording of bt says, and how strategies come to be recorded."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

import bt
import numpy as np
import pytest

import capture
from capture.errors import CaptureWarning, ClosedLoop, UnsupportedStrategy
from tests.adapters.bt import strategies as s
from tests.adapters.bt.runs import CASES, Case, captured, four, google, rising, share

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.host, pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def test_signals_say_what_algos_knew_and_what_the_account_was(tmp_path: Path) -> None:
    case = CASES["momentum"]
    results, recording = captured(case, tmp_path)
    signals = recording.signals()
    assert set(signals["symbol"]) <= set("ABCD")
    entries = signals[signals["signal_type"] == "entry"]
    assert (entries["indicator_weights"] == 0.5).all()
    assert (entries["strength"] == 0.45).all()  # a tenth is kept in cash
    assert entries["indicator_cash"].eq(0.1).all()
    assert entries["indicator_stat"].notna().all()
    assert (entries["position_before"] == 0).all()
    assert signals["param_SelectN.n"].eq(2).all()
    assert signals["param_RunAfterDays.days"].eq(25).all()
    worth = results.nodes["momentum"]["value"]
    equity = recording.table("equity").to_pandas()
    assert equity["equity"].tolist() == worth.iloc[1:].tolist()
    assert equity["cash"].tolist() == results.nodes["momentum"]["cash"].iloc[1:].tolist()
    held = results.nodes["momentum>A"]["position"].iloc[1:]
    assert equity["position"].tolist() == held.tolist()


class _Sparing(bt.Algo):  # type: ignore[misc]
    """Changes in place what is there, as algos that limit weights do."""

    def __init__(self, weight: float, cash: float) -> None:
        super().__init__()
        self.weight, self.cash = weight, cash

    def __call__(self, target: Any) -> bool:
        target.temp.setdefault("weights", {})["A"] = self.weight
        target.temp["cash"] = self.cash
        return True


def test_what_algos_leave_later_is_none_of_an_earlier_signal(tmp_path: Path) -> None:
    rebalance = bt.algos.Rebalance
    algos = [bt.algos.RunWeekly(), _Sparing(0.5, 0.1), rebalance(), _Sparing(0.9, 0.0), rebalance()]
    _, recording = captured(Case(lambda _: bt.Strategy("twice", algos), four), tmp_path)
    signals = recording.signals()
    assert len(signals) > 20
    assert signals["indicator_weights"].tolist() == [0.5, 0.9] * (len(signals) // 2)
    assert signals["indicator_cash"].tolist() == [0.1, 0.0] * (len(signals) // 2)


def test_frames_that_algos_hold_are_indicators(tmp_path: Path) -> None:
    prices = google()
    signal = prices.rolling(10).mean() > prices.rolling(40).mean()
    extra = {"trend": prices.pct_change(20)}
    algos = [bt.algos.SelectWhere(signal), bt.algos.SetStat("trend"), bt.algos.WeighEqually()]
    case = Case(lambda _: bt.Strategy("where", [*algos, bt.algos.Rebalance()]), google, more=extra)
    _, recording = captured(case, tmp_path)
    signals = recording.signals()
    bars = signals["bar_index"]
    assert signals["indicator_SelectWhere_signal"].tolist() == (
        signal["GOOG"].iloc[bars].astype(float).tolist()
    )
    trend = extra["trend"]["GOOG"].iloc[bars]
    np.testing.assert_array_equal(signals["indicator_SetStat_stat"], trend)


def test_settings_versions_and_parameters_are_kept(tmp_path: Path) -> None:
    _, recording = captured(CASES["SMA cross, EURUSD, costs"], tmp_path)
    manifest = recording.manifest
    assert manifest["host"] == "bt"
    assert {"bt", "ffn", "pandas"} <= set(manifest["libraries"])
    settings = manifest["settings"]
    assert settings["initial_capital"] == 20_000.0
    assert settings["integer_positions"] is True
    assert settings["commissions"].startswith("tests.adapters.bt.runs.share#")
    assert json.dumps(manifest["params"])
    assert manifest["params"]["algos"] == ["WeighTarget", "Rebalance"]
    assert [ref["symbol"] for ref in recording.parts[0].base] == ["EURUSD"]


def test_two_functions_of_one_name_are_two_settings(tmp_path: Path) -> None:
    found = set()
    for rate in (0.001, 0.002):
        case = Case(s.sma_cross, google, {"commissions": lambda q, p, r=rate: abs(q) * p * r})
        found.add(captured(case, tmp_path / str(rate))[1].manifest["settings"]["commissions"])
    assert len(found) == 2


def test_fills_say_price_commission_and_spread(tmp_path: Path) -> None:
    spread = {"bidoffer": lambda prices: prices * 0.002}
    case = Case(s.sma_cross, google, {"commissions": share}, spread)
    results, recording = captured(case, tmp_path)
    fills = recording.fills()
    close = google()["GOOG"].iloc[fills["bar_index"]].to_numpy()
    np.testing.assert_array_equal(fills["expected_price"], close)
    np.testing.assert_allclose(fills["slippage"], close * 0.001)
    np.testing.assert_allclose(fills["price"] - close, close * 0.001 * fills["side"])
    paid = results.nodes["cross"]["fees"]
    assert fills["commission"].sum() == pytest.approx(paid.sum())
    assert (fills["commission"] == fills["size"] * close * 0.002).all()
    booked = results.transactions["price"].to_numpy()
    np.testing.assert_allclose(fills["price"], booked)


def test_round_trips_add_up_to_what_the_strategy_earned(tmp_path: Path) -> None:
    results, recording = captured(Case(s.sma_cross, google, {"commissions": share}), tmp_path)
    trades = recording.trades()
    done = trades[trades["exit_bar"].notna()]
    assert len(done)
    last = trades[trades["exit_bar"].isna()]
    price = google()["GOOG"].iloc[-1]
    unreal = ((price - last["entry_price"]) * last["size"] - last["commission"]).sum()
    assert done["profit"].sum() + unreal == pytest.approx(results.worth - 1_000_000.0)


def test_what_became_of_each_call(tmp_path: Path) -> None:
    def calls(target: Any) -> bool:
        bar = len(target.universe)
        if bar == 10:
            target.rebalance(0.5, "A")  # bought
            target.rebalance(0.5, "A")  # held already
            target.rebalance(0.000_001, "B")  # less than one
            target.rebalance(0.1, "C")
            target.close("C")
            target.close("C")  # gone
        if bar == 12:
            target.flatten()
        return True

    case = Case(lambda _: bt.Strategy("calls", [calls]), four)
    _, recording = captured(case, tmp_path)
    signals = recording.signals()
    told = list(zip(signals["symbol"], signals["disposition"], signals["reason"], strict=True))
    assert told == [
        ("A", "executed", "filled"),
        ("A", "rejected", "sized_to_zero"),
        ("B", "rejected", "sized_to_zero"),
        ("C", "executed", "filled"),
        ("C", "executed", "filled"),
        ("C", "rejected", "nothing_to_close"),
        ("calls", "executed", "filled"),
    ]
    assert signals["signal_type"].tolist()[-2:] == ["exit", "exit"]


def test_money_for_all_children_that_buys_nothing_is_sized_to_zero(tmp_path: Path) -> None:
    class Allocates(bt.Algo):
        def __call__(self, target: Any) -> bool:
            if len(target.universe) == 5:
                target.rebalance(0.5, "R")
            if len(target.universe) == 9:
                target.allocate(1.0)
            return True

    case = Case(lambda _prices: bt.Strategy("all", [Allocates()]), rising)
    _, recording = captured(case, tmp_path)
    assert recording.signals()["reason"].tolist() == ["filled", "sized_to_zero"]


def test_bankruptcy_is_the_hosts_doing(tmp_path: Path) -> None:
    _, recording = captured(Case(s.ruin, rising), tmp_path)
    fills = recording.fills()
    assert len(recording.signals()) == 1
    assert fills["signal_seq"].isna().tolist() == [False, True]
    assert fills["effect"].tolist() == ["open", "close"]
    assert recording.parts[0].record["flags"]["bankrupt"] is True


def test_what_a_bankrupt_strategy_would_have_done_with_more_nobody_knows(tmp_path: Path) -> None:
    case = Case(s.ruin, rising)
    results, recording = captured(case, tmp_path)
    richer = replace(case, settings={"initial_capital": 1e9})
    with pytest.raises(ClosedLoop, match=r"read account\.out_of_money"):
        richer(lambda _strategy: capture.replay(recording).into("bt"))
    assert case(lambda _strategy: capture.replay(recording).into("bt")) == results


def test_nested_strategies_are_told_apart_and_their_paper_is_no_signal(tmp_path: Path) -> None:
    _, recording = captured(CASES["sleeves"], tmp_path)
    signals, orders = recording.signals(), recording.orders()
    nodes = {"sleeves", "sleeves>first", "sleeves>second"}
    assert set(signals["extra_node"]) == nodes
    assert set(recording.fills()["extra_node"]) == nodes - {"sleeves"}
    to_children = signals[signals["extra_node"] == "sleeves"]
    assert set(to_children["symbol"]) == {"first", "second"}
    paper = orders[orders["phase"] == "paper"]
    assert len(paper)
    assert paper["signal_seq"].isna().all()
    assert set(paper["action"]) == {"edit"}


def test_notes_belong_to_signals_to_bars_or_to_what_was_refused(tmp_path: Path) -> None:
    _, recording = captured(CASES["every verb"], tmp_path)
    notes = recording.notes()
    assert set(notes["name"]) == {"turn", "thin"}
    refused = recording.signals(where="reason == 'filtered_by_strategy'")
    assert set(refused["symbol"]) == {"B"}
    assert set(notes[notes["name"] == "thin"]["signal_seq"]) == set(refused["seq"])


def test_the_only_column_may_be_named_otherwise(tmp_path: Path) -> None:
    case = Case(s.sma_cross, google)
    results, recording = captured(case, tmp_path, symbol="NASDAQ:GOOG", timeframe="day")
    signals = recording.signals()
    assert set(signals["symbol"]) == {"NASDAQ:GOOG"}
    assert set(signals["timeframe"]) == {"day"}
    assert case(lambda _: capture.replay(recording).into("bt")) == results


# --- how it is recorded --------------------------------------------------------------------------


def _backtest(strategy: Any, **said: Any) -> bt.Backtest:
    return bt.Backtest(strategy, four(), progress_bar=False, **said)


def test_several_backtests_of_one_run_are_a_recording_each(tmp_path: Path) -> None:
    one = capture.wrap(s.by_volatility(four()), store=tmp_path)
    tests = [
        _backtest(one, name="small", initial_capital=5_000.0),
        _backtest(one, name="large"),
        _backtest(s.by_volatility(four()), name="plain"),
        _backtest(capture.wrap(s.every_verb(four()), store=tmp_path)),
    ]
    result = bt.run(*tests, progress_bar=False)
    store = capture.open(tmp_path)
    capital = sorted(store[run].manifest["settings"]["initial_capital"] for run in store)
    assert capital == [5_000.0, 1_000_000.0, 1_000_000.0]
    assert result["large"].total_return == result["plain"].total_return
    assert capture.verify(tmp_path).ok


def test_a_benchmark_of_random_strategies_records_each_of_them(tmp_path: Path) -> None:
    chance = bt.Strategy(
        "chance",
        [bt.algos.RunMonthly(), bt.algos.SelectRandomly(2), bt.algos.WeighRandomly(),
         bt.algos.Rebalance()],
    )  # fmt: skip
    test = _backtest(capture.wrap(s.by_volatility(four()), store=tmp_path))
    bt.backtest.benchmark_random(test, capture.wrap(chance, store=tmp_path), nsim=3)
    store = capture.open(tmp_path)
    names = sorted(store[run].manifest["strategy"] for run in store)
    assert names == ["by volatility", "random_0", "random_1", "random_2"]


def test_a_wrapped_strategy_is_a_copy_that_can_be_copied_and_pickled(tmp_path: Path) -> None:
    own = s.nested(four())
    wrapped = capture.wrap(own, store=tmp_path)
    assert type(own) is bt.Strategy
    assert "_capture" not in vars(own)
    assert isinstance(wrapped, bt.Strategy)
    assert repr(wrapped) == repr(own)
    sent = s.by_volatility(four())
    again = ForkingPickler.loads(ForkingPickler.dumps(capture.wrap(sent, store=tmp_path)))
    for strategy in (copy.deepcopy(wrapped), again, wrapped):
        _backtest(strategy).run()
    assert len(list(capture.open(tmp_path))) == 3


def test_results_hold_nothing_of_ours(tmp_path: Path) -> None:
    test = _backtest(capture.wrap(s.nested(four()), store=tmp_path))
    dates = test.dates
    test.run()
    assert test.dates is dates
    for node in test.strategy.members:
        assert type(node).__module__ == "bt.core"
        assert not any(name.startswith("_capture") for name in vars(node))
    assert type(test.strategy["first"]._paper) is bt.Strategy


def test_to_wrap_again_records_once(tmp_path: Path) -> None:
    once = capture.wrap(s.sma_cross(four()), store=tmp_path / "one")
    _backtest(capture.wrap(once, store=tmp_path / "two")).run()
    assert not (tmp_path / "one").exists()
    assert len(list(capture.open(tmp_path / "two"))) == 1


def test_what_no_backtest_runs_is_not_recorded_and_says_so(tmp_path: Path) -> None:
    strategy = capture.wrap(s.sma_cross(four()), store=tmp_path / "none")
    with pytest.warns(CaptureWarning, match=r"bt\.Backtest does not run it"):
        strategy.setup(four())
    strategy.adjust(1_000.0)
    for date in four().index[:60]:
        strategy.update(date)
        strategy.run()
    assert not (tmp_path / "none").exists()


def test_a_class_is_not_wrapped() -> None:
    with pytest.raises(UnsupportedStrategy):
        capture.wrap(s.Looking)


def test_an_error_of_the_host_between_two_bars_ends_the_recording(tmp_path: Path) -> None:
    prices = four().copy()
    prices.iloc[90:, 0] = np.inf
    wrapped = capture.wrap(bt.Strategy("hold", [
        bt.algos.RunOnce(), bt.algos.WeighSpecified(A=1.0), bt.algos.Rebalance()
    ]), store=tmp_path)  # fmt: skip
    test = bt.Backtest(wrapped, prices, progress_bar=False)
    with pytest.raises(ValueError, match="Price is infinite"):
        test.run()
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    assert len(recording.fills()) == 1
    assert type(test.strategy) is bt.Strategy


class _Ear:
    def __init__(self) -> None:
        self.heard: list[Any] = []

    @capture.hookimpl
    def on_signal(self, signal: Any) -> None:
        self.heard.append((signal.symbol, signal.bar_index, signal.indicator_weights))

    @capture.hookimpl
    def on_bar(self, bar: Any) -> None:
        self.heard.append((bar.symbol, bar.bar_index, bar.close))


def test_observers_hear_of_bars_and_signals_in_order(tmp_path: Path) -> None:
    ear, plugins = _Ear(), capture.get_host()
    plugins.register(ear, name="ear")
    try:
        results, recording = captured(Case(s.sma_cross, google), tmp_path)
    finally:
        plugins.unregister(ear)
    assert results == Case(s.sma_cross, google)()
    signals = recording.signals()
    bars = [(bar, price) for symbol, bar, price in ear.heard if symbol == "GOOG"]
    assert len(ear.heard) == len(google()) + len(signals)
    first = signals.iloc[0]
    place = ear.heard.index(("GOOG", first["bar_index"], first["indicator_weights"]))
    assert ear.heard[place - 1][1] == first["bar_index"]
    assert bars[0] == (0, google()["GOOG"].iloc[0])


# --- is it independent of its portfolio? ---------------------------------------------------------


def test_check_replay_agrees_with_what_was_noticed(tmp_path: Path) -> None:
    def run(case: Case) -> None:
        captured(case, tmp_path)

    blind = capture.check_replay(lambda: run(CASES["SMA cross, four assets"]))
    assert blind.independent, str(blind)
    seeing = capture.check_replay(lambda: run(CASES["looking"]))
    assert not seeing.independent


def test_a_run_that_a_nested_strategy_ends_before_the_first_bar_has_failed(tmp_path: Path) -> None:
    def looks_back(target: Any) -> bool:
        return bool(target.universe["A"].iloc[-5] > 0)

    inner = bt.Strategy("inner", [looks_back, bt.algos.SelectAll()], ["A", "B"])
    case = Case(lambda _: bt.Strategy("outer", [bt.algos.WeighSpecified(inner=1.0)], [inner]), four)
    with pytest.raises(IndexError):
        captured(case, tmp_path)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    assert "IndexError" in recording.manifest["problem"]
