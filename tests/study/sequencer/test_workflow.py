"""A workflow runs its phases, goes on where it was killed, and says where it is wrong."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import capture
from capture.errors import ConfigurationError
from capture.study.results.store import HybridResultStore
from capture.study.results.trials import trials_in
from capture.study.sequencer.sequencer import Sequencer
from capture.study.sequencer.workflow import read_workflow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[Any], Path]

CHILD = """
import os, signal, sys
from contextlib import contextmanager
from capture.study.sequencer.sequencer import Sequencer
from capture.study.sequencer.workflow import read_workflow

phase, after = sys.argv[2], int(sys.argv[3])

@contextmanager
def deadly(doing, total):
    done = []
    def advance(steps):
        done.append(steps)
        if doing == phase and len(done) == after:
            os.kill(os.getpid(), signal.SIGKILL)
    yield advance

workflow = read_workflow(sys.argv[1])
Sequencer(phases=workflow.phases, workflow_id="killed", progress=deadly, flush_seconds=0,
          keep=["trades"]).run()
"""
PHASES = ["generate", "replay", "best", "refine", "forward"]


def _run(place: Path, **how: Any) -> Any:
    workflow = read_workflow(place)
    return Sequencer(phases=workflow.phases, keep=["trades"], **how).run(
        resume=how.get("workflow_id") == "killed"
    )


def _tables(found: Any) -> dict[str, Any]:
    return {name: found.phase(name).metrics_table() for name in PHASES[1:]}


def test_each_phase_feeds_the_next(write: Write, said: Any) -> None:
    found = _run(write(said))
    assert found.phases() == PHASES
    recording = capture.open("signals").latest()
    assert found.phase("generate").record["run"] == recording.run_id
    replayed = found.phase("replay").metrics()
    assert len(replayed) == 2 * 2 * 2
    assert set(replayed["portfolio"]) == {"careful", "bold"}
    assert set(replayed["param_fast"]) == {5, 8}
    best = found.phase("best").metrics()
    assert len(best) == 2
    for strategy, row in best.set_index("strategy").iterrows():
        mine = replayed[replayed["strategy"] == strategy]
        assert row["sharpe"] == mine["sharpe"].max()
    refined = found.phase("refine").metrics()
    assert len(refined) == 2 * 2
    assert all(any(name.startswith(one) for one in best["trial"]) for name in refined["trial"])
    assert set(refined["setting_size"]) <= {2.0, 9.0}


def test_every_trial_of_a_workflow_is_counted_once(write: Write, said: Any) -> None:
    found = _run(write(said))
    results = HybridResultStore("results")
    windows = len(found.phase("forward").record["windows"])
    # Half of what is refined was tried before: without slippage.
    assert len(trials_in(results, phases=["replay"])) == 8
    assert len(trials_in(results, phases=["replay", "best"])) == 8
    assert len(trials_in(results, phases=["replay", "best", "refine"])) == 8 + 2
    assert len(trials_in(results, phases=["forward"])) == 2 * 6 * windows
    selection = found.phase("best").record["selection"]
    assert selection["trials"] == 8
    assert selection["chosen"] == found.phase("best").metrics()["trial"][0]


def test_what_is_chosen_in_a_window_is_the_best_of_its_past_alone(write: Write, said: Any) -> None:
    found = _run(write(said))
    table = found.phase("forward").metrics()
    windows = found.phase("forward").record["windows"]
    assert len(windows) > 2
    for window in windows:
        mine = table[table["window"] == window["window"]]
        tried, tested = mine[mine["role"] == "tried"], mine[mine["role"] == "tested"]
        assert len(tried) == 12
        (chosen,) = tested["candidate"]
        best = tried.loc[tried["total_return"].idxmax(), "candidate"]
        assert chosen == best
        assert all(str(day) < window["train"][1] for day in tried["days"].iloc[0])
        assert all(window["test"][0][:10] <= str(day) for day in tested["days"].iloc[0])
    tests = found.phase("forward").record["tests"]
    assert tests["windows"] == len(windows)
    earned = 1.0
    for returns in table[table["role"] == "tested"]["returns"]:
        for one in returns:
            earned *= 1 + one
    assert tests["total_return"] == pytest.approx(earned - 1)


@pytest.mark.slow
def test_a_window_sees_no_more_event_by_event(write: Write, said: Any) -> None:
    said["phases"] = {name: said["phases"][name] for name in ("generate", "forward")}
    quick = _run(write(said)).phase("forward").metrics_table()
    said["phases"]["forward"]["walk_forward"]["event_driven"] = True
    slow = _run(write(said)).phase("forward").metrics_table()
    columns = [
        name
        for name in slow.column_names
        # Each run records signals of its own, which makes them other trials to the letter.
        if name not in {"engine", "because", "key"}
    ]
    assert slow.select(columns).equals(quick.select(columns))


@pytest.mark.slow
@pytest.mark.crash
@pytest.mark.parametrize(("phase", "after"), [("replay", 3), ("refine", 1), ("forward", 20)])
def test_a_killed_workflow_goes_on_and_comes_to_the_same(
    write: Write, said: Any, phase: str, after: int
) -> None:
    place = write(said)
    died = subprocess.run([sys.executable, "-c", CHILD, place, phase, str(after)], check=False)
    assert died.returncode == -signal.SIGKILL
    results = HybridResultStore("results")
    assert results["killed"].state == "interrupted"
    run = results["killed"].phase("generate").record["run"]
    resumed = _run(place, workflow_id="killed")
    assert resumed.state == "ended"
    assert resumed.phase("generate").record["run"] == run
    assert len(capture.open("signals").runs()) == 1
    undisturbed = _run(place)
    for name, table in _tables(undisturbed).items():
        mine = resumed.phase(name).metrics_table()
        assert mine.drop(["key"]).equals(table.drop(["key"])), name


MISTAKES = [
    ("  generate:", "  genrate:", 'Did you mean "genrate"', "from: generate"),
    ("use: sma_cross", "use: sma_cros", 'Did you mean "sma_cross"', "use: sma_cros"),
    ("commission_rate:", "comission_rate:", '"commission_rate"', "comission_rate:"),
    ("bars/BBB.csv", "bars/CCC.csv", "CCC", "symbol: BBB"),
    ("from: replay", "from: forward", "forward does not come before", "from: forward"),
    ("from: best", "from: bets", 'Did you mean "best"', "from: bets"),
    ("size: 2", "size: -2", "size=-2", "size: -2"),
    ("objective: sharpe", "objectiv: sharpe", '"objective"', "objectiv: sharpe"),
    ("train: 60D", "train: sixty", "train='sixty'", "train: sixty"),
    ("signal_replay", "signal_repay", "signal_replay", "signal_repay"),
    ("phases:", "executer: {}\nphases:", '"executor"', "executer: {}"),
    ("walk_forward:", "walk_foward:", '"walk_forward"', "walk_foward:"),
    ("force_flat", "force_flatt", '"force_flat"', "boundary: force_flatt"),
    ("slow:\n          - 20\n", "slow: []\n", "slow", "slow: []"),
]


@pytest.mark.parametrize(("right", "wrong", "message", "line"), MISTAKES)
def test_a_mistake_is_told_with_its_place_before_anything_runs(
    write: Write, said: Any, folder: Path, right: str, wrong: str, message: str, line: str
) -> None:
    place = write(said)
    text = place.read_text()
    assert right in text
    place.write_text(text.replace(right, wrong, 1))
    with pytest.raises(ConfigurationError) as raised:
        read_workflow("workflow.yaml")
    told = [one for one in str(raised.value).splitlines() if message in one]
    assert told, str(raised.value)
    found = re.match(r"workflow\.yaml:(\d+):\d+: ", told[0])
    assert found is not None, told
    assert line in place.read_text().splitlines()[int(found[1]) - 1]
    assert not (folder / "signals").exists()
    assert not (folder / "results").exists()


def test_a_recording_that_is_not_there_is_told_with_its_place(write: Write, said: Any) -> None:
    said["phases"] = {"replay": said["phases"]["replay"]}
    said["phases"]["replay"]["recording"] = {"store": "nowhere"}
    with pytest.raises(ConfigurationError, match=r"workflow\.yaml:\d+:\d+: .*nowhere"):
        read_workflow(write(said))


def test_a_recording_that_is_there_needs_no_generation(
    write: Write, said: Any, signals: Path
) -> None:
    said["phases"] = {"replay": said["phases"]["replay"]}
    said["phases"]["replay"]["recording"] = {"store": str(signals), "symbols": ["AAA"]}
    found = _run(write(said))
    assert len(found.phase("replay").metrics()) == 4


def test_a_random_part_of_a_grid_is_the_same_every_time(
    write: Write, said: Any, signals: Path
) -> None:
    said["phases"] = {"replay": said["phases"]["replay"]}
    said["phases"]["replay"] |= {
        "recording": {"store": str(signals)},
        "portfolios": {},
        "grid": {"size": {"range": [1, 100, 1]}, "cash": [1e4, 1e5]},
        "sample": {"count": 7, "seed": 3},
    }
    first, second = (_run(write(said)).phase("replay").metrics() for _ in range(2))
    assert len(first) == 7
    assert list(first["trial"]) == list(second["trial"])


def test_an_interrupt_leaves_a_workflow_that_can_go_on(write: Write, said: Any) -> None:
    def interrupting(_doing: str, _total: int) -> Any:
        raise KeyboardInterrupt

    workflow = read_workflow(write(said))
    sequencer = Sequencer(phases=workflow.phases, workflow_id="killed", progress=interrupting)
    with pytest.raises(KeyboardInterrupt):
        sequencer.run()
    assert HybridResultStore("results")["killed"].state == "interrupted"
