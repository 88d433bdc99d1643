"""From an execution function to one that pybroker runs in its place and that is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture_pybroker.captured import Captured
from capture_pybroker.perturbing import PERTURBATIONS
from capture_pybroker.replaying import Replayed

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["PybrokerAdapter"]


class PybrokerAdapter:
    """Records runs of pybroker, and replays them."""

    host = "pybroker"
    perturbations = PERTURBATIONS

    def wrap(self, strategy: Callable[..., None], config: SignalCaptureConfig) -> Captured:
        """Return what `add_execution` accepts in the function's place, and what is recorded."""
        if isinstance(strategy, Captured):  # once is enough
            strategy = strategy.function
        return Captured(strategy, config)

    def replay(self, source: ReplaySource, size: float | None = None) -> Any:
        """Return an execution that sets what was recorded, and computes nothing.

        Args:
            source: the recording.
            size: in the modes "target" and "signal": which fraction of the capital an order takes
                that has no size recorded; by default all of it.
        """
        replayed = Replayed(source, size)
        return replayed if source.config is None else Captured(replayed, source.config)
