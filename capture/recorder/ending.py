"""How a run of a host ends for the recorder: its own trouble is said, and never the host's end."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from capture.errors import CaptureError, CaptureHalted, CaptureWarning, ReadingFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig
    from capture.events import RunState
    from capture.recorder.engine import SignalCaptureEngine

__all__ = ["OUT_OF_MONEY", "Stopping", "end_run", "why_stopped"]

OUT_OF_MONEY: Final = "account.out_of_money"
"""What was read, in words, where the host asked no more because the account was empty."""


class Stopping(ABC):
    """A run whose recording may stop before it ends, and that may not come to its end itself."""

    _said = False

    @abstractmethod
    def fail(self, problem: str) -> None:
        """Close the recording of a run that did not come to its end; once is enough.

        Args:
            problem: why.
        """

    def raised(self, exc: BaseException) -> None:
        """Close the recording of a run that an exception ended."""
        self.fail(f"{type(exc).__name__}: {exc}")

    def abandon(self) -> None:
        """Close the recording of a run that just went away; nobody could catch an error of it."""
        with suppress(CaptureHalted):
            self.fail("the run did not come to its end: it raised, or it was given up")

    def say_stopped(self, exc: CaptureError, who: str) -> None:
        """Say once that recording stopped; the run goes on unless the user chose that it halts.

        Args:
            exc: why it stopped.
            who: what was recorded.
        """
        if isinstance(exc, CaptureHalted):
            raise exc
        if not self._said:
            self._said = True
            warnings.warn(f"{who}: {exc}", CaptureWarning, stacklevel=3)


def why_stopped(exc: Exception, config: SignalCaptureConfig) -> CaptureError:
    """Return what stops a recording whose host was read in vain: an adapter is a plugin, too.

    Raises:
        Exception: the same, where the user wants errors of plugins to be let through.
    """
    if isinstance(exc, CaptureError):
        return exc
    if config.plugin_failure == "raise":
        raise exc
    return ReadingFailed(exc)


def end_run(
    engine: SignalCaptureEngine,
    append: Callable[[], None],
    state: RunState,
    problem: str | None,
) -> CaptureError | None:
    """Seal a recording; return what was in the way, of which the host's run must not die.

    Args:
        engine: the recorder.
        append: appends what the host keeps for the whole run; the rest is sealed without it too.
        state: how the run ended.
        problem: what went wrong, if anything did.
    """
    trouble: CaptureError | None = None
    try:
        append()
    except CaptureError as exc:
        trouble, problem = exc, "; ".join(filter(None, (problem, str(exc))))
    try:
        engine.close(state, problem=problem)
    except CaptureError as exc:
        trouble = exc
    return trouble
