"""What became of each signal, and what is recorded of its orders, fills and trades."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.model.enums import AccountType, OmsType

import capture
from capture.errors import ClosedLoop
from tests.adapters.nautilus import strategies as s
from tests.adapters.nautilus.runs import CASES, GOOG, HOURS, Case, captured

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


def fates(recording: Any) -> dict[tuple[str, str], int]:
    signals = recording.signals()
    counted: dict[tuple[str, str], int] = (
        signals.groupby(["disposition", "reason"]).size().to_dict()
    )
    return counted


def test_every_way_in_which_an_order_can_end_has_its_reason(tmp_path: Path) -> None:
    _, recording = captured(CASES["nasty"], tmp_path)
    found = fates(recording)
    assert {
        ("executed", "filled"),
        ("expired", "expired"),
        ("cancelled", "cancelled_by_strategy"),
    } <= set(found)
    # As the host counts them.
    results = CASES["nasty"]()
    states = [row["status"] for row in results.orders]
    assert sum(n for (what, _), n in found.items() if what == "executed") == states.count("FILLED")
    assert found["expired", "expired"] == states.count("EXPIRED")
    cancelled = sum(n for (what, _), n in found.items() if what == "cancelled")
    assert cancelled == states.count("CANCELED")


def test_an_order_whose_expiry_the_strategy_manages_expires(tmp_path: Path) -> None:
    _, recording = captured(CASES["nasty, managed expiry"], tmp_path)
    assert fates(recording)["expired", "expired"] > 5
    # The cancels by which the host carries that out are none of the strategy's.
    cancels = recording.orders(where=[("action", "=", "cancel")])
    assert "GTD" not in " ".join(cancels["valid"].dropna())


def test_of_a_bracket_the_entry_is_the_signal_and_the_others_follow(tmp_path: Path) -> None:
    results, recording = captured(CASES["brackets"], tmp_path)
    signals, orders = recording.signals(), recording.orders(where=[("action", "=", "new")])
    lists = orders[orders["call"] == "submit_order_list"]
    children = orders[orders["parent_id"].notna()]
    assert len(children) == 2 * len(lists) > 20
    assert set(children["parent_id"]) == set(lists["order_id"])
    assert set(children["order_type"]) == {"stop", "limit"}
    assert children["oco_id"].notna().all()
    assert len(signals) == len(lists) + (orders["call"] == "close_all_positions").sum()
    statuses = recording.table("statuses").to_pandas()
    beside = statuses[statuses["reason"] == "cancelled_by_oco"]
    assert len(beside)
    assert beside["signal_seq"].isna().all()
    assert set(beside["order_id"]) <= set(children["order_id"])
    assert (
        len(results.orders)
        == len(lists) * 3
        + recording.fills()["order_id"]
        .isin(orders.loc[orders["call"] == "close_all_positions", "order_id"])
        .sum()
    )


def test_what_the_host_refuses_says_who_refused_it_and_why(tmp_path: Path) -> None:
    _, recording = captured(CASES["refused"], tmp_path)
    statuses = recording.table("statuses").to_pandas()
    refused = statuses[statuses["status"] == "rejected"]
    told = set(zip(refused["actor"], refused["reason"], strict=True))
    assert ("broker", "invalid_order") in told  # the same order twice
    assert ("broker", "nothing_to_close") in told
    assert refused["detail"].notna().all()


def test_a_fill_carries_its_costs_and_what_it_did_to_the_position(tmp_path: Path) -> None:
    results, recording = captured(CASES["nasty, late and slipping"], tmp_path)
    fills = recording.fills()
    paid = [float(row["commission"].split()[0]) for row in results.fills]
    assert fills["commission"].sum() == pytest.approx(sum(paid))
    assert (fills["slippage"] == (fills["price"] - fills["expected_price"]) * fills["side"]).all()
    signed = (fills["size"] * fills["side"]).cumsum()
    assert (signed == fills["position_after"]).all()
    assert set(fills["effect"]) == {"open", "reduce", "close"}


def test_trades_are_the_positions_of_the_host(tmp_path: Path) -> None:
    for name in ("nasty", "hedged", "SMA cross, EURUSD hours"):
        results, recording = captured(CASES[name], tmp_path / name)
        trades = recording.table("trades").to_pandas()
        closed = [row for row in results.positions if row["side"] == "FLAT"]
        done = trades[trades["exit_bar"].notna()]
        assert sorted(done["profit"]) == sorted(
            float(row["realized_pnl"].split()[0]) for row in closed
        )
        assert sorted(done["entry_price"]) == sorted(float(row["avg_px_open"]) for row in closed)
        assert sorted(done["exit_price"]) == sorted(float(row["avg_px_close"]) for row in closed)


def test_equity_ends_with_what_the_account_says(tmp_path: Path) -> None:
    for name in ("nasty", "cash account", "two instruments"):
        results, recording = captured(CASES[name], tmp_path / name)
        equity = recording.equity()
        assert len(equity) == CASES[name].names[0][1]
        assert equity["equity"].notna().all()
        ends = [max(report, key=lambda row: row["index"]) for report in results.accounts.values()]
        total = sum(float(row["total"]) for row in ends)
        assert equity["cash"].iloc[-1] == total
        if name != "two instruments":
            assert equity["equity"].iloc[-1] == total  # all was closed


def test_several_indicators_with_all_their_values_and_parameters(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Watching(s.Banded):
        def market(self, *args: Any, **kwargs: Any) -> Any:
            bands = self.bands
            seen.append((bands.upper, bands.middle, bands.lower, self.own.value))
            return super().market(*args, **kwargs)

    _, recording = captured(Case(Watching), tmp_path)
    signals = recording.signals()
    signals = signals[signals["signal_type"] != "exit"].iloc[: len(seen)]
    orders = recording.orders(where=[("call", "=", "submit_order")])
    mine = recording.signals().set_index("signal_id").loc[orders["signal_id"]]
    columns = ["bands_upper", "bands_middle", "bands_lower", "own"]
    got = mine[[f"indicator_{name}" for name in columns]].to_numpy().tolist()
    assert got == [list(row) for row in seen]
    assert mine["indicator_range"].notna().any()  # registered after the first signals
    assert mine["indicator_range"].isna().any()
    [part] = recording.parts
    said = part.segments[-1]["indicators"]
    assert said["bands"]["params"] == {"period": 15, "k": 1.5}
    assert said["own"]["params"] == {"period": 3}
    assert said["bands"]["class"] == "BollingerBands"


def test_parameters_are_those_of_the_strategys_own_configuration(tmp_path: Path) -> None:
    _, recording = captured(Case(s.SmaCross, config={"fast": 3, "slow": 9}), tmp_path)
    params = recording.manifest["params"]
    assert (params["fast"], params["slow"], params["size"]) == (3, 9, 100)
    assert "order_id_tag" not in params
    assert set(recording.signals()["param_fast"]) == {3}
    libraries = recording.manifest["libraries"]
    assert libraries["nautilus_trader"]


def test_notes_are_kept_with_the_bar_or_the_signal(tmp_path: Path) -> None:
    _, recording = captured(CASES["notes"], tmp_path)
    signals = recording.signals()
    filtered = signals[signals["reason"] == "filtered_by_strategy"]
    assert filtered["bar_index"].tolist() == [19]
    assert filtered["direction"].tolist() == [1]
    why = signals["note_why"].dropna()
    assert set(why) == {"fortieth"}
    notes = recording.table("notes").to_pandas()
    counts = notes[notes["name"] == "count"]
    assert [json.loads(v) for v in counts["value"]] == [bar + 1 for bar in counts["bar_index"]]


def test_each_instrument_has_its_own_bars(tmp_path: Path) -> None:
    _, recording = captured(CASES["two instruments"], tmp_path)
    signals = recording.signals()
    assert set(signals["symbol"]) == {"GOOG", "EUR/USD"}
    assert signals["references"].notna().any()
    bars = recording.bars()
    assert bars.groupby("symbol").size().to_dict() == {"GOOG": 200, "EUR/USD": 400}
    for row in recording.fills().itertuples():
        market = bars[(bars["symbol"] == row.symbol)].iloc[int(row.bar_index)]
        assert market["low"] <= row.price <= market["high"]


def test_two_strategies_of_one_engine_are_one_recording(tmp_path: Path) -> None:
    class Second(s.Nasty):
        pass

    case = Case((s.SmaCross, Second))
    results, recording = captured(case, tmp_path)
    assert results == case()
    assert len(capture.open(tmp_path).runs()) == 1
    assert set(recording.signals()["strategy_id"]) == {"SmaCross-000", "Second-001"}
    replays = {
        kind: capture.replay(recording, strategy=name).into("nautilus")
        for kind, name in ((s.SmaCross, "SmaCross-000"), (Second, "Second-001"))
    }
    assert case(replays.__getitem__) == results


def test_only_one_of_two_strategies_may_be_captured(tmp_path: Path) -> None:
    class Second(s.Nasty):
        pass

    case = Case((s.SmaCross, Second))

    def wrap(kind: Any) -> Any:
        return capture.wrap(kind, store=tmp_path) if kind is Second else kind

    assert case(wrap) == case()
    recording = capture.open(tmp_path).latest()
    assert set(recording.signals()["strategy_id"]) == {"Second-001"}
    assert set(recording.fills()["strategy_id"]) == {"Second-001"}


def test_a_run_inside_a_run_is_a_recording_of_its_own(tmp_path: Path) -> None:
    inner = Case(s.Nasty)

    class Outer(s.SmaCross):
        def on_bar(self, bar: Any) -> None:
            super().on_bar(bar)
            self.count += 1
            if self.count == 50:
                captured(inner, tmp_path / "inner")

    results, outer = captured(Case(Outer), tmp_path / "outer")
    assert results == Case(s.SmaCross)() or results.fills
    assert outer.state == "ended"
    assert set(outer.signals()["strategy_id"]) == {"Outer-000"}
    assert capture.open(tmp_path / "inner").latest().state == "ended"


def test_observers_hear_of_signals_fills_and_bars(tmp_path: Path) -> None:
    heard: dict[str, int] = {"signals": 0, "fills": 0, "bars": 0}

    class Observer:
        @capture.hookimpl
        def on_signal(self, signal: Any) -> None:
            heard["signals"] += signal.direction is not None

        @capture.hookimpl
        def on_fill(self, fill: Any) -> None:
            heard["fills"] += fill.price > 0

        @capture.hookimpl
        def on_bar(self, bar: Any) -> None:
            heard["bars"] += bar.close > 0 and bar.bar_index >= 0

    from capture.host import get_host

    observer = Observer()
    get_host().register(observer, "nautilus-test")
    try:
        _, recording = captured(Case(s.SmaCross, HOURS, {"size": 10_000}), tmp_path)
    finally:
        get_host().unregister(observer)
    assert heard == {
        "signals": len(recording.signals()),
        "fills": len(recording.fills()),
        "bars": 600,
    }


def test_a_strategy_may_stand_in_the_way_of_its_own_orders(tmp_path: Path) -> None:
    class Careful(s.SmaCross):
        def submit_order(self, order: Any, *args: Any, **kwargs: Any) -> None:
            if self.slow.value < 180:
                super().submit_order(order, *args, **kwargs)

    case = Case(Careful)
    results, recording = captured(case, tmp_path)
    assert results == case()
    assert set(recording.orders()["call"]) == {"submit_order", "cancel_all_orders"}
    assert len(results.orders) == len(recording.fills()) == len(recording.signals()) > 5
    assert case(lambda _: capture.replay(recording).into("nautilus")) == results


class Overdraws(s.Counting):
    """Buys more than it has cash for, and goes on, if the host lets it."""

    def on_stop(self) -> None:
        """Leave everything as it is."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count % 10 == 2:
            side = s.BUY if self.count % 20 == 2 else s.SELL
            quantity = self.instrument.make_qty(self.config.size)
            self.submit_order(self.order_factory.market(self.instrument_id, side, quantity))


