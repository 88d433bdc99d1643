"""What lands in the store: intents, arguments, fills, indicators, equity, parameters, settings."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from backtesting import Strategy
from backtesting.test import GOOG, SMA

import capture
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, captured, goog

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 10_000}


@pytest.mark.parametrize("name", CASES)
def test_equity_is_the_hosts_and_position_follows_the_trades(name: str, tmp_path: Path) -> None:
    results, recording = captured(CASES[name], tmp_path)
    equity = recording.equity()
    assert np.array_equal(equity["equity"], results._equity_curve["Equity"])
    assert list(equity["bar_index"]) == list(range(len(equity)))
    broker = results._strategy._broker
    held = [
        sum(
            trade.size
            for trade in (*broker.trades, *broker.closed_trades)
            if trade.entry_bar <= bar and (trade.exit_bar is None or bar < trade.exit_bar)
        )
        for bar in range(0, len(equity), 37)
    ]
    assert list(equity["position"].iloc[::37]) == held


@pytest.mark.parametrize("name", CASES)
def test_indicators_at_signal_bars_are_those_of_the_host(name: str, tmp_path: Path) -> None:
    results, recording = captured(CASES[name], tmp_path)
    signals = recording.signals()
    lines = [line for value in results._strategy._indicators for line in np.atleast_2d(value)]
    columns = [name for name in signals.columns if name.startswith("indicator_")]
    assert len(columns) == (len(lines) if len(signals) else 0)
    unit = recording.manifest["settings"].get("fractional_unit", 1)
    overlays = [
        value._opts["overlay"] for value in results._strategy._indicators
        for _ in np.atleast_2d(value)
    ]  # fmt: skip
    for column, line, overlay in zip(columns, lines, overlays, strict=False):
        # After the run the host shows fractional prices in whole units again.
        seen = line * unit if unit != 1 and overlay else line
        expected = np.asarray(seen, dtype=float)[signals["bar_index"]]
        got = signals[column].to_numpy(dtype=float)
        if unit == 1:
            assert np.array_equal(got, expected, equal_nan=True), column
        else:
            assert np.allclose(got, expected, equal_nan=True, rtol=1e-12), column


@pytest.mark.parametrize(
    "name", [name for name, case in CASES.items() if "commission" in case.settings]
)
def test_commissions_of_fills_are_what_the_account_paid(name: str, tmp_path: Path) -> None:
    results, recording = captured(CASES[name], tmp_path)
    fills, broker = recording.fills(), results._strategy._broker
    paid = fills["commission"].sum()
    gross = sum(t.size * (t.exit_price - t.entry_price) for t in broker.closed_trades)
    cash = CASES[name].settings["cash"]
    if results._equity_curve["Equity"].iloc[-1] == 0:  # the host forgives what is owed
        assert broker._cash == 0
    else:
        assert broker._cash == pytest.approx(cash + gross - paid, rel=1e-12)


def test_commission_column_is_the_sum_of_its_fills(tmp_path: Path) -> None:
    results, recording = captured(CASES["SMA cross, finalized"], tmp_path)
    fills, trades = recording.fills(), results._trades
    by_trade = fills.groupby("trade_number")["commission"].sum()
    assert sorted(by_trade) == pytest.approx(sorted(trades["Commission"]), rel=1e-12)
    assert (by_trade > 0).all()


def test_a_random_commission_is_asked_the_same_in_the_same_order(tmp_path: Path) -> None:
    case = CASES["nasty, random commission"]
    plain, wrapped = case.backtest(), case.backtest(lambda it: capture.wrap(it, store=tmp_path))
    asked = []
    for backtest in (plain, wrapped):
        backtest.run()
        asked.append(backtest._broker.keywords["commission"].asked)
    assert asked[0] == asked[1]
    assert len(asked[0]) > 100


# --- intents -------------------------------------------------------------------------------------


class Told(Strategy):
    """Counts its own intents; `orders` is what each of them should leave."""

    def init(self) -> None:
        self.told: list[dict[str, Any]] = []

    def tell(self, call: str, **said: Any) -> None:
        self.told.append({"call": call, "bar_index": len(self.data) - 1, **said})

    def next(self) -> None:
        step = getattr(self, f"at_{len(self.data) % 12}", None)
        if step is not None:
            step(float(self.data.Close[-1]))

    def at_1(self, price: float) -> None:
        bracket = {"sl": price * 0.9, "tp": price * 1.2}
        self.buy(size=5, tag="a", **bracket)
        kept = {"stop_loss": bracket["sl"], "take_profit": bracket["tp"], "tag": "a"}
        self.tell("buy", side=1, size=5.0, size_kind="units", order_type="market", **kept)

    def at_3(self, price: float) -> None:
        self.sell(size=0.01, limit=price * 1.5, tag=12)
        kept = {"size": 0.01, "size_kind": "fraction", "limit_price": price * 1.5, "tag": "12"}
        self.tell("sell", side=-1, order_type="limit", **kept)

    def at_4(self, price: float) -> None:
        self.buy(stop=price * 1.5, limit=price * 1.6, size=1, tag=("x", 2))
        kept = {"stop_price": price * 1.5, "limit_price": price * 1.6, "tag": '["x", 2]'}
        self.tell("buy", side=1, size=1.0, size_kind="units", order_type="stop_limit", **kept)

    def at_5(self, _price: float) -> None:
        for order in self.orders:
            if not order.is_contingent:
                order.cancel()
                self.tell("Order.cancel", action="cancel")

    def at_7(self, price: float) -> None:
        for trade in self.trades:
            trade.sl = price * 0.5
            self.tell("Trade.sl", action="edit", stop_loss=price * 0.5)
            trade.tp = None
            self.tell("Trade.tp", action="edit")

    def at_9(self, _price: float) -> None:
        for trade in self.trades:
            trade.close(0.4)
            self.tell("Trade.close", size=0.4, size_kind="portion", order_type="market")

    def at_11(self, _price: float) -> None:
        self.position.close()
        self.tell("Position.close", size=1.0, size_kind="portion", order_type="market")


@pytest.mark.parametrize(
    "settings",
    [{}, {"hedging": True}, {"exclusive_orders": True}, {"finalize_trades": True}],
    ids=str,
)
def test_orders_are_the_strategys_own_calls_with_their_arguments(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    results, recording = captured(Case(Told, goog, {**FREE, **settings}), tmp_path)
    orders, told = recording.orders(), results._strategy.told
    assert len(orders) == len(told)
    assert len(told) > 500
    arguments = ("size", "size_kind", "order_type", "limit_price", "stop_price",
                 "stop_loss", "take_profit", "tag")  # fmt: skip
    for row, wanted in zip(orders.to_dict("records"), told, strict=True):
        assert row["call"] == wanted["call"]
        assert row["action"] == wanted.get("action", "new")
        assert row["bar_index"] == wanted["bar_index"]
        if "side" in wanted:
            assert row["side"] == wanted["side"]
        for name in arguments:
            value = row[name]
            given = wanted.get(name)
            assert value == given if given is not None else value is None or value != value, name


def test_every_intent_is_one_signal_and_what_the_host_does_itself_is_none(tmp_path: Path) -> None:
    settings = {**FREE, "exclusive_orders": True, "finalize_trades": True}
    results, recording = captured(Case(Told, goog, settings), tmp_path)
    intents = [it for it in results._strategy.told if it.get("action", "new") == "new"]
    signals, orders = recording.signals(), recording.orders()
    assert list(signals["bar_index"]) == [it["bar_index"] for it in intents]
    assert list(orders[orders["action"] == "new"]["signal_seq"]) == list(signals["seq"])


def test_cancels_and_edits_name_what_they_change(tmp_path: Path) -> None:
    _, recording = captured(Case(Told, goog, FREE), tmp_path)
    orders = recording.orders()
    placed, fills = set(orders[orders["action"] == "new"]["order_id"]), recording.fills()
    cancelled = orders[orders["action"] == "cancel"]
    assert set(cancelled["parent_id"]) <= placed
    trades = {f"t{number}" for number in fills["trade_number"]}
    edited = orders[orders["action"].eq("edit") | orders["call"].eq("Trade.close")]
    assert set(edited["parent_id"]) <= trades
    assert len(cancelled)
    assert len(edited)


def test_direction_and_type_say_what_the_signal_does_to_the_position(tmp_path: Path) -> None:
    _, recording = captured(CASES["nasty, GOOG"], tmp_path)
    signals = recording.signals().merge(
        recording.orders().query("action == 'new'"), left_on="seq", right_on="signal_seq"
    )
    assert len(signals) > 300
    flattened, kinds = -1, set()
    for row in signals.itertuples():
        held = row.position_before
        if row.call == "Position.close" and row.size == 1:
            flattened = row.bar_index_x  # what comes on this bar finds a position that is to go
        if row.call in ("buy", "sell"):
            side = 1 if row.call == "buy" else -1
            assert row.direction == side
            ahead = held * side
            if not held or flattened == row.bar_index_x:
                kind = "entry"
            elif ahead > 0:
                kind = "adjustment"
            elif row.size_kind == "fraction" or row.size > -ahead:
                kind = "entry"  # a reversal
            else:
                kind = "exit" if row.size == -ahead else "adjustment"
            assert row.signal_type == kind
            kinds.add(kind)
        elif row.call == "Position.close" and row.size == 1:
            assert (row.direction, row.signal_type) == (0, "exit")
        elif row.call == "Position.close":
            assert (row.direction, row.signal_type) == (-np.sign(held), "adjustment")
    assert kinds >= {"entry", "adjustment"}


def test_orders_before_the_first_bar_are_signals_of_that_bar(tmp_path: Path) -> None:
    results, recording = captured(Case(s.EarlyBird, goog, FREE), tmp_path)
    signals, orders = recording.signals(), recording.orders()
    early = orders[orders["phase"] == "init"]
    assert list(early["call"]) == ["buy", "sell", "sell", "Order.cancel"]
    assert list(early["bar_index"]) == [0, 0, 0, 0]
    assert list(signals["reason"][:3]) == ["filled", "end_of_data", "cancelled_by_strategy"]
    assert {"indicator_sma"} <= set(signals.columns)  # declared after the orders
    assert recording.fills()["signal_seq"].iloc[0] == signals["seq"].iloc[0]
    assert results._trades["Tag"].iloc[0] == "early"
    assert list(recording.notes()["name"]) == ["prepared"]


def test_a_strategys_own_verbs_are_heard_at_the_broker(tmp_path: Path) -> None:
    results, recording = captured(Case(s.OwnVerbs, goog, FREE), tmp_path)
    orders = recording.orders()
    assert set(orders["call"]) == {"buy", "sell", "Position.close"}
    buys = orders[orders["call"] == "buy"]
    assert set(buys["size"]) == {2.0}
    limits = orders[orders["order_type"] == "limit"]
    assert list(limits["bar_index"]) == list(buys["bar_index"])
    assert len(results._trades)


# --- context -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"self_contained": True}, {"buffer_size": 7}], ids=str)
def test_late_values_are_those_of_a_snapshot_at_signal_time(
    options: dict[str, Any], tmp_path: Path
) -> None:
    settings = {**FREE, "commission": 0.001, "margin": 0.5}
    results, recording = captured(Case(s.Snapshots, goog, settings), tmp_path, **options)
    signals, seen = recording.signals(), results._strategy.seen
    assert len(signals) == len(seen) > 50
    for row, snapshot in zip(signals.to_dict("records"), seen, strict=True):
        for name, value in snapshot.items():
            assert s.is_equal(row[name], value), f"{name}: {row[name]} is not {value}"
        assert row["available_time"] > row["timestamp"]


def test_lines_of_indicators_have_columns_of_their_own(tmp_path: Path) -> None:
    results, recording = captured(CASES["further columns"], tmp_path)
    signals, it = recording.signals(), results._strategy
    at = signals["bar_index"].to_numpy()
    expected = {
        "macd_line": it._indicators[0][0],
        "macd_signal": it._indicators[0][1],
        "pair_0": it._indicators[1][0],
        "pair_1": it._indicators[1][1],
        "twin": it._indicators[2],
        "twin_2": it._indicators[3],
        "gaps": it._indicators[4],
        "above": it._indicators[5],
        "count": it._indicators[6],
        "extra": it._indicators[7],
    }
    for name, values in expected.items():
        got = signals[f"indicator_{name}"].to_numpy()
        assert np.array_equal(
            got.astype(float), np.asarray(values, dtype=float)[at], equal_nan=True
        ), name
    assert signals["indicator_gaps"].isna().any()


def test_indicator_metadata_is_kept_once_per_strategy(tmp_path: Path) -> None:
    _, recording = captured(CASES["SMA cross, other parameters"], tmp_path)
    (segment,) = recording.parts[0].segments
    assert segment["strategy_id"] == "SmaCross"
    assert segment["params"] == {"fast": 5, "slow": 40}
    made = segment["indicators"]["sma2"]
    assert made["function"] == "SMA"
    assert made["name"] == "SMA(C,40)"
    assert made["args"] == ["data.Close", 40]
    assert made["lines"] == ["sma2"]
    signals = recording.signals()
    assert set(signals["param_fast"]) == {5}
    assert set(signals["param_slow"]) == {40}


def test_an_indicator_that_the_strategy_writes_into_is_flagged(tmp_path: Path) -> None:
    class Recursive(s.SmaCross):
        def init(self) -> None:
            super().init()
            # pandas 3 hands out arrays that nobody may write into.
            self.sma1 = self.I(lambda: np.array(SMA(self.data.Close, self.fast)))

        def next(self) -> None:
            super().next()
            self.sma1[-1] = 0.0

    _, recording = captured(Case(Recursive, goog, FREE), tmp_path / "a")
    assert recording.manifest["flags"]["indicators_changed_during_run"] == ["sma1"]
    _, recording = captured(Case(s.SmaCross, goog, FREE), tmp_path / "b")
    assert "indicators_changed_during_run" not in recording.manifest["flags"]


def test_the_manifest_holds_the_hosts_settings(tmp_path: Path) -> None:
    case = Case(s.SmaCross, goog, {"cash": 5_000, "commission": (1, 0.002), "margin": 0.5})
    settings = captured(case, tmp_path)[1].manifest["settings"]
    assert settings == {
        "cash": 5_000,
        "commission": [1, 0.002],
        "margin": 0.5,
        "spread": 0.0,
        "trade_on_close": False,
        "hedging": False,
        "exclusive_orders": False,
        "finalize_trades": False,
    }
    fractional = captured(CASES["fractional"], tmp_path)[1].manifest["settings"]
    assert fractional["fractional_unit"] == 1 / 100e6
    asked = captured(CASES["nasty, random commission"], tmp_path)[1].manifest["settings"]
    assert "RandomCommission" in asked["commission"]


def test_bars_are_base_data_stored_once_for_every_run(tmp_path: Path) -> None:
    for fast in (5, 10):
        captured(Case(s.SmaCross, goog, FREE, params={"fast": fast}), tmp_path)
    assert len(list((tmp_path / "base").iterdir())) == 1
    bars = capture.open(tmp_path).latest().bars()
    for name in ("Open", "High", "Low", "Close", "Volume"):
        assert np.array_equal(bars[name.lower()], GOOG[name]), name
    assert list(bars["timestamp"]) == list(GOOG.index.tz_localize("UTC"))


def test_symbol_and_timeframe_can_be_said(tmp_path: Path) -> None:
    _, recording = captured(
        Case(s.SmaCross, goog, FREE), tmp_path, symbol="GOOG", timeframe="1 day"
    )
    signals = recording.signals()
    assert set(signals["symbol"]) == {"GOOG"}
    assert set(signals["timeframe"]) == {"1 day"}


def test_a_tag_that_is_no_text_is_kept_as_json_or_as_it_shows_itself(tmp_path: Path) -> None:
    class Mute:
        def __repr__(self) -> str:
            raise OSError("a repr of the user's own")

    loop: list[Any] = []
    loop.append(loop)
    tags = [{"a": 1}, Mute(), 3.5, {("t", 1): 2}, loop, "plain", "\udcff", object()]

    class Tagging(Strategy):
        def init(self) -> None:
            self.tags = list(tags)

        def next(self) -> None:
            if self.tags:
                self.buy(size=1, tag=self.tags.pop(0))

    results, recording = captured(Case(Tagging, goog, {**FREE, "finalize_trades": True}), tmp_path)
    assert [t is tag for t, tag in zip(results._trades["Tag"], tags, strict=True)] == [True] * 8
    kept = list(recording.orders()["tag"])
    assert kept[0] == json.dumps({"a": 1})
    assert kept[1] == "<Mute>"
    assert kept[2] == "3.5"
    assert "plain" in kept
    assert len(recording.signals()) == 8


class Levels(s.SmaCross):
    """Has parameters of every kind, one of them known by its name alone."""

    levels = [0.2, 0.8]  # noqa: RUF012
    weights = {"fast": 1, 2: None}  # noqa: RUF012
    since = date(2010, 1, 1)
    many = tuple(range(500))
    smooth: Any = SMA


def test_a_parameter_may_be_a_list_a_mapping_or_whatever_a_run_names(tmp_path: Path) -> None:
    case = Case(Levels, goog, FREE, params={"levels": (0.3, 0.5), "smooth": len})
    _, recording = captured(case, tmp_path)
    [segment] = recording.parts[0].segments
    assert segment["params"] == {
        "fast": 10,
        "levels": [0.3, 0.5],
        "many": "tuple[500]",
        "since": "datetime.date(2010, 1, 1)",
        "slow": 20,
        "smooth": "len",
        "weights": {"fast": 1, "2": None},
    }
    # The line that runs it runs its replay.
    case(lambda _strategy: capture.replay(recording).into("backtesting"))
