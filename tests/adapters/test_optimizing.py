"""What the host's optimiser executes is one run, with a part for each parameter set."""

from __future__ import annotations

import multiprocessing
import os
import pickle  # noqa: TID251 - the host's optimiser pickles what users give it
import signal
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from multiprocessing.pool import ThreadPool
from typing import TYPE_CHECKING, Any

import backtesting
import pytest
from backtesting.lib import FractionalBacktest

import capture
from capture.errors import StoreError
from capture.store.layout import PART_RECORD
from capture.testing.adapter import identical
from tests.adapters import grid_strategies as g
from tests.adapters import strategies as s
from tests.adapters.runs import Case, goog, in_threads, recordings, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.host, pytest.mark.slow]

GRID = {"fast": [5, 10, 15], "slow": [20, 40]}
SETS = {(fast, slow) for fast in GRID["fast"] for slow in GRID["slow"]}
FREE = {"cash": 10_000, "finalize_trades": True}
CROSS = Case(s.SmaCross, goog, FREE)


class Serial:
    """A pool that has no workers: everything runs where it is asked for."""

    def __enter__(self) -> Serial:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def imap(self, task: Any, arguments: Iterable[Any]) -> Iterator[Any]:
        return map(task, arguments)


POOLS = {
    "fork": partial(multiprocessing.get_context("fork").Pool, 2),
    "spawn": partial(multiprocessing.get_context("spawn").Pool, 2),
    "threads": partial(ThreadPool, 2),
    "none": Serial,
}


@pytest.fixture(autouse=True)
def _no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show none: a forked worker shares the lock of all bars, and may be ended while it has it."""
    monkeypatch.setattr(backtesting.backtesting, "_tqdm", lambda steps, **_said: steps)


@pytest.fixture(params=POOLS)
def pool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let the optimiser use each kind of pool."""
    monkeypatch.setattr(backtesting, "Pool", POOLS[request.param])
    return str(request.param)


def optimized(case: Case, folder: Path, **said: Any) -> Any:
    """Let the host's optimiser run captured executions of a case."""
    backtest = case.backtest(lambda it: capture.wrap(it, store=folder))
    return backtest.optimize(**{**GRID, **said})


def only(folder: Path) -> Any:
    """Return the one recording of a store."""
    [recording] = recordings(folder)
    return recording


def strategy_ids(recording: Any) -> list[str]:
    return [segment["strategy_id"] for part in recording.parts for segment in part.segments]


def test_a_grid_is_one_run_whatever_executes_it(tmp_path: Path, pool: str) -> None:
    best, heat = CROSS.backtest().optimize(**GRID, return_heatmap=True)
    got_best, got_heat = optimized(CROSS, tmp_path, return_heatmap=True)
    assert identical(heat, got_heat)
    assert str(best._strategy) == str(got_best._strategy)
    assert identical(best._trades, got_best._trades)
    assert identical(best._equity_curve, got_best._equity_curve)

    recording = only(tmp_path)
    manifest = recording.manifest
    assert (manifest["state"], manifest["kind"], manifest["problem"]) == ("ended", "capture", None)
    assert manifest["strategy"] == "SmaCross"
    assert manifest["params"] == GRID
    assert manifest["settings"]["cash"] == 10_000
    assert manifest["flags"]["optimizer"] == {"method": "grid", "maximize": "SQN"}
    # The best set is run once more at last: the same name again, and no further trial.
    names = [f"SmaCross_fast_{fast}_slow_{slow}" for fast, slow in SETS]
    again = "SmaCross_fast_{}_slow_{}".format(*heat.idxmax())
    assert sorted(strategy_ids(recording)) == sorted([*names, again])
    assert strategy_ids(recording)[-1] == again
    assert manifest["counts"]["trials"] == len(SETS)
    assert len(list((tmp_path / "base").iterdir())) == 1
    assert capture.verify(tmp_path).ok

    signals = recording.signals()
    assert signals["part"].nunique() == len(SETS) + 1
    shown = signals[["strategy_id", "param_fast", "param_slow"]].drop_duplicates()
    assert {name: (fast, slow) for name, fast, slow in shown.itertuples(index=False)} == {
        f"SmaCross_fast_{fast}_slow_{slow}": (fast, slow) for fast, slow in SETS
    }
    assert not signals["signal_id"].duplicated().any()


