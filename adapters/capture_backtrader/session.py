"""One captured run of a cerebro: its beginning, its end, and what all its strategies share."""

from __future__ import annotations

import sys
from array import array
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import CaptureError
from capture.events import RunState
from capture.recorder.current import current, enter, leave
from capture.recorder.ending import Stopping, end_run
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.lifetimes import Runs
from capture_backtrader import notes
from capture_backtrader.asking import by_strategy
from capture_backtrader.bypassing import DirectCalls
from capture_backtrader.cutting import trace_indicators
from capture_backtrader.ending import equity_table, status_table, trade_table
from capture_backtrader.facts import changed_settings, host_settings, parameters
from capture_backtrader.feeds import Feed
from capture_backtrader.following import follow, unfollow
from capture_backtrader.grid import set_of, trial_of
from capture_backtrader.opening import Opened, start_of
from capture_backtrader.perturbing import perturb
from capture_backtrader.reading import BrokerReads
from capture_backtrader.running import Watch, is_running, sessions_of
from capture_backtrader.steps import counts_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.config import SignalCaptureConfig
    from capture.recorder.current import Note
    from capture_backtrader.ear import Ear
    from capture_backtrader.placed import Traded
    from capture_backtrader.writing import Channels

__all__ = ["Session", "join"]


def join(ear: Ear, config: SignalCaptureConfig) -> Session:
    """Return the session of the run that a strategy is part of; the first one begins it."""
    strategies = ear.strategy.cerebro.runningstrats
    for session in sessions_of(strategies):
        if session.config == config:
            session.add(ear)
            return session
    session = Session(config, ear, strategies)
    session.add(ear)
    return session


