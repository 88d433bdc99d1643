"""What a workflow file may say; `docs/sweeps.md` explains every key."""

from __future__ import annotations

from typing import Any, Literal

from capture.errors import MissingExtra

try:
    from pydantic import BaseModel, ConfigDict, Field, model_validator
except ImportError as exc:
    raise MissingExtra("a workflow", extra="study", library=exc.name) from exc

__all__ = [
    "ExecutorModel",
    "PortfoliosModel",
    "ReplayPhaseModel",
    "ResultsModel",
    "SelectModel",
    "SelectPhaseModel",
    "SignalsModel",
    "WalkPhaseModel",
    "WindowsModel",
    "WorkflowModel",
]


class _Strict(BaseModel):
    """A mapping in which a misspelt key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleModel(_Strict):
    """A random part of a grid."""

    count: int = Field(ge=1, description="how many of its points")
    seed: int = Field(description="the same seed chooses the same")


class SignalsModel(BaseModel):
    """Which signals are replayed: those of a phase before, or of a recording."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: str | None = Field(None, alias="from", description="a phase that generates or selects")
    store: str | None = Field(None, description="store that holds a recording")
    run: str = Field("latest", description="identity of the run, or `latest`")
    strategies: list[str] | None = Field(None, description="which strategies; all if not said")
    symbols: list[str] | None = Field(None, description="leave out signals of other symbols")
    start: str | None = Field(None, description="leave out earlier signals")
    end: str | None = Field(None, description="leave out later signals")
    where: str | None = Field(None, description="leave out signals that do not meet a condition")
    regime: Any = Field(None, description="replay the signals of a regime, such as `bull`")
    boundary: Literal["honour_exit", "force_flat", "carry", "block_reentry"] | None = Field(
        None, description="what happens to a position that is open when the regime ends"
    )
    force: bool = Field(False, description="also where the strategy looked at its portfolio")

    @model_validator(mode="after")
    def _one_source(self) -> SignalsModel:
        if (self.source is None) == (self.store is None):
            raise ValueError("say from: a phase, or store: of a recording, and not both")
        return self


class PortfoliosModel(_Strict):
    """What is tried: signals into portfolios, under a grid of settings."""

    recording: SignalsModel = Field(description="the signals")
    portfolios: dict[str, dict[str, Any] | None] = Field(
        default_factory=dict, description="settings of portfolios, by name"
    )
    grid: dict[str, Any] = Field(default_factory=dict, description="settings with their values")
    sample: SampleModel | None = Field(None, description="only a part of the grid")
    objectives: list[str] | None = Field(None, description="what is computed of each trial")
    event_driven: bool = Field(False, description="event by event, also where signals would do")


class ReplayPhaseModel(PortfoliosModel):
    """A phase that tries every portfolio under every point of a grid."""

    topology: Literal["signal_replay"] = Field(description="which kind of phase this is")


class SelectModel(_Strict):
    """Which trials go on."""

    objective: str = Field(description="the metric that decides")
    top: int = Field(1, ge=1, description="how many are chosen, of each group")
    direction: Literal["maximise", "minimise"] | None = Field(
        None, description="what is best; the objective's own direction if not said"
    )
    where: str | None = Field(None, description="a condition that the chosen meet")
    per: str | None = Field(None, description="a column; so many are chosen of each of its values")


class SelectFromModel(SelectModel):
    """Which trials of a phase go on."""

    source: str = Field(alias="from", description="the phase that tried them")


class SelectPhaseModel(_Strict):
    """A phase that chooses among the trials of another."""

    select: SelectFromModel = Field(description="which are chosen")


class WindowsModel(_Strict):
    """How time is cut into windows."""

    train: str = Field(description="length of the stretch in which settings are chosen")
    test: str = Field(description="length of the stretch in which the chosen are tried")
    step: str | None = Field(None, description="how far the windows are apart; a test if not said")
    anchored: bool = Field(False, description="every training stretch begins with the data")
    purge: str | int = Field(0, description="what is left out at the end of training")
    embargo: str | int = Field(0, description="what is left out at the beginning of a test")


class WalkForwardModel(PortfoliosModel):
    """What is tried in each window, and which are chosen."""

    windows: WindowsModel = Field(description="how time is cut")
    select: SelectModel = Field(description="which are chosen in each window")


class WalkPhaseModel(_Strict):
    """A phase that chooses on each window's past and tries the chosen on what comes next."""

    walk_forward: WalkForwardModel = Field(description="what is tried, and where it is cut")


class ResultsModel(_Strict):
    """Where results go, and how long they stay."""

    store: str = Field("results", min_length=1, description="folder of results")
    keep: list[Literal["trades", "events"]] = Field(
        default_factory=list, description="what is kept of a trial beside its metrics"
    )
    retention: dict[str, str | None] = Field(
        default_factory=dict, description="how long each kind of results stays"
    )
    delete: bool = Field(False, description="remove at the end what is older than that")


class ExecutorModel(BaseModel):
    """Who works; further keys are options of the executor."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field("serial", description="name of the executor")
    workers: int | None = Field(None, ge=1, description="how many workers it has")


def _usual_results() -> ResultsModel:
    return ResultsModel.model_validate({})


def _usual_executor() -> ExecutorModel:
    return ExecutorModel.model_validate({})


class WorkflowModel(_Strict):
    """A workflow: phases in order, each fed by those before it."""

    workflow: str = Field(min_length=1, description="what it is called")
    results: ResultsModel = Field(default_factory=_usual_results, description="where results go")
    executor: ExecutorModel = Field(default_factory=_usual_executor, description="who works")
    phases: dict[str, dict[str, Any]] = Field(min_length=1, description="what is done, in order")
