"""The engine: one moment after the other, each of which is over before the next begins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.errors import ConfigError, DataMismatch, UnknownName
from capture_builtin.account import Account
from capture_builtin.alignment import moments_of
from capture_builtin.bus import Event, EventBus, Topic
from capture_builtin.execution import Execution
from capture_builtin.generator import SignalGeneratorComponent
from capture_builtin.orders import Intent
from capture_builtin.portfolio import Portfolio
from capture_builtin.signals import Signal
from capture_builtin.stage import FeatureStage

if TYPE_CHECKING:
    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.feeds import Feed
    from capture_builtin.needs import Needs
    from capture_builtin.strategy import Strategy

__all__ = ["Closed", "Engine", "in_order"]

_DAY_NS: Final = 86_400 * 10**9


class Closed(NamedTuple):
    """A bar that closed: the payload of its event.

    Attributes:
        symbol: of what.
        timeframe: length of the bar.
        bar_index: its number.
    """

    symbol: str
    timeframe: str
    bar_index: int


class Engine:
    """Runs sources of signals, and portfolios, over bars.

    Within a moment it goes in this order: fills, by symbol in order of name; marks; sources, in
    order of their names; what portfolios are worth. Nothing of a bar is seen before it has closed.

    Attributes:
        bus: carries signals, orders, fills and verdicts.
        feeds: the series: the finest of each symbol in order of name, on which orders are filled,
            and then the others.
        symbols: the symbols, in order of name.
        cursor: number of the last closed bar of each series.
        portfolios: the portfolios.
        time_ns: the moment.
        step: its number; -1 before the first.
        times: every moment so far.
        speaking: the source that was called last.
    """

    def __init__(self, feeds: Sequence[Feed], *, verify_features: bool = True) -> None:
        """Run over these feeds.

        Args:
            feeds: at least one; each series once.
            verify_features: refuse features that look ahead.
        """
        self.feeds, self.symbols = in_order(feeds)
        self.bus = EventBus()
        self.cursor = [-1] * len(self.feeds)
        self.prices = [float("nan")] * len(self.symbols)
        self.portfolios: list[Portfolio] = []
        self.sources: list[SignalGeneratorComponent] = []
        self.time_ns = 0
        self.step = -1
        self.times: list[int] = []
        self.speaking: Any = None
        self._executions: list[Execution] = []
        self._features = FeatureStage(
            {feed.series: feed for feed in self.feeds}, verify=verify_features
        )
        self._places = {symbol: place for place, symbol in enumerate(self.symbols)}
        self._first = 0
        self._day: int | None = None
        self._marks = [feed.marks.tolist() for feed in self.feeds[: len(self.symbols)]]
        self._fresh: Sequence[int] = ()
        self._bars: dict[int, Event] = {}

    # --- building ----------------------------------------------------------------------------

    def add_portfolio(
        self, name: str, settings: PortfolioSettings, strategies: Sequence[str], **stages: Any
    ) -> Portfolio:
        """Let a portfolio trade the signals of strategies.

        Args:
            name: what it is called.
            settings: how it trades.
            strategies: whose signals.
            **stages: sizer, validators, slippage and commission of its own, as `Portfolio` takes.
        """
        traded = self.feeds[: len(self.symbols)]
        bars = {feed.symbol: len(feed) for feed in traded}
        portfolio = Portfolio(name, settings, bars, self.prices, self.bus, **stages)
        execution = Execution(portfolio, traded)
        # Whoever hears an order first fills it; so fills come after what others hear of it.
        self.bus.subscribe(Topic.ORDER, execution.on_order, where={"portfolio": name})
        self.bus.subscribe(
            Topic.SIGNAL, portfolio.on_signal, where={"strategy_id": list(strategies)}
        )
        self.portfolios.append(portfolio)
        self._executions.append(execution)
        return portfolio

    def add_strategy(
        self,
        strategy_id: str,
        strategy: Strategy,
        account: Portfolio | None = None,
        needs: Needs | None = None,
    ) -> SignalGeneratorComponent:
        """Let a strategy give signals.

        Args:
            strategy_id: what its signals are known by.
            strategy: the strategy.
            account: the portfolio that it may look at.
            needs: what it sees; by default what it declares.
        """
        made = SignalGeneratorComponent(
            strategy_id, strategy, self.feeds, self._features, self.cursor, needs
        )
        return self.add_component(made, account)

    def add_component(
        self, component: SignalGeneratorComponent, account: Portfolio | None = None
    ) -> SignalGeneratorComponent:
        """Let a strategy, or a recording in its place, give signals."""
        name = component.strategy_id
        if any(source.strategy_id == name for source in self.sources):
            raise ConfigError("strategy_id", name, "each strategy needs a name of its own")
        view = None if account is None else Account(account, self._places, component.symbols[0])
        component.bind(partial(self.signal, component), partial(self.cancel, component), view)
        self.sources.append(component)
        return component

    # --- publishing --------------------------------------------------------------------------

    def signal(self, source: Any, signal: Signal, repeats: int | None = None) -> Intent:
        """Publish what a source wants, and return that."""
        symbol = source.symbols[0] if signal.symbol is None else signal.symbol
        if symbol not in source.symbols:
            raise UnknownName(f"symbol that {source.strategy_id} declared", symbol, source.symbols)
        intent = self._intent(source.strategy_id, symbol, signal, repeats)
        self.bus.publish(Topic.SIGNAL, intent, self.cause(intent.place), self.time_ns)
        return intent

    def cancel(self, source: Any, symbol: str | None = None, repeats: int | None = None) -> None:
        """Publish that a source takes back what waits."""
        for one in source.symbols if symbol is None else (symbol,):
            intent = self._intent(source.strategy_id, one, Signal(direction=0), repeats)
            intent.action = "cancel"
            self.bus.publish(Topic.SIGNAL, intent, self.cause(intent.place), self.time_ns)

    def _intent(self, strategy_id: str, symbol: str, signal: Signal, repeats: int | None) -> Intent:
        place = self._places[symbol]
        bar, feed = self.cursor[place], self.feeds[place]
        first = bar + 1
        if bar >= 0 and feed.available_ns[bar] != self.time_ns:
            # A bar may have begun since; what is decided now cannot be filled where it began.
            first = max(first, int(np.searchsorted(feed.labels_ns, self.time_ns)))
        return Intent(
            strategy_id,
            symbol,
            signal,
            place=place,
            bar_index=bar,
            first_bar=first,
            step=self.step,
            source=repeats,
        )

    def cause(self, place: int) -> Event:
        """Return the event of the bar of a symbol, or of another one that closed just now."""
        return self.bar_event(place if place in self._fresh else self._fresh[0])

    def bar_event(self, place: int) -> Event:
        """Return the event of a bar that closed at this moment."""
        event = self._bars.get(place)
        if event is None:
            feed = self.feeds[place]
            closed = Closed(feed.symbol, feed.timeframe, self.cursor[place])
            number = self._first + list(self._fresh).index(place)
            event = self._bars[place] = Event(number, Topic.BAR, None, self.time_ns, closed)
        return event

    # --- running -----------------------------------------------------------------------------

    def run(self) -> None:
        """Run to the end of the data."""
        self._refuse_unheard()
        steps = moments_of([feed.available_ns for feed in self.feeds], "any")
        for source in self.sources:
            source.strategy.start()
        for moments, bars, fresh in steps:
            self._run_chunk(moments.tolist(), bars.tolist(), fresh.tolist())
        if self.portfolios and self.step >= 0:
            event = self.bar_event(self._fresh[0])
            for portfolio in self.portfolios:
                portfolio.end_of_data(event)

    def _refuse_unheard(self) -> None:
        if not self.sources:
            raise ConfigError("strategies", (), "there is nothing that gives signals")

    def _run_chunk(self, times: list[int], rows: list[list[int]], fresh: list[list[bool]]) -> None:
        """Go through some moments; what is used at each of them is looked up once."""
        one = len(self.feeds) == 1
        bus, cursor, bars = self.bus, self.cursor, self._bars
        sources, portfolios = self.sources, self.portfolios
        heard = bus.listeners(Topic.BAR) > 0
        self.times.extend(times)
        self._fresh = (0,)
        for time_ns, row, closed in zip(times, rows, fresh, strict=True):
            self.time_ns = time_ns
            self.step = step = self.step + 1
            cursor[:] = row
            if not one:
                self._fresh = [place for place, here in enumerate(closed) if here]
            self._first = bus.seq
            bus.seq += len(self._fresh)
            if bars:
                bars.clear()
            if heard:
                self._tell_bars()
            if portfolios:
                self._fill_and_mark(time_ns)
            for source in sources:
                if one or source.wants(closed):
                    self.speaking = source
                    source.step(time_ns, step)
            for portfolio in portfolios:
                portfolio.end_step()

    def _fill_and_mark(self, time_ns: int) -> None:
        """Fill what waits for the bars that closed, and then take their closes for marks."""
        cursor, traded = self.cursor, len(self.symbols)
        day = (time_ns - 1) // _DAY_NS  # midnight belongs to the day that ends
        if day != self._day:
            if self._day is not None:
                for portfolio in self.portfolios:
                    portfolio.new_day()
            self._day = day
        for place in self._fresh:
            if place >= traded:
                break
            for execution in self._executions:
                if execution.busy(place):
                    execution.on_bar(place, cursor[place], partial(self.bar_event, place))
        for place in self._fresh:
            if place >= traded:
                break
            self.prices[place] = self._marks[place][cursor[place]]

    def _tell_bars(self) -> None:
        for place in self._fresh:
            self.bus.hand_on(self.bar_event(place))


def in_order(feeds: Sequence[Feed]) -> tuple[list[Feed], tuple[str, ...]]:
    """Return the finest feed of each symbol in order of name, then the others; and the symbols."""
    if not feeds:
        raise ConfigError("feeds", (), "at least one is needed")
    by_symbol: dict[str, dict[str, Feed]] = {}
    for feed in feeds:
        mine = by_symbol.setdefault(feed.symbol, {})
        if feed.timeframe in mine:
            raise DataMismatch("the data", f"{feed.symbol} {feed.timeframe} is there twice")
        mine[feed.timeframe] = feed
    symbols = tuple(sorted(by_symbol))
    finest, others = [], []
    for symbol in symbols:
        first, *rest = sorted(by_symbol[symbol].values(), key=_step)
        finest.append(first)
        others += rest
    return [*finest, *others], symbols


def _step(feed: Feed) -> tuple[int, str]:
    labels = feed.labels_ns
    usual = int(np.median(np.diff(labels))) if len(labels) > 1 else 0
    return usual, feed.timeframe
