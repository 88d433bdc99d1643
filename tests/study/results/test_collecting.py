"""Results are there as soon as they are written, once each, in order, whatever happens between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture import HybridResultStore
from capture.errors import ConfigError, CorruptRecording, StoreError
from capture.study.results.collector import ResultCollector

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.study.results.trial import TrialResult

    MakeTrial = Callable[..., TrialResult]

WRITER = """
import sys
from capture import HybridResultStore
from capture.study.results.trial import TrialResult

results = HybridResultStore(sys.argv[1])
with results.collect("study", "replay", buffer_trials=10) as collector:
    for number in range(1000):
        collector.add(TrialResult(trial=f"t{number}", number=number, metrics={"n": number}))
        if number == 37:
            print("now", flush=True)
            sys.stdin.read()
"""


def _whole(results: HybridResultStore) -> tuple[Any, Any, Any]:
    phase = results["study"].phase("replay")
    return phase.metrics_table(), phase.trades_table(), list(phase.events())


def test_what_was_collected_is_read_back(begun: HybridResultStore, trial: MakeTrial) -> None:
    with begun.collect("study", "replay") as collector:
        for number in (2, 0, 1):
            collector.add(trial(number))
        record = collector.finish()
    assert (record["state"], record["trials"], record["trades"]) == ("ended", 3, 3)
    phase = begun["study"].phase("replay")
    metrics = phase.metrics()
    assert list(metrics["trial"]) == ["t0", "t1", "t2"]
    assert list(metrics["setting_size"]) == [0, 1, 2]
    assert list(metrics["sharpe"]) == [0.0, 1 / 3, 2 / 3]
    assert list(metrics["returns"][2]) == [0.02, -0.01]
    trades = phase.trades()
    assert list(trades["trial"]) == ["t1", "t2", "t2"]
    assert list(trades["profit"]) == [1.0, 2.0, 2 + 1 / 7]
    assert len(phase.trades("t2")) == 2
    assert list(phase.events()) == [{"trial": "t1", "kind": "entry", "n": 0}]
    assert list(phase.events("t0")) == []


def test_the_layout_is_that_of_the_documentation(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    with begun.writing("study") as workflow:
        with workflow.collect("replay") as collector:
            collector.add(trial(1))
            collector.finish()
        workflow.end()
    begun.workflows()
    files = {str(p.relative_to(begun.root)) for p in begun.root.rglob("*") if p.is_file()}
    assert files == {
        "index.sqlite",
        "study/lock",
        "study/metadata.json",
        "study/summary.json",
        "study/phases/replay/phase.json",
        "study/phases/replay/metrics.parquet",
        "study/phases/replay/trades.parquet",
        "study/phases/replay/events/000001.jsonl.gz",
    }


def test_results_are_there_before_the_phase_has_ended(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    with begun.collect("study", "replay", buffer_trials=2) as collector:
        for number in range(5):
            collector.add(trial(number))
        assert collector.buffered == 1
        assert begun["study"].phase("replay").done() == {"t0", "t1", "t2", "t3"}
        assert collector.done == {"t0", "t1", "t2", "t3", "t4"}


def test_a_result_that_comes_late_is_written_at_once(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    with begun.collect("study", "replay", buffer_seconds=0) as collector:
        collector.add(trial(0))
        assert collector.buffered == 0


def test_a_failed_trial_is_not_done_and_its_repetition_replaces_it(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    with begun.collect("study", "replay") as collector:
        collector.add(trial(2, error="division by zero", metrics={}, trades=None))
        collector.add(trial(1))
        record = collector.finish()
        assert record["failed"] == 1
        assert collector.done == {"t1"}
    phase = begun["study"].phase("replay")
    assert list(phase.metrics()["status"]) == ["ok", "failed"]
    assert list(phase.metrics()["error"]) == [None, "division by zero"]
    with begun.collect("study", "replay") as collector:
        collector.add(trial(2))
        collector.finish()
    assert list(phase.metrics()["status"]) == ["ok", "ok"]
    assert len(phase.trades("t2")) == 2


def test_a_second_writer_is_refused(begun: HybridResultStore) -> None:
    with begun.collect("study", "replay"):
        second = begun.collect("study", "replay")
        with pytest.raises(StoreError, match="another process"):
            second.__enter__()


def test_an_error_outside_does_not_lose_what_came_before(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    def interrupted() -> None:
        with begun.collect("study", "replay") as collector:
            collector.add(trial(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert begun["study"].phase("replay").done() == {"t0"}
    assert begun["study"].state == "interrupted"


@settings(max_examples=20)  # each writes and reads many files
@given(
    order=st.permutations(range(9)),
    cuts=st.sets(st.integers(0, 9), max_size=4),
    lost=st.integers(0, 3),
    finished=st.booleans(),
    buffer=st.integers(1, 5),
)
def test_a_collection_with_interruptions_equals_one_without(
    tmp_path_factory: pytest.TempPathFactory,
    trial: MakeTrial,
    order: list[int],
    cuts: set[int],
    lost: int,
    finished: bool,
    buffer: int,
) -> None:
    """A writer that is killed loses its buffer, and whoever goes on does the rest."""
    smooth = _begun(tmp_path_factory)
    with smooth.collect("study", "replay") as collector:
        for number in range(9):
            collector.add(trial(number))
        collector.finish()
    rough = _begun(tmp_path_factory)
    places = [*sorted(cuts), 9]
    for begin, end in zip([0, *places], places, strict=False):
        layout = rough["study"].layout.phase("replay")
        collector = ResultCollector("replay", layout, buffer_trials=buffer)
        for number in order[max(0, begin - lost) : end]:
            if f"t{number}" not in collector.done:
                collector.add(trial(number))
        if finished and end % 2:
            collector.finish()
    with rough.collect("study", "replay") as collector:
        for number in range(9):
            if f"t{number}" not in collector.done:
                collector.add(trial(number))
        before = _whole(rough)[0].num_rows
        collector.finish()
        assert before <= 9
    expected, found = _whole(smooth), _whole(rough)
    assert found[0].equals(expected[0])
    assert found[1].equals(expected[1])
    key = str
    assert sorted(found[2], key=key) == sorted(expected[2], key=key)


def _begun(factory: pytest.TempPathFactory) -> HybridResultStore:
    results = HybridResultStore(factory.mktemp("results"))
    results.begin("study", kind="sweep", configuration={})
    return results


@pytest.mark.crash
def test_a_killed_writer_loses_its_buffer_and_nothing_else(begun: HybridResultStore) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(begun.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        assert begun["study"].state == "running"
        os.kill(writer.pid, signal.SIGKILL)
    assert begun["study"].state == "interrupted"
    phase = begun["study"].phase("replay")
    assert list(phase.metrics()["n"]) == list(range(30))
    with begun.collect("study", "replay") as collector:
        assert len(collector.done) == 30


@pytest.mark.parametrize("cut", ["trades", "events"])
def test_a_part_without_metrics_is_not_there(
    begun: HybridResultStore, trial: MakeTrial, cut: str
) -> None:
    with begun.collect("study", "replay", buffer_trials=1) as collector:
        for number in (1, 2, 5):
            collector.add(trial(number))
    layout = begun["study"].layout.phase("replay")
    layout.metrics_part(3).unlink()
    phase = begun["study"].phase("replay")
    assert list(phase.metrics()["trial"]) == ["t1", "t2"]
    assert "t5" not in set(phase.trades()["trial"])
    assert "t5" not in {event["trial"] for event in phase.events()}
    with begun.collect("study", "replay") as collector:
        assert collector.done == {"t1", "t2"}
        left = layout.trades_part(3) if cut == "trades" else layout.events_part(3)
        assert not left.exists()


def test_readers_see_every_trial_once_while_parts_become_tables(
    begun: HybridResultStore, trial: MakeTrial
) -> None:
    seen: list[int] = []
    stop = threading.Event()
    with begun.collect("study", "replay", buffer_trials=1) as collector:
        collector.add(trial(0))

        def read() -> None:
            while not stop.is_set():
                frame = begun["study"].phase("replay").metrics()
                assert frame["trial"].is_unique
                seen.append(len(frame))

        reader = threading.Thread(target=read)
        reader.start()
        for number in range(1, 60):
            collector.add(trial(number))
            if number % 7 == 0:
                collector.finish()
        stop.set()
        reader.join()
    assert seen == sorted(seen)
    assert len(seen) > 3


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([1, 2], [1, 2]),
        ([1, 2.5], [1.0, 2.5]),
        ([None, 2], [None, 2]),
        ([None, None], [None, None]),
        ([True, False], [True, False]),
        ([True, 1], ["true", "1"]),
        (["a", 1.5], ['"a"', "1.5"]),
        ([[1, 2], None], ["[1, 2]", None]),
        ([{"b": 1, "a": 2}, 3], ['{"a": 2, "b": 1}', "3"]),
        ([2**70, 1], [str(2**70), "1"]),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_settings_of_any_kind_are_kept_alike_in_one_part_or_in_two(
    begun: HybridResultStore, trial: MakeTrial, values: list[Any], kept: list[Any], together: bool
) -> None:
    with begun.collect("study", "replay") as collector:
        for number, value in enumerate(values):
            collector.add(trial(number, settings={"x": value}))
            if not together:
                collector.flush()
        collector.finish()
    table = begun["study"].phase("replay").metrics_table()
    found = table["setting_x"].to_pylist()
    assert found == kept
    assert list(map(type, found)) == list(map(type, kept))


def test_a_damaged_table_is_named(begun: HybridResultStore, trial: MakeTrial) -> None:
    with begun.collect("study", "replay") as collector:
        collector.add(trial(0))
        collector.finish()
    path = begun["study"].layout.phase("replay").metrics
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptRecording, match=r"metrics\.parquet"):
        begun["study"].phase("replay").metrics()


def test_other_tools_read_the_tables(begun: HybridResultStore, trial: MakeTrial) -> None:
    import duckdb

    with begun.collect("study", "replay") as collector:
        collector.add(trial(3))
        collector.finish()
    path = begun["study"].layout.phase("replay").metrics
    assert duckdb.sql(f"SELECT trial, sharpe FROM '{path}'").fetchall() == [("t3", 1.0)]
    pd.testing.assert_frame_equal(
        pd.read_parquet(path), begun["study"].phase("replay").metrics(), check_dtype=False
    )


def test_a_buffer_of_nothing_is_refused(begun: HybridResultStore) -> None:
    layout = begun["study"].layout.phase("replay")
    with pytest.raises(ConfigError, match="buffer_trials=0"):
        ResultCollector("replay", layout, buffer_trials=0)
