"""How a contract suite has a host run: as it is, captured, and with a replay instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pytest

import capture
from capture.host import get_host
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.replaying.replay import Replay
    from capture.store.recording import Recording

    Wrap: TypeAlias = Callable[[Any], Any]
    Run: TypeAlias = Callable[[Wrap], Any]
    # Units by bar, side and price.
    Fills: TypeAlias = Counter[tuple[int, int, float]]

__all__ = ["HostRuns", "error_of"]


class HostRuns:
    """What the suites know of a host: how it runs, and when two of its results are the same."""

    adapter: ClassVar[str]

    def plain(self, run: Run) -> Any:
        """Run it as its user would without capture, and return the host's results."""
        return run(lambda strategy: strategy)

    @staticmethod
    def wrapped(strategy: Any, **options: Any) -> Any:
        """Wrap a strategy as its user would; one made of functions is a mapping of them by name."""
        if isinstance(strategy, Mapping):
            return capture.wrap(**strategy, **options)
        return capture.wrap(strategy, **options)

    # --- what a subclass may override --------------------------------------------------------

    def captured(self, run: Run, folder: Path, **options: Any) -> Any:
        """Run it captured and return the host's results."""
        if self.listens:
            with capture.record(folder, **options):
                return run(lambda strategy: strategy)
        return run(lambda strategy: self.wrapped(strategy, store=folder, **options))

    def replays(self, run: Run, replay: Replay, **options: Any) -> Callable[[], Any]:
        """Return what runs one and the same replay each time it is called.

        Args:
            run: the run that was recorded, or one under other settings or on other bars.
            replay: what is to be replayed.
            **options: words for `.into(...)`.
        """
        if self.listens:
            return lambda: replay.into(self.adapter, **options)
        instead = replay.into(self.adapter, **options)
        return lambda: run(lambda _: instead)

    def compare_replay(self, expected: Any, got: Any) -> None:
        """Assert that the results of a replay are those of the run, to the last bit.

        What a replay has not, such as indicators, may be left out; trades and equity may not.
        """
        self.compare(expected, got)

    def compare(self, expected: Any, got: Any) -> None:
        """Assert that two results of the host are the same to the last bit."""
        raise NotImplementedError(f"{type(self).__name__} must say how two results are compared")

    def fills(self, results: Any) -> Fills:
        """Return what the host says was traded: units by (bar, side, price), side 1 or -1."""
        raise NotImplementedError(f"{type(self).__name__} must say what the host traded")

    @property
    def listens(self) -> bool:
        """Whether runs are recorded inside `capture.record`, and not by wrapping a strategy."""
        return get_host().adapters()[self.adapter].listens

    def record(self, run: Run, folder: Path, **options: Any) -> tuple[Any, Recording]:
        """Run it captured; return the host's results, and the recording as the files have it."""
        results = self.captured(run, folder, **options)
        return results, Store(folder).latest()


def error_of(action: Callable[[], Any]) -> tuple[type, tuple[Any, ...]] | None:
    """Return what an error is and says, without its traceback: that would keep the run alive."""
    try:
        action()
    except (KeyboardInterrupt, pytest.fail.Exception):
        raise  # somebody stops the tests, or they take too long
    except BaseException as exc:
        return type(exc), exc.args
    return None
