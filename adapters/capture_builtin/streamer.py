"""The stage that stands in for strategies in a replay: it streams what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture_builtin.generator import SignalGeneratorComponent
from capture_builtin.recording.replaying import replayed
from capture_builtin.stage import FeatureStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.contracts.replay import ReplaySource
    from capture_builtin.feeds import Feed

__all__ = ["SignalStreamerComponent"]


class SignalStreamerComponent(SignalGeneratorComponent):
    """Publishes the signals of a recording at the moments at which they were given.

    It computes nothing: no feature, classifier or strategy is called.

    Attributes:
        source: the recording.
    """

    def __init__(self, source: ReplaySource, feeds: Sequence[Feed], cursor: list[int]) -> None:
        """Read what was wanted.

        Args:
            source: the recording, ready to be replayed.
            feeds: every series, as the engine orders them.
            cursor: the engine's numbers of last closed bars.
        """
        self.source = source
        strategy = replayed(source)()
        strategy.load(feeds)
        strategy_id = source.strategy_id or source.strategy
        super().__init__(strategy_id, strategy, feeds, FeatureStage({}), cursor)
