"""Runs with many parts: begun by one process, joined by any, ended by the one that began them."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import PartBusy, StoreError
from capture.recorder.facts import StrategyFacts
from capture.recorder.grids import Grid, join, set_name
from capture.store.run import RunStart
from capture.store.store import state_of

if TYPE_CHECKING:
    from pathlib import Path

START = RunStart(host="engine", strategy="Cross", params={"fast": [5, 10]})


@pytest.fixture
def config(tmp_path: Path) -> capture.SignalCaptureConfig:
    return capture.SignalCaptureConfig(storage_path=tmp_path / "signals")


def record(config: Any, folder: Any, fast: float, state: str = "ended") -> None:
    """Write a part with one signal."""
    engine = capture.SignalCaptureEngine(config, run=folder)
    name = set_name("Cross", {"fast": fast})
    engine.capture_signal(
        {"symbol": "GOOG", "direction": 1},
        {"timestamp": 0, "strategy_id": name, "strategy_params": {"fast": fast}},
    )
    engine.close(capture.events.RunState(state), problem=None if state == "ended" else "it raised")


def only(config: Any) -> Any:
    store = capture.open(config.storage_path)
    [run_id] = store
    return store[run_id]


def test_parts_of_threads_and_processes_are_one_run(config: Any) -> None:
    grid = Grid.begin(config, START)
    threads = [Thread(target=record, args=(config, grid.folder, fast)) for fast in (5, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    code = (
        "import sys, capture\n"
        "from tests.recorder.test_grids import join, record\n"
        "config = capture.SignalCaptureConfig(storage_path=sys.argv[1])\n"
        "record(config, join(config, sys.argv[2]), 15)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", code, str(config.storage_path), grid.run_id]
    subprocess.run(command, env=environment, check=True)
    assert only(config).state == "running"
    grid.end()
    recording = only(config)
    assert (recording.state, recording.kind) == ("ended", "capture")
    assert recording.manifest["params"] == {"fast": [5, 10]}
    assert recording.manifest["counts"]["trials"] == 3
    assert sorted(recording.signals()["param_fast"]) == [5, 10, 15]
    assert capture.verify(config.storage_path).ok


def test_a_set_that_is_repeated_is_no_new_trial(config: Any) -> None:
    grid = Grid.begin(config, START)
    for fast in (5, 10, 5.0):
        record(config, grid.folder, fast)
    grid.end()
    assert len(only(config).parts) == 3
    assert only(config).manifest["counts"]["trials"] == 2


def test_a_part_that_failed_makes_the_run_fail(config: Any) -> None:
    grid = Grid.begin(config, START)
    record(config, grid.folder, 5)
    record(config, grid.folder, 10, "failed")
    grid.end()
    assert only(config).state == "failed"
    assert only(config).manifest["problem"] == "it raised"


def test_the_first_end_decides(config: Any) -> None:
    grid = Grid.begin(config, START)
    grid.end()
    grid.give_up()
    assert only(config).state == "ended"


def test_an_end_that_comes_too_early_waits_for_the_parts(config: Any) -> None:
    grid = Grid.begin(config, START)
    engine = capture.SignalCaptureEngine(config, run=grid.folder)
    grid.end()
    grid.settle()
    assert only(config).state == "running"
    engine.close()
    grid.settle()
    assert only(config).state == "ended"


def test_a_part_of_a_run_that_has_ended_is_refused(config: Any) -> None:
    grid = Grid.begin(config, START)
    grid.end()
    with pytest.raises(PartBusy, match="ended"):
        capture.SignalCaptureEngine(config, run=join(config, grid.run_id))


def test_a_run_that_is_not_there_cannot_be_joined(config: Any) -> None:
    Grid.begin(config, START).end()
    with pytest.raises(StoreError):
        join(config, "20240101-000000-Cross-aaaaaa")


class Mortal:
    """Something that dies with the optimiser."""


def test_a_run_fails_when_what_it_ends_with_is_gone(config: Any) -> None:
    grid = Grid.begin(config, START)
    call, copy = Mortal(), Mortal()
    grid.end_with(call)
    grid.end_with(copy)
    record(config, grid.folder, 5)
    del call
    gc.collect()
    assert only(config).state == "running"
    del copy
    gc.collect()
    assert only(config).state == "failed"
    assert "the optimiser ended without results" in only(config).manifest["problem"]


def test_a_forked_child_leaves_the_run_to_its_parent(config: Any) -> None:
    grid = Grid.begin(config, START)
    call = Mortal()
    grid.end_with(call)
    child = os.fork()
    if child == 0:  # what it does must not depend on pytest, which it may not run any further
        status = 1
        try:
            record(config, grid.folder, 5)
            grid.end()
            del call
            grid.settle()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert grid.folder.owned
    assert state_of(grid.folder.path) == "running"
    assert only(config).state == "running"
    record(config, grid.folder, 10)
    grid.end()
    assert only(config).state == "ended"
    assert sorted(only(config).signals()["param_fast"]) == [5, 10]


def test_a_child_that_outlives_its_parent_does_not_hold_the_run(config: Any) -> None:
    code = (
        "import os, sys, time, capture\n"
        "from tests.recorder.test_grids import START, Grid, record\n"
        "config = capture.SignalCaptureConfig(storage_path=sys.argv[1])\n"
        "grid = Grid.begin(config, START)\n"
        "record(config, grid.folder, 5)\n"
        "if os.fork() == 0:\n"
        "    os.close(1)\n"
        "    sys.stdin.read()\n"
        "    os._exit(0)\n"
        "os._exit(0)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(config.storage_path)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.read() == b""  # the parent has gone, and the child closed its end
    assert process.wait() == 0
    recording = only(config)  # the child still waits for us
    assert recording.state == "crashed-recovered"
    assert len(recording.parts) == 1
    assert process.stdin is not None
    process.stdin.close()


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"fast": 10, "slow": 20}, "Cross_fast_10_slow_20"),
        ({"slow": 20, "fast": 10}, "Cross_slow_20_fast_10"),
        ({"threshold": 0.7}, "Cross_threshold_0.7"),
        ({"threshold": -1e-07}, "Cross_threshold_-1e-07"),
        ({"fast": 5.0}, "Cross_fast_5"),
        ({"on": True, "of": None}, "Cross_on_True_of_None"),
        ({"kind": Mortal}, "Cross_kind_Mortal"),
        ({}, "Cross"),
    ],
)
def test_a_parameter_set_has_a_name_that_a_person_can_read(params: Any, name: str) -> None:
    assert set_name("Cross", params) == name


def test_names_stay_apart_where_they_cannot_show_everything() -> None:
    values = ["a b", "a-b", "a_b", "a/b", "../x", (1, 2), [1, 2.5], "x" * 300, "x" * 301]
    names = {set_name("Cross", {"kind": value}) for value in values}
    assert len(names) == len(values)
    assert all(len(name) < 140 and "/" not in name and " " not in name for name in names)


def test_a_name_is_the_same_in_every_process() -> None:
    code = "from capture.recorder.grids import set_name; print(set_name('Cross', {'k': 'a b'}))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == set_name("Cross", {"k": "a b"})


def test_an_error_of_a_worker_reaches_whoever_waits_for_it() -> None:
    import pickle  # noqa: TID251 - as pools of processes do

    error = PartBusy("signals", "it is busy", "wait")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_facts_of_a_set_are_its_own() -> None:
    assert StrategyFacts(set_name("Cross", {"fast": 5}), {"fast": 5}).strategy_id == "Cross_fast_5"
