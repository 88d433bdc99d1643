"""Recorders and runs that are open when the interpreter ends, or when the process forks."""

from __future__ import annotations

import atexit
import os
import warnings
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from weakref import WeakSet

from capture.errors import CaptureWarning

if TYPE_CHECKING:
    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["Run", "Runs", "forget", "keep"]

_OPEN: Final[set[SignalCaptureEngine]] = set()
"""They are kept alive: what was captured is sealed even if nobody holds the recorder any more."""


def keep(engine: SignalCaptureEngine) -> None:
    """Close this recorder when the interpreter ends, unless it is closed before."""
    _OPEN.add(engine)


def forget(engine: SignalCaptureEngine) -> None:
    """Take note that a recorder is closed."""
    _OPEN.discard(engine)


@atexit.register
def _close_all() -> None:
    for engine in list(_OPEN):
        try:
            engine.close(problem="not closed before the process ended")
        except Exception as exc:  # the others are to be closed all the same
            warnings.warn(str(exc), CaptureWarning, stacklevel=2)


def _disown_all() -> None:
    for engine in list(_OPEN):
        engine.disown()
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown_all)


class Run(Protocol):
    """What an adapter keeps of a run of its host."""

    def abandon(self) -> None:
        """Close the recording of a run that did not come to its end."""
        ...


R = TypeVar("R", bound=Run)


class Runs(WeakSet[R]):
    """The captured runs of one host that go on: none is left open, and a child has none.

    They are abandoned before recorders close themselves: what is registered last comes first.
    """

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        atexit.register(self._abandon)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.clear)

    def _abandon(self) -> None:
        for run in list(self):
            run.abandon()
