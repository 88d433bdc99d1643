"""The contract of an adapter: it binds one backtester."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["Adapter"]


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
