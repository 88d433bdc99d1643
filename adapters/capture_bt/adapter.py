"""From a strategy of bt to one that bt runs in its place and that is recorded."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from capture_bt.classes import quiet, taken_back
from capture_bt.execution import Waiting
from capture_bt.perturbing import PERTURBATIONS
from capture_bt.replaying import replayed

if TYPE_CHECKING:
    from bt.core import StrategyBase

    from capture.config import SignalCaptureConfig
    from capture.contracts.replay import ReplaySource

__all__ = ["BtAdapter"]


class BtAdapter:
    """Records runs of bt, and replays them."""

    host = "bt"
    perturbations = PERTURBATIONS
    truncates = True

    def wrap(self, strategy: StrategyBase, config: SignalCaptureConfig) -> StrategyBase:
        """Return a copy of the strategy whose runs are recorded; the strategy stays as it is."""
        copied = taken_back(deepcopy(strategy))
        copied.__class__ = quiet(type(copied))
        vars(copied)["_capture"] = Waiting(config)
        return copied

    def replay(self, source: ReplaySource, size: float | None = None) -> Any:
        """Return a strategy that makes the recorded calls, and computes nothing.

        Args:
            source: the recording.
            size: in the modes "target" and "signal": weight of a position that has none recorded;
                by default the symbols share what there is.
        """
        strategy = replayed(source, size)
        return strategy if source.config is None else self.wrap(strategy, source.config)
