"""What a recording of backtrader holds, against what the host itself has."""

from __future__ import annotations

import copyreg
import datetime
import json
from typing import TYPE_CHECKING, Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from backtesting.test import GOOG

import capture
from capture.testing.traces import traces_of
from capture_backtrader.encoding import decode
from capture_backtrader.feeds import times_ns
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import (
    CASES,
    Case,
    a_year,
    captured,
    played_again,
    resampled,
    three_lengths,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

FREE = {"cash": 10_000.0}


@pytest.mark.parametrize(
    "options",
    [{}, {"runonce": False}, {"preload": False}, {"exactbars": 1}, {"exactbars": -1}],
    ids=str,
)
def test_indicators_are_those_that_the_strategy_saw(
    options: dict[str, Any], tmp_path: Path
) -> None:
    seen: list[tuple[float, float, float]] = []

    class Looking(s.SmaCross):
        def next(self) -> None:
            if self.cross[0]:
                seen.append((self.fast[0], self.slow[0], self.cross[0]))
            super().next()

    _, recording = captured(Case(Looking, a_year, FREE, options), tmp_path)
    signals = recording.signals().groupby("bar_index").first()
    names = ["indicator_fast", "indicator_slow", "indicator_cross"]
    assert list(signals[names].itertuples(index=False, name=None)) == seen
    indicators = recording.parts[0].segments[0]["indicators"]
    assert indicators["fast"]["params"]["period"] == 10


def test_an_open_callback_sees_the_indicators_of_the_bar_before(tmp_path: Path) -> None:
    seen: list[float] = []

    class AtTheOpen(bt.Strategy):
        def __init__(self) -> None:
            self.sma = bt.ind.SMA(period=5)

        def next_open(self) -> None:
            seen.append(self.sma[0])
            self.buy(size=1)

    _, recording = captured(Case(AtTheOpen, a_year, FREE, {"cheat_on_open": True}), tmp_path)
    assert recording.signals()["indicator_sma"].tolist() == seen
    assert set(recording.orders()["phase"]) == {"nextstart_open", "next_open"}


@pytest.mark.parametrize("name", ["SMA cross, other parameters", "nasty, futures", "not preloaded"])
def test_equity_is_the_hosts_own(name: str, tmp_path: Path) -> None:
    came_to, recording = captured(CASES[name], tmp_path)
    equity = recording.equity()
    rows = zip(equity["bar_index"] + 1, equity["equity"], equity["cash"], strict=True)
    assert list(rows) == [(length, value, cash) for length, _, value, cash, _ in came_to.account[0]]
    held = [0 if row[-1] is None else row[-1] for row in came_to.account[0]]
    assert equity["position"].tolist() == held


@pytest.mark.parametrize("name", ["nasty, hours", "nasty, partial fills", "targets"])
def test_trades_are_the_hosts_own(name: str, tmp_path: Path) -> None:
    came_to, recording = captured(CASES[name], tmp_path)
    trades = recording.table("trades").to_pandas()
    got = sorted(
        zip(trades["entry_bar"], trades["commission"], trades["profit"].fillna(0.0), strict=True)
    )
    expected = sorted(
        (opened - 1, commission, pnlcomm if status == bt.Trade.Closed else 0.0)
        for _, _, status, _, _, _, commission, _, pnlcomm, opened, *_ in came_to.trades[0]
    )
    assert got == expected


def test_the_bars_are_stored_once_and_as_the_host_had_them(tmp_path: Path) -> None:
    _, recording = captured(Case(s.SmaCross, a_year, FREE), tmp_path)
    _, again = captured(Case(s.SmaCross, a_year, FREE, {"exactbars": 1}), tmp_path)
    bars = recording.bars()
    assert bars["close"].tolist() == GOOG["Close"][:250].tolist()
    assert bars["timestamp"].dt.tz_localize(None).tolist() == GOOG.index[:250].tolist()
    assert [r["fingerprint"] for r in recording.parts[0].base] == [
        r["fingerprint"] for r in again.parts[0].base
    ]


def test_a_time_of_the_host_is_a_whole_millisecond_again() -> None:
    times = pd.date_range("2031-03-01 12:34:56.789", periods=5000, freq="61003ms")
    numbers = np.array([bt.date2num(time.to_pydatetime()) for time in times])
    assert (times_ns(numbers) == times.as_unit("ns").asi8).all()


def test_signals_of_several_feeds_say_where_the_others_were(tmp_path: Path) -> None:
    _, recording = captured(Case(s.Feeds, three_lengths, FREE), tmp_path)
    signals = recording.signals()
    assert set(signals["symbol"]) == {"a", "b", "data2"}
    first = signals[signals["symbol"] == "b"].iloc[0]
    bar = int(first["bar_index"])
    assert json.loads(first["references"]) == [["a", "1d", bar + 60], ["data2", "1d", bar + 30]]
    orders = recording.orders()
    assert orders.groupby("symbol")["extra_data"].first().to_dict() == {"a": 0, "b": 1, "data2": 2}


class TellingAll(bt.Strategy):
    """Gives every kind of argument that can be kept, and one that cannot."""

    def next(self) -> None:
        if len(self) != 10:
            return
        parent = self.buy(size=0.1 + 0.2, transmit=False)
        self.sell(
            self.data,
            1,
            price=np.float32(0.1),
            exectype=bt.Order.StopLimit,
            plimit=3,
            valid=datetime.datetime(2004, 12, 1, 10),
            parent=parent,
            tag={"a": [1, (2, None)], "day": datetime.date(2004, 1, 2)},
            call=len,
        )


def test_of_a_bar_that_grows_each_signal_has_what_the_strategy_saw(tmp_path: Path) -> None:
    seen: list[tuple[Any, ...]] = []

    class MidWeek(bt.Strategy):  # type: ignore[misc]
        def __init__(self) -> None:
            self.sma = bt.ind.SMA(period=3)

        def next(self) -> None:
            data = self.data
            if data.datetime.date().weekday() in {0, 2}:
                seen.append((data.datetime.datetime(), data.close[0], data.high[0], self.sma[0]))
                (self.close if self.position else self.buy)()

    came_to, recording = captured(Case(MidWeek, played_again, FREE), tmp_path)
    shown = ["timestamp", "market_close", "market_high", "indicator_sma"]
    signals = recording.signals()
    assert len(signals) == len(seen) > 40
    naive = signals[shown].assign(timestamp=signals["timestamp"].dt.tz_localize(None))
    assert list(naive.itertuples(index=False, name=None)) == seen
    assert (signals["available_time"] == signals["timestamp"]).all()
    bars = recording.bars()
    assert len(bars) == 250  # each day on which a week was shown
    assert bars["timestamp"].is_monotonic_increasing
    fills, closes = recording.fills(), bars["close"].to_numpy()
    assert (fills["expected_price"] == closes[fills["decision_bar"].to_numpy(int)]).all()
    orders = recording.orders()
    assert orders["timestamp"].tolist() == signals["timestamp"].tolist()
    trades = recording.table("trades").to_pandas()
    assert trades["entry_bar"].tolist() == fills["bar_index"][::2].tolist()
    assert trades["entry_time"].tolist() == bars["timestamp"][trades["entry_bar"]].tolist()
    replay = capture.replay(recording, mode="target").into("backtrader")
    assert Case(MidWeek, played_again, FREE)(lambda _: replay).account == came_to.account


def test_arguments_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    _, recording = captured(Case(TellingAll, a_year, FREE), tmp_path)
    orders = recording.orders()
    assert json.loads(orders["arguments"][0]) == {"size": 0.1 + 0.2, "transmit": False}
    said = json.loads(orders["arguments"][1])
    assert said.pop("call") == {"missing": "builtin_function_or_method"}
    assert recording.parts[0].record["flags"]["not_captured"] == ["sell.call"]
    again = decode(json.dumps(said), order=lambda name: name, datas=["the feed"])
    price = again.pop("price")
    assert type(price) is np.float32
    assert price == np.float32(0.1)
    assert again == {
        "data": "the feed",
        "size": 1,
        "exectype": bt.Order.StopLimit,
        "plimit": 3,
        "valid": datetime.datetime(2004, 12, 1, 10),
        "parent": orders["order_id"][0],
        "tag": {"a": [1, (2, None)], "day": datetime.date(2004, 1, 2)},
    }


class ReadingCash(s.SmaCross):
    def next(self) -> None:
        if self.broker.getcash() > 0:
            super().next()


class Remembering(s.SmaCross):
    def notify_order(self, order: Any) -> None:
        self.last = order.status


class Logging(s.SmaCross):
    def notify_order(self, order: Any) -> None:
        str(order.ref)


class Polling(s.SmaCross):
    waiting: Any = None

    def next(self) -> None:
        if self.waiting is None or not self.waiting.alive():
            self.waiting = self.buy(size=1)
        elif self.waiting.status == bt.Order.Accepted:
            self.cancel(self.waiting)


class ReadyToAct(s.SmaCross):
    def notify_order(self, order: Any) -> None:
        if order.status == bt.Order.Rejected:  # which never happens in this run
            self.instead()

    def instead(self) -> None:
        self.buy(size=1, price=self.data.close[0])


class Printing(s.SmaCross):
    def notify_order(self, order: Any) -> None:
        self.say(order.data.close[0])

    def say(self, price: float) -> None:
        str(price)


class CancellingWhenTold(s.SmaCross):
    def notify_order(self, order: Any) -> None:
        self.cancel(order)


def size_from(strategy: Any) -> float:
    return strategy.broker.getvalue() / 1000


class AskingElsewhere(s.SmaCross):
    def next(self) -> None:
        if self.cross[0]:
            self.buy(size=size_from(self))


@pytest.mark.parametrize(
    ("strategy", "reads"),
    [
        (s.SmaCross, None),
        (Logging, None),
        (s.Nasty, None),
        (s.Holding, ["position"]),
        (ReadingCash, ["broker.getcash"]),
        (AskingElsewhere, ["broker.getvalue"]),
        (Remembering, ["notify_order"]),
        (ReadyToAct, ["notify_order"]),
        (Printing, None),
        (CancellingWhenTold, ["notify_order"]),
        (Polling, ["order.alive", "order.status"]),
        (s.Crossing, ["getposition"]),
    ],
)
def test_looking_at_the_portfolio_is_noticed(
    strategy: Any, reads: list[str] | None, tmp_path: Path
) -> None:
    # Analyzers and observers look at the broker as well; that is none of the strategy's.
    case = Case(strategy, a_year, FREE, {"stdstats": True})
    _, recording = captured(case, tmp_path)
    assert recording.parts[0].record["flags"].get("closed_loop") == reads


def test_two_captured_strategies_are_one_part(tmp_path: Path) -> None:
    cerebro = bt.Cerebro()
    a_year(cerebro)
    for fast in (5, 8):
        cerebro.addstrategy(capture.wrap(s.SmaCross, store=tmp_path), fast=fast)
    cerebro.addstrategy(capture.wrap(s.Rsi, store=tmp_path))
    cerebro.run()
    store = capture.open(tmp_path)
    assert len(store.runs()) == 1
    signals = store.latest().signals()
    assert set(signals["part"]) == {0}
    by_strategy = signals.groupby("strategy_id")["param_fast"].first()
    assert by_strategy["SmaCross"] == 5
    assert by_strategy["SmaCross #2"] == 8
    assert "Rsi" in by_strategy


def test_the_wrapped_class_can_be_copied_and_sent(tmp_path: Path) -> None:
    wrapped = capture.wrap(s.SmaCross, store=tmp_path)
    make, made_of = copyreg.dispatch_table[type(wrapped)](wrapped)  # what a pickle would hold
    again = make(*made_of)
    assert (again.__name__, again.__mro__[1]) == ("SmaCross", s.SmaCross)
    assert again._made_of == wrapped._made_of


def test_a_run_within_a_run_hears_what_is_asked_of_its_own_broker(tmp_path: Path) -> None:
    class Broker(bt.brokers.BackBroker):  # type: ignore[misc]
        pass

    def run(strategy: type, broker: Any, name: str) -> None:
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.setbroker(broker)
        a_year(cerebro)
        cerebro.addstrategy(capture.wrap(strategy, store=tmp_path / name))
        cerebro.run()

    class Inner(s.CancelsAtBroker):
        def next(self) -> None:
            super().next()
            if len(self) == 60:
                self.broker.set_cash(500.0)

    class Outer(s.CancelsAtBroker):
        def next(self) -> None:
            if len(self) == 30:
                run(Inner, Broker(), "inner")
                run(Inner, bt.brokers.BackBroker(), "inner")
            super().next()

    verbs = dict(vars(bt.brokers.BackBroker))
    run(Outer, bt.brokers.BackBroker(), "outer")
    assert dict(vars(bt.brokers.BackBroker)) == verbs
    assert not {"cancel", "set_cash"} & vars(Broker).keys()
    outer = capture.open(tmp_path / "outer").latest()
    inner = [
        capture.open(tmp_path / "inner")[run_id] for run_id in capture.open(tmp_path / "inner")
    ]
    assert len(inner) == 2
    for recording in (outer, *inner):
        cancels = recording.table("orders").to_pandas().query("action == 'cancel'")
        assert len(cancels) == 24, "one in ten bars, but the first"
    changed = [each.parts[0].record["flags"].get("not_captured") for each in (outer, *inner)]
    assert changed == [None, ["broker.set_cash"], ["broker.set_cash"]]


def test_a_stopped_run_is_recorded_up_to_there(tmp_path: Path) -> None:
    class Stopping(s.AlwaysTrading):
        def next(self) -> None:
            super().next()
            if len(self) == 50:
                self.env.runstop()

    _, recording = captured(Case(Stopping, a_year, FREE), tmp_path)
    assert recording.state == "ended"
    assert recording.signals()["bar_index"].max() == 49


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), ValueError("no")], ids=repr)
@pytest.mark.parametrize("where", ["next", "filler", "start", "stop"])
def test_a_run_that_raised_says_so_at_once(
    error: BaseException, where: str, tmp_path: Path
) -> None:
    def fail(*_args: Any) -> Any:
        raise error

    class Raising(s.AlwaysTrading):
        pass

    if where != "filler":
        setattr(Raising, where, fail)
    settings = {**FREE, "filler": lambda: fail} if where == "filler" else FREE
    case = Case(Raising, a_year, settings)
    before = traces_of(("backtrader",))
    with pytest.raises(type(error)) as raised:
        captured(case, tmp_path)
    assert raised.value is error
    assert capture.open(tmp_path).latest().state == "failed"
    assert traces_of(("backtrader",)).keys() == before.keys()