def test_each_part_holds_what_a_run_of_its_own_would(tmp_path: Path) -> None:
    optimized(CROSS, tmp_path / "grid")
    grid = only(tmp_path / "grid")
    for fast, slow in SETS:
        run(
            CROSS.backtest(lambda it: capture.wrap(it, store=tmp_path / "alone")),
            fast=fast,
            slow=slow,
        )
        alone = capture.open(tmp_path / "alone").latest()
        name = f"SmaCross_fast_{fast}_slow_{slow}"
        mine = grid.signals(where=[("strategy_id", "=", name)])
        mine = mine[mine["part"] == mine["part"].min()].reset_index(drop=True)
        theirs = alone.signals()
        columns = [
            name
            for name in theirs.columns
            if name not in {"part", "signal_id", "strategy_id", "recorded_time", "processing_ns"}
        ]
        assert identical(theirs[columns], mine[columns])


def test_one_set_replays_exactly(tmp_path: Path, pool: str) -> None:
    optimized(CROSS, tmp_path)
    grid = only(tmp_path)
    for fast, slow in [(5, 40), (15, 20)]:
        name = f"SmaCross_fast_{fast}_slow_{slow}"
        fresh = run(CROSS.backtest(), fast=fast, slow=slow)
        source = capture.replay(grid, strategy=name)
        replayed = run(CROSS.backtest(lambda _, it=source: it.into("backtesting", store=tmp_path)))
        assert identical(fresh._equity_curve, replayed._equity_curve)
        repeated = capture.open(tmp_path).latest("replay")
        assert repeated.manifest["parent"] == grid.run_id
        assert repeated.manifest["counts"]["trials"] == 0
        assert capture.parity(grid, repeated).exact
        assert not capture.parity(grid, repeated, strategy="SmaCross_fast_10_slow_20").exact


def test_runs_that_the_user_asks_for_stay_runs_of_their_own(tmp_path: Path) -> None:
    backtest = CROSS.backtest(lambda it: capture.wrap(it, store=tmp_path))
    run(backtest, fast=5)
    backtest.optimize(**GRID)
    run(backtest, fast=5)
    run(backtest, fast=7)
    found = recordings(tmp_path)
    assert [len(recording.parts) for recording in found] == [1, len(SETS) + 1, 1, 1]
    assert {recording.state for recording in found} == {"ended"}
    assert [strategy_ids(found[n]) for n in (0, 2, 3)] == [["SmaCross"]] * 3
    backtest.optimize(**GRID)
    assert len(recordings(tmp_path)) == len(found) + 1


def test_another_backtest_inside_the_optimiser_is_a_run_of_its_own(tmp_path: Path) -> None:
    def alone(stats: Any) -> float:
        run(CROSS.backtest(lambda it: capture.wrap(it, store=tmp_path)), fast=7)
        return float(stats["Equity Final [$]"])

    optimized(CROSS, tmp_path, slow=[20], maximize=alone)
    parts = sorted(len(recording.parts) for recording in recordings(tmp_path))
    assert parts == [1, 1, 1, 4]


def test_a_strategy_of_a_captured_class_is_a_part_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"__module__": g.__name__, "__qualname__": "Derived"}
    derived = type("Derived", (capture.wrap(s.SmaCross, store=tmp_path),), said)
    monkeypatch.setattr(g, "Derived", derived, raising=False)
    Case(derived, goog, FREE).backtest().optimize(**GRID)
    assert len(only(tmp_path).parts) == len(SETS) + 1
    assert strategy_ids(only(tmp_path))[0].startswith("Derived_fast_")


def test_fractions_of_units_are_optimised_as_well(tmp_path: Path) -> None:
    case = Case(s.SmaCross, goog, FREE, FractionalBacktest)
    expected = case.backtest().optimize(**GRID)
    got = optimized(case, tmp_path)
    assert identical(expected._trades, got._trades)
    assert only(tmp_path).state == "ended"
    assert len(only(tmp_path).parts) == len(SETS) + 1


def test_two_optimisers_at_once_are_two_runs(tmp_path: Path) -> None:
    wrapped = capture.wrap(s.SmaCross, store=tmp_path)
    halves = [goog().iloc[:1000], goog().iloc[1000:]]
    tests = [
        Case(s.SmaCross, lambda it=half: it, FREE).backtest(lambda _: wrapped) for half in halves
    ]
    in_threads(*(partial(test.optimize, **GRID) for test in tests))
    found = recordings(tmp_path)
    assert [len(recording.parts) for recording in found] == [len(SETS) + 1] * 2
    assert {recording.state for recording in found} == {"ended"}
    for recording in found:
        assert len({ref["fingerprint"] for part in recording.parts for ref in part.base}) == 1


# --- what goes wrong -----------------------------------------------------------------------------


