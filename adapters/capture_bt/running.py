"""The backtest that runs a strategy, and how its loop over the dates is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import bt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from capture_bt.session import Session

__all__ = ["Dates", "backtest_of"]

_FRAMES: Final = 6
"""A cost model of the host's puts a function of its own between the loop and the strategy."""


def backtest_of(strategy: Any, frame: FrameType | None) -> Any:
    """Return the backtest that sets a strategy up; None if something else does."""
    for _ in range(_FRAMES):
        if frame is None:
            return None
        found = frame.f_locals.get("self")
        if isinstance(found, bt.Backtest) and found.strategy is strategy:
            return found
        frame = frame.f_back
    return None


class Dates:
    """Stands in for the dates of a backtest while its loop runs over them.

    Attributes:
        dates: the backtest's own.
    """

    def __init__(
        self,
        dates: Any,
        session: Session,
        observe: Callable[[int], None] | None,
        ended: Callable[[bool], None],
    ) -> None:
        """Keep a session's bar right, and tell of the end of the loop.

        Args:
            dates: the backtest's own.
            session: the captured run.
            observe: is told of each bar, if anybody listens.
            ended: is told of the end, and whether the loop came to its last bar.
        """
        self.dates = dates
        self._session = session
        self._observe = observe
        self._ended = ended

    def __len__(self) -> int:
        return len(self.dates)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dates)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.dates, name)

    def __getitem__(self, key: Any) -> Any:
        if key == slice(1, None):
            return self._followed()
        return self.dates[key]

    def _followed(self) -> Iterator[Any]:
        whole, session, observe = False, self._session, self._observe
        try:
            for bar, date in enumerate(self.dates[1:]):
                session.bar = bar
                if observe is not None:
                    observe(bar)
                yield date
            whole = True
        finally:  # the loop's frame lets go of this when an exception ends it
            self._ended(whole)
