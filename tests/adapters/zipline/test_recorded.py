"""What a recording of zipline says: intents, context, what the strategy recorded, notes, fates."""

from __future__ import annotations

import functools
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from zipline.api import order, record, symbol

import capture
from capture.errors import WrongFunctions
from tests.adapters.zipline import strategies as s
from tests.adapters.zipline.runs import CASES, Case, captured

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording
    from tests.adapters.zipline.runs import Results

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return results and recording of a case, made once."""

    @functools.cache
    def made(name: str) -> tuple[Results, Recording]:
        return captured(CASES[name], tmp_path_factory.mktemp("kept"))

    return made


def _bars(recording: Recording, symbol: str) -> Any:
    return recording.bars(where=[("symbol", "=", symbol)]).reset_index(drop=True)


def test_signals_carry_what_was_the_case(kept: Any) -> None:
    results, recording = kept("SMA cross")
    signals = recording.signals()
    assert set(signals["symbol"]) == {"GOOG"}
    assert set(signals["timeframe"]) == {"1d"}
    assert signals["signal_type"].tolist()[:2] == ["entry", "exit"]
    assert signals["direction"].tolist()[:2] == [1, 0]
    frame = results.frame.iloc[signals["bar_index"]]
    assert signals["available_time"].tolist() == frame.index.tolist()
    assert signals["timestamp"].tolist() == frame.index.normalize().tolist()
    assert signals["capital_available"].tolist() == frame["ending_cash"].tolist()
    assert signals["portfolio_equity"].tolist() == frame["portfolio_value"].tolist()
    assert signals["indicator_fast"].tolist() == frame["fast"].tolist()
    assert signals["indicator_slow"].tolist() == frame["slow"].tolist()
    bars = recording.bars()
    assert signals["market_close"].tolist() == bars["close"].iloc[signals["bar_index"]].tolist()
    assert signals["param_fast"].tolist() == [5] * len(signals)
    manifest = recording.manifest
    assert manifest["params"] == {
        "asset": "GOOG", "fast": 5, "slow": 20, "bars": 0, "long": False,
    }  # fmt: skip
    assert manifest["strategy"] == "sma"
    assert "closed_loop" not in manifest["flags"]
    assert {"zipline-reloaded", "pandas"} <= set(manifest["libraries"])


def test_fills_carry_price_commission_and_slippage(kept: Any) -> None:
    results, recording = kept("nasty")
    fills, orders = recording.fills(), recording.orders()
    told = {one["id"]: one for row in results.plain["orders"] for one in row}
    cost = sum(one["commission"] for one in told.values())
    assert fills["commission"].sum() == pytest.approx(cost)
    assert (fills["commission"] > 0).any()
    bars = _bars(recording, "GOOG")["close"]
    mine = fills[fills["symbol"] == "GOOG"]
    assert mine["expected_price"].tolist() == bars.iloc[mine["decision_bar"]].tolist()
    slipped = (mine["price"] - mine["expected_price"]) * mine["side"]
    assert mine["slippage"].tolist() == slipped.tolist()
    assert set(fills["order_seq"]) <= set(orders["seq"])
    assert {"open", "reduce", "close"} == set(fills["effect"])
    trades = recording.trades()
    assert len(trades) > 10
    assert trades["exit_bar"].isna().sum() <= 2
    ended = results.frame["portfolio_value"].iloc[-1]
    assert recording.equity()["equity"].iloc[-1] == ended
    assert recording.equity()["cash"].tolist() == results.frame["ending_cash"].tolist()


def test_orders_say_what_was_asked_for(kept: Any) -> None:
    _, recording = kept("nasty")
    orders = recording.orders()
    assert set(orders["call"]) == {
        "order", "order_value", "order_percent", "order_target", "order_target_value",
        "order_target_percent", "batch_market_order", "cancel_order",
    }  # fmt: skip
    assert set(orders["phase"]) == {"handle_data", "weekly", "before_trading_start"}
    assert {"market", "limit", "stop", "stop_limit"} <= set(orders["order_type"])
    kinds = {"units", "fraction", "target", "value", "target_fraction"}
    assert set(orders["size_kind"].dropna()) == kinds
    cancels = orders[orders["action"] == "cancel"]
    assert set(cancels["parent_id"]) <= set(orders["order_id"])
    styled = orders[(orders["order_type"] == "stop_limit")].iloc[0]
    said = json.loads(styled["arguments"])
    assert said["style"]["made"][1]["limit_price"] == styled["limit_price"]


def test_notes_and_refusals_are_kept(kept: Any) -> None:
    _, recording = kept("nasty")
    signals = recording.signals()
    refused = signals[signals["reason"] == "filtered_by_strategy"]
    assert refused["bar_index"].tolist() == [24]
    notes = signals[signals["note_why"].notna()]
    assert set(notes["note_why"]) == {"because"}
    assert set(notes["disposition"]) <= {"executed", "expired"}
    invalid = signals[signals["reason"] == "invalid_order"]
    assert len(invalid) == 1  # before_trading_start is no time for orders


def test_why_an_order_did_not_trade_has_one_word(kept: Any) -> None:
    _, controls = kept("controls")
    reasons = controls.signals()["reason"].value_counts().to_dict()
    assert reasons["risk_limit"] > 5
    assert reasons["invalid_order"] == 1
    statuses = controls.statuses()
    said = statuses[statuses["reason"] == "risk_limit"]["detail"].iloc[0]
    assert "max_shares" in said
    _, thin = kept("partial fills")
    fates = set(zip(thin.signals()["disposition"], thin.signals()["reason"], strict=True))
    assert ("partially_filled", "expired") in fates
    assert {"partially_filled"} <= set(thin.statuses()["status"])
    _, ending = kept("split, dividend and the end")
    fates = ending.signals()["reason"].tolist()
    assert "cancelled_by_broker" in fates
    assert "rejected_by_broker" in fates
    bars = _bars(ending, "XYZ")
    assert (bars["split_ratio"] != 1).sum() == 1
    assert (bars["dividend_ratio"] != 1).sum() == 1
    closing = ending.fills()[ending.fills()["order_seq"].isna()]
    assert closing["effect"].tolist() == ["close"]
    assert "signal_seq" not in closing or closing["signal_seq"].isna().all()


def test_a_look_at_the_portfolio_is_noticed(kept: Any) -> None:
    _, recording = kept("looks at its portfolio")
    assert recording.manifest["flags"]["closed_loop"] == [
        "account", "get_open_orders", "get_order", "portfolio",
    ]  # fmt: skip


def test_the_host_s_own_looks_are_none_of_the_strategy(kept: Any) -> None:
    for name in ("nasty", "scheduled rebalancing", "controls", "minutes"):
        assert "closed_loop" not in kept(name)[1].manifest["flags"], name


def test_what_is_recorded_before_or_after_an_order_is_of_its_bar(tmp_path: Path) -> None:
    def start(context: Any) -> None:
        context.asset, context.bars = symbol("GOOG"), 0

    def step(context: Any, _data: Any) -> None:
        context.bars += 1
        if context.bars == 3:
            record(early=1.0)
        order(context.asset, 1)
        record("late", context.bars, word="no number")

    case = Case({"initialize": start, "handle_data": step}, end="2004-08-26")
    _, recording = captured(case, tmp_path)
    signals = recording.signals()
    assert signals["indicator_late"].tolist() == [1, 2, 3, 4, 5, 6]
    assert signals["indicator_early"].isna().tolist() == [True, True, False, False, False, False]
    assert "indicator_word" not in signals


def test_arguments_of_initialize_are_parameters(tmp_path: Path) -> None:
    start = functools.partial(s.nasty_start, amount=7)
    case = Case(s.made(start, s.nasty, s.nasty_morning), end="2004-10-29")
    results, recording = captured(case, tmp_path)
    assert recording.manifest["params"]["amount"] == 7
    results.like(case(lambda _: capture.replay(recording).into("zipline")))


def test_observers_hear_of_bars_signals_and_fills(tmp_path: Path) -> None:
    from capture.host import get_host

    class Observer:
        def __init__(self) -> None:
            self.bars: list[Any] = []
            self.signals: list[Any] = []
            self.fills: list[Any] = []

        @capture.hookimpl
        def on_bar(self, bar: Any) -> None:
            self.bars.append((bar.bar_index, bar.close))

        @capture.hookimpl
        def on_signal(self, signal: Any) -> None:
            self.signals.append(signal.bar_index)

        @capture.hookimpl
        def on_fill(self, fill: Any) -> None:
            self.fills.append(fill.price)

    observer, host = Observer(), get_host()
    host.register(observer)
    try:
        _, recording = captured(CASES["SMA cross"], tmp_path)
    finally:
        host.unregister(observer)
    bars = recording.bars()
    assert observer.bars == list(enumerate(bars["close"].tolist()))
    assert observer.signals == recording.signals()["bar_index"].tolist()
    assert observer.fills == recording.fills()["price"].tolist()


def test_wrapping_twice_records_once(tmp_path: Path) -> None:
    case = CASES["SMA cross"]
    once = capture.wrap(**case.functions, store=tmp_path / "one")
    case(lambda _: capture.wrap(**once, store=tmp_path / "two"))
    assert not (tmp_path / "one").exists()
    assert len(capture.open(tmp_path / "two").latest().signals())


def test_functions_are_taken_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongFunctions, match="got handle_data, but no initialize"):
        capture.wrap(handle_data=s.cross, store=tmp_path)
    with pytest.raises(WrongFunctions, match="initialize=3, which is a int and no function"):
        capture.wrap(initialize=3, store=tmp_path)
    with pytest.raises(WrongFunctions, match="either a strategy or functions"):
        capture.wrap(s.sma, store=tmp_path, handle_data=s.cross)
    with pytest.raises(WrongFunctions, match=r"needs a strategy.*initialize=\.\.\., handle_data"):
        capture.wrap(store=tmp_path)
    # Where pybroker was imported, too, a function is one of its executions.
    monkeypatch.delitem(sys.modules, "pybroker.context", raising=False)
    with pytest.raises(capture.errors.UnsupportedStrategy, match="zipline takes functions by name"):
        capture.wrap(s.sma, store=tmp_path)
    left_out = capture.wrap(initialize=s.sma, handle_data=None, store=tmp_path)
    assert {"initialize", "handle_data"} <= left_out.keys()


def test_zipline_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from capture.contracts import info

    monkeypatch.setattr(info, "_installed", lambda name: name != "zipline")
    with pytest.raises(capture.errors.MissingExtra, match=r"signal-capture\[zipline\]"):
        capture.wrap(initialize=s.sma, store=tmp_path)
