"""A sweep comes to the same on every executor, whoever is killed while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import ConfigError, StoreError, UnknownName
from capture.study.executors.processes import ProcessExecutor
from capture.study.portfolio.replay import replay_settings
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.results.store import HybridResultStore
from capture.study.results.trials import trials_in
from capture.study.sweep import Sweep, sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

GRID = {
    "size": [1.0, 5.0, 20.0],
    "commission_rate": [0.0, 0.001],
    "max_drawdown": [None, 0.05],
}
NEEDS_EVENTS = {"size": [1.0, 2.0, 3.0, 5.0], "stop_loss": [None, 0.01, 0.02]}
EXECUTORS = ["serial", "processes", "dask", "ray"]

KILLED_AFTER = 5
CHILD = f"""
import os
import signal
import sys
from contextlib import contextmanager
import capture
from capture.study.sweep import sweep

@contextmanager
def deadly(doing, total):
    done = []
    def advance(steps):
        done.append(steps)
        if len(done) == {KILLED_AFTER}:
            os.kill(os.getpid(), signal.SIGKILL)
    yield advance

if __name__ == "__main__":
    store, results = sys.argv[1:]
    sweep(
        capture.open(store).latest(),
        {{"size": [1.0, 2.0, 3.0, 5.0], "stop_loss": [None, 0.01, 0.02]}},
        results=results,
        workflow_id="killed",
        executor="processes",
        workers=2,
        keep=["trades", "events"],
        event_driven=True,
        progress=deadly,
        flush_seconds=0,
    )
