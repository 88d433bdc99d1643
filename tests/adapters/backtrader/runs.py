"""Real runs of backtrader: a strategy, feeds and settings each, captured or not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import compress
from typing import TYPE_CHECKING, Any

import backtrader as bt
from backtesting.test import EURUSD, GOOG

import capture
from capture.testing.running import HostRuns
from tests.adapters.backtrader import strategies as s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from capture.store.recording import Recording

    Wrap = Callable[[Any], Any]
    Feeds = Callable[[bt.Cerebro], None]
    Add = Callable[[bt.Cerebro, Any, Mapping[str, Any]], None]


class Ledger(bt.Analyzer):
    """Writes down what the account came to at every bar, and every execution."""

    def start(self) -> None:
        self.account: list[tuple[Any, ...]] = []
        self.executions: list[tuple[Any, ...]] = []

    def notify_order(self, order: Any) -> None:
        data = self.strategy.datas.index(order.data)
        # Of bars that grow, each moment is recorded as one.
        bar = len(self.account) if order.data.replaying else len(order.data) - 1
        self.executions.extend(
            (data, bar, order.status, *map(bit.__getattribute__, _BIT))
            for bit in order.executed.iterpending()
        )

    def prenext(self) -> None:
        self.next()

    def next(self) -> None:
        strategy, broker = self.strategy, self.strategy.broker
        # `getposition` would make one for a feed that has no bar yet, and the broker would fail.
        held = tuple(broker.positions.get(data) for data in strategy.datas)
        sizes = tuple(0 if position is None else position.size for position in held)
        self.account.append(
            (len(strategy), strategy.datetime[0], broker.getvalue(), broker.getcash(), *sizes)
        )


_BIT = (
    "dt",
    "size",
    "price",
    "closed",
    "opened",
    "closedvalue",
    "openedvalue",
    "closedcomm",
    "openedcomm",
    "pnl",
    "psize",
    "pprice",
)
_TRADE = (
    "tradeid",
    "status",
    "size",
    "price",
    "value",
    "commission",
    "pnl",
    "pnlcomm",
    "baropen",
    "barclose",
    "barlen",
    "dtopen",
    "dtclose",
    "long",
)


@dataclass(frozen=True)
class Results:
    """What the host says of a run, in plain values; of several strategies, one after the other."""

    account: list[list[tuple[Any, ...]]]
    executions: list[list[tuple[Any, ...]]]
    trades: list[list[tuple[Any, ...]]]
    cash: float
    value: float
    strategies: list[Any] = field(compare=False, repr=False)

    @property
    def fills(self) -> Counter[tuple[int, int, float]]:
        """What captured strategies traded: units by bar of the data, side and price."""
        fills: Counter[tuple[int, int, float]] = Counter()
        captured = [hasattr(type(strategy), "_made_of") for strategy in self.strategies]
        for executions in compress(self.executions, captured):
            for _, bar, _, _, size, price, *_ in executions:
                fills[(bar, 1 if size > 0 else -1, price)] += abs(size)
        return fills


def results(strategies: list[Any]) -> Results:
    """Read what came of a run from the strategies that it returned."""
    ledgers = [strategy.analyzers.ledger for strategy in strategies]
    trades = [
        [
            (i, *(getattr(trade, name) for name in _TRADE))
            for i, data in enumerate(strategy.datas)
            for number in sorted(strategy._trades[data])
            for trade in strategy._trades[data][number]
        ]
        for strategy in strategies
    ]
    broker = strategies[0].broker
    return Results(
        [ledger.account for ledger in ledgers],
        [ledger.executions for ledger in ledgers],
        trades,
        broker.getcash(),
        broker.getvalue(),
        strategies,
    )


class Backtrader(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "backtrader"

    def compare(self, expected: Results, got: Results) -> None:
        assert got == expected
        assert any(expected.account)

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        return results.fills


def _strategy(cerebro: bt.Cerebro, strategy: Any, params: Mapping[str, Any]) -> None:
    cerebro.addstrategy(strategy, **params)


@dataclass(frozen=True)
class Case:
    """One run, made anew each time that it is asked for.

    Attributes:
        strategy: the user's class.
        feeds: adds the data.
        settings: of the broker, by name: see `_BROKER`.
        options: of `bt.Cerebro`.
        params: of the strategy.
        add: hands the strategy to cerebro.
    """

    strategy: Any
    feeds: Feeds
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    add: Add = _strategy

    def cerebro(self, wrap: Wrap = lambda strategy: strategy) -> bt.Cerebro:
        """Return what a user would run."""
        cerebro = bt.Cerebro(**{"stdstats": False, **self.options})
        self.feeds(cerebro)
        for name, value in self.settings.items():
            _BROKER[name](cerebro, value)
        self.add(cerebro, wrap(self.strategy), self.params)
        cerebro.addanalyzer(Ledger, _name="ledger")
        return cerebro

    def __call__(self, wrap: Wrap = lambda strategy: strategy) -> Results:
        return results(self.cerebro(wrap).run())


_BROKER: Mapping[str, Callable[[bt.Cerebro, Any], Any]] = {
    "cash": lambda cerebro, value: cerebro.broker.setcash(value),
    "commission": lambda cerebro, value: cerebro.broker.setcommission(**value),
    "interest": lambda cerebro, value: cerebro.broker.set_int2pnl(value),
    "eosbar": lambda cerebro, value: cerebro.broker.set_eosbar(value),
    "slippage": lambda cerebro, value: cerebro.broker.set_slippage_perc(**value),
    "slip_perc": lambda cerebro, value: cerebro.broker.set_slippage_perc(value),
    "slip_fixed": lambda cerebro, value: cerebro.broker.set_slippage_fixed(value),
    "coc": lambda cerebro, value: cerebro.broker.set_coc(value),
    "shortcash": lambda cerebro, value: cerebro.broker.set_shortcash(value),
    "checksubmit": lambda cerebro, value: cerebro.broker.set_checksubmit(value),
    "filler": lambda cerebro, value: cerebro.broker.set_filler(value()),
    "sizer": lambda cerebro, value: cerebro.addsizer(value[0], **value[1]),
}


def captured(case: Case, folder: Path, **options: Any) -> tuple[Results, Recording]:
    """Run it captured; return the host's results and the recording."""
    came_to = case(lambda strategy: capture.wrap(strategy, store=folder, **options))
    return came_to, capture.open(folder).latest()


