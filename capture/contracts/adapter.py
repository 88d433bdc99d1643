"""The contract of an adapter: it binds one backtester."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["Adapter", "ListeningAdapter"]


@runtime_checkable
class Adapter(Protocol):
    """Turns a strategy of its host into one that is recorded while it runs."""

    host: str
    """Name of the backtester, as written into recordings."""

    def wrap(self, strategy: Any, config: SignalCaptureConfig) -> Any:
        """Return what the host accepts in the strategy's place.

        Nothing is written before the host runs it, and the run's results do not change.
        """
        ...

    def replay(self, source: ReplaySource, **options: Any) -> Any:
        """Return what the host accepts in the strategy's place, and that does what was recorded.

        Nothing of the strategy is computed again.
        """
        ...


@runtime_checkable
class ListeningAdapter(Adapter, Protocol):
    """An adapter of a host that has no strategy class: it hears the calls that run something."""

    def listen(
        self, config: SignalCaptureConfig, ended: Callable[[str], None]
    ) -> AbstractContextManager[None]:
        """Record every run that is made while the returned context manager is entered.

        Only runs of the thread that entered are recorded. Nothing of the host stays changed
        afterwards.

        Args:
            config: how to record.
            ended: is told the identity of each run when it has ended, whatever its state.
        """
        ...
