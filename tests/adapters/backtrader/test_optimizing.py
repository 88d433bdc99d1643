"""The host's optimiser: one run, with a part for each parameter set."""

from __future__ import annotations

import gc
from time import monotonic
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from capture.store.verify import verify
from tests.adapters.backtrader.runs import a_year
from tests.adapters.backtrader.strategies import SmaCross

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

SETS = {"fast": (4, 8), "slow": (15, 20, 25)}
NAMES = {f"SmaCross_fast_{fast}_slow_{slow}" for fast in (4, 8) for slow in (15, 20, 25)}


class Worth(bt.Analyzer):
    """What the account was worth in the end."""

    def stop(self) -> None:
        self.rets["worth"] = self.strategy.broker.getvalue()


class Failing(SmaCross):
    """Raises with one of the parameter sets."""

    def stop(self) -> None:
        if self.p.slow == 20:
            raise ValueError("not this one")


def optimise(strategy: Any, processes: int, **options: Any) -> list[Any]:
    """Return, by parameter set, what the account was worth."""
    cerebro = bt.Cerebro(maxcpus=processes, **options)
    a_year(cerebro)
    cerebro.addanalyzer(Worth, _name="worth")
    cerebro.optstrategy(strategy, **SETS)
    return [
        (run.p.fast, run.p.slow, run.analyzers.worth.get_analysis()["worth"])
        for [run] in cerebro.run()
    ]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_grid_is_one_run(processes: int, tmp_path: Path) -> None:
    plain = optimise(SmaCross, processes)
    assert optimise(capture.wrap(SmaCross, store=tmp_path), processes) == plain
    store = capture.open(tmp_path)
    runs = store.runs()
    assert runs["state"].tolist() == ["ended"]
    recording = store.latest()
    assert len(recording.parts) == len(NAMES)
    assert {s["strategy_id"] for part in recording.parts for s in part.segments} == NAMES
    signals = recording.signals()
    named = signals["strategy_id"].str.extract(r"fast_(\d+)_slow_(\d+)").astype(int)
    assert named[0].tolist() == signals["param_fast"].tolist()
    assert named[1].tolist() == signals["param_slow"].tolist()
    assert len({ref["fingerprint"] for part in recording.parts for ref in part.base}) == 1
    assert verify(store).ok


def test_a_parameter_set_that_raises_fails_the_run(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not this one"):
        optimise(capture.wrap(Failing, store=tmp_path), 1)
    assert capture.open(tmp_path).runs()["state"].tolist() == ["failed"]


# The host leaves its pool to the collector of garbage.
@pytest.mark.filterwarnings("ignore:unclosed running multiprocessing pool:ResourceWarning")
def test_a_worker_that_raises_fails_the_run(tmp_path: Path) -> None:
    said = ""
    try:  # nothing may hold on to the exception, which holds on to the host's pool
        optimise(capture.wrap(Failing, store=tmp_path), 2)
    except ValueError as exc:
        said = str(exc)
    assert said == "not this one"
    give_up = monotonic() + 20
    states = ["running"]
    while "running" in states and monotonic() < give_up:
        gc.collect()
        states = capture.open(tmp_path).runs()["state"].tolist()
    first, *others = states
    assert first == "failed"
    # Until the host's pool is collected, another worker may go on with sets of its own.
    assert set(others) <= {"ended", "failed", "crashed-recovered"}


def test_two_grids_are_two_runs(tmp_path: Path) -> None:
    for _ in range(2):
        optimise(capture.wrap(SmaCross, store=tmp_path), 1)
    assert capture.open(tmp_path).runs()["state"].tolist() == ["ended", "ended"]


def test_whole_strategies_come_back_from_workers(tmp_path: Path) -> None:
    wrapped = capture.wrap(SmaCross, store=tmp_path)
    assert optimise(wrapped, 2, optreturn=False) == optimise(SmaCross, 2, optreturn=False)