def test_an_error_before_the_first_bar_is_the_hosts_own(tmp_path: Path) -> None:
    class TooEarly(bt.Strategy):
        def start(self) -> None:
            self.buy(size=1)

    case = Case(TooEarly, resampled, FREE)  # which has no price before its first bar
    with pytest.raises(IndexError, match="array index out of range"):
        case()
    with pytest.raises(IndexError, match="array index out of range"):
        captured(case, tmp_path)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "failed"
    assert recording.signals()["reason"].tolist() == ["invalid_order"]
    assert recording.signals()["timestamp"].isna().all()


@pytest.mark.parametrize("preload", [True, False])
def test_a_note_before_the_first_bar(preload: bool, tmp_path: Path) -> None:
    class Early(s.AlwaysTrading):
        def start(self) -> None:
            capture.note("mood", "calm")

    case = Case(Early, a_year, FREE, {"preload": preload})
    got, recording = captured(case, tmp_path)
    assert got == case()
    assert recording.state == "ended"
    notes = recording.table("notes").to_pandas()
    assert notes["name"].tolist() == ["mood"]
    assert notes["timestamp"].isna().tolist() == [not preload]


def test_a_run_within_a_run(tmp_path: Path) -> None:
    class Outer(s.SmaCross):
        def next(self) -> None:
            if len(self) == 100:
                Case(s.AlwaysTrading, a_year)(lambda it: capture.wrap(it, store=tmp_path / "inner"))
            super().next()

    case = Case(Outer, a_year, FREE)
    got, recording = captured(case, tmp_path / "outer")
    assert got == Case(s.SmaCross, a_year, FREE)()
    assert recording.state == "ended"
    assert len(capture.open(tmp_path / "inner").latest().signals()) == 250


