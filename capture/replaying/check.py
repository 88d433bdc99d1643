"""`capture.check_replay`: whether a strategy's signals depend on the settings of its host."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from capture.contracts.adapter import PerturbingAdapter
from capture.contracts.perturbing import PERTURBATIONS, Perturbation, Rehearsal
from capture.errors import NotReplayable, RunNotFound, UnknownName
from capture.host import get_host
from capture.replaying.perturbed import (
    SignalChange,
    changed_settings,
    first_change,
    wanted_by,
)
from capture.replaying.rehearsals import recorded, rehearse, runnable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from capture.replaying.perturbed import Wanted
    from capture.store.recording import Recording

__all__ = ["Outcome", "ReplayCheck", "check_replay"]

_REPEATED: Final = "repeated"
"""The name of the run that changes nothing: what differs there is random."""


@dataclass(frozen=True)
class Outcome:
    """What came of one perturbation.

    Attributes:
        perturbation: which.
        settings: the host's settings that it changed, as "cash 10000 -> 100000".
        strategies: how many strategies were compared.
        signals: how many of their signals were compared, cancels and edits included.
        change: the first signal that differs; None if none does.
        problem: why less was compared than there was, if anything was in the way.
    """

    perturbation: str
    settings: tuple[str, ...] = ()
    strategies: int = 0
    signals: int = 0
    change: SignalChange | None = None
    problem: str | None = None

    def __str__(self) -> str:
        what = f"{self.perturbation} ({', '.join(self.settings)})" if self.settings else ""
        said = f"{what or self.perturbation}: "
        if self.change is not None:
            return said + f"signals change: {self.change}"
        if not self.strategies:
            return said + f"not compared: {self.problem}"
        told = f"; {self.problem}" if self.problem else ""
        return said + f"the same {self.signals} signals{told}"


@dataclass(frozen=True)
class ReplayCheck:
    """Whether the signals of a run depend on the host's settings.

    Attributes:
        strategies: identities of the strategies that were checked.
        signals: how many signals they gave under the user's own settings.
        outcomes: what came of each perturbation.
    """

    strategies: tuple[str, ...]
    signals: int
    outcomes: tuple[Outcome, ...]

    @property
    def independent(self) -> bool:
        """Whether no signal changed under any perturbation that could be compared."""
        return self.first_change is None

    @property
    def first_change(self) -> SignalChange | None:
        """The earliest signal that changed; None if none did."""
        changes = [outcome.change for outcome in self.outcomes if outcome.change is not None]
        return min(changes, key=lambda change: change.bar_index or 0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as plain values."""
        first = self.first_change
        return {
            "independent": self.independent,
            "first_change": None if first is None else asdict(first),
            **asdict(self),
        }

    def __str__(self) -> str:
        verdict = (
            "The signals do not depend on the portfolio, as far as this shows: a replay under "
            "other settings is valid."
            if self.independent
            else "The signals depend on the portfolio: a replay is valid under the same settings "
            "only."
        )
        return "\n".join([*map(str, self.outcomes), verdict])


def check_replay(
    run: Callable[[], Any], *, perturbations: Iterable[str] | None = None
) -> ReplayCheck:
    """Run a strategy under several settings of its host, and see whether its signals change.

    Everything is recorded into temporary stores; no store of the user's is written to. While this
    goes on nothing else should be recorded in this process.

    Args:
        run: runs the backtest, with its strategy wrapped, as often as it is called.
        perturbations: names from `capture.contracts.perturbing.PERTURBATIONS`; by default all
            that the backtester has a setting for.

    Raises:
        RunNotFound: nothing was recorded.
        NotReplayable: the backtester's settings cannot be perturbed, no perturbation could be
            compared, or the signals are others at every run.
        UnknownName: there is no such perturbation.

    Example:
        ```python
        backtest = Backtest(GOOG, capture.wrap(SmaCross), cash=10_000)
        assert capture.check_replay(backtest.run).independent
        ```
    """
    with TemporaryDirectory(prefix="capture-check-") as folder:
        return _Check(run, Path(folder).resolve()).outcome(perturbations)


