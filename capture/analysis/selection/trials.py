"""Trials: every parameter set that was run, with what its account earned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from capture.errors import CaptureError, ConfigError
from capture.recorder.grids import set_name
from capture.store.frames import to_frame
from capture.store.recording import Recording
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.store.part_reader import PartReader

__all__ = ["Trial", "Trials", "trials_of"]


@dataclass(frozen=True, eq=False)
class Trial:
    """One parameter set on one set of data.

    Attributes:
        name: strategy and parameters in one word, as a grid names them; several strategies are
            joined by "+".
        run_id: the first run that tried it.
        part: the part of that run.
        params: its parameters.
        returns: what the account earned in each period, by time, or by bar where bars have none;
            empty if the host did not record what the account was worth.
    """

    name: str
    run_id: str
    part: int
    params: Mapping[str, Any]
    returns: pd.Series[float]


@dataclass(frozen=True, eq=False)
class Trials:
    """Every trial once.

    Attributes:
        trials: in the order in which they were first tried.
        executions: how often a host ran, repetitions counted.
        unreadable: runs that cannot be read; what they tried is not counted.
    """

    trials: tuple[Trial, ...]
    executions: int
    unreadable: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def measured(self) -> tuple[Trial, ...]:
        """The trials whose returns are known."""
        return tuple(one for one in self.trials if len(one.returns) > 1)

    def together(self) -> pd.DataFrame:
        """Return the returns of all measured trials in the periods that all of them have."""
        columns = {number: one.returns for number, one in enumerate(self.measured)}
        if not columns:
            return pd.DataFrame()
        indices = {type(one.index) for one in columns.values()}
        if len(indices) > 1:  # some by time, some by bar: they have no period in common
            return pd.DataFrame(columns=list(columns), dtype=np.float64)
        return pd.concat(columns, axis=1, join="inner")


def trials_of(source: Any, *, every: str | None = None) -> Trials:
    """Return what was tried.

    The same parameters on the same data with the same code are one trial, however often they were
    run; replays try nothing. Another set of data, or changed code, is another trial.

    Args:
        source: a `Store` (all its captured runs, also those that failed or crashed), a `Recording`
            (such as that of a grid), or a list of them.
        every: length of a period, as pandas spells it ("1D", "1h"); a bar by default.
    """
    found: dict[Any, Trial] = {}
    executions, unreadable = 0, []
    for recording in _recordings(source):
        try:
            for key, trial in _of_run(recording, every):
                executions += 1
                known = found.get(key)
                if known is None or len(known.returns) < 2 <= len(trial.returns):
                    found[key] = trial
        except CaptureError:
            unreadable.append(recording.run_id)
    return Trials(tuple(found.values()), executions, tuple(unreadable))


def _recordings(source: Any) -> Iterator[Recording]:
    if isinstance(source, Recording):
        yield source
    elif isinstance(source, Store):
        for run_id in source:
            yield source[run_id]
    elif isinstance(source, (list, tuple)) and all(isinstance(one, Recording) for one in source):
        yield from source
    else:
        raise ConfigError("source", type(source).__name__, "give a store, or recordings")


def _of_run(recording: Recording, every: str | None) -> Iterator[tuple[Any, Trial]]:
    if recording.kind != "capture":
        return
    code = recording.manifest.get("code_sha256")
    for part in recording.parts:
        names, params, key = _tried(recording, part)
        data = frozenset(ref["fingerprint"] for ref in part.base)
        returns = _returns(recording, part.number, every)
        trial = Trial("+".join(names), recording.run_id, part.number, params, returns)
        yield (key, data, code), trial


def _tried(recording: Recording, part: PartReader) -> tuple[list[str], dict[str, Any], Any]:
    """Return the strategies of a part, their parameters, and what tells them from others."""
    said = [(one["strategy_id"], one["params"]) for one in part.segments]
    if not said:  # it gave no signal
        account = part.scan("equity", ["strategy_id"])
        ids = account["strategy_id"].unique().to_pylist() if account.num_columns else []
        name = next((one for one in ids if one), recording.manifest["strategy"])
        alone = len(recording.parts) == 1
        said = [(name, recording.manifest["params"] if alone else {})]
    names = list(dict.fromkeys(name for name, _ in said))
    params = {name: value for _, given in said for name, value in given.items()}
    family = recording.manifest["strategy"]
    if len(names) == 1:
        # A grid names its parameter sets, a plain run does not; that makes no other trial.
        said = [(family, given) for _, given in said]
        if names == [family] and params:
            names = [set_name(family, params)]
    key = frozenset(
        (strategy, name, repr(value) if isinstance(value, (list, dict)) else value)
        for strategy, given in said
        for name, value in [("", None), *given.items()]
    )
    return names, params, key


def _returns(recording: Recording, part: int, every: str | None) -> pd.Series[float]:
    wanted = ["timestamp", "bar_index", "equity"]
    account = to_frame(recording.table("equity", wanted, [("part", "=", part)]))
    account = account.dropna(subset=["equity"])
    timed = account["timestamp"].notna().all()
    worth = account.groupby("timestamp" if timed else "bar_index")["equity"].last()
    if every is not None and timed and len(worth):
        worth = worth.resample(every).last().dropna()
    before = worth.shift()
    returns = (worth / before.where(before > 0) - 1).iloc[1:]
    return returns.dropna().astype(np.float64)
