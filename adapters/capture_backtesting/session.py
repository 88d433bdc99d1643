"""One captured run of Backtesting.py: its beginning, its end, and what is told in between."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError, CaptureHalted, CaptureWarning
from capture.events import Bar, RunState
from capture.recorder.current import enter, leave
from capture_backtesting.ear import Ear
from capture_backtesting.ending import equity_table, status_table
from capture_backtesting.facts import Indicators, host_settings
from capture_backtesting.opening import Opened, begin

if TYPE_CHECKING:
    from backtesting.backtesting import Backtest
    from capture.config import SignalCaptureConfig

__all__ = ["Session"]


class Session:
    """Begins the recording when the strategy is ready, and seals it when the results are there.

    Attributes:
        indicators: what the strategy has declared so far.
    """

    def __init__(
        self, config: SignalCaptureConfig, original: type, backtest: Backtest | None
    ) -> None:
        """Prepare to record; nothing is written yet."""
        self.indicators = Indicators()
        self._config = config
        self._original = original
        self._settings = {} if backtest is None else host_settings(backtest)
        self._opened: Opened | None = None
        self._ear: Ear | None = None
        self._over = False

    def open(self, strategy: Any) -> Ear:
        """Begin the recording, once, and put ears on the broker."""
        if self._ear is None:
            opened = begin(self._config, strategy, self._original, self._settings, self.indicators)
            self._opened = opened
            self._ear = strategy._ear = Ear(strategy, opened, self.broken)
            enter(self._ear)
            _watch_bars(strategy, opened)
        return self._ear

    def finish(self, results: Any) -> None:
        """Seal the recording of a run that came to its end."""
        opened, ear = self._opened, self._ear
        if self._over or opened is None or ear is None:
            return
        self._stop(ear)
        try:
            ear.end_of_data()
            opened.engine.append_table("equity", equity_table(results, opened, ear.positions))
            if ear.statuses:
                statuses = status_table(ear.statuses, opened)
                opened.engine.append_table("statuses", statuses, events=True)
            opened.engine.close(problem=ear.problem)
        except CaptureError as exc:
            self.broken(exc)

    def abandon(self) -> None:
        """Close the recording of a run that did not come to its end."""
        if self._over or self._opened is None or self._ear is None:
            return
        self._stop(self._ear)
        try:
            self._opened.engine.close(
                RunState.FAILED, problem="the backtest ended without results: it raised"
            )
        except CaptureError as exc:
            self.broken(exc)

    def _stop(self, ear: Ear) -> None:
        self._over = True
        ear.inside = True
        leave(ear)

    def broken(self, exc: CaptureError) -> None:
        """Say that recording stopped; the user's run goes on unless they chose that it halts."""
        if isinstance(exc, CaptureHalted):
            raise exc
        warnings.warn(f"{self._original.__name__}: {exc}", CaptureWarning, stacklevel=5)


def _watch_bars(strategy: Any, opened: Opened) -> None:
    """Tell observers of bars, if there are any; otherwise nothing is put on the strategy."""
    observe = opened.engine.observer("bars")
    if observe is None:
        return
    step, data, frame = strategy.next, strategy._data, strategy._data.df
    columns = {str(name).lower(): frame[name].to_numpy() for name in frame.columns}
    index, labels, make = frame.index, opened.labels, Bar.lazy

    def read(bar: int) -> dict[str, Any]:
        values = {name: column[bar] for name, column in columns.items()}
        return {**labels, "timestamp": index[bar], **values}

    def told() -> None:
        bar = len(data) - 1
        observe(make({"bar_index": bar}, lambda: read(bar)))
        step()

    strategy.next = told
