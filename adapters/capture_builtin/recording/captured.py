"""A captured strategy: what the host takes in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture_builtin.backtest import Observed
from capture_builtin.recording.session import Session

if TYPE_CHECKING:
    from capture.config import SignalCaptureConfig

__all__ = ["Captured"]


class Captured(Observed):
    """A strategy, and how its runs are recorded.

    Attributes:
        strategy: the strategy, or its class.
        config: how it is recorded.
    """

    def __init__(self, strategy: Any, config: SignalCaptureConfig) -> None:
        """Keep both; nothing is written before a run begins."""
        self.strategy = strategy
        self.config = config

    def __repr__(self) -> str:
        return f"Captured({self.strategy!r}, {str(self.config.storage_path)!r})"

    def observer(self) -> Session:
        """Return what records the next run."""
        return Session(self.config, replays=hasattr(self.strategy, "replay_source"))
