"""One captured run of Backtesting.py: its beginning, its end, and what is told in between."""

from __future__ import annotations

import atexit
import warnings
import weakref
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureHalted, CaptureWarning
from capture.events import Bar, RunState
from capture.recorder.current import current, enter, leave
from capture_backtesting import notes
from capture_backtesting.ear import Ear
from capture_backtesting.ending import equity_table, status_table
from capture_backtesting.facts import Indicators, host_settings
from capture_backtesting.opening import Opened, begin
from capture_backtesting.running import forget, is_running, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from backtesting.backtesting import Backtest
    from capture.config import SignalCaptureConfig

__all__ = ["Session"]


class Session:
    """Begins the recording when the strategy is ready, and seals it when the results are there.

    Attributes:
        indicators: what the strategy has declared so far.
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
        self.strategy = weakref.ref(strategy)
        self._config = config
        self._original = original
        self._backtest = backtest
        self._settings = {} if backtest is None else host_settings(backtest)
        self._opened: Opened | None = None
        self._ear: Ear | None = None
        self._early: list[tuple[Any, ...]] = []
        self._early_notes: list[tuple[str, Any, dict[str, Any]]] = []
        self._over = False
        if backtest is not None:
            watch(backtest, self)
        # A run that an exception ends never reaches its results.
        weakref.finalize(strategy, self.abandon).atexit = False
        _SESSIONS.add(self)

    # --- before the first bar ----------------------------------------------------------------

    def enter(self) -> None:
        """Let the notes of this thread come here."""
        enter(self)

    def place_early(self, side: int, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Let the strategy place an order in its `init`; it is recorded when that is over."""
        strategy = self.strategy()
        if self._over or self._ear is not None or strategy is None:
            return call(strategy, **arguments)
        order, waiting = None, len(strategy._broker.orders)
        try:
            order = call(strategy, **arguments)
        finally:
            self._early.append((side, arguments, order, waiting))
        return order

    def open(self, buy: Callable[..., Any] | None, sell: Callable[..., Any] | None) -> None:
        """Begin the recording and put ears on the broker.

        Args:
            buy: the strategy's own method; None if it must not be heard.
            sell: likewise.
        """
        strategy = self.strategy()
        if self._ear is not None or strategy is None:
            return
        opened = begin(self._config, strategy, self._original, self._settings, self.indicators)
        self._opened = opened
        self._ear = ear = Ear(strategy, opened, self.broken)
        for early in self._early:
            ear.intents.placed_early(*early)
        ear.intents.listen(buy, sell)
        for name, value, said in self._early_notes:
            self.note(name, value, **said)
        _watch_bars(strategy, opened)

    # --- in between --------------------------------------------------------------------------

    def note(self, name: str, value: Any, **said: Any) -> None:
        """Keep what the strategy notes."""
        strategy = self.strategy()
        if self._over or strategy is None or not is_running(strategy):
            self.abandon()  # what kept it alive is the traceback of its exception
            outer = current()
            if outer is not None:
                outer.note(name, value, **said)
        elif self._opened is None or self._ear is None:
            self._early_notes.append((name, value, said))
        elif self._ear.problem is None:
            notes.keep(self._opened, self._ear, name, value, **said)

    def broken(self, exc: CaptureError) -> None:
        """Say that recording stopped; the user's run goes on unless they chose that it halts."""
        if isinstance(exc, CaptureHalted):
            raise exc
        warnings.warn(f"{self._original.__name__}: {exc}", CaptureWarning, stacklevel=2)

    # --- the end -----------------------------------------------------------------------------

    def finish(self, results: Any) -> None:
        """Seal the recording of a run that came to its end."""
        if self._over or not self._stop():
            return
        opened, ear = self._opened, self._ear
        if opened is None or ear is None:
            return
        try:
            if ear.problem is None:
                ear.end_of_data()
            ear.detach()
            changed = self.indicators.changed()
            if changed:
                opened.engine.flag("indicators_changed_during_run", changed)
            opened.engine.append_table("equity", equity_table(results, opened, ear.broker))
            if ear.statuses:
                statuses = status_table(ear.statuses, opened)
                opened.engine.append_table("statuses", statuses, events=True)
            opened.engine.close(problem=ear.problem)
        except CaptureError as exc:
            ear.detach()
            self.broken(exc)

    def abandon(self) -> None:
        """Close the recording of a run that did not come to its end."""
        if self._over or not self._stop() or self._opened is None or self._ear is None:
            return
        self._ear.detach()
        try:
            self._opened.engine.close(
                RunState.FAILED, problem="the backtest ended without results: it raised"
            )
        except CaptureError as exc:
            self.broken(exc)

    def _stop(self) -> bool:
        """Hear nothing more; False if another thread is stopping already."""
        first, self._over = not self._over, True
        leave(self)
        _SESSIONS.discard(self)
        strategy = self.strategy()
        if strategy is not None:
            # The results hold on to the strategy, and shall hold on to nothing of ours.
            strategy.__dict__.pop("_capture", None)
            strategy.__dict__.pop("next", None) if self._told else None
        if self._backtest is not None:
            forget(self._backtest, self)
            self._backtest = None
        return first


_SESSIONS: Final[weakref.WeakSet[Session]] = weakref.WeakSet()


@atexit.register
def _abandon_all() -> None:
    """Close what is open when the process ends, before recorders close themselves."""
    for session in list(_SESSIONS):
        session.abandon()


def _watch_bars(strategy: Any, opened: Opened) -> None:
    """Tell observers of bars, if there are any; otherwise nothing is put on the strategy."""
    observe = opened.engine.observer("bars")
    if observe is None:
        return
    broker, frame = strategy._broker, strategy._data.df
    columns = {str(name).lower(): frame[name].to_numpy() for name in frame.columns}
    index, labels, make = frame.index, opened.labels, Bar.lazy
    step = type(strategy).next.__get__(weakref.proxy(strategy))

    def read(bar: int) -> dict[str, Any]:
        values = {name: column[bar] for name, column in columns.items()}
        return {**labels, "timestamp": index[bar], **values}

    def told() -> None:
        bar = broker._i
        observe(make({"bar_index": bar}, lambda: read(bar)))
        step()

    strategy.next = told
