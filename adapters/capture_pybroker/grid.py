"""Runs of the host's optimiser: one run, with a part for each set of hyperparameters it tries.

A call of `Strategy.optimize` is found by its frame: when a run begins that it asked for, or when it
sends the captured function to a worker. The identity of the run travels with the function.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any, Final
from weakref import finalize

from pybroker.optimize import OptimizeMixin

from capture.errors import CaptureError
from capture.recorder.grids import Grid, Trial, join
from capture_pybroker.window import frames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from capture.config import SignalCaptureConfig
    from capture.store.run import RunStart

__all__ = ["run_to_join", "trial_of"]

_OPTIMIZE: Final = OptimizeMixin.optimize.__code__
_TRIAL: Final = OptimizeMixin._run_optimize_trial.__code__
_OWN: Final = "search_space"
"""What each call of the optimiser makes anew: the call is over when it is gone."""

_LOCK: Final = RLock()
_GRIDS: Final[dict[int, Grid]] = {}


def trial_of(
    frame: FrameType | None,
    run_id: str | None,
    config: SignalCaptureConfig,
    start: Callable[[Mapping[str, Any]], RunStart],
) -> Trial | None:
    """Return what a run is to an optimiser; None of a run that the user asked for.

    Args:
        frame: where the run begins.
        run_id: the run that the captured function was sent to this process for.
        config: how it is recorded.
        start: makes the start record of the optimiser's run, from the variables of its call.
    """
    stack = list(frames(frame))
    trying = any(each.f_code is _TRIAL for each in stack)
    for each in stack:
        if each.f_code is _OPTIMIZE and _OWN in each.f_locals:
            grid = _grid_of(each.f_locals, config, start)
            return Trial(grid.folder, grid, last=not trying)
    if run_id is not None and trying:
        return Trial(join(config, run_id))
    return None


def run_to_join(
    config: SignalCaptureConfig, start: Callable[[Mapping[str, Any]], RunStart]
) -> str | None:
    """Return the run that goes along with a function that is being pickled; begin it if need be.

    None if no optimiser pickles it. A run that cannot begin is told of where the trial runs.
    """
    for call in _calls():
        with suppress(CaptureError):
            return _grid_of(call, config, start).run_id
    return None


def _calls() -> Iterator[Mapping[str, Any]]:
    """Yield the variables of each call of the optimiser that goes on in this process."""
    for top in list(sys._current_frames().values()):
        for frame in frames(top):
            if frame.f_code is _OPTIMIZE and _OWN in frame.f_locals:
                yield frame.f_locals


def _grid_of(
    call: Mapping[str, Any],
    config: SignalCaptureConfig,
    start: Callable[[Mapping[str, Any]], RunStart],
) -> Grid:
    with _LOCK:
        own = call[_OWN]
        grid = _GRIDS.get(id(own))
        if grid is None:
            grid = _GRIDS[id(own)] = Grid.begin(config, start(call))
            grid.end_with(own)
            finalize(own, _GRIDS.pop, id(own), None)
        return grid


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LOCK._at_fork_reinit)  # type: ignore[attr-defined]
