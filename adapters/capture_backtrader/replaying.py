"""A recording on its way back: a strategy that does what was recorded, and computes nothing."""

from __future__ import annotations

import sys
from collections import deque
from typing import TYPE_CHECKING, Any

import backtrader as bt

from capture.errors import DataMismatch, NotReplayable
from capture_backtrader.encoding import decode
from capture_backtrader.facts import host_settings
from capture_backtrader.feeds import Feed
from capture_backtrader.replay_script import Intents, Script, Targets, is_decisive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.contracts.replay import ReplaySource

__all__ = ["replayed"]


def replayed(source: ReplaySource, size: float | None = None) -> type[bt.Strategy]:
    """Return a strategy class that makes the recorded calls at the recorded moments.

    Args:
        source: the recording.
        size: in the modes "target" and "signal", the size of every order that has none recorded.
    """
    names = {
        "__module__": __name__,
        "__doc__": f"Replays {source.run_id}.",
        "params": _params(source.strategy, source.params),
        "replay_source": source,
        "source_ids": staticmethod(_Repeated(source)),
        "_size": size,
    }
    # As a class statement would, but the host's metaclass would keep the class in a table of its
    # own for as long as the process lives.
    made: type[bt.Strategy] = type.__new__(
        type(bt.Strategy), source.strategy, (_Replaying, bt.Strategy), names
    )
    return made


def _params(name: str, values: Mapping[str, Any]) -> type:
    """Return what the host derives from `params = ...`, without the name it keeps of that."""
    kept = {name: value for name, value in values.items() if name.isidentifier()}
    derived: type = bt.Strategy.params._derive(name, kept, ())
    vars(sys.modules[derived.__module__]).pop(derived.__name__)
    return derived


class _Repeated:
    """Says which recorded signal each signal of a recorded replay repeats."""

    def __init__(self, source: ReplaySource) -> None:
        self._source = source
        self._signals: dict[int, int] = {}
        self._early = deque[int | None]()

    def begin(self) -> None:
        """Forget what an earlier run repeated."""
        self._signals.clear()
        self._early.clear()

    def expect(self, coming: int | None, signal_seq: int) -> None:
        """Note what the next signal repeats; before the recording began, it has no number yet."""
        if coming is None:
            self._early.append(signal_seq)
        else:
            self._signals[coming] = signal_seq

    def __call__(self, seqs: Any) -> list[str | None]:
        """Return the identities of the repeated signals."""
        return [self._source.source_id(self._of(seq)) for seq in seqs.tolist()]

    def _of(self, seq: int) -> int | None:
        if seq in self._signals:
            return self._signals[seq]
        return self._early.popleft() if self._early else None


