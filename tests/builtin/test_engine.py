"""The order of events, what led to what, and what a strategy can see at each moment."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from capture.classifying import changes_of
from capture.errors import ConfigError, InvalidEvent, UnknownName
from capture.study.portfolio.settings import PortfolioSettings
from capture_builtin import Backtest, Feature, Feed, Needs, Signal, Strategy
from capture_builtin.bus import EventBus, Topic
from capture_builtin.engine import Closed, Engine
from capture_regimes.trend import Trend
from tests.builtin import strategies
from tests.builtin.market import bars, flat, minutes


def engine_of(*feeds: Feed, strategy: Strategy, **settings: Any) -> tuple[Engine, list[Any]]:
    """An engine with everything that it publishes, in order."""
    engine, told = Engine(feeds), []
    for topic in (Topic.BAR, Topic.FILL, Topic.ORDER, Topic.STATUS):
        engine.bus.subscribe(topic, told.append)
    engine.bus.subscribe(Topic.SIGNAL, told.append, where={"strategy_id": "s"})
    portfolio = engine.add_portfolio("p", PortfolioSettings(**settings), ["s"])
    engine.add_strategy("s", strategy, portfolio)
    return engine, told


# --- the bus ---------------------------------------------------------------------------------


def test_signals_are_not_heard_without_a_filter():
    bus = EventBus()
    for where in (None, {}):
        with pytest.raises(ConfigError, match="heard with a filter"):
            bus.subscribe(Topic.SIGNAL, print, where=where)
    with pytest.raises(ConfigError, match='Did you mean "signal"'):
        bus.subscribe("signals", print)


def test_a_filter_lets_through_what_has_each_of_its_values():
    bus, heard = EventBus(), []
    feed = Feed.from_frame(bars(5), "A")
    where = {"symbol": {"A", "B"}, "timeframe": "1h"}
    bus.subscribe(Topic.BAR, lambda event: heard.append(event.seq), where=where)
    for symbol in ("A", "C", "B"):
        bus.publish(Topic.BAR, Closed(symbol, feed.timeframe, 0), None, 0)
    assert heard == [0, 2]


def test_every_fill_leads_back_to_the_bar_that_caused_it():
    feeds = [Feed.from_frame(bars(200, seed), name) for seed, name in enumerate("AB")]
    engine, told = engine_of(*feeds, strategy=strategies.Rotation(), size=5)
    engine.run()
    seqs = [event.seq for event in told]
    assert len(set(seqs)) == len(seqs)
    fills = [event for event in told if event.topic is Topic.FILL]
    assert len(fills) > 20
    for fill in fills:
        chain = list(fill.chain())
        assert [event.topic for event in chain] == ["fill", "order", "signal", "bar"]
        assert [event.seq for event in chain] == sorted((e.seq for e in chain), reverse=True)
        _, order, signal, bar = chain
        assert order.payload.intent is signal.payload
        closed = signal.payload
        assert bar.payload == (closed.symbol, "1h", closed.bar_index)
        assert fill.bar.payload.bar_index == fill.payload.bar_index == closed.bar_index + 1
        assert bar.time_ns == signal.time_ns < fill.time_ns == fill.bar.time_ns


def test_at_one_time_all_is_filled_then_marked_then_wanted_by_symbol_in_order_of_name():
    """Whatever order the feeds come in."""

    class Each(Strategy):
        def generate_signal(self, market):
            if market.index in (0, 1):
                worth.append(self.portfolio.equity)
                return [Signal(direction=1 - 2 * market.index, symbol=s) for s in ("B", "A")]
            return None

    frame = flat([(100, 101, 99, 100), (110, 121, 109, 120), (120, 121, 119, 120)])
    for names in ("AB", "BA"):
        worth: list[float] = []
        feeds = [Feed.from_frame(frame, name) for name in names]
        engine, told = engine_of(*feeds, strategy=Each())
        engine.run()
        second = [
            (event.topic.value, getattr(event.payload, "symbol", None)
             or event.payload.intent.symbol)
            for event in told
            if event.time_ns == engine.times[1]
        ]  # fmt: skip
        assert [e for e in second if e[0] == "bar"] == [("bar", "A"), ("bar", "B")]
        acts = [e for e in second if e[0] in {"fill", "signal"}]
        assert acts == [("fill", "A"), ("fill", "B"), ("signal", "B"), ("signal", "A")]
        # Bought at 110, and marked at 120 before the strategy is asked.
        assert worth == [100_000.0, 100_000.0 + 2 * 10]


def test_each_moment_is_over_before_the_next_begins():
    feeds = [Feed.from_frame(minutes(100, 1, seed, 0.3), f"S{seed}") for seed in range(3)]
    engine, told = engine_of(*feeds, strategy=strategies.Rotation(), size=5)
    engine.run()
    times = [event.time_ns for event in told]
    assert times == sorted(times)


# --- what a strategy sees --------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["any", "all"])
def test_no_bar_is_seen_before_its_close_whatever_the_timeframe(mode):
    feeds = [
        Feed.from_frame(minutes(200, 1, 1, 0.2), "A"),
        Feed.from_frame(minutes(40, 5, 1), "A", "5min"),
        Feed.from_frame(minutes(200, 1, 2, 0.2), "B"),
    ]
    by_series = {feed.series: feed for feed in feeds}
    called = []

    class Looks(Strategy):
        def needs(self):
            return Needs(timeframes=("5min",), symbols=("A",), mode=mode)

        def generate_signal(self, market):
            called.append(market.time_ns)
            for series in (("A", "1min"), ("A", "5min")):
                feed, bar = by_series[series], market[series].index
                assert feed.available_ns[bar] <= market.time_ns
                assert bar + 1 == len(feed) or feed.available_ns[bar + 1] > market.time_ns
                assert market[series].close == feed.columns["close"][bar]

    Backtest(feeds, Looks).run()
    closes = set(by_series["A", "1min"].available_ns.tolist())
    assert set(called) <= closes
    assert len(called) > 100


def test_features_of_a_longer_timeframe_are_those_of_its_last_closed_bar():
    feeds = [
        Feed.from_frame(minutes(60, 1, 1), "A"),
        Feed.from_frame(minutes(12, 5, 1), "A", "5min"),
    ]
    slow = feeds[1]

    class Looks(Strategy):
        def needs(self):
            last = Feature(lambda bars: bars["close"], timeframe="5min")
            return Needs(symbols=("A",), features={"last": last})

        def generate_signal(self, market):
            known = [b for b, t in enumerate(slow.available_ns) if t <= market.time_ns]
            seen = market.feature("last")
            assert seen == slow.columns["close"][known[-1]] if known else seen != seen

    Backtest(feeds, Looks).run()


def test_a_strategy_is_called_first_when_there_are_as_many_bars_as_it_looks_back():
    called = []

    class Patient(Strategy):
        def needs(self):
            return Needs(lookback=7)

        def generate_signal(self, market):
            called.append(market.index)
            assert len(market.history(7)) == 7
            assert market.history(7)[-1] == market.close

    Backtest(bars(10), Patient).run()
    assert called == [6, 7, 8, 9]


@pytest.mark.parametrize(
    ("ask", "error", "said"),
    [
        (lambda m: m.history(8), InvalidEvent, "declared lookback is 3"),
        (lambda m: m["A"].value("close", -1), InvalidEvent, "not closed"),
        (lambda m: m.feature("smaa"), UnknownName, 'Did you mean "sma"'),
        (lambda m: m.feature("sma", ago=-1), InvalidEvent, "not closed"),
        (lambda m: m.feature("sma", "B"), UnknownName, "symbol of the feature"),
        (lambda m: m["A", "5min"], UnknownName, "A 1h"),
        (lambda m: m["A"].value("vwap"), UnknownName, "column of A"),
        (lambda m: m.regime("trend"), UnknownName, "declared"),
    ],
)
def test_what_was_not_declared_or_is_not_known_cannot_be_asked_for(ask, error, said):
    class Asks(Strategy):
        def needs(self):
            return Needs(symbols=("A",), features={"sma": Feature("sma", window=2)}, lookback=3)

        def generate_signal(self, market):
            ask(market)

    with pytest.raises(error, match=said):
        Backtest({"A": bars(10)}, Asks).run()


def test_a_classifier_says_the_regime_that_was_known():
    seen = []

    class Follows(Strategy):
        def needs(self):
            return Needs(classifiers={"trend": {"fast_bars": 5, "slow_bars": 20}}, lookback=2)

        def generate_signal(self, market):
            seen.append(market.regime("trend"))

    Backtest(bars(200, 3), Follows).run()
    frame = bars(200, 3)
    changes = changes_of(
        Trend(fast_bars=5, slow_bars=20), {n: frame[n].to_numpy() for n in frame.columns}
    )
    states = pd.Series(None, index=range(200), dtype=object)
    for place in range(len(changes)):
        states[changes[place].bar_index :] = changes[place].new
    assert seen == states[1:].tolist()
    assert len(set(seen)) > 2


@pytest.mark.parametrize("wanted", ["buy", 2, True, object()])
def test_a_strategy_that_returns_something_else_is_told_so(wanted):
    class Odd(Strategy):
        def generate_signal(self, market):
            return wanted

    with pytest.raises(InvalidEvent):
        Backtest(bars(5), Odd).run()


def test_a_parameter_that_a_strategy_has_not_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError, match='Did you mean "window"'):
        Backtest(bars(30), strategies.Cross, params={"windwo": 3}).run()


# --- decided late ----------------------------------------------------------------------------


def test_what_is_decided_after_a_bar_began_is_not_filled_at_its_open():
    """B has hourly bars; at 10:31 that of 10:00 has begun, and its open is in the past."""
    a = flat([(10, 11, 9, 10)] * 240).set_index(
        pd.date_range("2024-01-01 08:00", periods=240, freq="min", tz="UTC")
    )
    b = flat([(100 + n, 101 + n, 99 + n, 100 + n) for n in range(5)]).set_index(
        pd.date_range("2024-01-01 08:00", periods=5, freq="h", tz="UTC")
    )
    feeds = [Feed.from_frame(a, "A"), Feed.from_frame(b, "B")]

    class Late(Strategy):
        def needs(self):
            return Needs(symbols=("A", "B"))

        def generate_signal(self, market):
            if market["A"].index == 150:  # 10:31
                return Signal(direction=1, symbol="B")
            return None

    [fill] = Backtest(feeds, Late).run().fills.itertuples()
    assert (fill.symbol, fill.bar_index, fill.price) == ("B", 3, 103.0)