# --- feeds ---------------------------------------------------------------------------------------


@cache
def _bars(name: str, start: int, stop: int | None, scale: float = 1.0) -> pd.DataFrame:
    frame = {"GOOG": GOOG, "EURUSD": EURUSD}[name].iloc[start:stop].copy()
    if scale != 1.0:
        frame[["Open", "High", "Low", "Close"]] *= scale
    return frame


def feed(
    name: str, start: int = 0, stop: int | None = None, scale: float = 1.0, **more: Any
) -> Any:
    """Return a new feed of GOOG (daily) or EURUSD (hourly)."""
    hours = {"timeframe": bt.TimeFrame.Minutes, "compression": 60} if name == "EURUSD" else {}
    return bt.feeds.PandasData(dataname=_bars(name, start, stop, scale), **hours, **more)


def goog(cerebro: bt.Cerebro) -> None:
    """2148 daily bars."""
    cerebro.adddata(feed("GOOG"), name="GOOG")


def eurusd(cerebro: bt.Cerebro) -> None:
    """5000 hourly bars."""
    cerebro.adddata(feed("EURUSD"), name="EURUSD")


def a_year(cerebro: bt.Cerebro) -> None:
    """250 daily bars."""
    cerebro.adddata(feed("GOOG", 0, 250), name="first")


def two_years(cerebro: bt.Cerebro) -> None:
    """500 daily bars."""
    cerebro.adddata(feed("GOOG", 0, 500), name="first")


def hours(cerebro: bt.Cerebro) -> None:
    """300 hourly bars, that begin and end within a day."""
    cerebro.adddata(feed("EURUSD", 7, 307), name="first")


def three_lengths(cerebro: bt.Cerebro) -> None:
    """Three feeds; the others begin later or end earlier."""
    cerebro.adddata(feed("GOOG", 0, 220), name="a")
    cerebro.adddata(feed("GOOG", 60, 200, 0.5), name="b")
    cerebro.adddata(feed("GOOG", 30, 240, 2.0))


def resampled(cerebro: bt.Cerebro) -> None:
    """Daily bars, and weeks made of them."""
    data = feed("GOOG", 0, 250)
    cerebro.adddata(data, name="days")
    cerebro.resampledata(data, name="weeks", timeframe=bt.TimeFrame.Weeks)


