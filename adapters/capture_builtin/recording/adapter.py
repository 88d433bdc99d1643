"""The adapter: wraps strategies, replays recordings, and gives topologies their engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture_builtin import topologies
from capture_builtin.recording.captured import Captured
from capture_builtin.recording.perturbing import PERTURBATIONS
from capture_builtin.recording.replaying import replayed

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["BuiltinAdapter"]


class BuiltinAdapter:
    """Records runs of the built-in backtester, and replays them."""

    host = "builtin"
    perturbations = PERTURBATIONS
    truncates = True
    feed = staticmethod(topologies.feed_of)
    generate = staticmethod(topologies.generate)
    trade = staticmethod(topologies.trade)

    def wrap(self, strategy: Any, config: SignalCaptureConfig) -> Captured:
        """Return what `Backtest` accepts in the strategy's place, and what is recorded."""
        if isinstance(strategy, Captured):  # once is enough
            return Captured(strategy.strategy, config)
        return Captured(strategy, config)

    def replay(self, source: ReplaySource) -> Any:
        """Return a strategy that wants what was recorded, and computes nothing.

        Args:
            source: the recording.
        """
        strategy = replayed(source)
        return strategy if source.config is None else Captured(strategy, source.config)
