"""One captured run of Backtesting.py: its beginning, its end, and what is told in between."""

from __future__ import annotations

import warnings
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureWarning
from capture.events import Bar, RunState
from capture.recorder.current import current, enter, leave
from capture.recorder.ending import OUT_OF_MONEY, Stopping, end_run
from capture.recorder.lifetimes import Runs
from capture_backtesting import notes
from capture_backtesting.cutting import cut_data, trace_indicators
from capture_backtesting.ear import Ear
from capture_backtesting.early import EarlyOrders
from capture_backtesting.ending import equity_table, trade_table
from capture_backtesting.facts import Indicators
from capture_backtesting.grid import trial_of
from capture_backtesting.opening import Opened, begin
from capture_backtesting.perturbing import settings_of_run
from capture_backtesting.routes import hear_no_more
from capture_backtesting.running import forget, is_running, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from backtesting.backtesting import Backtest

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture.recorder.grids import Trial

__all__ = ["Session"]


class Session(Stopping):
    """Begins the recording when the strategy is ready, and seals it when the results are there.

    Attributes:
        indicators: what the strategy has declared so far.
        reads: what the strategy looked at of its portfolio.
        strategy: weak reference to the strategy, whose end is the session's.
    """

    def __init__(
        self,
        config: SignalCaptureConfig,
        original: type,
        strategy: Any,
        backtest: Backtest | None,
    ) -> None:
        """Prepare to record; nothing is written yet."""
        self.indicators = Indicators()
        self.reads: set[str] = set()
        self.strategy = weakref.ref(strategy)
        self._config = config
        self._original = original
        self._backtest = backtest
        self._restore = None if backtest is None else cut_data(strategy, backtest)
        self._settings = {} if backtest is None else settings_of_run(strategy, backtest)
        self._trial: Trial | None = None
        self._opened: Opened | None = None
        self._ear: Ear | None = None
        self._early: EarlyOrders | None = None
        self._early_notes: list[Note] = []
        self._over = False
        self._hosted = backtest is not None
        self._told = False
        if backtest is not None:
            watch(backtest, self)
        # A run that an exception ends never reaches its results.
        weakref.finalize(strategy, self.abandon).atexit = False
        _SESSIONS.add(self)

    # --- before the first bar ----------------------------------------------------------------

    def prepare(self, strategy: Any) -> None:
        """Hear what the strategy does before the first bar, and record it when it is ready."""
        # The strategy must not hold on to itself: its end is the end of a run that raised.
        own, alive = type(strategy).init, weakref.ref(strategy)

        def initialise() -> None:
            ready = alive()
            if ready is None:
                return
            del ready.init
            enter(self)
            own(ready)
            self._open(ready)

        strategy.init = initialise
        self._early = EarlyOrders(strategy)

    def _open(self, strategy: Any) -> None:
        """Begin the recording and put ears on the broker."""
        hear_no_more(strategy, strategy._broker)
        config, original = self._config, self._original
        self._trial = trial = trial_of(strategy, original, config, self._backtest)
        opened = begin(config, strategy, original, self._settings, self.indicators, trial)
        self._opened = opened
        self._ear = ear = Ear(strategy, opened, self.broken, self.reads)
        if self._early is not None:
            self._early.tell(ear.intents, list(strategy._broker.orders))
        ear.intents.listen()
        for note in self._early_notes:
            try:
                notes.keep(opened, ear, note)
            except Exception as exc:
                warnings.warn(f"the note {note.name!r} was not kept: {exc}", CaptureWarning, 2)
        self._told = _watch_bars(strategy, opened)

    # --- in between --------------------------------------------------------------------------

    def note(self, note: Note) -> None:
        """Keep what the strategy notes."""
        strategy = self.strategy()
        gone = strategy is None or (self._hosted and not is_running(strategy))
        if self._over or gone:
            self.abandon()  # what kept it alive is the traceback of its exception
            outer = current()
            if outer is not None:
                outer.note(note)
        elif self._opened is None or self._ear is None:
            self._early_notes.append(note)
        elif self._ear.problem is None:
            notes.keep(self._opened, self._ear, note)

    @property
    def next_seq(self) -> int | None:
        """The sequence number that the next event gets, once the recording has begun."""
        return None if self._opened is None else self._opened.engine.next_seq

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self.say_stopped(exc, self._original.__name__)

    # --- the end -----------------------------------------------------------------------------

    def finish(self, results: Any) -> None:
        """Seal the recording of a run that came to its end."""
        opened, ear = self._opened, self._ear
        if not self._stop() or opened is None or ear is None:
            return
        try:
            if ear.problem is None:
                ear.end_of_data()
        except Exception as exc:  # the user wants to hear of it
            ear.detach()
            self._close(opened, RunState.FAILED, ear.problem or str(exc))
            raise
        ear.detach()
        changed = self.indicators.changed()
        if changed:
            opened.engine.flag("indicators_changed_during_run", changed)
        if ear.broker._i < len(results["_equity_curve"]) - 1:
            # The host stops there: what the strategy would have done later, nobody knows.
            self.reads.add(OUT_OF_MONEY)
        if self.reads:
            opened.engine.flag("closed_loop", sorted(self.reads))
        trace_indicators(opened, self.indicators, results["_equity_curve"].index)

        def append() -> None:
            opened.engine.append_table("equity", equity_table(results, opened, ear.broker))
            opened.engine.append_table("trades", trade_table(opened, ear.broker))

        self._close(opened, RunState.ENDED, ear.problem, append)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        opened, ear = self._opened, self._ear
        if not self._stop() or opened is None or ear is None:
            return
        if ear.problem is None:
            with suppress(Exception):  # the run has a problem of its own to tell of
                ear.deferred.attend()
        ear.detach()
        self._close(opened, RunState.FAILED, problem)

    def _close(
        self,
        opened: Opened,
        state: RunState,
        problem: str | None,
        append: Callable[[], None] = lambda: None,
    ) -> None:
        try:
            trouble = end_run(opened.engine, append, state, problem)
        finally:
            if self._trial is not None:
                self._trial.over(state)
        if trouble is not None:
            self.broken(trouble)

    def _stop(self) -> bool:
        """Hear nothing more; False if it is over already."""
        if self._over:
            return False
        self._over = True
        leave(self)
        _SESSIONS.discard(self)
        strategy = self.strategy()
        if strategy is not None:
            # The results hold on to the strategy, and shall hold on to nothing of ours.
            strategy.__dict__.pop("_capture", None)
            if self._told:
                strategy.__dict__.pop("next", None)
        if self._restore is not None:
            self._restore()
        if self._backtest is not None:
            forget(self._backtest, self)
            self._backtest = None
        return True


_SESSIONS: Final[Runs[Session]] = Runs()


def _watch_bars(strategy: Any, opened: Opened) -> bool:
    """Tell observers of bars, if there are any; otherwise nothing is put on the strategy."""
    observe = opened.engine.observer("bars")
    if observe is None or "next" in strategy.__dict__:
        return False
    broker, frame = strategy._broker, strategy._data.df
    columns = {str(name).lower(): frame[name].to_numpy() for name in frame.columns}
    index, labels, make = frame.index, opened.labels, Bar.lazy
    step, alive = type(strategy).next, weakref.ref(strategy)

    def read(bar: int) -> dict[str, Any]:
        values = {name: column[bar] for name, column in columns.items()}
        return {**labels, "timestamp": index[bar], **values}

    def told() -> None:
        bar = broker._i
        observe(make({"bar_index": bar}, lambda: read(bar)))
        step(alive())

    strategy.next = told
    return True
