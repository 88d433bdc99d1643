"""Runs of the host's optimiser: one run, with a part for each parameter set that it tries.

A call of `Backtest.optimize` is found by its frame: when it sends the captured class to a worker,
or when a run begins that it asked for. The identity of the run travels with the class.
"""

from __future__ import annotations

import os
import sys
from threading import RLock
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from backtesting.backtesting import Backtest

from capture.recorder.grids import Grid, Trial, join
from capture_backtesting.facts import declared_parameters, host_settings
from capture_backtesting.opening import start_of
from capture_backtesting.running import frames, frames_of_all

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

    from capture.config import SignalCaptureConfig
    from capture.store.run import RunStart

__all__ = ["run_to_join", "sent", "trial_of"]

_OPTIMIZE: Final = Backtest.optimize.__code__
_TASK: Final = Backtest._mp_task.__code__
_OWN: Final = "_optimize_grid"
"""A function that each call of the optimiser defines anew: the call is over when it is gone."""

_LOCK: Final = RLock()
_GRIDS: Final[WeakKeyDictionary[Any, Grid]] = WeakKeyDictionary()
"""The run of a call, by its own function and by the copies of the backtest that it makes."""

_SENT: Final[WeakKeyDictionary[type, str]] = WeakKeyDictionary()
"""The run that a class, which came from another process, was sent for."""


def trial_of(
    strategy: Any, original: type, config: SignalCaptureConfig, backtest: Backtest | None
) -> Trial | None:
    """Return what this run is to an optimiser; None of a run that the user asked for."""
    if backtest is None:
        return None
    with _LOCK:
        _end_what_raised()
        grid = _GRIDS.get(backtest) or _grid_that_runs(backtest, original, config)
    if grid is not None:
        return Trial(grid.folder, grid, _is_last(backtest, sys._getframe(1)))
    run_id = _SENT.get(type(strategy))
    if run_id is not None and _is_task(backtest, sys._getframe(1)):
        return Trial(join(config, run_id))
    return None


def run_to_join(captured: type, original: type, config: SignalCaptureConfig) -> str | None:
    """Return the run that goes along with a class that is being pickled, and begin it if need be.

    None if no optimiser pickles it. If its run cannot begin, the pool hands the error to the user.
    """
    calls = [call for call in _calls() if call["self"]._strategy is captured]
    if len(calls) > 1:
        backtest = _being_sent(sys._getframe(1))
        calls = [c for c in calls if backtest is not None and _same(c["self"], backtest)]
    for call in calls:
        with _LOCK:
            return _grid_of(call, original, config).run_id
    return _SENT.get(captured)


def sent(captured: type, run_id: str) -> None:
    """Take note that a class came from another process, to write parts of this run."""
    _SENT[captured] = run_id


# --- calls of the optimiser ----------------------------------------------------------------------


def _calls() -> Iterator[Mapping[str, Any]]:
    """Yield the variables of each call of the optimiser that goes on in this process."""
    for frame in frames_of_all():
        if frame.f_code is _OPTIMIZE and _OWN in frame.f_locals:
            yield frame.f_locals


def _same(one: Backtest, other: Backtest) -> bool:
    """Say whether one is the other, or a copy that the optimiser made of it in this process."""
    return one._broker is other._broker


def _grid_that_runs(backtest: Backtest, original: type, config: SignalCaptureConfig) -> Grid | None:
    for call in _calls():
        if _same(call["self"], backtest):
            grid = _grid_of(call, original, config)
            if call["self"] is not backtest:
                # Threads go on with the copy after the optimiser has raised.
                _GRIDS[backtest] = grid
                grid.end_with(backtest)
            return grid
    return None


def _grid_of(call: Mapping[str, Any], original: type, config: SignalCaptureConfig) -> Grid:
    grid = _GRIDS.get(call[_OWN])
    if grid is None:
        grid = Grid.begin(config, _start(call, original, config))
        _GRIDS[call[_OWN]] = grid
        grid.end_with(call[_OWN])
    return grid


def _end_what_raised() -> None:
    """End the runs of calls that are over, though something keeps their exceptions."""
    running = {id(call[_OWN]) for call in _calls()}
    running |= {id(f.f_locals.get("bt")) for f in frames_of_all() if f.f_code is _TASK}
    known = list(_GRIDS.items())
    alive = {id(grid) for owner, grid in known if id(owner) in running}
    for _, grid in known:
        if id(grid) not in alive:
            grid.give_up()


def _start(call: Mapping[str, Any], original: type, config: SignalCaptureConfig) -> RunStart:
    maximize = call["maximize_key"] or getattr(call["maximize"], "__qualname__", None)
    return start_of(
        original,
        config=config,
        params={**declared_parameters(original), **call["kwargs"]},
        settings=host_settings(call["self"]),
        flags={"optimizer": {"method": call["method"], "maximize": maximize}},
    )


# --- what is going on around a run ---------------------------------------------------------------


def _is_last(backtest: Backtest, frame: FrameType) -> bool:
    """Say whether the optimiser itself runs it, which it does once: with the best set, at last."""
    stack = frames(frame)
    for caller in stack:
        if caller.f_code.co_name == "run" and caller.f_locals.get("self") is backtest:
            break
    for caller in stack:
        if caller.f_code.co_name != "run" or caller.f_locals.get("self") is not backtest:
            return caller.f_back is not None and caller.f_back.f_code is _OPTIMIZE
    return False


def _is_task(backtest: Backtest, frame: FrameType) -> bool:
    """Say whether a worker of the optimiser runs it."""
    return any(f.f_code is _TASK and f.f_locals.get("bt") is backtest for f in frames(frame))


def _being_sent(frame: FrameType) -> Backtest | None:
    """Return the backtest in the task that a pool is just pickling."""
    for caller in frames(frame):
        for value in list(caller.f_locals.values()):
            found = _backtest_in(value)
            if found is not None:
                return found
    return None


def _backtest_in(value: Any) -> Backtest | None:
    if isinstance(value, Backtest):
        return value
    if isinstance(value, tuple):
        return next((found for part in value if (found := _backtest_in(part)) is not None), None)
    return None


os.register_at_fork(after_in_child=_LOCK._at_fork_reinit)  # type: ignore[attr-defined]
