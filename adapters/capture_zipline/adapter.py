"""From the functions of an algorithm to those that zipline runs in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture_zipline.captured import captured
from capture_zipline.perturbing import PERTURBATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["ZiplineAdapter"]


class ZiplineAdapter:
    """Records runs of zipline, and replays them."""

    host = "zipline"
    perturbations = PERTURBATIONS

    def wrap(self, strategy: Mapping[str, Any], config: SignalCaptureConfig) -> dict[str, Any]:
        """Return functions whose runs are recorded, by the names under which the host takes them.

        Args:
            strategy: the user's functions by the same names.
            config: how to record.
        """
        return captured(strategy, config)

    def replay(
        self,
        source: ReplaySource,
        initialize: Callable[[Any], Any] | None = None,
        symbols: Mapping[str, str] | None = None,
        size: float | None = None,
        percent: float | None = None,
    ) -> dict[str, Any]:
        """Return functions that make the recorded calls, and compute nothing.

        Args:
            source: the recording.
            initialize: sets costs and limits otherwise than the recorded strategy did; it is called
                after those have been set as they were.
            symbols: what the bundle calls the recording's instruments, where it differs.
            size: in the modes "target" and "signal": units of an order that has no size recorded.
            percent: the same, as a share of the portfolio's value.
        """
        from capture_zipline.replaying import Replayed

        replayed = Replayed(source, initialize, dict(symbols or {}), size, percent)
        if source.config is None:
            return replayed.functions()
        return captured(replayed.functions(), source.config, replayed)