def test_observers_hear_of_signals_fills_and_statuses(tmp_path: Path) -> None:
    heard: list[Any] = []

    class Listening:
        @capture.hookimpl
        def on_signal(self, signal: Any) -> None:
            heard.append(("signal", signal.bar_index, signal.indicator_fast))

        @capture.hookimpl
        def on_fill(self, fill: Any) -> None:
            heard.append(("fill", fill.bar_index, fill.price))

        @capture.hookimpl
        def on_status(self, change: Any) -> None:
            heard.append(("status", change.status, change.reason))

    from capture.host import get_host

    plugin = Listening()
    get_host().register(plugin)
    try:
        _, recording = captured(Case(s.SmaCross, a_year, FREE), tmp_path)
    finally:
        get_host().unregister(plugin)
    signals, fills = recording.signals(), recording.fills()
    assert [event[1:] for event in heard if event[0] == "signal"] == list(
        zip(signals["bar_index"], signals["indicator_fast"], strict=True)
    )
    assert [event[1:] for event in heard if event[0] == "fill"] == list(
        zip(fills["bar_index"], fills["price"], strict=True)
    )
    told = recording.table("statuses").to_pandas()
    assert [event[1:] for event in heard if event[0] == "status"] == list(
        zip(told["status"], told["reason"], strict=True)
    )