class _Check:
    """One check while it goes on."""

    def __init__(self, run: Callable[[], Any], folder: Path) -> None:
        self._run = runnable(run)
        self._folder: Final = folder
        self._original: dict[tuple[str, ...], Wanted] = {}
        self._settings: dict[str, Mapping[str, Any]] = {}

    def outcome(self, names: Iterable[str] | None) -> ReplayCheck:
        """Run everything, and compare."""
        recordings = self._record("original", None)
        if not recordings:
            raise RunNotFound(
                "capture check-replay",
                "nothing was recorded",
                "wrap the strategy that runs: capture.wrap(Strategy)",
            )
        self._original = {wanted.key: wanted for wanted in wanted_by(recordings)}
        self._settings = {r.run_id: r.manifest["settings"] for r in recordings}
        chosen = _choose(recordings, names)
        self._refuse_random(recordings[0].run_id)
        outcomes = tuple(self._perturb(name) for name in chosen)
        if not any(outcome.strategies for outcome in outcomes):
            raise NotReplayable(
                recordings[0].run_id,
                f"no perturbed run could be compared ({outcomes[0].problem})",
                "let the script do the same at every run",
            )
        return ReplayCheck(
            tuple(dict.fromkeys(wanted.key[1] for wanted in self._original.values())),
            sum(len(wanted.steps) for wanted in self._original.values()),
            outcomes,
        )

    def _refuse_random(self, run_id: str) -> None:
        repeated = self._compare(_REPEATED, self._record(_REPEATED, None))
        if repeated.change is not None:
            raise NotReplayable(
                run_id,
                "its signals are others at every run, also under the same settings: "
                f"from bar {repeated.change.bar_index} on",
                "give its random numbers a seed",
            )

    def _perturb(self, name: str) -> Outcome:
        perturbation = Perturbation(name, PERTURBATIONS[name][0])
        try:
            recordings, raised = self._record(name, perturbation), None
        except Exception as exc:
            recordings, raised = recorded(self._folder / name), f"{type(exc).__name__}: {exc}"
        outcome = self._compare(name, recordings, raised)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        return outcome

    def _record(self, name: str, perturbation: Perturbation | None) -> list[Recording]:
        return rehearse(self._run, Rehearsal(perturbation, self._folder / name))

    def _compare(
        self, name: str, recordings: list[Recording], raised: str | None = None
    ) -> Outcome:
        settings = {r.run_id: r.manifest["settings"] for r in recordings}
        changed: dict[str, None] = {}
        strategies = signals = 0
        earliest: SignalChange | None = None
        for perturbed in wanted_by(recordings):
            original = self._original.get(perturbed.key)
            if original is None:
                continue
            mine = changed_settings(self._settings[original.run_id], settings[perturbed.run_id])
            if not mine and name != _REPEATED:
                continue
            changed.update(dict.fromkeys(mine))
            strategies += 1
            signals += min(len(original.steps), len(perturbed.steps))
            change = first_change(original, perturbed, name, mine)
            if earliest is None or (
                change is not None and (change.bar_index or 0) < (earliest.bar_index or 0)
            ):
                earliest = change
        problem = raised or self._left_out(strategies, recordings)
        return Outcome(name, tuple(changed), strategies, signals, earliest, problem)

    def _left_out(self, strategies: int, recordings: list[Recording]) -> str | None:
        missing = len(self._original) - strategies
        if not missing:
            return None
        if not recordings:
            return "nothing was recorded"
        return f"{missing} of {len(self._original)} strategies did not run alike, or as perturbed"


def _choose(recordings: list[Recording], names: Iterable[str] | None) -> list[str]:
    """Return the perturbations to try: those wanted, of those that the hosts know."""
    hosts = list(dict.fromkeys(str(recording.manifest["host"]) for recording in recordings))
    adapters = get_host().adapters()
    known: dict[str, None] = {}
    for host in hosts:
        adapter = adapters[host].get() if host in adapters else None
        if isinstance(adapter, PerturbingAdapter):
            known.update((name, None) for name in PERTURBATIONS if name in adapter.perturbations)
    if not known:
        raise NotReplayable(
            recordings[0].run_id,
            f"the settings of {', '.join(hosts)} cannot be perturbed",
            "replay it under other settings with .into(..., force=True), and look at "
            "replay.divergence",
        )
    chosen = list(known) if names is None else list(names)
    for name in chosen:
        if name not in known:
            raise UnknownName(f"perturbation of {', '.join(hosts)}", name, known)
    return chosen