def test_an_exception_in_one_set_ends_the_run_as_failed(tmp_path: Path, pool: str) -> None:
    case = Case(g.Unlucky, goog, FREE)
    with pytest.raises(g.NoLuck) as plain:
        case.backtest().optimize(**GRID)
    with pytest.raises(g.NoLuck) as caught:
        optimized(case, tmp_path)
    assert str(caught.value) == str(plain.value)
    del plain, caught
    # Somebody may still keep the exception: then the next run ends this one.
    run(CROSS.backtest(lambda it: capture.wrap(it, store=tmp_path / "next")))
    recording = wait_for_end(tmp_path)
    states = {part.record["state"] for part in recording.parts}
    # A pool of processes kills the workers that are still at work, maybe also the one that raised,
    # which seals its part when it has handed the exception on.
    said = {"failed": "raised"}
    if pool in ("fork", "spawn"):
        said["crashed-recovered"] = "died"
    assert states & said.keys()
    assert recording.state in said
    assert any(word in recording.manifest["problem"] for word in said.values())
    assert capture.verify(tmp_path).ok


def wait_for_end(folder: Path) -> Any:
    """Return the one recording of a store, when it has ended: threads may still be at work."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        recording = only(folder)
        if recording.state != "running":
            return recording
        time.sleep(0.05)
    raise AssertionError(f"{recording.run_id} does not end")


def test_an_exception_outside_of_any_set_ends_the_run_as_failed(tmp_path: Path) -> None:
    def unwilling(stats: Any) -> float:
        raise g.NoLuck("not this one")

    with pytest.raises(g.NoLuck):
        optimized(CROSS, tmp_path, maximize=unwilling)
    recording = wait_for_end(tmp_path)
    # Where the host's pool killed a worker in the middle of a set, the set's part says so first.
    said = {"failed": "the optimiser ended without results", "crashed-recovered": "died"}
    assert said[recording.state] in recording.manifest["problem"]


def test_an_interrupted_optimiser_ends_its_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(backtesting, "Pool", Serial)
    with pytest.raises(KeyboardInterrupt):
        optimized(Case(g.Stopped, goog, FREE), tmp_path)
    recording = wait_for_end(tmp_path)
    assert recording.state == "failed"
    assert [part.record["state"] for part in recording.parts] == ["ended", "ended", "failed"]


def test_a_kept_exception_does_not_keep_a_run_open_for_ever(tmp_path: Path) -> None:
    with pytest.raises(g.NoLuck) as kept:
        optimized(Case(g.Unlucky, goog, FREE), tmp_path)
    assert kept.traceback
    optimized(CROSS, tmp_path)
    first, second = recordings(tmp_path)
    assert first.state in {"failed", "crashed-recovered"}
    assert second.state == "ended"


def test_a_store_that_cannot_be_is_said_by_the_optimiser(tmp_path: Path, pool: str) -> None:
    (tmp_path / "signals").write_text("my notes")
    with pytest.raises(StoreError, match="signals"):
        optimized(CROSS, tmp_path / "signals")
    assert (tmp_path / "signals").read_text() == "my notes"


SCRIPT = """
import os, sys, signal, warnings
warnings.simplefilter("ignore")
import capture
from backtesting import Backtest
from backtesting.test import GOOG
from tests.adapters import grid_strategies as g
from tests.adapters.strategies import SmaCross

def die(stats):
    os.kill(os.getpid(), signal.SIGKILL)

