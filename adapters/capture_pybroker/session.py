"""One captured run of pybroker: its beginning, its windows, its end, and what is told between."""

from __future__ import annotations

import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pandas as pd

from capture.errors import CaptureError
from capture.events import RunState
from capture.journal import NULL_INT
from capture.recorder.adapting import Words
from capture.recorder.current import enter, leave
from capture.recorder.ending import Stopping, end_run, why_stopped
from capture_pybroker import notes, rows
from capture_pybroker.ending import equity_table, trade_table
from capture_pybroker.facts import parameters
from capture_pybroker.hearing import caller, hear_context, hear_no_more, hear_portfolio
from capture_pybroker.intents import Ear, Intents
from capture_pybroker.ledger import Ledger
from capture_pybroker.over import SESSIONS, of_strategy, watch, watch_no_more
from capture_pybroker.symbols import Since, Symbols
from capture_pybroker.window import bars_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture.recorder.engine import SignalCaptureEngine
    from capture_pybroker.window import Window

__all__ = ["Session"]


class Session(Stopping):
    """Records one run from its first bar on; all captured executions of it.

    Attributes:
        config: how to record.
        engine: the recorder.
        words: the numbers that stand for words.
        reads: what the strategy looked at of its portfolio.
        muted: whether the host itself reads just now.
        guards: whether nothing tells of an exception but the call of the function that raised.
        sizings: how often the host worked out shares that no order then had.
        intents: what is wanted.
        ledger: what becomes of it.
        symbols: what is known of each symbol.
        problem: why recording stopped before the end, or None.
    """

    def __init__(
        self,
        config: SignalCaptureConfig,
        engine: SignalCaptureEngine,
        portfolio: Any,
        names: dict[Any, str],
        over: Callable[[RunState], None],
        *,
        guards: bool,
    ) -> None:
        """Begin to record.

        Args:
            config: how.
            engine: the recorder.
            portfolio: the run's, whose end is the session's.
            names: strategy id by the number of an execution.
            over: is told when the recording has ended.
            guards: whether nothing tells of an exception but the call of the function that raised.
        """
        self.config = config
        self.engine = engine
        self.words = Words(engine.word)
        self.reads: set[str] = set()
        self.muted = False
        self.guards = guards
        self.sizings = 0
        self.problem: str | None = None
        self.symbols = Symbols(engine)
        self._following = engine.fills_follow(self.failed) if engine.fills_may_follow else None
        told = self._following is None
        self.ledger = Ledger(portfolio, self.symbols.labels, self.words, at_once=told)
        self.intents = Intents(self)
        self.names = names
        self._over_with = over
        self._portfolio = weakref.ref(portfolio)
        self._strategy: Any = None
        self._orders: Any = None
        self._heard: list[Any] = []
        # Not the ears: they hold the portfolio, whose end is the session's.
        self._passed: dict[str, tuple[int, Mapping[str, int]]] = {}
        self._outcomes = [tuple(engine.word(part) for part in each) for each in rows.OUTCOMES]
        self._delays = (1, 1)
        self._marks: Any = ()
        self._tell = engine.observer("bars")
        self._done = self._misread = False
        self._counts = len(portfolio.trades), len(portfolio._metrics_bars)
        hear_portfolio(portfolio, self, at_once=told)
        enter(self)
        # A run that an exception ends never reaches its results.
        self._finalizer = weakref.finalize(portfolio, self.abandon)
        self._finalizer.atexit = False
        SESSIONS.add(self)

    @property
    def strategy(self) -> Any:
        """The host's, once a window has begun and while it lives; else None."""
        return None if self._strategy is None else self._strategy()

    # --- windows -----------------------------------------------------------------------------

    def open(self, window: Window, captured: Sequence[Any]) -> None:
        """Hear the contexts of a window whose executions are captured.

        Args:
            window: the pass over bars that begins.
            captured: those executions.
        """
        host = window.host
        first = self._strategy is None
        if first:
            self._begin(window)
        for execution in captured:
            own = set(_symbols(execution)) & host["exec_ctxs"].keys()
            for symbol in sorted(own):
                self._open(window, execution, symbol, host["exec_ctxs"][symbol])
        self.symbols.put_indicators(window)
        self._orders = host["pending_order_scope"]
        self._delays = host["config"].buy_delay, host["config"].sell_delay

    def _begin(self, window: Window) -> None:
        strategy, host = window.strategy, window.host
        self._strategy = weakref.ref(strategy)
        trades, bars = self._counts
        # The bars before the first one that an execution sees are this run's, too.
        first = max(bars - host["i"] - 1, 0)
        self._counts = trades, first
        every = host["portfolio"]._metrics_bars
        self._marks = every if not first else Since(every, first)
        for symbol, columns in sorted(bars_of(host).items()):
            self.symbols.add(symbol, columns)
        frame = strategy._data_source
        if isinstance(frame, pd.DataFrame) and frame["date"].dt.tz is None:
            self.engine.flag("naive_timestamps_taken_for_utc")
        others = [e for e in strategy._executions if e.fn is not None and e.id not in self.names]
        if others:
            names = sorted(getattr(e.fn, "__name__", str(e.id)) for e in others)
            self.engine.flag("executions_not_captured", names)
        watch(strategy)

    def _open(self, window: Window, execution: Any, symbol: str, ctx: Any) -> None:
        call = execution.fn.function
        said = parameters(execution, call, ctx)
        replay = getattr(call, "replay_source", None)
        name, sources = self.names[execution.id], None
        if replay is not None:
            name, said, sources = call.identity(symbol)
        channels = self.symbols.declare(window, symbol, name, said)
        lines = self.symbols.lines[symbol]
        lines.sources, lines.marks = sources, self._marks
        ear = Ear(symbol, window.offsets[symbol], window.ends, ctx._portfolio, channels)
        ear.placed = self.ledger.placed[symbol]
        self._passed[symbol] = ear.offset, ear.ends
        ear.rotates = bool(ctx.rotation_enabled)
        if self._tell is not None:
            ear.tell = self.symbols.telling(ear, self._tell)
        self._heard.append(weakref.ref(ctx))
        hear_context(ctx, self, ear, replays=replay is not None)
        window.host["exec_fns"][symbol] = caller(call, self, ear)

    # --- in between --------------------------------------------------------------------------

    def cancelled(self, order: Any) -> None:
        """Take note that a strategy took an order back, which may be of another's symbol."""
        symbol = order.symbol
        if symbol in self._passed:
            offset, ends = self._passed[symbol]
            self.ledger.cancelled(symbol, order.created, offset + ends[symbol])

    def quietly(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call what the host offers; what it reads meanwhile, the strategy does not."""
        self.muted = True
        try:
            return call(*args, **kwargs)
        finally:
            self.muted = False

    def saw_prediction(self, ear: Ear, model: str, values: Any) -> None:
        """Take down what a model said for the present bar."""
        self.symbols.put_prediction(ear.symbol, ear.bar, model, values)

    def note(self, note: Note) -> None:
        """Keep what the strategy notes."""
        if not self._done and self.problem is None:
            notes.keep(self, note)

    def keep_notes(self, ear: Ear, bar: int, signal_seq: int) -> None:
        """Keep what was noted of a signal before it was one."""
        for said in ear.notes:
            notes.write(self, ear.symbol, bar, said, signal_seq)
        ear.notes.clear()

    # --- what became of it -------------------------------------------------------------------

    def settle(self, portfolio: Any, *, last: bool = False) -> None:
        """Record what the host has filled or refused since the last time.

        Args:
            portfolio: the host's.
            last: whether the run has ended, so that it is known what became of all.
        """
        ledger = self.ledger
        if not self._misread:
            try:
                ledger.attend(portfolio)
                if last:
                    ledger.close(self._orders.orders(), self._delays)
            except Exception as exc:
                self._misread = True
                self.failed(why_stopped(exc, self.config))
        if self.problem is None:
            try:
                self._write(ledger)
            except CaptureError as exc:
                self.failed(exc)
            if self._following is not None and self.problem is None:
                self._following.done()  # where fills follow, they do at the end
        ledger.fills.clear()
        ledger.fates.clear()

    def _write(self, ledger: Ledger) -> None:
        """Write fills, each with the status of its signal where it is filled whole."""
        for symbol, whole, said in ledger.fills:
            channels = self.symbols.channels[symbol]
            channel = channels.executed if whole else channels.fill
            if isinstance(said, tuple):
                channel.append(*said)
            else:
                channel.extend(said)
        for fate in ledger.fates:
            order = fate.signal_seq + 1 if fate.ordered else NULL_INT
            channels = self.symbols.channels[fate.symbol]
            channels.status(fate.signal_seq, order, fate.bar, *self._outcomes[fate.outcome])

    # --- trouble -----------------------------------------------------------------------------

    def failed(self, exc: CaptureError) -> None:
        """Stop to record, and let the run go on; unless the user chose that it halts."""
        self.problem = f"recording stopped: {exc}"
        self.say_stopped(exc, "pybroker")

    def raised(self, exc: BaseException) -> None:
        """Close the recording of a run that an exception ended."""
        said = f"{type(exc).__name__}: {exc}"
        self.fail(f"the strategy raised {said}" if of_strategy(exc) else said)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        portfolio = self._portfolio()
        if portfolio is not None and not self._done:
            with suppress(Exception):  # the run has a problem of its own to tell of
                for ctx in filter(None, (alive() for alive in self._heard)):
                    self.intents.rest(ctx)
                self.settle(portfolio)
        if self._stop():
            self._close(RunState.FAILED, self.problem or problem)

    # --- the end -----------------------------------------------------------------------------

    def finish(self, portfolio: Any) -> None:
        """Seal the recording of a run that came to its end."""
        if self._done:
            return
        try:
            self.settle(portfolio, last=True)
        except Exception as exc:  # the user wants to hear of it
            self.raised(exc)
            raise
        self._stop()
        if self.sizings:
            self.reads.add("calc_target_shares")
        if self.reads:
            self.engine.flag("closed_loop", sorted(self.reads))
        self.engine.flag("executions", self.symbols.executions)
        trades, bars = self._counts
        by = {symbol: channels.strategy_id for symbol, channels in self.symbols.channels.items()}

        def append() -> None:
            if self._misread:
                return
            lines = {symbol: self.symbols.lines[symbol] for symbol in by}
            marks, held = portfolio._metrics_bars[bars:], self.ledger.positions
            self.engine.append_table("equity", equity_table(marks, held, lines, by))
            closed = zip(list(portfolio.trades)[trades:], self.ledger.closed_by, strict=True)
            self.engine.append_table("trades", trade_table(portfolio, list(closed), lines, by))

        self._close(RunState.ENDED, self.problem, append)

    def _close(
        self, state: RunState, problem: str | None, append: Callable[[], None] = lambda: None
    ) -> None:
        try:
            trouble = end_run(self.engine, append, state, problem)
        finally:
            self._over_with(state)
        if trouble is not None:
            self.failed(trouble)

    def _stop(self) -> bool:
        """Hear nothing more, and give everything back; False if it is over already."""
        if self._done:
            return False
        self._done = True
        leave(self)
        SESSIONS.discard(self)
        self._finalizer.detach()
        for alive in (*self._heard, self._portfolio):
            found = alive()
            if found is not None:
                hear_no_more(found)
        watch_no_more(self.strategy)
        return True


def _symbols(execution: Any) -> Sequence[str]:
    symbols = execution.symbols
    return () if callable(symbols) else tuple(symbols)
