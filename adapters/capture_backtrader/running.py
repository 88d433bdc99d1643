"""Which captured runs go on, and how it is heard that one of them raised."""

from __future__ import annotations

import sys
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from backtrader import Cerebro

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from capture_backtrader.session import Session

__all__ = ["Watch", "frames", "is_running", "sessions_of"]

_RUN: Final = Cerebro.runstrategies.__code__
_LOOPS: Final = ("_runonce", "_runnext", "_runonce_old", "_runnext_old")
_LOCK: Final = RLock()
_SESSIONS: Final[dict[int, list[Session]]] = {}


def is_running(strategies: list[Any]) -> bool:
    """Return whether a cerebro is in the run that made this list of strategies."""
    return any(
        run.f_locals.get("runstrats") is strategies
        for frame in list(sys._current_frames().values())
        for run in frames(frame)
        if run.f_code is _RUN
    )


def frames(frame: FrameType | None) -> Iterator[FrameType]:
    """Yield a frame and all that called it, the innermost first."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def sessions_of(strategies: list[Any]) -> list[Session]:
    """Return the sessions of a run that have begun."""
    with _LOCK:
        return list(_SESSIONS.get(id(strategies), ()))


class Watch:
    """Hears when the host's loop over the bars raises.

    The host looks its loop up on the cerebro once per run: until then, a function that hears of an
    exception stands in its place. It costs nothing per bar.
    """

    def __init__(self, session: Session, cerebro: Any, strategies: list[Any]) -> None:
        """Put ears on a cerebro whose strategies are being started."""
        self._session = session
        self._cerebro = cerebro
        self._strategies = strategies
        with _LOCK:
            mine = _SESSIONS.setdefault(id(strategies), [])
            first = not mine
            mine.append(session)
        if first:
            for name in _LOOPS:
                setattr(cerebro, name, self._heard(getattr(cerebro, name)))

    def _heard(self, loop: Callable[[list[Any]], None]) -> Callable[[list[Any]], None]:
        def run(strategies: list[Any]) -> None:
            self._remove()
            try:
                loop(strategies)
            except BaseException as exc:
                for session in sessions_of(self._strategies):
                    session.raised(exc)
                raise

        return run

    def _remove(self) -> None:
        for name in _LOOPS:
            self._cerebro.__dict__.pop(name, None)

    def end(self) -> None:
        """Leave the cerebro as it was."""
        with _LOCK:
            mine = _SESSIONS.get(id(self._strategies), [])
            if self._session in mine:
                mine.remove(self._session)
            if not mine:
                _SESSIONS.pop(id(self._strategies), None)
                self._remove()
