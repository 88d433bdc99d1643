"""An observer: counts the signals of a run by symbol, and says when one gives many at once."""

from __future__ import annotations

import sys
from collections import Counter, deque
from typing import TYPE_CHECKING

from capture import hookimpl

if TYPE_CHECKING:
    from capture.events import CapturedSignal, RunInfo, RunSummary

__all__ = ["BurstWatch", "watch"]


class Tally:
    """What was seen of one part of a run."""

    def __init__(self, limit: int) -> None:
        self.signals: Counter[str] = Counter()
        self.recent: dict[str, deque[int]] = {}
        self.bursts = 0
        self._limit = limit

    def latest_bars(self, symbol: str) -> deque[int]:
        """Return the bars of a symbol's latest signals, as many as make a burst."""
        return self.recent.setdefault(symbol, deque(maxlen=self._limit))


class BurstWatch:
    """Prints a line to standard error for every burst, and a summary when a run ends.

    Parts of a run may be recorded at the same time, so each has a tally of its own.

    Args:
        limit: so many signals of one symbol are a burst ...
        window_bars: ... if they lie within so many bars.
    """

    def __init__(self, limit: int = 5, window_bars: int = 10) -> None:
        self.limit = limit
        self.window_bars = window_bars
        self.tallies: dict[tuple[str, int], Tally] = {}

    @hookimpl
    def on_run_start(self, run: RunInfo) -> None:
        """Begin a tally."""
        self.tallies[run.run_id, run.part] = Tally(self.limit)

    @hookimpl
    def on_signal(self, signal: CapturedSignal, run: RunInfo) -> None:
        """Count a signal; this is called for every one of them, so it does little."""
        tally = self.tallies[run.run_id, run.part]
        tally.signals[signal.symbol] += 1
        if signal.bar_index is None:
            return
        bars = tally.latest_bars(signal.symbol)
        bars.append(signal.bar_index)
        within = bars[-1] - bars[0] + 1
        if len(bars) == self.limit and within <= self.window_bars:
            tally.bursts += 1
            bars.clear()
            _say(f"burst: {signal.symbol} gave {self.limit} signals within {within} bars")

    @hookimpl
    def on_run_stop(self, run: RunInfo, summary: RunSummary) -> None:
        """Say what was counted, and forget it."""
        tally = self.tallies.pop((run.run_id, run.part))
        counts = ", ".join(f"{symbol} {count}" for symbol, count in tally.signals.most_common())
        _say(f"{summary.state} {run.run_id}: signals: {counts or 'none'}; bursts: {tally.bursts}")


def _say(line: str) -> None:
    print(f"[bursts] {line}", file=sys.stderr)


watch = BurstWatch()