class Session(Stopping):
    """Writes the recording of one run, of one captured strategy or of several.

    Attributes:
        config: how it is recorded.
        cerebro: the host's, which runs.
        engine: the recorder.
        feeds: the data feeds of the run.
        trades: the trades so far, by the host's number.
        account: two numbers each time that the host told them: the cash, and what all is worth.
        lengths: how many bars of the first feed there were then, where each step is not one.
        moves: where the position in the first feed changed: bar and position.
    """

    def __init__(self, config: SignalCaptureConfig, ear: Ear, strategies: list[Any]) -> None:
        """Begin the recording of a run whose first captured strategy is about to start."""
        strategy = ear.strategy
        self.cerebro = cerebro = strategy.cerebro
        self._strategies = strategies
        self._over = False
        self._problem: str | None = None
        self.config = config
        self.ears: list[Ear] = []
        self.trades: dict[int, Traded] = {}
        self.account, self.lengths, self.moves = array("d"), array("q"), array("d")
        whole = cerebro._dopreload
        self.feeds = [
            Feed(data, place, config.symbol if place == 0 else None, whole=whole)
            for place, data in enumerate(cerebro.datas)
        ]
        _tell_apart(self.feeds)
        self._by_data = {id(feed.data): feed for feed in self.feeds}
        _abandon_ended()
        self._changed = changed_settings(ear.settings, host_settings(cerebro))
        self._restore = perturb(cerebro.broker, ear.original)
        self._settings = host_settings(cerebro)
        start = start_of(ear.original, config, params=parameters(strategy), settings=self._settings)
        self._trial = trial_of(ear, config, start)
        self.engine = (
            SignalCaptureEngine(config, run=start)
            if self._trial is None
            else self._trial.begin(config, start)
        )
        self._opened: dict[int, Opened] = {}
        if whole:
            self._store_bars()
        if cerebro._exactbars >= 1:
            for feed in self.feeds:
                feed.keep_bars()
        self._watch = Watch(self, cerebro, strategies)
        self._reads = BrokerReads(strategy.broker)
        self._calls = DirectCalls(strategy.broker, cerebro)
        enter(self)
        _SESSIONS.add(self)

    def add(self, ear: Ear) -> None:
        """Hear one more strategy of the run."""
        ear.strategy_id = self._free_id(set_of(ear))
        leads = not self.ears
        self.ears.append(ear)
        opened = self._opened[id(ear)] = Opened(self, ear)
        ear.begin(self, opened.writer())
        if opened.deferred:
            ear.outcomes.deferring.begin(opened.deferred)
        follow(ear, self, leads=leads)
        self._reads.hear(ear)
        self._calls.hear(ear)

    def _free_id(self, name: str) -> str:
        taken = {ear.strategy_id for ear in self.ears}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name} #{number}"
        return free

    def channels(self, ear: Ear, feed: Feed) -> Channels:
        """Return the channels of a strategy and a data feed."""
        return self._opened[id(ear)].channels(feed)

    def feed_of(self, data: Any) -> Feed:
        """Return the feed; the first one for data that the run does not know."""
        return self._by_data.get(id(data), self.feeds[0])

    # --- bar by bar --------------------------------------------------------------------------

    @property
    def step_is_bar(self) -> bool:
        """Whether each step of the host is one bar of the one feed."""
        return len(self.feeds) == 1 and not counts_steps(self.cerebro)

    def counts(self) -> NDArray[np.int64]:
        """Return how many bars of the first feed there were, each time the account was told."""
        if self.step_is_bar:
            return np.arange(1, len(self.account) // 2 + 1)
        return np.array(self.lengths, dtype=np.int64)

    def _store_bars(self) -> None:
        for feed in self.feeds:
            self.engine.add_base_data(feed.table(), symbol=feed.symbol, timeframe=feed.timeframe)

    # --- in between --------------------------------------------------------------------------

    def note(self, note: Note) -> None:
        """Keep what a strategy notes."""
        if self._over or not is_running(self._strategies):
            self.abandon()
            outer = current()
            if outer is not None:
                outer.note(note)
            return
        notes.keep(self, note)

    def speaking(self) -> Ear:
        """Return the ear of the strategy that is calling, as far as the stack tells."""
        if len(self.ears) > 1:
            asking = by_strategy(sys._getframe(1))
            for ear in self.ears:
                if ear.strategy is asking:
                    return ear
        return self.ears[0]

    def broken(self, exc: CaptureError) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts."""
        self._problem = f"recording stopped: {exc}"
        for ear in self.ears:
            ear.writer = None
        name = self.ears[0].original.__name__ if self.ears else "capture"
        self.say_stopped(exc, name)

    # --- the end -----------------------------------------------------------------------------

    def stopped(self, ear: Ear) -> None:
        """Seal the recording when the last captured strategy has stopped."""
        ear.stopped = True
        trace_indicators(self, ear, self._opened[id(ear)].indicators)
        if all(other.stopped for other in self.ears):
            self.finish()

    def finish(self) -> None:
        """Seal the recording of a run that came to its end."""
        if not self._stop():
            return
        try:
            self._settle()
            if self._problem is None:
                for ear in self.ears:
                    ear.outcomes.end_of_data()
        except Exception as exc:  # the user wants to hear of it
            self._flags()
            self._close(RunState.FAILED, self._problem or str(exc))
            raise
        self._flags()
        self._close(RunState.ENDED, self._problem)

    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end."""
        if not self._stop():
            return
        with suppress(Exception):  # the run has a problem of its own to tell of
            self._settle()
        self._flags()
        self._close(RunState.FAILED, problem)

    def _settle(self) -> None:
        """Record the fills that wait for their block."""
        for ear in self.ears:
            ear.outcomes.deferring.finish()

    def _tables(self) -> None:
        if not self.feeds[0].whole:
            self._store_bars()
        tables = {"equity": equity_table(self), "trades": trade_table(self)}
        for name, table in tables.items():
            if table.num_rows:
                self.engine.append_table(name, table)
        for ear in self.ears:
            if ear.outcomes.statuses():
                self.engine.append_table("statuses", status_table(self, ear), events=True)

    def _flags(self) -> None:
        flag = self.engine.flag
        reads = set().union(*(ear.reads for ear in self.ears))
        missing = set().union(*(ear.encoder.missing for ear in self.ears))
        if not any(name.startswith("broker.") for name in missing):  # no call told of it
            missing |= self._changed
        unheard = sum(len(ear.outcomes.unheard) for ear in self.ears)
        if unheard:
            missing.add(_PAST_THE_VERBS)
        cerebro = self.cerebro
        next_only = cerebro.p.runonce and not cerebro._exactbars and not cerebro._dorunonce
        facts = {
            "closed_loop": sorted(reads),
            "not_captured": sorted(missing),
            "unheard_orders": unheard,
            "next_only": bool(next_only and cerebro._dopreload),
            "naive_timestamps_taken_for_utc": any(feed.naive for feed in self.feeds),
            "feeds": [[feed.symbol, feed.timeframe] for feed in self.feeds],
            "positions": self._positions() if reads and len(self.feeds) > 1 else [],
            "strategies": {ear.strategy_id: ear.facts() for ear in self.ears},
        }
        for name, value in facts.items():
            if value:
                flag(name, value)

    def _positions(self) -> list[int]:
        """Return the feeds in the order in which the broker sums up what is held of them.

        It makes a position when it is first asked for one, also by the strategy.
        """
        known = getattr(self.cerebro.broker, "positions", ())
        return [feed.index for data in known for feed in self.feeds if feed.data is data]

    def _close(self, state: RunState, problem: str | None) -> None:
        try:
            trouble = end_run(self.engine, self._tables, state, problem)
        finally:
            if self._trial is not None:
                self._trial.over(state, problem)
        if trouble is not None:
            self.broken(trouble)

    def _stop(self) -> bool:
        """Hear nothing more; False if it is over already."""
        if self._over:
            return False
        self._over = True
        leave(self)
        _SESSIONS.discard(self)
        self._changed |= changed_settings(self._settings, host_settings(self.cerebro))
        self._reads.end()
        self._calls.end()
        self._restore()
        self._watch.end()
        for ear in self.ears:
            # The results hold on to the strategies, and shall hold on to nothing of ours.
            unfollow(ear)
            ear.strategy.__dict__.pop("_capture", None)
        return True

    @property
    def running(self) -> bool:
        """Whether the run goes on."""
        return is_running(self._strategies)


def _tell_apart(feeds: list[Feed]) -> None:
    """Number the feeds that have the same name."""
    taken: set[str] = set()
    for feed in feeds:
        number, name = 1, feed.symbol
        while feed.symbol in taken:
            number += 1
            feed.symbol = f"{name} #{number}"
        taken.add(feed.symbol)


_PAST_THE_VERBS: Final = "orders given to the broker directly"

_SESSIONS: Final[Runs[Session]] = Runs()


def _abandon_ended() -> None:
    """Close what an exception ended where no ear of ours was."""
    for session in list(_SESSIONS):
        if not session.running:
            session.abandon()
