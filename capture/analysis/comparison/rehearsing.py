"""One strategy on all its data and on part of them: how both are run, and brought together."""

from __future__ import annotations

import inspect
import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.contracts.adapter import TruncatingAdapter
from capture.contracts.perturbing import Cut, Rehearsal
from capture.contracts.tracing import read_traces
from capture.errors import ConfigError, NotReplayable, RunNotFound
from capture.host import get_host
from capture.replaying.rehearsals import recorded, rehearse, runnable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from capture.contracts.tracing import Trace
    from capture.store.recording import Recording

__all__ = ["Rehearsed", "Stage", "indicator_changes", "pairs"]

Key = tuple[str, ...]


@dataclass(frozen=True)
class Rehearsed:
    """What came of running something once.

    Attributes:
        recordings: what was recorded, by what each is known by in another run.
        traces: the indicators at every bar, by the same and the strategy.
        problem: what it raised.
    """

    recordings: dict[Key, Recording]
    traces: dict[Key, list[Trace]]
    problem: str | None = None


class Stage:
    """Runs what the user gave, on all its data and on part of them."""

    def __init__(self, run: Callable[..., Any], data: Any, folder: Path, verb: str) -> None:
        """Prepare to run; `data` is handed to the run, cut, where the adapter cannot cut it."""
        self._run: Final = runnable(run)
        self._data: Final = data
        self._folder: Final = folder
        self._verb: Final = verb
        self._number = 0

    def whole(self) -> Rehearsed:
        """Run it on all its data; what differs between two such runs is random."""
        found = self._rehearse(None)
        if not found.recordings:
            raise RunNotFound(
                f"capture {self._verb}",
                "nothing was recorded",
                "wrap the strategy that runs: capture.wrap(Strategy)",
            )
        if self._data is None:
            self._refuse_uncuttable(found)
        return found

    def cut(self, cut: Cut) -> Rehearsed:
        """Run it on part of its data; what it raises is told, and no reason to stop."""
        return self._rehearse(cut)

    def _refuse_uncuttable(self, found: Rehearsed) -> None:
        adapters = get_host().adapters()
        for recording in found.recordings.values():
            host = str(recording.manifest["host"])
            adapter = adapters[host].get() if host in adapters else None
            if not isinstance(adapter, TruncatingAdapter):
                raise NotReplayable(
                    recording.run_id,
                    f"the data of {host} cannot be cut from outside",
                    f"give them: capture.{self._verb}(run, data=prices), where run(prices) runs "
                    "the backtest on what it is given",
                )

    def _rehearse(self, cut: Cut | None) -> Rehearsed:
        folder = self._folder / str(self._number)
        self._number += 1
        given = self._data is not None
        rehearsal = Rehearsal(None, folder, None if given else cut, trace=True)
        data = _cut_frame(self._data, cut) if given and cut is not None else self._data
        problem = None
        try:
            recordings = rehearse((lambda: self._run(data)) if given else self._run, rehearsal)
        except Exception as exc:
            if cut is None:
                raise
            recordings, problem = recorded(folder), f"{type(exc).__name__}: {exc}"
        return _known(recordings, folder, problem)

    def forget(self) -> None:
        """Remove what the last run left."""
        shutil.rmtree(self._folder / str(self._number - 1), ignore_errors=True)


def _known(recordings: Sequence[Recording], folder: Path, problem: str | None) -> Rehearsed:
    """Say by what each recording is known in another run: its strategy, and which of its runs."""
    by_key: dict[Key, Recording] = {}
    seen: dict[tuple[str, ...], int] = {}
    for recording in recordings:
        params = json.dumps(recording.manifest["params"], sort_keys=True, default=str)
        name = (str(recording.manifest["strategy"]), params)
        seen[name] = seen.get(name, 0) + 1
        by_key[(*name, str(seen[name]))] = recording
    keys = {recording.run_id: key for key, recording in by_key.items()}
    traces: dict[Key, list[Trace]] = {}
    for trace in read_traces(folder):
        if trace.run_id in keys:
            traces.setdefault((*keys[trace.run_id], trace.strategy_id), []).append(trace)
    return Rehearsed(by_key, traces, problem)


def _cut_frame(data: Any, cut: Cut) -> Any:
    """Return data with the rows that a cut keeps: a frame, a series, or a mapping of them."""
    if isinstance(data, dict):
        return {name: _cut_frame(one, cut) for name, one in data.items()}
    index = getattr(data, "index", None)
    if index is None or inspect.isroutine(index) or not hasattr(index, "tz"):
        raise ConfigError("data", type(data).__name__, "give a frame or series with times as index")
    naive = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    labels = naive.to_numpy("datetime64[ns]").view(np.int64)
    return data[[cut.keeps(label) for label in labels.tolist()]]


def pairs(whole: Rehearsed, part: Rehearsed) -> Iterator[tuple[Recording, Recording]]:
    """Yield the recordings that are of the same strategy."""
    for key, recording in part.recordings.items():
        if key in whole.recordings:
            yield whole.recordings[key], recording


def indicator_changes(
    whole: Rehearsed, part: Rehearsed, tolerance: float
) -> Iterator[tuple[str, str, NDArray[np.int64], NDArray[np.bool_], NDArray[Any], NDArray[Any]]]:
    """Yield of each indicator: strategy, name, labels of bars both have, where it differs, values.

    The values come last: those on all data, and those on part of them.
    """
    for key, traces in part.traces.items():
        for one, other in zip(whole.traces.get(key, ()), traces, strict=False):
            labels, a, b = np.intersect1d(one.labels, other.labels, return_indices=True)
            for name in one.columns.keys() & other.columns.keys():
                then, now = one.columns[name][a], other.columns[name][b]
                yield other.strategy_id, name, labels, _apart(then, now, tolerance), then, now


def _apart(
    one: NDArray[np.float64], other: NDArray[np.float64], tolerance: float
) -> NDArray[np.bool_]:
    absent = np.isnan(one), np.isnan(other)
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.maximum(np.abs(one), np.abs(other))
        near = (one == other) | (np.abs(one - other) <= tolerance * size)
    differ: NDArray[np.bool_] = ~near & ~(absent[0] & absent[1])
    return differ