def resampled_hours(cerebro: bt.Cerebro) -> None:
    """Hourly bars, four hours and days made of them."""
    data = feed("EURUSD", 0, 300)
    cerebro.adddata(data, name="hours")
    cerebro.resampledata(data, name="four", timeframe=bt.TimeFrame.Minutes, compression=240)
    cerebro.resampledata(data, name="days", timeframe=bt.TimeFrame.Days)


def weeks_first(cerebro: bt.Cerebro) -> None:
    """The coarser feed is the first."""
    cerebro.adddata(
        bt.feeds.PandasData(
            dataname=_bars("GOOG", 0, 250).resample("W-FRI").agg(_WEEK).dropna(),
            timeframe=bt.TimeFrame.Weeks,
        ),
        name="weeks",
    )
    cerebro.adddata(feed("GOOG", 0, 250), name="days")


_WEEK: Any = {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}


def played_again(cerebro: bt.Cerebro) -> None:
    """Weeks that grow day by day."""
    cerebro.replaydata(feed("GOOG", 0, 250), name="first", timeframe=bt.TimeFrame.Weeks)


# --- ways of adding ------------------------------------------------------------------------------


def _with_signal(cerebro: bt.Cerebro, strategy: Any, params: Mapping[str, Any]) -> None:
    cerebro.signal_strategy(strategy, **params)
    if issubclass(strategy, bt.SignalStrategy):
        cerebro.add_signal(bt.SIGNAL_LONGSHORT, s.AboveAverage, period=12)
        cerebro.signal_accumulate(True)
    else:  # a replay needs no signal; without one, cerebro asks for no signal strategy
        cerebro.addstrategy(strategy, **params)


def twice(cerebro: bt.Cerebro, strategy: Any, params: Mapping[str, Any]) -> None:
    """Let a strategy that is not captured trade the same account."""
    cerebro.addstrategy(strategy, **params)
    cerebro.addstrategy(s.AlwaysTrading)


_FREE = {"cash": 10_000.0}
_COSTLY = {"cash": 10_000.0, "commission": {"commission": 0.002}}
_FUTURE = {"commission": 2.0, "margin": 500.0, "mult": 10.0}

BROAD = {
    "SMA cross, GOOG": Case(s.SmaCross, goog, _COSTLY),
    "SMA cross, EURUSD": Case(s.SmaCross, eurusd, _FREE),
    "RSI, GOOG": Case(s.Rsi, goog, _FREE),
    "RSI, EURUSD": Case(s.Rsi, eurusd, _COSTLY),
    "always trading, GOOG": Case(s.AlwaysTrading, goog, _FREE),
    "nasty, GOOG": Case(s.Nasty, goog, {"cash": 50_000.0, "commission": {"commission": 0.001}}),
    "nasty, EURUSD": Case(s.Nasty, eurusd, _FREE),
    "brackets, GOOG": Case(s.Brackets, goog, {"cash": 50_000.0}),
    "reacting, GOOG": Case(s.Reacting, goog, {"cash": 50_000.0}),
}
"""Over all bars of two instruments."""

