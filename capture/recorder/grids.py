"""Runs with many parts: what an optimiser executes is one run, whoever executes it.

The process that calls the optimiser begins the run. Each execution of the host, in whatever thread
or process, joins it and writes a part of its own. Who began it ends it.

Example:
    ```python
    grid = Grid.begin(config, RunStart(host="backtrader", strategy="SmaCross", ...))
    grid.run_id                                     # a text: what travels to other processes

    engine = SignalCaptureEngine(config, run=grid.folder)              # here, in any thread
    engine = SignalCaptureEngine(config, run=join(config, run_id))     # in any other process
    facts = StrategyFacts(set_name("SmaCross", {"fast": 5}), params)   # "SmaCross_fast_5"

    grid.end()                                      # or: grid.end_with(what_dies_with_it)
    ```
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
import weakref
from dataclasses import dataclass
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureWarning, PartBusy, StoreError
from capture.events import RunState
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import plain
from capture.store.recover import recover_run
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.config import SignalCaptureConfig
    from capture.store.run import RunFolder, RunStart

__all__ = ["Grid", "Trial", "join", "set_name"]

_LONGEST: Final = 120
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9_.+-]+")


class Grid:
    """A run that this process began, and that ends when its optimiser has returned.

    It may be used from several threads. A child that was forked has no say in it: there, ending
    it does nothing.

    Attributes:
        folder: the run, to be given to `SignalCaptureEngine(config, run=...)`; each engine claims
            a part of its own. Closing such an engine seals its part and does not end the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        """Take over a run that has just begun."""
        self.folder: Final = folder
        self._process: Final = os.getpid()
        self._lock: Final = RLock()
        self._wanted: tuple[RunState, str | None] | None = None
        self._alive: Final[set[int]] = set()
        self._mortals: Final = count()

    @classmethod
    def begin(cls, config: SignalCaptureConfig, start: RunStart) -> Grid:
        """Begin the run, in the process that calls the optimiser.

        Args:
            config: how to record, here and in every process that joins.
            start: what is known of the run; `params` are the values to be tried, by name.

        Raises:
            StoreError: the store cannot be written to.
        """
        return cls(Store(config.storage_path, create=True, recover=False).begin_run(start))

    @property
    def run_id(self) -> str:
        """Identity of the run, which `join` takes in any process."""
        return self.folder.run_id

    def end(self, state: RunState = RunState.ENDED, problem: str | None = None) -> None:
        """End the run. The first call decides; later ones change nothing.

        The worst state of a part is the run's, whatever is said here. Parts of workers that were
        killed are recovered first. If a part is still being written, the run ends with `settle`,
        or when the store is opened after its writers are done.
        """
        with self._lock:
            if self._wanted is None:
                self._wanted = (state, problem)
                self.settle()

    def settle(self) -> None:
        """End the run if its end was asked for too early; to be called after closing a part."""
        with self._lock:
            if self._wanted is None or self._process != os.getpid():
                return
            state, problem = self._wanted
            try:
                self.folder.finish(state, problem=problem)
            except PartBusy:  # somebody still writes
                self.folder.release()
            except StoreError:  # a worker was killed
                self.folder.release()
                recover_run(self.folder)

    def end_with(self, mortal: object) -> None:
        """End the run as failed when this object is gone, and all others that were given so.

        For optimisers that do not say that they raised: an object that only their call refers
        to, such as a function that is defined in it, or a copy that it makes for its workers. If
        the run has ended by then, nothing happens.
        """
        with self._lock:
            key = next(self._mortals)
            self._alive.add(key)
        weakref.finalize(mortal, self._gone, key)

    def give_up(self) -> None:
        """End the run as failed; trouble with that is a warning, as nobody could catch it."""
        try:
            self.end(RunState.FAILED, "the optimiser ended without results: it raised")
        except CaptureError as exc:
            warnings.warn(str(exc), CaptureWarning, stacklevel=2)

    def _gone(self, key: int) -> None:
        with self._lock:
            self._alive.discard(key)
            over = not self._alive
        if over:
            self.give_up()


@dataclass(frozen=True)
class Trial:
    """One execution that an optimiser asked for.

    Attributes:
        folder: the run that it is a part of.
        grid: the run, where this process owns it.
        last: whether the optimiser has nothing to do after it.
    """

    folder: RunFolder
    grid: Grid | None = None
    last: bool = False

    def begin(self, config: SignalCaptureConfig, alone: RunStart) -> SignalCaptureEngine:
        """Begin the part and return who records it.

        Args:
            config: how to record.
            alone: the run that it is if the optimiser's run has ended, because its process died.
        """
        try:
            return SignalCaptureEngine(config, run=self.folder)
        except PartBusy:
            return SignalCaptureEngine(config, run=alone)

    def over(self, state: RunState, problem: str | None = None) -> None:
        """End the run if this was its last part.

        Args:
            state: how the part ended.
            problem: what went wrong. A part that failed ends the run where this is said: it is for
                optimisers that an exception of one execution ends.
        """
        if self.grid is None:
            return
        failed = state is RunState.FAILED
        if (self.last and not failed) or (failed and problem is not None):
            self.grid.end(state, problem)
        else:
            self.grid.settle()


def join(config: SignalCaptureConfig, run_id: str) -> RunFolder:
    """Return a run that another process began, to be given to `SignalCaptureEngine`.

    Raises:
        StoreError: there is no such run. That a run has ended shows when a part is claimed, which
            the engine does: it raises `PartBusy`.
    """
    return Store(config.storage_path, recover=False).join_run(run_id)


def set_name(strategy: str, params: Mapping[str, Any]) -> str:
    """Return the strategy id of a parameter set, such as `SmaCross_fast_10_slow_20`.

    Equal values have equal names, whatever their types: 5 and 5.0 are one set. What a name cannot
    show, such as a space, is replaced, and a hash keeps such names apart.

    Args:
        strategy: name of the strategy.
        params: the parameters that vary, in the order in which they are to be named.
    """
    known = {name: _text(value) for name, value in params.items()}
    shown = {name: _NOT_IN_A_NAME.sub("-", text) for name, text in known.items()}
    name = "_".join([strategy, *(f"{name}_{text}" for name, text in shown.items())])
    if shown == known and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(repr(sorted(known.items())).encode()).hexdigest()
    return f"{name[:_LONGEST]}-{digest[:8]}"


def _text(value: Any) -> str:
    named = getattr(value, "__qualname__", None)  # a class or a function: no address
    said = named if isinstance(named, str) else plain(value)
    whole = isinstance(said, float) and said.is_integer()
    return str(int(said) if whole else said)
