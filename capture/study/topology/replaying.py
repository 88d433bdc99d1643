"""The topology that replays signals: a recording, portfolios, execution; no strategy."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.config import SignalCaptureConfig
from capture.errors import NotReplayable, UnknownName
from capture.host import get_host
from capture.replaying.replay import replay
from capture.replaying.slices import strategies_of
from capture.store.store import open_store
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.topology.components import made, placed
from capture.study.topology.generation import ENGINE, opened
from capture.study.topology.models import ReplayModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.contracts.topology import TopologyAdapter
    from capture.replaying.source import Source
    from capture.store.recording import Recording
    from capture.study.reading import Document

__all__ = ["PortfolioInstance", "SignalReplayTopology", "create_signal_replay_topology"]

_STAGES: Final = {"sizer": "sizer", "slippage": "slippage", "commission": "commission"}
"""Keys of a portfolio under which a component may stand, and its role."""


@dataclass(frozen=True, kw_only=True)
class PortfolioInstance:
    """One portfolio of a topology.

    Attributes:
        settings: how it trades.
        stages: sizer, validators, slippage and commission of its own.
        strategies: whose signals it trades; None is everybody's.
    """

    settings: PortfolioSettings
    stages: Mapping[str, Any] = field(default_factory=dict)
    strategies: Sequence[str] | None = None


class SignalReplayTopology:
    """Replays recorded signals into portfolios, on the bars that are stored with them.

    Example:
        ```python
        results = create_signal_replay_topology("replay.yaml").run()
        results["careful"].equity
        ```

    Attributes:
        model: the configuration.
        recording: what is replayed.
        sources: its strategies, ready to be replayed.
        portfolios: the portfolios, by name.
        config: how the replays are recorded, or None.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        """Build it; nothing runs and nothing is written yet."""
        self.document = document
        self.model = document.validated(ReplayModel)
        self._engine: TopologyAdapter = get_host().adapter(ENGINE)  # type: ignore[assignment]
        self.recording = self._recording(folder)
        self.sources = self._sources()
        self.portfolios = {name: self._portfolio(name) for name in self.model.portfolios}
        self.config = None if self.model.record is None else self._recorder()

    def _recording(self, folder: Path) -> Recording:
        said = self.model.recording
        place = said.store if "://" in said.store else str(folder / Path(said.store).expanduser())
        with placed(self.document, "recording", "store"):
            store = open_store(place)
        with placed(self.document, "recording"):
            return store.latest() if said.run == "latest" else store[said.run]

    def _sources(self) -> list[Any]:
        said = self.model.recording
        known = strategies_of(self.recording)
        if not known:
            raise self.document.error(
                ("recording",), str(NotReplayable(self.recording.run_id, "it holds no strategy",
                                                  "record a run with signals"))
            )  # fmt: skip
        for place, name in enumerate(said.strategies or ()):
            if name not in known:
                error = UnknownName("strategy of this recording", name, known)
                raise self.document.error(("recording", "strategies", place), str(error))
        found: list[Source] = []
        for name in said.strategies or known:
            with placed(self.document, "recording"):
                source = replay(
                    self.recording,
                    said.mode,
                    strategy=name,
                    symbols=said.symbols,
                    start=said.start,
                    end=said.end,
                    where=said.where or (),
                    regime=said.regime,
                    boundary=said.boundary,
                ).source(ENGINE, force=said.force)
                found.append(source)
        return found

    def _portfolio(self, name: str) -> PortfolioInstance:
        said = dict(self.model.portfolios[name] or {})
        at = ("portfolios", name)
        known = [source.strategy_id for source in self.sources]
        strategies = said.pop("strategies", None)
        if strategies is not None and not isinstance(strategies, list):
            raise self.document.error((*at, "strategies"), "name strategies in a list")
        for place, strategy in enumerate(strategies or ()):
            if strategy not in known:
                error = UnknownName("strategy that is replayed", str(strategy), known)
                raise self.document.error((*at, "strategies", place), str(error))
        stages = {}
        for key, role in _STAGES.items():
            if key in said and not isinstance(said[key], str):
                with placed(self.document, *at, key):
                    stages[key] = made(role, said.pop(key))
        validators = said.pop("validators", None)
        if validators is not None:
            if not isinstance(validators, list):
                raise self.document.error((*at, "validators"), "name validators in a list")
            stages["validators"] = [
                self._validator(at, place, one) for place, one in enumerate(validators)
            ]
        with placed(self.document, *at):
            settings = PortfolioSettings.from_mapping(said)
        return PortfolioInstance(settings=settings, stages=stages, strategies=strategies)

    def _validator(self, at: tuple[str, str], place: int, said: Any) -> Any:
        with placed(self.document, *at, "validators", place):
            return made("validator", said)

    def _recorder(self) -> SignalCaptureConfig:
        record = self.model.record
        assert record is not None
        with placed(self.document, "record"):
            return SignalCaptureConfig.from_options(
                record.store, record.options, invalid="quarantine"
            )

    def run(self) -> Mapping[str, Any]:
        """Replay into every portfolio; return the results of each, by name."""
        with placed(self.document, "recording"):
            return self._engine.trade(
                self.sources, self.portfolios, self.config, name=self.model.name
            )


def create_signal_replay_topology(
    config: str | Path | Mapping[str, Any], **changes: Any
) -> SignalReplayTopology:
    """Build the topology that replays signals from a YAML file or a mapping.

    Args:
        config: the configuration; `docs/topologies.md` says every key.
        **changes: keys of it, with other values.

    Raises:
        ConfigurationError: with the place of everything in it that cannot be.
        StoreError: there is no such file.
    """
    document, folder = opened(config, changes, "signal_replay")
    return SignalReplayTopology(document, folder)
