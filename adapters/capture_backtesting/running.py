"""Which runs of a backtest are going on, and how their ends are heard."""

from __future__ import annotations

import os
import sys
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from backtesting.backtesting import Backtest

from capture.recorder.adapting import likeness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from capture_backtesting.session import Session

__all__ = ["backtest_that_runs", "forget", "frames", "frames_of_all", "is_running", "watch"]

_RUN: Final = Backtest.run.__code__
_LOCK: Final = RLock()


def backtest_that_runs(frame: FrameType | None) -> Backtest | None:
    """Return the backtest whose `run` stands nearest on the stack."""
    return next((f.f_locals["self"] for f in frames(frame) if f.f_code is _RUN), None)


def is_running(strategy: Any) -> bool:
    """Return whether a backtest runs this strategy, in any thread."""
    return any(
        frame.f_code is _RUN and frame.f_locals.get("strategy") is strategy
        for frame in frames_of_all()
    )


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and those that called it, the nearest first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def frames_of_all() -> Iterator[FrameType]:
    """Yield what is being executed, in every thread."""
    for frame in list(sys._current_frames().values()):
        yield from frames(frame)


class _Results:
    """Stands where a backtest keeps its results while captured runs of it go on."""

    def __init__(self, owner: type) -> None:
        self.owner = owner
        self.sessions: list[Session] = []

    def __get__(self, backtest: Any, _type: type | None = None) -> Any:
        return self if backtest is None else backtest.__dict__["_results"]

    def __set__(self, backtest: Any, results: Any) -> None:
        backtest.__dict__["_results"] = results
        ended = getattr(results, "_strategy", None)
        for session in list(self.sessions):
            if session.strategy() is ended:
                session.finish(results)
        # The host reads them next. Other threads may have set theirs while this part was sealed.
        backtest.__dict__["_results"] = results


def watch(backtest: Backtest, session: Session) -> None:
    """Let the session know when the backtest sets its results, which is the end of a run."""
    with _LOCK:
        results = _watching(backtest)
        if results is None:
            owner = type(backtest)
            results = _Results(owner)
            names = {**likeness(owner), "_results": results}
            backtest.__class__ = type(owner.__name__, (owner,), names)
        others, results.sessions = results.sessions, [*results.sessions, session]
    for other in others:
        strategy = other.strategy()
        if strategy is None or not is_running(strategy):
            other.abandon()  # an exception ended it, and something keeps the exception


def forget(backtest: Backtest, session: Session) -> None:
    """Give the backtest its own class back if no captured run of it goes on."""
    with _LOCK:
        results = _watching(backtest)
        if results is not None:
            results.sessions = [other for other in results.sessions if other is not session]
            if not results.sessions:
                backtest.__class__ = results.owner


def _watching(backtest: Backtest) -> _Results | None:
    found = type(backtest).__dict__.get("_results")
    return found if isinstance(found, _Results) else None


os.register_at_fork(after_in_child=_LOCK._at_fork_reinit)  # type: ignore[attr-defined]