"""


def tables(found: Sweep) -> tuple[Any, Any]:
    """Return what a sweep came to: its metrics and its trades."""
    phase = found.results[found.workflow_id].phase("replay")
    return phase.metrics_table(), phase.trades_table()


@pytest.fixture(scope="module")
def undisturbed(signals: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """What trials that need events come to if nothing happens to them."""
    import capture

    return sweep(
        capture.open(signals).latest(),
        NEEDS_EVENTS,
        results=tmp_path_factory.mktemp("undisturbed"),
        keep=["trades", "events"],
        event_driven=True,
    )


def test_every_point_is_a_row_with_the_numbers_of_the_sparse_replay(
    recording: Any, tmp_path: Path
) -> None:
    found = sweep(recording, GRID, results=tmp_path)
    frame = found.to_frame()
    assert len(frame) == 12
    settings = [
        PortfolioSettings(size=row.setting_size, commission_rate=row.setting_commission_rate,
                          max_drawdown=None if row.setting_max_drawdown != row.setting_max_drawdown
                          else row.setting_max_drawdown)
        for row in frame.itertuples()
    ]  # fmt: skip
    expected = replay_settings(recording, settings)
    for name in ("sharpe", "total_return", "max_drawdown", "profit_factor"):
        assert frame[name].tolist() == expected.objectives[name].tolist()
    assert frame["final"].tolist() == expected.performance.final.tolist()
    assert found.best()[0]["sharpe"] == expected.best("sharpe").values["sharpe"]


def test_event_by_event_it_comes_to_the_same(recording: Any, tmp_path: Path) -> None:
    quick = sweep(recording, GRID, results=tmp_path, keep=["trades"])
    slow = sweep(recording, GRID, results=tmp_path, keep=["trades"], event_driven=True)
    columns = [name for name in slow.metrics.column_names if name not in {"engine", "because"}]
    assert slow.metrics.select(columns).equals(quick.metrics.select(columns))
    assert set(slow.metrics["engine"].to_pylist()) == {"events"}
    assert set(quick.metrics["engine"].to_pylist()) == {"sparse"}
    mine, other = tables(slow)[1].to_pylist(), tables(quick)[1].to_pylist()
    assert len(mine) == len(other) > 100
    for one, same in zip(mine, other, strict=True):
        assert {name: one[name] for name in same} == same


def test_settings_that_need_events_get_them_and_the_others_do_not(
    recording: Any, tmp_path: Path
) -> None:
    found = sweep(recording, NEEDS_EVENTS, results=tmp_path)
    assert found.by_events == ["stop_loss"]
    frame = found.to_frame()
    by_events = frame["engine"] == "events"
    assert list(by_events) == list(frame["setting_stop_loss"].notna())
    assert set(frame.loc[by_events, "because"]) == {"stop_loss"}


@pytest.mark.slow
@pytest.mark.parametrize("executor", EXECUTORS, indirect=True)
def test_every_executor_comes_to_the_same_table(
    recording: Any, tmp_path: Path, undisturbed: Sweep, executor: Any
) -> None:
    found = sweep(
        recording,
        NEEDS_EVENTS,
        results=tmp_path,
        keep=["trades", "events"],
        event_driven=True,
        executor=executor,
    )
    assert found.failed == []
    for mine, theirs in zip(tables(found), tables(undisturbed), strict=True):
        assert mine.equals(theirs)


@pytest.mark.crash
def test_a_worker_killed_while_it_works_changes_nothing(
    recording: Any, tmp_path: Path, undisturbed: Sweep
) -> None:
    killed: list[int] = []
    with ProcessExecutor(2) as executor:

        @contextmanager
        def killing(_doing: str, _total: int) -> Iterator[Callable[[int], None]]:
            done: list[int] = []

            def advance(steps: int) -> None:
                done.append(steps)
                if len(done) in {3, 6}:
                    killed.append(executor.pids[len(killed) % 2])
                    os.kill(killed[-1], signal.SIGKILL)

            yield advance

        found = sweep(
            recording,
            NEEDS_EVENTS,
            results=tmp_path,
            keep=["trades", "events"],
            event_driven=True,
            executor=executor,
            progress=killing,
        )
    assert len(set(killed)) == 2
    assert found.failed == []
    for mine, theirs in zip(tables(found), tables(undisturbed), strict=True):
        assert mine.equals(theirs)


@pytest.mark.crash
def test_a_sweep_that_was_killed_goes_on_and_does_nothing_twice(
    signals: Path, recording: Any, tmp_path: Path, undisturbed: Sweep
) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    results = HybridResultStore(tmp_path / "results")
    died = subprocess.run(
        [sys.executable, str(script), str(signals), str(results.root)], check=False
    )
    assert died.returncode == -signal.SIGKILL
    assert results["killed"].state == "interrupted"
    assert len(results["killed"].phase("replay").done()) == KILLED_AFTER
    left: list[int] = []

    @contextmanager
    def counting(_doing: str, total: int) -> Iterator[Callable[[int], None]]:
        left.append(total)
        yield lambda _steps: None

    found = sweep(
        recording,
        NEEDS_EVENTS,
        results=results,
        workflow_id="killed",
        resume=True,
        keep=["trades", "events"],
        event_driven=True,
        progress=counting,
    )
    assert left == [12 - KILLED_AFTER]
    assert results["killed"].state == "ended"
    for mine, theirs in zip(tables(found), tables(undisturbed), strict=True):
        assert mine.equals(theirs)


def test_what_is_done_is_not_done_again(recording: Any, tmp_path: Path) -> None:
    first = sweep(recording, GRID, results=tmp_path, workflow_id="mine")
    totals: list[int] = []

    @contextmanager
    def counting(_doing: str, total: int) -> Iterator[Callable[[int], None]]:
        totals.append(total)
        yield lambda _steps: None

    words: dict[str, Any] = {"results": tmp_path, "workflow_id": "mine", "progress": counting}
    again = sweep(recording, GRID, resume=True, **words)
    assert totals == [0]
    assert again.metrics.equals(first.metrics)
    with pytest.raises(StoreError, match="already"):
        sweep(recording, GRID, **words)
    with pytest.raises(StoreError, match="another configuration"):
        sweep(recording, {"size": [1.0]}, resume=True, **words)


def test_trials_are_counted_once_whoever_repeats_them(recording: Any, tmp_path: Path) -> None:
    first = sweep(recording, GRID, results=tmp_path)
    assert first.judge().trials == 12
    sweep(recording, {**GRID, "size": [20.0, 50.0]}, results=tmp_path)
    every = trials_in(HybridResultStore(tmp_path))
    assert len(every) == 12 + 4  # four of the second sweep are new
    assert every.executions == 12 + 8
    assert len(every.measured) == 16


def test_the_same_settings_said_otherwise_are_the_same_trial(
    recording: Any, tmp_path: Path
) -> None:
    sweep(recording, {"size": [1.0, 2.0]}, results=tmp_path)
    sweep(recording, {"size": [1, 2], "cash": [100_000.0]}, results=tmp_path)
    assert len(trials_in(HybridResultStore(tmp_path))) == 2


def test_other_signals_are_another_trial(recording: Any, tmp_path: Path) -> None:
    sweep(recording, {"size": [1.0, 2.0]}, results=tmp_path)
    sweep(recording, {"size": [1.0, 2.0]}, results=tmp_path, filters={"symbols": ("AAA",)})
    assert len(trials_in(HybridResultStore(tmp_path))) == 4


@pytest.mark.parametrize(
    ("grid", "how", "error", "said"),
    [
        ({"sise": [1]}, {}, ConfigError, 'Did you mean "size"'),
        ({"size": [1, -1]}, {}, ConfigError, "size=-1"),
        ({"size": []}, {}, ConfigError, "size="),
        ({"size": [1, 1.0]}, {}, ConfigError, "twice"),
        ({"size": [1]}, {"by": "sharp"}, UnknownName, 'Did you mean "sharpe"'),
        ({"size": [1]}, {"executor": "proceses"}, UnknownName, 'Did you mean "processes"'),
        ({"size": [1]}, {"strategies": ["SmaCros"]}, UnknownName, 'Did you mean "SmaCross"'),
        ({"size": [1]}, {"filters": {"where": "foo > 1"}}, UnknownName, '"foo"'),
        ({"size": [1]}, {"keep": ["trade"]}, ConfigError, "trades, events"),
    ],
)
def test_a_mistake_is_told_before_anything_runs(
    recording: Any, tmp_path: Path, grid: Any, how: dict[str, Any], error: Any, said: str
) -> None:
    with pytest.raises(error, match=said):
        sweep(recording, grid, results=tmp_path, **how)
    results = HybridResultStore(tmp_path)
    for name in results:
        assert results[name].layout.phase("replay").part_numbers() == []


def test_a_heat_map_and_a_judgement_come_with_it(recording: Any, tmp_path: Path) -> None:
    found = sweep(recording, GRID, results=tmp_path)
    shown = found.heat_map(x="size", y="commission_rate")
    assert shown.hidden == ("max_drawdown",)
    assert len(shown.known) == 6
    assert shown.trials[shown.best[0]][shown.best[1]] == found.best()[0]["trial"]  # type: ignore[index]
    assert found.settings_of(found.best()[0]["trial"])["size"] in GRID["size"]
    assert "12 trials" in found.summary()
