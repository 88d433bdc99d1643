"""From a strategy class to one that NautilusTrader runs in its place and that is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture_nautilus.driving import captured
from capture_nautilus.perturbing import PERTURBATIONS

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["NautilusAdapter"]


class NautilusAdapter:
    """Records runs of NautilusTrader, and replays them."""

    host = "nautilus"
    perturbations = PERTURBATIONS

    def wrap(self, strategy: type[Any], config: SignalCaptureConfig) -> type[Any]:
        """Return a subclass of the strategy, with its name, whose runs are recorded."""
        return captured(strategy, config)

    def replay(self, source: ReplaySource, size: float | None = None) -> Any:
        """Return a strategy, made already, that makes the recorded calls and computes nothing.

        Args:
            source: the recording.
            size: in the modes "target" and "signal": units of an order that has none recorded.
        """
        from capture_nautilus.replaying import replayed

        made, config = replayed(source, size)
        kind = made if source.config is None else captured(made, source.config)
        return kind(config)