strategy = capture.wrap({strategy}, store=sys.argv[1])
if __name__ == "__main__":
    backtest = Backtest(GOOG, strategy, cash=10_000, finalize_trades=True)
    backtest.optimize(fast=[5, 10, 15], slow=[20, 40], maximize={maximize})
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Any]:
    """Return a function that starts an optimiser in a process; no worker outlives the test."""
    started: list[subprocess.Popen[str]] = []

    def start(strategy: str, maximize: str = "'SQN'") -> subprocess.Popen[str]:
        script = tmp_path / "script.py"
        script.write_text(SCRIPT.format(strategy=strategy, maximize=maximize))
        started.append(
            subprocess.Popen(
                [sys.executable, str(script), str(tmp_path / "signals")],
                env={
                    **os.environ,
                    "GRID_SAYS": str(tmp_path / "said"),
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for one in started:
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)
        one.communicate()


def said(folder: Path) -> str:
    """Return what the strategy said, when it has."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (folder / "said").exists() and (text := (folder / "said").read_text()):
            return text
        time.sleep(0.02)
    raise AssertionError("the strategy never came to it")


@pytest.mark.crash
def test_a_run_whose_optimiser_was_killed_ends_when_its_workers_are_gone(
    tmp_path: Path, process: Any
) -> None:
    optimizer = process("g.Slow")
    worker = int(said(tmp_path))
    while not list(tmp_path.glob(f"signals/runs/*/parts/*/{PART_RECORD}")):
        time.sleep(0.02)  # until another worker has sealed a part
    os.kill(optimizer.pid, signal.SIGKILL)
    optimizer.wait()
    assert only(tmp_path / "signals").state == "running"  # a worker is still at it
    os.kill(worker, signal.SIGKILL)
    os.killpg(optimizer.pid, signal.SIGKILL)
    recording = wait_for_end(tmp_path / "signals")
    assert recording.state == "crashed-recovered"
    assert {part.record["state"] for part in recording.parts} == {"ended", "crashed-recovered"}
    assert recording.manifest["counts"]["trials"] == len(set(strategy_ids(recording)))
    assert capture.verify(tmp_path / "signals").ok


@pytest.mark.crash
def test_a_run_whose_optimiser_was_killed_between_two_sets_has_all_its_parts(
    tmp_path: Path, process: Any
) -> None:
    optimizer = process("SmaCross", "die")
    optimizer.wait()
    os.killpg(optimizer.pid, signal.SIGKILL)
    recording = wait_for_end(tmp_path / "signals")
    assert recording.state == "crashed-recovered"
    assert recording.manifest["counts"]["trials"] == len(recording.parts) >= 1
    assert capture.verify(tmp_path / "signals").ok


@pytest.mark.crash
def test_a_killed_worker_loses_nothing_that_it_recorded(tmp_path: Path, process: Any) -> None:
    optimizer = process("g.Doomed")
    assert said(tmp_path) == "killed"
    time.sleep(0.5)
    os.kill(optimizer.pid, signal.SIGINT)  # the host waits for ever for what the worker had to do
    _, errors = optimizer.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    [run_folder] = (tmp_path / "signals" / "runs").iterdir()
    assert (run_folder / "manifest.json").exists()  # its owner ended it, not who reads it now
    recording = only(tmp_path / "signals")
    assert recording.state == "crashed-recovered"
    killed = next(part for part in recording.parts if part.record["state"] == "crashed-recovered")
    assert killed.segments[0]["params"]["fast"] == 10
    assert recording.signals(where=[("part", "=", killed.number)])["bar_index"].max() > 400


# --- what the parts do not have in common --------------------------------------------------------


def test_an_indicator_whose_type_depends_on_the_set_stays_a_number(tmp_path: Path) -> None:
    case = Case(g.Changing, goog, FREE)
    kinds = {"whole": 0.0, "real": 0.5, "yes or no": None}
    optimized(case, tmp_path, fast=[5], slow=[20], kind=list(kinds))
    signals = only(tmp_path).signals(columns=["bar_index", "param_kind", "indicator_odd"])
    assert signals["indicator_odd"].dtype == "float64"
    for kind, more in kinds.items():
        rows = signals[signals["param_kind"] == kind]
        at = rows["bar_index"]
        expected = (at > 1000).astype(float) if more is None else at + more
        assert (rows["indicator_odd"] == expected).all()
        assert len(rows)


def test_numbers_and_texts_in_one_column_become_texts(tmp_path: Path) -> None:
    case = Case(g.Changing, goog, FREE)
    optimized(case, tmp_path, fast=[5], slow=[20], level=["low", 3])
    signals = only(tmp_path).signals(columns=["param_level"])
    assert set(signals["param_level"]) == {"low", "3"}


# --- what the optimiser needs of the class -------------------------------------------------------


def test_a_new_process_runs_the_pickled_class(tmp_path: Path) -> None:
    wrapped = capture.wrap(s.SmaCross, store=tmp_path / "signals", symbol="GOOG")
    pickled = tmp_path / "strategy.pickle"
    pickled.write_bytes(pickle.dumps(wrapped))
    code = (
        "import pickle, sys, warnings; warnings.simplefilter('ignore')\n"
        "from backtesting import Backtest; from backtesting.test import GOOG\n"
        "wrapped = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(Backtest(GOOG, wrapped, cash=10_000).run()['Equity Final [$]'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(pickled)], capture_output=True, text=True, check=True
    )
    here = run(Case(s.SmaCross, goog, {"cash": 10_000}).backtest())
    assert float(done.stdout) == here["Equity Final [$]"]
    recording = capture.open(tmp_path / "signals").latest()
    assert recording.state == "ended"
    assert set(recording.signals()["symbol"]) == {"GOOG"}
