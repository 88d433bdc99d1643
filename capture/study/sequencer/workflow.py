"""A workflow from a file: phases that know where in it they were written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.errors import UnknownName, did_you_mean
from capture.host import get_host
from capture.store.store import open_store
from capture.study.grid import Grid
from capture.study.objectives import DEFAULT
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.reading import read
from capture.study.results.retention import RetentionPolicy
from capture.study.sequencer.candidates import signals_in
from capture.study.sequencer.choosing import Selects
from capture.study.sequencer.generating import Generates
from capture.study.sequencer.models import (
    ReplayPhaseModel,
    SelectPhaseModel,
    WalkPhaseModel,
    WorkflowModel,
)
from capture.study.sequencer.replaying import Portfolios, Replays
from capture.study.sequencer.selecting import Selection
from capture.study.sequencer.walking import WalksForward
from capture.study.sequencer.windows import WalkForward
from capture.study.topology.components import placed
from capture.study.topology.generation import SignalGenerationTopology, opened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.study.reading import Document
    from capture.study.sequencer.candidates import SignalsOf
    from capture.study.sequencer.course import Phase
    from capture.study.sequencer.models import PortfoliosModel, SelectModel, SignalsModel

__all__ = ["Workflow", "read_workflow", "run_options"]

_FILTERS: Final = ("symbols", "start", "end", "where", "regime", "boundary", "force")
_KINDS: Final = ("topology", "select", "walk_forward")


@dataclass(frozen=True)
class Workflow:
    """A workflow, ready to run.

    Attributes:
        model: what the file says.
        phases: its phases, in order.
        retention: how long results stay.
    """

    model: WorkflowModel
    phases: tuple[Phase, ...]
    retention: RetentionPolicy


def read_workflow(config: str | Path | Mapping[str, Any], *, store: str | None = None) -> Workflow:
    """Read a workflow and check all that can be checked before anything runs.

    Files and stores that it reads are looked for from its own folder; what it writes goes into the
    working folder.

    Args:
        config: a YAML file, or what it would say.
        store: where signals are recorded by a phase that does not say it.

    Raises:
        ConfigurationError: with the place of what cannot be.
        StoreError: there is no such file.
    """
    document = read(config, name="workflow")
    model = document.validated(WorkflowModel)
    with placed(document, "results", "retention"):
        retention = RetentionPolicy.from_mapping(model.results.retention)
    folder = Path() if isinstance(config, dict) else Path(str(config)).parent
    reader = _Reader(document, folder, store)
    phases = tuple(reader.phase(name) for name in model.phases)
    return Workflow(model, phases, retention)


class _Reader:
    """Makes phases of what a file says."""

    def __init__(self, document: Document, folder: Path, store: str | None) -> None:
        self._document = document
        self._folder = folder
        self._store = store
        self._known: dict[str, Phase] = {}

    def phase(self, name: str) -> Phase:
        """Return the phase of this name; those before it are known."""
        said = self._document.values["phases"][name]
        path = ("phases", name)
        kinds = [kind for kind in _KINDS if kind in said]
        if len(kinds) != 1:
            hint = "".join(filter(None, (did_you_mean(str(key), _KINDS) for key in said)))
            problem = f"a phase has one of {', '.join(_KINDS)}.{hint}"
            raise self._document.error(path, problem)
        found: Phase
        if kinds[0] == "select":
            found = self._select(name)
        elif kinds[0] == "walk_forward":
            found = self._walk_forward(name)
        elif said["topology"] == "signal_generation":
            found = self._generation(name)
        else:
            found = self._replay(name)
        self._known[name] = found
        return found

    def _generation(self, name: str) -> Generates:
        part = self._document.part("phases", name)
        changes: dict[str, Any] = {}
        if "name" not in part.values:
            changes["name"] = name
        if self._store is not None and "record" not in part.values:
            changes["record"] = {"store": self._store}
        document, folder = opened(part, changes, "signal_generation")
        return Generates(name=name, topology=SignalGenerationTopology(document, folder))

    def _replay(self, name: str) -> Replays:
        model = self._document.part("phases", name).validated(ReplayPhaseModel)
        path = ("phases", name)
        return Replays(
            name=name,
            portfolios=self._portfolios(model, path),
            objectives=self._objectives(model, path, None),
            event_driven=model.event_driven,
        )

    def _select(self, name: str) -> Selects:
        said = self._document.part("phases", name).validated(SelectPhaseModel).select
        path = ("phases", name, "select")
        source = self._before(said.source, (*path, "from"))
        phase = self._known[source]
        if not isinstance(phase, Replays):
            problem = f"{source} tries nothing that could be chosen; name a phase that replays"
            raise self._document.error((*path, "from"), problem)
        return Selects(name=name, source=source, selection=self._selection(said, path))

    def _walk_forward(self, name: str) -> WalksForward:
        said = self._document.part("phases", name).validated(WalkPhaseModel).walk_forward
        path = ("phases", name, "walk_forward")
        with placed(self._document, *path, "windows"):
            windows = WalkForward(**said.windows.model_dump())
        return WalksForward(
            name=name,
            portfolios=self._portfolios(said, path),
            windows=windows,
            selection=self._selection(said.select, (*path, "select")),
            objectives=self._objectives(said, path, said.select.objective),
            event_driven=said.event_driven,
        )

    def _selection(self, said: SelectModel, path: tuple[str, ...]) -> Selection:
        known = get_host().objectives()
        direction = said.direction
        if direction is None:
            registered = said.objective in known
            direction = get_host().objective(said.objective).direction if registered else "maximise"
        with placed(self._document, *path):
            return Selection(
                by=said.objective,
                top=said.top,
                direction=direction,
                where=said.where,
                per=said.per,
            )

    def _objectives(
        self, said: PortfoliosModel, path: tuple[str, ...], decides: str | None
    ) -> tuple[str, ...]:
        names = list(said.objectives or DEFAULT)
        for place, name in enumerate(names):
            if name not in get_host().objectives():
                error = UnknownName("objective", name, get_host().objectives())
                raise self._document.error((*path, "objectives", place), str(error))
        if decides in get_host().objectives() and decides not in names:
            names.append(decides)
        return tuple(names)

    def _portfolios(self, said: PortfoliosModel, path: tuple[str, ...]) -> Portfolios:
        filters = {
            name: value
            for name in _FILTERS
            if (value := getattr(said.recording, name)) not in (None, False)
        }
        if isinstance(filters.get("symbols"), list):
            filters["symbols"] = tuple(filters["symbols"])
        for name, settings in said.portfolios.items():
            with placed(self._document, *path, "portfolios", name):
                PortfolioSettings.from_mapping(settings or {})
        signals: tuple[SignalsOf, ...] = ()
        source = said.recording.source
        if source is not None:
            source = self._before(source, (*path, "recording", "from"))
        else:
            signals = self._signals(said.recording, (*path, "recording"), filters)
            filters = {}
        return Portfolios(
            signals=signals,
            source=source,
            strategies=None if source is None else said.recording.strategies,
            filters=filters,
            portfolios={name: settings or {} for name, settings in said.portfolios.items()},
            points=self._points(said, path),
        )

    def _points(
        self, said: PortfoliosModel, path: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], ...]:
        with placed(self._document, *path, "grid"):
            grid = Grid(said.grid)
            for name, values in grid.values.items():
                for value in values.values:
                    PortfolioSettings.from_mapping({name: value})
            if said.sample is None:
                return tuple(dict(point) for point in grid)
            sample = grid.sample(said.sample.count, seed=said.sample.seed)
            return tuple(dict(point) for point in sample)

    def _signals(
        self, said: SignalsModel, path: tuple[str, ...], filters: Mapping[str, Any]
    ) -> tuple[SignalsOf, ...]:
        assert said.store is not None
        place = said.store
        if "://" not in place:
            place = str(self._folder / Path(place).expanduser())
        with placed(self._document, *path, "store"):
            store = open_store(place)
        with placed(self._document, *path, "run"):
            recording = store.latest() if said.run == "latest" else store[said.run]
        with placed(self._document, *path, "strategies"):
            return tuple(signals_in(recording, strategies=said.strategies, **filters))

    def _before(self, name: str, path: tuple[str, ...]) -> str:
        """Return the name of a phase before this one, or say that there is none."""
        if name in self._known:
            return name
        if name in self._document.values["phases"]:
            raise self._document.error(path, f"{name} does not come before this phase")
        raise self._document.error(
            path, str(UnknownName("phase before this one", name, self._known))
        )


def run_options(model: WorkflowModel) -> dict[str, Any]:
    """Return what a workflow says of its executor, as `Sequencer` takes it."""
    executor = model.executor
    if executor.use not in get_host().executors():
        raise UnknownName("executor", executor.use, get_host().executors())
    return {
        "executor": executor.use,
        "workers": executor.workers,
        "options": dict(executor.model_extra or {}),
    }