@pytest.mark.parametrize("queued", [True, False])  # else the call raises within the strategy
def test_what_would_have_come_after_an_account_was_at_an_end_nobody_knows(
    queued: bool, tmp_path: Path
) -> None:
    venue = {"account_type": AccountType.CASH, "use_message_queue": queued}
    case = Case(Overdraws, config={"size": 500}, venue=venue, balance=50_000.0)
    results, recording = captured(case, tmp_path)
    assert results == case()
    assert recording.state == "ended"
    assert len(recording.signals()) == 1
    assert recording.manifest["flags"]["closed_loop"] == ["account.out_of_money"]
    assert case(lambda _strategy: capture.replay(recording).into("nautilus")) == results
    richer = replace(case, balance=1_000_000.0)
    with pytest.raises(ClosedLoop, match=r"read account\.out_of_money"):
        richer(lambda _strategy: capture.replay(recording).into("nautilus"))


class OverdrawsLate(Overdraws):
    """Buys between two bars."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 2:
            later = self.clock.utc_now() + pd.Timedelta(hours=1)
            self.clock.set_time_alert("later", later, callback=self.on_alert)

    def on_alert(self, _: Any) -> None:
        self.market(s.BUY)


@pytest.mark.parametrize("queued", [True, False])
def test_an_account_may_be_at_an_end_between_two_bars(queued: bool, tmp_path: Path) -> None:
    venue = {"account_type": AccountType.CASH, "use_message_queue": queued}
    case = Case(OverdrawsLate, config={"size": 500}, venue=venue, balance=50_000.0)
    results, recording = captured(case, tmp_path)
    assert recording.manifest["flags"]["closed_loop"] == ["account.out_of_money"]
    assert case(lambda _strategy: capture.replay(recording).into("nautilus")) == results


def test_a_run_that_ends_before_its_data_is_not_cut_short(tmp_path: Path) -> None:
    _, recording = captured(Case(Overdraws, config={"size": 5}), tmp_path)
    assert "closed_loop" not in recording.manifest["flags"]
    engine = Case(Overdraws).engine()
    engine.add_strategy(capture.wrap(Overdraws, store=tmp_path / "until")(s.Config(size=5)))
    engine.run(end=pd.Timestamp("2005-01-14", tz="UTC"))
    engine.dispose()
    until = capture.open(tmp_path / "until").latest()
    assert 5 < len(until.signals()) < len(recording.signals())
    assert "closed_loop" not in until.manifest["flags"]


class Raises(Overdraws):
    """Raises before it has bought."""

    def on_bar(self, bar: Any) -> None:
        raise RuntimeError("it broke")


def test_a_run_that_raised_is_not_one_whose_account_was_at_an_end(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="it broke"):
        captured(Case(Raises), tmp_path)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    assert "closed_loop" not in recording.manifest["flags"]


class ClosesTwice(s.Counting):
    """Closes one of two positions, and then all."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count in {3, 5}:
            self.market(s.BUY)
        if self.count == 10:
            first, *_ = self.cache.positions_open(instrument_id=self.instrument_id)
            self.close_position(first)
            self.close_all_positions(self.instrument_id)


def test_a_signal_of_several_orders_is_executed_if_any_of_them_was(tmp_path: Path) -> None:
    latency = lambda: LatencyModel(base_latency_nanos=1_000_000)  # noqa: E731
    venue = {"oms_type": OmsType.HEDGING, "latency_model": latency}
    _, recording = captured(Case(ClosesTwice, ((GOOG, 30),), venue=venue), tmp_path)
    told = recording.signals().set_index("seq")["disposition"]
    filled = recording.fills()["signal_seq"].dropna().astype(int)
    assert len(filled) == 4
    assert set(told[filled]) == {"executed"}
