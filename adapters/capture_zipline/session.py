"""One captured run: its beginning, what is heard in between, and its end."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError
from capture.events import Bar, RunState
from capture.recorder.adapting import Words
from capture.recorder.current import enter, leave
from capture.recorder.ending import Stopping, end_run
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.lifetimes import Runs
from capture_zipline import notes
from capture_zipline.bars import Market
from capture_zipline.broker import Broker
from capture_zipline.ending import equity_table, trade_table
from capture_zipline.hearing import Heard
from capture_zipline.opening import Opened, name_of, start_of
from capture_zipline.setting import bound_setting, host_settings, parameters
from capture_zipline.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture_zipline.bars import Feed
    from capture_zipline.opening import Channels
    from capture_zipline.placed import Placed
    from capture_zipline.replaying import Replayed

__all__ = ["Session"]


class Session(Stopping):
    """Writes the recording of one run.

    The host's callbacks are numbered by its clock: each moment at which it calls the strategy has a
    number, however many functions are called at it. A bar has its own, from 1 on; before a session,
    there is no bar yet, and the number is less than 0; 0 is `initialize`.

    Attributes:
        config: how it is recorded.
        algorithm: the host's.
        market: its clock and its assets.
        engine: the recorder, once the strategy has been initialized.
        broker: what becomes of orders.
        problem: why recording stopped before the end, or None.
        phase: the function that runs.
        moment: number of the moment.
        bars: how many bars of the run have come.
        source_ids: of a replay, tells which recorded signals these signals repeat.
    """

    engine: SignalCaptureEngine
    broker: Broker

    def __init__(
        self,
        config: SignalCaptureConfig,
        given: Mapping[str, Any],
        algorithm: Any,
        replayed: Replayed | None,
    ) -> None:
        """Hear an algorithm that is about to be initialized; nothing is written yet."""
        self.config = config
        self.algorithm = algorithm
        self.problem: str | None = None
        self.phase, self.moment, self.bars = "initialize", 0, 0
        self.source_ids = None if replayed is None else replayed.source_ids
        self._replayed = replayed
        self._functions = [function for function in given.values() if function is not None]
        self._before = set(vars(algorithm))
        self._outer = sys.exc_info()[1]
        self._reads: set[str] = set()
        self._synced: list[int] = []
        self._settings: list[list[str]] = []
        self._equity = (-1, 0.0)
        self._ends: list[Callable[[], Any]] = []
        self._begun = False
        self.market = Market(algorithm)
        self.writer = Writer(self)
        self._observe: Callable[[Any], None] | None = None
        self._most_of_a_bar = config.buffer_size // 4
        self._heard = Heard(algorithm, self)

    # --- the beginning -----------------------------------------------------------------------

    def at_end(self, action: Callable[[], Any]) -> None:
        """Do something when the run is over."""
        self._ends.append(action)

    def begin(self, arguments: Mapping[str, Any]) -> None:
        """Begin the recording of an algorithm that has been initialized.

        Args:
            arguments: of `initialize`.
        """
        params = parameters(self._before, self.algorithm, arguments)
        if self._replayed is not None:
            params = dict(self._replayed.source.params)
            self.strategy_id = self._replayed.source.strategy_id
        else:
            self.strategy_id = name_of(self._functions)
        settings = host_settings(self.algorithm)
        start = start_of(
            self._functions, self.config, self._replayed, params=params, settings=settings
        )
        self.engine = SignalCaptureEngine(self.config, run=start)
        try:
            self.words = Words(self.engine.word)
            self._opened = Opened(self, self.strategy_id, params)
            self._begun = True
            for feed in self.market.feeds.values():
                self._store(feed)
                self._opened.channels(feed)  # also a run without a signal has its parameters
        except BaseException as exc:
            self._begun = False
            self.engine.close(RunState.FAILED, problem=f"could not begin: {exc}")
            raise
        if self._replayed is not None:
            self._replayed.expect(lambda: self.engine.next_seq)
        self.broker = Broker(self, self.algorithm)
        self._observe = self.engine.observer("bars")
        _SESSIONS.add(self)
        enter(self)

    def forget(self) -> None:
        """Leave an algorithm that could not be initialized."""
        self._end()

    def _store(self, feed: Feed) -> None:
        if len(feed):
            self.engine.add_base_data(feed.table(), symbol=feed.symbol, timeframe=feed.timeframe)

    def feed_of(self, asset: Any) -> Feed:
        """Return an asset's bars; of one that is new they become base data."""
        known = self.market.feeds.get(asset.sid)
        if known is None:
            known = self.market.feed(asset)
            if self._begun:
                self._store(known)
        return known

    # --- where the strategy is ---------------------------------------------------------------

    def speaks(self, phase: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Let a function of the strategy speak."""
        algorithm, heard, before = self.algorithm, self._heard, self.phase
        at_rest = type(algorithm) is heard.at_rest
        self.phase, algorithm.__class__ = phase, heard.speaking
        try:
            return function(*args, **kwargs)
        finally:
            self.phase = before
            algorithm.__class__ = heard.at_rest if at_rest else heard.speaking

    @contextmanager
    def carrying_out(self) -> Iterator[None]:
        """Let the host do what the strategy asked for: what it calls itself is not heard."""
        algorithm, heard = self.algorithm, self._heard
        at_rest = type(algorithm) is heard.at_rest
        algorithm.__class__ = heard.at_rest
        try:
            yield
        finally:
            algorithm.__class__ = heard.at_rest if at_rest else heard.speaking

    def next_bar(self) -> None:
        """Take note that the host calls the strategy at the next bar."""
        self.moment = self.bars = self.bars + 1
        engine = self.engine
        if engine.journal.left < self._most_of_a_bar and self.problem is None:
            self._hand_on(engine)
        if self._observe is not None:
            self._tell_bars(self._observe)

    def _hand_on(self, engine: SignalCaptureEngine) -> None:
        """Let a block end between bars: a signal has what is recorded by the end of its bar."""
        try:
            engine.room_for(self._most_of_a_bar)
        except CaptureError as exc:
            self.broken(exc)

    def scheduled(self, callback: Any) -> Any:
        """Return what the host calls in place of a function that is scheduled."""
        self._functions.append(callback)

        def call(context: Any, data: Any) -> Any:
            name = getattr(callback, "__name__", "scheduled")
            return self.speaks(name, callback, context, data)

        return call

    def _tell_bars(self, observe: Callable[[Any], None]) -> None:
        for feed in list(self.market.feeds.values()):
            place = self.bars - 1 - feed.first
            if 0 <= place < len(feed):
                observe(Bar.lazy({"bar_index": place}, partial(feed.row, place)))

    # --- what is heard -----------------------------------------------------------------------

    def came_across(self, asset: Any) -> None:
        """Take note of an asset that the strategy looks up."""
        try:
            self.feed_of(asset)
        except CaptureError as exc:
            self.broken(exc)

    def read(self, name: str, *, syncs: bool = False) -> None:
        """Take note of what the strategy looks at of its portfolio."""
        if self._replayed is None:
            self._reads.add(name)
        if syncs and self._synced[-1:] != [self.moment]:
            self._synced.append(self.moment)

    def set(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Take note of a setting that the strategy makes."""
        given = bound_setting(name, args, kwargs)
        self._settings.append([name, self.writer.encoder.encode(name, given)[0]])

    def recorded(self, values: Mapping[str, Any]) -> None:
        """Keep the numbers that the strategy records."""
        if not self._begun or self.problem is not None:
            return
        bar = self.bars if self.phase == "before_trading_start" else self.bars - 1
        for name, value in values.items():
            if isinstance(name, str) and (number := _number(value)) is not None:
                self._opened.recorded(name, bar, number)

    def intent(
        self, verb: str, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Carry out what the strategy asks for, and record it."""
        if not self._begun or self.problem is not None:
            return call(*args, **kwargs)
        return self.writer.intent(verb, call, args, kwargs)

    def cancels(
        self, call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Carry out a cancel, and record it."""
        if not self._begun or self.problem is not None:
            return call(*args, **kwargs)
        return self.writer.cancel(call, args, kwargs)

    def equity(self) -> float:
        """Return what all is worth at this moment, which is reckoned once for it."""
        if self._equity[0] != self.moment:
            worth = (
                self.broker.worth
                if self.phase == "before_trading_start"
                else self.broker.worth_now(self._price)
            )
            self._equity = (self.moment, worth)
        return self._equity[1]

    def _price(self, asset: Any) -> float:
        feed = self.market.feed(asset)
        place = self.bars - 1 - feed.first
        return float(feed.columns["close"][place]) if 0 <= place < len(feed) else float("nan")

    # --- writing -----------------------------------------------------------------------------

    def channels(self, feed: Feed) -> Channels:
        """Return the channels of an asset."""
        return self._opened.channels(feed)

    def settle(self, placed: Placed, outcome: str, bar: int | None = None) -> None:
        """Record what became of an order."""
        if self.problem is None:
            at = placed.feed.bar_of(self.bars - 1) if bar is None else bar
            try:
                self.writer.settle(placed.feed, placed.signal_seq, placed.order_seq, outcome, at)
            except CaptureError as exc:
                self.broken(exc)

    def note(self, note: Note) -> None:
        """Keep what a strategy notes."""
        if self.problem is None:
            notes.keep(self, note)

    def refused(self, feed: Feed, side: int) -> int:
        """Record a signal that the strategy's own filter refused."""
        return self.writer.refused(feed, side)

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self.problem = f"recording stopped: {exc}"
        self.say_stopped(exc, self.strategy_id)

    # --- the end -----------------------------------------------------------------------------

    def over(self, exc: BaseException | None) -> None:
        """Close the recording of a run that came to its end, or that raised."""
        if exc is not None and exc is not self._outer:
            self.raised(exc)
            return
        begun = self._begun
        self._end()
        if not begun:
            return
        try:
            if self.problem is None:
                self.broker.end_of_data()
        except Exception as wrong:  # the user wants to hear of it
            self._close(RunState.FAILED, self.problem or str(wrong))
            raise
        self._close(RunState.ENDED, self.problem)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        begun = self._begun
        self._end()
        if not begun:
            return
        with suppress(Exception):  # the run has a problem of its own to tell of
            self.broker.finish()
        self._close(RunState.FAILED, self.problem or problem)

    def _end(self) -> None:
        self._begun = False
        leave(self)
        _SESSIONS.discard(self)
        self._heard.end()
        if hasattr(self, "broker"):
            self.broker.unhear()
        for action in self._ends:
            action()
        self._ends.clear()

    def _close(self, state: RunState, problem: str | None) -> None:
        for name, value in self._flags().items():
            if value:
                self.engine.flag(name, value)
        trouble = end_run(self.engine, self._tables, state, problem)
        if trouble is not None:
            self.broken(trouble)

    def _tables(self) -> None:
        if self.broker.account:
            table = equity_table(self.market, self.broker.account, self.strategy_id)
            self.engine.append_table("equity", table)
        if self.broker.trades:
            trades = trade_table(self.broker.trades, self.strategy_id)
            self.engine.append_table("trades", trades)

    def _flags(self) -> dict[str, Any]:
        feeds = self.market.feeds.values()
        return {
            "closed_loop": sorted(self._reads),
            "not_captured": sorted(self.writer.encoder.missing),
            "assets": {feed.symbol: feed.asset.sid for feed in feeds},
            "feeds": [[feed.symbol, feed.timeframe] for feed in feeds],
            "settings_made": self._settings,
            "looked_at_portfolio": _spans(sorted(self._synced)),
        }


def _spans(numbers: list[int]) -> list[list[int]]:
    """Return rising numbers as pairs: the first and the last of those that follow on each other."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and spans[-1][1] + 1 >= number:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return None


_SESSIONS: Final[Runs[Session]] = Runs()
