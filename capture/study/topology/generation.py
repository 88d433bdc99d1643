"""The topology that makes signals: feeds, features, strategies, a recorder; no portfolio."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.config import SignalCaptureConfig
from capture.errors import ConfigError, ConfigurationError, did_you_mean
from capture.host import get_host
from capture.recorder.regimes import configured
from capture.study.reading import Document, read
from capture.study.topology.components import component, placed, refuse_unknown
from capture.study.topology.models import GenerationModel
from capture.study.topology.strategies import expanded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.contracts.topology import TopologyAdapter
    from capture.store.recording import Recording

__all__ = [
    "ENGINE",
    "SignalGenerationTopology",
    "StrategyInstance",
    "create_signal_generation_topology",
    "opened",
]

ENGINE: Final = "builtin"
"""The adapter whose backtester runs topologies."""


@dataclass(frozen=True, kw_only=True)
class StrategyInstance:
    """One strategy of a topology: a class with its parameters.

    Attributes:
        strategy: its class.
        params: its parameters.
        symbols: what it sees; None is what it declares.
        timeframe: the bars it is called for; None is what it declares.
        mode: when it is called.
        features: features beside those it declares.
        classifiers: regime classifiers, each with its options.
        name: the strategy of the configuration that it was expanded from.
    """

    strategy: Any
    params: Mapping[str, Any] = field(default_factory=dict)
    symbols: Sequence[str] | None = None
    timeframe: str | None = None
    mode: str | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    classifiers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    name: str = ""


class SignalGenerationTopology:
    """Makes signals and records them, once for all portfolios that are to trade them.

    Example:
        ```python
        recording = create_signal_generation_topology("generation.yaml").run()
        ```

    Attributes:
        model: the configuration.
        strategies: every strategy, grids expanded, by the name that its signals are known by.
        feeds: the bars.
        config: how it is recorded.
    """

    def __init__(self, document: Document, folder: Path) -> None:
        """Build it; nothing runs and nothing is written yet.

        Args:
            document: the configuration.
            folder: what files are looked for from.
        """
        self.document = document
        self.model = document.validated(GenerationModel)
        self._engine: TopologyAdapter = get_host().adapter(ENGINE)  # type: ignore[assignment]
        self.feeds = [self._feed(number, folder) for number in range(len(self.model.data))]
        self._refuse_unknown_symbols()
        self.strategies: dict[str, StrategyInstance] = {}
        for name in self.model.strategies:
            for key, instance in self._instances(name):
                if key in self.strategies:
                    raise document.error(
                        ("strategies", name), f'"{key}" is the name of another strategy already'
                    )
                self.strategies[key] = instance
        self.config = self._recorder()

    def _feed(self, number: int, folder: Path) -> Any:
        said = self.model.data[number].model_dump(exclude={"frame"}, exclude_none=True)
        frame = self.model.data[number].frame
        if said.get("file"):
            said["file"] = str(folder / Path(said["file"]).expanduser())
        if said.get("store") and "://" not in said["store"]:
            said["store"] = str(folder / Path(said["store"]).expanduser())
        with placed(self.document, "data", number):
            return self._engine.feed(**said, frame=frame)

    def _refuse_unknown_symbols(self) -> None:
        known = sorted({feed.symbol for feed in self.feeds})
        for name, strategy in self.model.strategies.items():
            self._refuse_symbols(strategy.symbols, known, "strategies", name, "symbols")
        for name, feature in self.model.features.items():
            self._refuse_symbols(feature.symbols, known, "features", name, "symbols")
            self._refuse_symbols(feature.of, known, "features", name, "of")
            with placed(self.document, "features", name):
                refuse_unknown(feature.use, component("feature", feature.use), feature.options)
        for name, options in self.model.classifiers.items():
            with placed(self.document, "classifiers", name):
                configured({name: options or {}}, get_host())

    def _refuse_symbols(
        self, symbols: Sequence[str] | None, known: Sequence[str], *path: str
    ) -> None:
        for place, symbol in enumerate(symbols or ()):
            if symbol not in known:
                hint = did_you_mean(symbol, known) or f" There are: {', '.join(known)}"
                problem = f'the data have no symbol "{symbol}".{hint}'
                raise self.document.error((*path, place), problem)

    def _instances(self, name: str) -> list[tuple[str, StrategyInstance]]:
        said = self.model.strategies[name]
        with placed(self.document, "strategies", name):
            strategy = component("strategy", said.use)
        symbols = said.symbols or sorted({feed.symbol for feed in self.feeds})
        features = {key: f.model_dump(exclude_none=True) for key, f in self.model.features.items()}
        found = []
        with placed(self.document, "strategies", name):
            each = symbols if said.each_symbol else ()
            for key, symbol, params in expanded(name, said.params, said.grid, each):
                instance = StrategyInstance(
                    strategy=strategy,
                    params=params,
                    symbols=said.symbols if symbol is None else [symbol],
                    timeframe=said.timeframe,
                    mode=self.model.alignment.mode if self._aligns else None,
                    features=features,
                    classifiers={k: v or {} for k, v in self.model.classifiers.items()},
                    name=name,
                )
                # It is made once, so that what it refuses is told now, and where.
                strategy(**params).needs()
                found.append((key, instance))
        return found

    @property
    def _aligns(self) -> bool:
        return "alignment" in self.model.model_fields_set

    def _recorder(self) -> SignalCaptureConfig:
        record = self.model.record
        options = dict(record.options)
        if self.model.classifiers:
            options.setdefault(
                "classifiers", {k: v or {} for k, v in self.model.classifiers.items()}
            )
        if self.model.seed is not None:
            options.setdefault("seed", self.model.seed)
        with placed(self.document, "record"):
            return SignalCaptureConfig.from_options(record.store, options, invalid="quarantine")

    def run(self) -> Recording:
        """Make the signals, and return the recording."""
        from capture.store.store import open_store

        settings = {"topology": self.model.topology, "alignment": self.model.alignment.mode}
        try:
            run_id = self._engine.generate(
                self.feeds, self.strategies, self.config, name=self.model.name, settings=settings
            )
        except ConfigError as exc:
            raise self._of_feature(exc) from exc
        return open_store(self.config.storage_path)[run_id]

    def _of_feature(self, exc: ConfigError) -> ConfigError | ConfigurationError:
        """Return an error that came up while features were computed, with its place."""
        for name, feature in self.model.features.items():
            if feature.options.get(exc.setting, exc) == exc.value:
                return self.document.error(("features", name, exc.setting), str(exc))
        return exc


def create_signal_generation_topology(
    config: str | Path | Mapping[str, Any], **changes: Any
) -> SignalGenerationTopology:
    """Build the topology that makes signals from a YAML file or a mapping.

    Args:
        config: the configuration; `docs/topologies.md` says every key.
        **changes: keys of it, with other values.

    Raises:
        ConfigurationError: with the place of everything in it that cannot be.
        StoreError: there is no such file.
    """
    document, folder = opened(config, changes, "signal_generation")
    return SignalGenerationTopology(document, folder)


def opened(
    config: str | Path | Mapping[str, Any] | Document, changes: Mapping[str, Any], kind: str
) -> tuple[Document, Path]:
    """Return a configuration with changes, and the folder that its files are looked for from."""
    if isinstance(config, Document):
        document, folder = config, Path(config.source).parent
    else:
        document = read(config, name=kind)
        folder = Path() if isinstance(config, dict) else Path(str(config)).parent
    if isinstance(document.values, dict):
        own = {} if "topology" in document.values else {"topology": kind}
        document = document.changed({**own, **changes})
        said = document.values["topology"]
        if said != kind:
            problem = f"this is a topology {said!r}, and {kind!r} is needed"
            raise document.error(("topology",), problem)
    return document, folder
