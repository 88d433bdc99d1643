"""Runs of the host's optimiser: one run, with a part for each parameter set that it tries.

A call of `Cerebro.run` that optimises is found by its frame: when it sends the captured class to a
worker, or when a strategy starts that it made. The identity of the run travels with the class.
"""

from __future__ import annotations

import copy
import os
import sys
import weakref
from collections import Counter
from threading import RLock, current_thread
from typing import TYPE_CHECKING, Any, Final

from backtrader import Cerebro

from capture.recorder.grids import Grid, Trial, join, set_name
from capture_backtrader.running import frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.config import SignalCaptureConfig
    from capture.store.run import RunStart
    from capture_backtrader.ear import Ear

__all__ = ["run_to_join", "sent", "set_of", "trial_of"]

_RUN: Final = Cerebro.run.__code__
_TASK: Final = Cerebro.__call__.__code__
_RUN_ONE: Final = Cerebro.runstrategies.__code__
_LOCK: Final = RLock()
_NO_MORE: Final = object()


class _Optimising:
    """One call of an optimiser in this process.

    Attributes:
        grid: its run.
        config: how it is recorded.
        results: the list that the host keeps of what came back; each call makes a new one.
    """

    def __init__(self, grid: Grid, config: SignalCaptureConfig, results: list[Any]) -> None:
        self.grid = grid
        self.config = config
        self.results = results
        self._tasks: Counter[Any] = Counter()

    def send(self, original: type) -> None:
        """Count the parameter sets that are sent to workers; each holds every class once."""
        self._tasks[original] += 1

    def pool_gone(self) -> None:
        """End the run: the pool is gone when the call is over, whether it raised or not."""
        if max(self._tasks.values()) == len(self.results):
            self.grid.end()
        else:
            self.grid.give_up()


_CALLS: Final[list[_Optimising]] = []

_SENT: Final[weakref.WeakKeyDictionary[type, str]] = weakref.WeakKeyDictionary()
"""The run that a class, which came from another process, was sent for."""


def trial_of(ear: Ear, config: SignalCaptureConfig, start: RunStart) -> Trial | None:
    """Return what this run is to an optimiser; None of a run that the user asked for."""
    cerebro = ear.strategy.cerebro
    if not cerebro._dooptimize:
        return None
    for frame in frames(sys._getframe(1)):
        if frame.f_code is _RUN and frame.f_locals.get("self") is cerebro:
            called = frame.f_locals
            with _LOCK:
                grid = _call_of(called, config, start).grid
            return Trial(grid.folder, grid, _is_last(called.get("iterstrats")))
        if frame.f_code is _TASK and frame.f_locals.get("self") is cerebro:
            run_id = _SENT.get(type(ear.strategy))
            return None if run_id is None else Trial(join(config, run_id))
    return None


def set_of(ear: Ear) -> str:
    """Return the name of a strategy: of one that is optimised, with what is tried."""
    strategy, name = ear.strategy, ear.original.__name__
    if not strategy.cerebro._dooptimize:
        return name
    for frame in frames(sys._getframe(1)):
        if frame.f_code is _RUN_ONE:
            made = frame.f_locals["iterstrat"]
            tried = made[strategy._id][2] if strategy._id < len(made) else {}
            params = strategy.p._getkwargs()
            return set_name(name, {key: params[key] for key in tried if key in params})
    return name


def run_to_join(captured: type, config: SignalCaptureConfig, start: RunStart) -> str | None:
    """Return the run that goes along with a class that is being pickled, and begin it if need be.

    None if no optimiser pickles it.
    """
    for called in _calls_with_pools():
        if called["pool"]._task_handler is current_thread():
            with _LOCK:
                optimising = _call_of(called, config, start)
                optimising.send(captured)
                return optimising.grid.run_id
    return _SENT.get(captured)


def sent(captured: type, run_id: str) -> None:
    """Take note that a class came from another process, to write parts of this run."""
    _SENT[captured] = run_id


def _calls_with_pools() -> Iterator[Mapping[str, Any]]:
    """Yield the variables of each call that optimises in several processes."""
    for top in list(sys._current_frames().values()):
        for frame in frames(top):
            if frame.f_code is _RUN and "pool" in frame.f_locals:
                yield frame.f_locals


def _call_of(
    called: Mapping[str, Any], config: SignalCaptureConfig, start: RunStart
) -> _Optimising:
    results = called["self"].runstrats
    for known in _CALLS:
        if known.results is results and known.config == config:
            return known
    _end_what_is_over()
    optimising = _Optimising(Grid.begin(config, start), config, results)
    _CALLS.append(optimising)
    pool = called.get("pool")
    if pool is not None:
        weakref.finalize(pool, optimising.pool_gone).atexit = False
    return optimising


def _end_what_is_over() -> None:
    """End the runs of calls that are over, though nothing of ours heard of it."""
    running = {
        id(frame.f_locals["self"].runstrats)
        for top in list(sys._current_frames().values())
        for frame in frames(top)
        if frame.f_code is _RUN
    }
    for call in [call for call in _CALLS if id(call.results) not in running]:
        _CALLS.remove(call)
        call.grid.give_up()


def _is_last(sets: Any) -> bool:
    """Return whether the optimiser has no further parameter set to try."""
    try:
        return next(copy.copy(sets), _NO_MORE) is _NO_MORE
    except TypeError:  # newer Pythons do not copy iterators: opening the store ends the run
        return False


def _forget_all() -> None:
    _CALLS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