class Looks(bt.Strategy):
    """Asks for positions in another order than that in which it trades."""

    def next(self) -> None:
        if len(self) == 1:
            for data in reversed(self.datas):
                self.getposition(data)
        if len(self) == 3:
            for number, data in enumerate(self.datas):
                self.buy(data, size=1 + number * 0.1)


def test_a_replay_sums_up_feeds_in_the_order_in_which_it_was_done(tmp_path: Path) -> None:
    def run(strategy: Any) -> list[float]:
        cerebro = bt.Cerebro(stdstats=False)
        for number, part in enumerate((1.0, 0.37, 1.91)):
            bars = GOOG.iloc[100:200].copy()
            bars[["Open", "High", "Low", "Close"]] *= part
            cerebro.adddata(bt.feeds.PandasData(dataname=bars), name="ABC"[number])
        cerebro.addobserver(bt.observers.Broker)
        cerebro.addstrategy(strategy)
        return list(cerebro.run()[0].observers.broker.lines.value.array[:100])

    plain = run(Looks)
    assert run(capture.wrap(Looks, store=tmp_path)) == plain
    recording = capture.open(tmp_path).latest()
    assert recording.manifest["flags"]["positions"] == [2, 1, 0]
    assert run(capture.replay(recording).into("backtrader", store=tmp_path)) == plain
    assert capture.parity(recording, capture.open(tmp_path).latest("replay")).exact