CORNERS = {
    "SMA cross, other parameters": Case(s.SmaCross, a_year, params={"fast": 5, "slow": 40}),
    "nasty, at every bar": Case(s.Nasty, a_year, {"cash": 50_000.0}, params={"pace": 1}),
    "nasty, hours": Case(s.Nasty, hours, _FREE),
    "nasty, slippage": Case(s.Nasty, a_year, {**_FREE, "slip_perc": 0.002}),
    "nasty, fixed slippage": Case(s.Nasty, a_year, {**_FREE, "slip_fixed": 0.3}),
    "nasty, futures": Case(s.Nasty, a_year, {"cash": 20_000.0, "commission": _FUTURE}),
    "nasty, fixed commission": Case(
        s.Nasty,
        a_year,
        {
            **_FREE,
            "commission": {
                "commission": 1.5,
                "commtype": bt.CommInfoBase.COMM_FIXED,
                "stocklike": True,
            },
        },
    ),
    "nasty, no short cash": Case(s.Nasty, a_year, {**_FREE, "shortcash": False}),
    "nasty, partial fills": Case(
        s.Nasty, a_year, {"cash": 50_000.0, "filler": lambda: bt.fillers.FixedSize(size=1)}
    ),
    "nasty, on close": Case(s.Nasty, a_year, {**_FREE, "coc": True}),
    "nasty, unchecked": Case(s.Nasty, a_year, {**_FREE, "checksubmit": False}),
    "nasty, quick notes": Case(s.Nasty, a_year, _FREE, {"quicknotify": True}),
    "brackets, EURUSD hours": Case(s.Brackets, hours, _COSTLY),
    "brackets, on close": Case(s.Brackets, a_year, {"cash": 50_000.0, "coc": True}),
    "reacting, hours": Case(s.Reacting, hours, _FREE),
    "reacting, quick notes": Case(s.Reacting, a_year, _FREE, {"quicknotify": True}),
    "cancelling at the broker": Case(s.CancelsAtBroker, a_year, _FREE),
    "an order at the end, little memory": Case(s.LastWords, a_year, _FREE, {"exactbars": 1}),
    "at the open": Case(s.Opening, a_year, _FREE, {"cheat_on_open": True}),
    "at the open, bar by bar": Case(
        s.Opening, a_year, _FREE, {"cheat_on_open": True, "runonce": False}
    ),
    "targets": Case(s.Targets, a_year, _COSTLY),
    "holding": Case(s.Holding, a_year, _COSTLY),
    "an order at every bar": Case(s.AlwaysTrading, hours, _FREE),
    "feeds of three lengths": Case(s.Feeds, three_lengths, _FREE),
    "feeds of three lengths, early": Case(s.EarlyFeeds, three_lengths, _FREE),
    "feeds of three lengths, bar by bar": Case(
        s.EarlyFeeds, three_lengths, _FREE, {"runonce": False}
    ),
    "a resampled feed": Case(s.Feeds, resampled, _FREE),
    "a resampled feed, bar by bar": Case(s.Feeds, resampled, _FREE, {"preload": False}),
    "two resampled feeds": Case(s.EarlyFeeds, resampled_hours, _FREE),
    "weeks before days": Case(s.EarlyFeeds, weeks_first, _FREE),
    "a replayed feed": Case(s.Nasty, played_again, _FREE),
    "a replayed feed, an order at every tick": Case(s.AlwaysTrading, played_again, _FREE),
    "fixed sizer": Case(
        s.SmaCross, a_year, {**_FREE, "sizer": (bt.sizers.FixedSize, {"stake": 7})}
    ),
    "percent sizer": Case(
        s.SmaCross, a_year, {**_COSTLY, "sizer": (bt.sizers.PercentSizer, {"percents": 40})}
    ),
    "all in": Case(s.Crossing, a_year, {**_FREE, "sizer": (bt.sizers.AllInSizerInt, {})}),
    "a sizer that reverses": Case(
        s.SmaCross, a_year, {**_FREE, "sizer": (bt.sizers.FixedReverser, {"stake": 3})}
    ),
    "its own sizer": Case(s.OwnSizer, a_year, _FREE),
    "out of money": Case(s.Spendthrift, two_years, {"cash": 6_000.0}),
    "signal strategy": Case(s.Crossing, a_year, _FREE),
    "signal strategy with exits": Case(s.CrossingToo, a_year, _FREE),
    "a signal of cerebro's": Case(bt.SignalStrategy, a_year, _FREE, add=_with_signal),
    "bundled with the host": Case(bt.strategies.MA_CrossOver, a_year, _FREE),
    "many indicators": Case(s.ManyIndicators, a_year, _FREE),
    "many indicators, bar by bar": Case(s.ManyIndicators, a_year, _FREE, {"runonce": False}),
    "many indicators, little memory": Case(s.ManyIndicators, a_year, _FREE, {"exactbars": 1}),
    "many indicators, some memory": Case(s.ManyIndicators, a_year, _FREE, {"exactbars": -1}),
    "not preloaded": Case(s.Nasty, a_year, _FREE, {"preload": False}),
    "with the host's observers": Case(s.SmaCross, a_year, _FREE, {"stdstats": True}),
    "beside another strategy": Case(s.SmaCross, a_year, _FREE, add=twice),
    "own verbs": Case(s.OwnVerbs, a_year, _FREE),
    "notes": Case(s.Noting, a_year, _FREE),
    "no signals": Case(s.Silent, a_year, _FREE),
}
"""Each on some hundred bars."""

CASES = {**BROAD, **CORNERS}
