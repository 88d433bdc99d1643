"""What the product asks of the adapter: to listen to vectorbt, and to replay into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.errors import UnsupportedStrategy
from capture_vectorbt.listening import listening
from capture_vectorbt.perturbing import PERTURBATIONS
from capture_vectorbt.replaying import replayed

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["VectorbtAdapter"]


class VectorbtAdapter:
    """Records the portfolios that vectorbt makes, and makes them again."""

    host = "vectorbt"
    perturbations = PERTURBATIONS

    def wrap(self, strategy: Any, config: SignalCaptureConfig) -> Any:
        """Refuse: vectorbt has no strategies, its calls are heard by `capture.record`."""
        raise UnsupportedStrategy(strategy, ["vectorbt, inside `with capture.record(...)`"], [])

    def listen(
        self, config: SignalCaptureConfig, ended: Callable[[str], None]
    ) -> AbstractContextManager[Callable[[], None]]:
        """Record every outermost `Portfolio.from_*` of this thread while entered."""
        return listening(config, ended)

    def recover(self, path: Path, store: Path) -> list[str]:
        """Write the runs that a process which died had heard and not written."""
        from capture_vectorbt.recovering import recover

        return recover(path, store)

    def replay(self, source: ReplaySource, **changed: Any) -> Any:
        """Return the portfolio that the recorded call makes, with these arguments changed.

        Args:
            source: the recording.
            **changed: arguments of the constructor that are to be other than recorded.
        """
        return replayed(source, changed)
