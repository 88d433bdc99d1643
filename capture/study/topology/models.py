"""What a configuration of a topology may say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "AlignmentModel",
    "ComponentModel",
    "FeatureModel",
    "FeedModel",
    "GenerationModel",
    "RecordModel",
    "RecordingModel",
    "ReplayModel",
    "StrategyModel",
]


class _Strict(BaseModel):
    """A mapping in which a misspelt key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ComponentModel(BaseModel):
    """A component by the word it is registered under; further keys are its options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(description="word of the component, or `module:name`")

    @property
    def options(self) -> dict[str, Any]:
        """The component's own options."""
        return dict(self.model_extra or {})


class FeedModel(_Strict):
    """Bars of one symbol and timeframe, from one of a file, a store, or a frame."""

    symbol: str = Field(min_length=1, description="name of the instrument")
    timeframe: str | None = Field(default=None, description="length of a bar; measured if not said")
    file: str | None = Field(
        default=None, description="CSV, Parquet or Feather, from this file's folder"
    )
    store: str | None = Field(
        default=None, description="store whose base data of this symbol are read"
    )
    frame: Any = Field(default=None, description="pandas DataFrame or Arrow table; not from a file")
    time: str | None = Field(
        default=None, description="column of times; found by its name if not said"
    )
    nan: Literal["refuse", "drop", "keep"] = Field(
        default="refuse", description="what to do with a bar that lacks a price"
    )

    @model_validator(mode="after")
    def _one_source(self) -> FeedModel:
        given = [n for n in ("file", "store", "frame") if getattr(self, n) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none of them"
            raise ValueError(f"{self.symbol} needs one of file, store and frame, and has {said}")
        return self


class FeatureModel(ComponentModel):
    """A feature: which one, of what, and its options as further keys."""

    symbols: list[str] | None = Field(
        default=None, description="of which symbols; of all if not said"
    )
    timeframe: str | None = Field(default=None, description="of which bars; the finest if not said")
    of: list[str] | None = Field(
        default=None, description="two symbols or more, of a feature across them"
    )


class StrategyModel(_Strict):
    """A strategy: which one, what it trades, its parameters, and grids of them."""

    use: str = Field(description="word of the strategy, or `module:Class`")
    symbols: list[str] | None = Field(
        default=None, description="what it sees; all symbols if not said"
    )
    timeframe: str | None = Field(
        default=None, description="bars it is called for; the finest of each"
    )
    params: dict[str, Any] = Field(default_factory=dict, description="its parameters")
    grid: Any = Field(
        default=None, description="several values of parameters: each set is a strategy"
    )
    each_symbol: bool = Field(
        default=False, description="one strategy per symbol, which sees it alone"
    )


class AlignmentModel(_Strict):
    """When a strategy that sees several series is called."""

    mode: Literal["all", "any"] = Field(
        default="any",
        description="at a moment at which every series has a bar, or at which any has",
    )


class RecordModel(BaseModel):
    """Where and how the run is recorded; further keys are settings of `SignalCaptureConfig`."""

    model_config = ConfigDict(extra="allow", frozen=True)

    store: str = Field(default="signals", min_length=1, description="folder or URL of the store")

    @property
    def options(self) -> dict[str, Any]:
        """The recorder's settings."""
        return dict(self.model_extra or {})


class GenerationModel(_Strict):
    """A topology that makes signals and records them; it has no portfolio."""

    topology: Literal["signal_generation"] = Field(description="which topology this is")
    name: str = Field(default="generation", min_length=1, description="name of the run")
    data: list[FeedModel] = Field(min_length=1, description="feeds")
    features: dict[str, FeatureModel] = Field(
        default_factory=dict, description="features by the name that strategies know them by"
    )
    classifiers: dict[str, dict[str, Any] | None] = Field(
        default_factory=dict, description="regime classifiers by name, each with its options"
    )
    strategies: dict[str, StrategyModel] = Field(
        min_length=1, description="strategies by the name that signals know them by"
    )
    alignment: AlignmentModel = Field(
        default_factory=AlignmentModel, description="when strategies are called"
    )
    record: RecordModel = Field(default_factory=RecordModel, description="where it is recorded")
    seed: int | None = Field(
        default=None, description="seed of random numbers, kept in the run's record"
    )


class RecordingModel(_Strict):
    """Which signals are replayed."""

    store: str = Field(min_length=1, description="store that holds the recording")
    run: str = Field(default="latest", description="identity of the run, or `latest`")
    mode: Literal["intent", "target", "signal"] = Field(
        default="intent", description="orders as recorded, or positions that were wanted"
    )
    strategies: list[str] | None = Field(
        default=None, description="which strategies; all if not said"
    )
    symbols: list[str] | None = Field(
        default=None, description="leave out signals of other symbols"
    )
    start: Any = Field(default=None, description="leave out earlier signals")
    end: Any = Field(default=None, description="leave out later signals")
    where: str | None = Field(
        default=None, description="leave out signals that do not meet a condition"
    )
    regime: Any = Field(default=None, description="replay the signals of a regime, such as `bull`")
    boundary: Literal["honour_exit", "force_flat", "carry", "block_reentry"] | None = Field(
        default=None, description="what happens to a position that is open when the regime ends"
    )
    force: bool = Field(
        default=False, description="replay also what a strategy wanted that looked at its portfolio"
    )


class ReplayModel(_Strict):
    """A topology that replays recorded signals into portfolios; it calls no strategy."""

    topology: Literal["signal_replay"] = Field(description="which topology this is")
    name: str = Field(default="replay", min_length=1, description="name of the run")
    recording: RecordingModel = Field(description="what is replayed")
    portfolios: dict[str, dict[str, Any]] = Field(
        min_length=1, description="portfolios by name, each with its settings"
    )
    record: RecordModel | None = Field(
        default=None, description="where each portfolio's replay is recorded; nowhere if not said"
    )

    @field_validator("portfolios")
    @classmethod
    def _named(cls, portfolios: dict[str, Any]) -> dict[str, Any]:
        for name in portfolios:
            if not name.strip():
                raise ValueError("a portfolio needs a name")
        return portfolios