class _Replaying:
    """What every replay has above the host's own strategy.

    The driver's methods are overridden, and counted exactly as they were when it was recorded: see
    `capture_backtrader.replay_script` for the numbers and why they are what they are.
    """

    replay_source: ReplaySource
    source_ids: _Repeated
    _size: float | None
    _passing: list[Feed]
    # What the host provides.
    cerebro: Any
    datas: list[Any]
    _minperiod: int
    _minperiods: list[int]

    def __init__(self, *_: Any, **__: Any) -> None:
        source = self.replay_source
        self._checked = False
        self._feeds = [Feed(data, place, None) for place, data in enumerate(self.datas)]
        self.source_ids.begin()
        kind = Intents if source.mode == "intent" else Targets
        self._script: Script = kind(source, self, self.source_ids.expect, self._size)
        self._script.number = 0
        if source.mode == "intent":
            if source.flags.get("next_only"):
                self.cerebro._disable_runonce()
            self._refuse_unkept()
            self._set_timers()
        self._script.play("init")

    def _refuse_unkept(self) -> None:
        """Refuse a run of which something is lost that decided what happened."""
        lost = self.replay_source.flags.get("not_captured", ())
        decisive = [name for name in lost if is_decisive(name)]
        if decisive:
            raise NotReplayable(
                self.replay_source.run_id,
                f"{', '.join(decisive)} could not be recorded",
                'replay what it wanted instead: capture.replay(recording, mode="target")',
            )

    def _set_timers(self) -> None:
        """Register the timers that the strategy had: orders may have been given when they rang."""
        for said in self.recorded_facts.get("timers", ()):
            given = decode(said, order=lambda *_: None, datas=self.datas)
            args = given.pop("args", ())
            when = given.pop("when")
            self.add_timer(when, *args, **given)  # type: ignore[attr-defined]

    # --- before the first bar ----------------------------------------------------------------

    def _start(self) -> None:
        self._check_replay()
        self._script.number = 1
        super()._start()  # type: ignore[misc]
        self._script.number = 3

    def _check_replay(self) -> None:
        """Refuse other data, and other settings where the strategy looked at its portfolio."""
        if self._checked:
            return
        self._checked = True
        if self.cerebro._dopreload:
            self._check_bars()
        elif self.cerebro._exactbars >= 1:  # the host forgets them as it goes on
            for feed in self._feeds:
                feed.keep_bars()
        self._passing = [feed for feed in self._feeds if feed.keeps]
        self.replay_source.check_settings(host_settings(self.cerebro))

    def _check_bars(self) -> None:
        source = self.replay_source
        feeds = source.flags.get("feeds")
        if feeds is None:  # recorded elsewhere, where there is one feed
            source.check_bars(self._feeds[0].table())
            return
        if len(feeds) != len(self.datas):
            raise DataMismatch(source.run_id, f"{len(feeds)} feeds then, {len(self.datas)} now")
        for (symbol, _), feed in zip(feeds, self._feeds, strict=True):
            source.check_bars(feed.table(), symbol=symbol)

    def _periodset(self) -> None:
        """Wait for as many bars as the strategy's indicators needed."""
        super()._periodset()  # type: ignore[misc]
        if self.replay_source.mode != "intent":
            return
        if not self.recorded_facts:
            raise NotReplayable(
                self.replay_source.run_id, "its first bar is not known", "record it again"
            )
        self._minperiod = self.recorded_facts["minperiod"]
        self._minperiods = list(self.recorded_facts["minperiods"])

    def qbuffer(self, savemem: int = 0, replaying: bool = False) -> None:
        """Let the host remember as many bars as it did for the strategy's indicators."""
        super().qbuffer(savemem, replaying)  # type: ignore[misc]
        if savemem > 0:
            for data, bars in zip(self.datas, self._minperiods, strict=False):
                data.minbuffer(bars)

    @property
    def recorded_facts(self) -> Mapping[str, Any]:
        """What was recorded of the strategy beside its orders."""
        source = self.replay_source
        facts: Mapping[str, Any] = source.flags.get("strategies", {}).get(source.strategy_id, {})
        return facts

    def bars_so_far(self, data: Any = None) -> list[int]:
        """Return how many bars there were of each feed, or of one."""
        wanted = (feed for feed in self._feeds if data is None or feed.data is data)
        return [feed.clock.lencount for feed in wanted]

    def start(self) -> None:
        self._script.play("start")

    # --- bar by bar --------------------------------------------------------------------------

    def _next_open(self) -> None:
        self._script.before_the_broker()
        self._script.play("open")

    _oncepost_open = _next_open

    def notify_timer(self, timer: Any, when: Any, *_: Any, **__: Any) -> None:
        if timer.params.cheat:
            self._script.before_the_broker()
        else:
            self._script.after_the_broker()
            self._script.play("event")  # where the host notifies at once, that came before
        self._script.play("timer")

    def notify_store(self, *_: Any, **__: Any) -> None:
        self._script.before_the_broker()
        self._script.play("notice")

    notify_data = notify_store

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        if not qorders:
            for feed in self._passing:
                feed.passed()
            self._script.notified()
        super()._notify(qorders=qorders, qtrades=qtrades)  # type: ignore[misc]
        if not qorders:
            self._script.number += 1

    def next(self) -> None:
        self._script.play("bar")

    prenext = nextstart = next

    # --- after the last bar ------------------------------------------------------------------

    def _stop(self) -> None:
        self._script.before_the_broker()
        super()._stop()  # type: ignore[misc]

    def stop(self) -> None:
        self._script.play("stop")
        if not self.cerebro._dopreload:
            self._check_bars()
