"""A store is opened, listed and asked for its runs."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import CorruptRecording, RunNotFound, StoreError
from capture.store.layout import FORMAT_VERSION, check_run_id, new_run_id
from capture.store.records import read_record, write_record
from capture.store.run import RunStart
from capture.store.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_what_does_not_exist_is_refused_with_the_mend_and_nothing_is_created(
    tmp_path: Path,
) -> None:
    with pytest.raises(StoreError, match=r"does not exist; record into it first: capture\.wrap"):
        open_store(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a store"):
        open_store(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_cannot_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match=r"cannot be written|this is a file"):
        Store(tmp_path / "file", create=True)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_newer_format_is_refused(store: Store) -> None:
    write_record(store.root / "capture-store.json", {"format": FORMAT_VERSION + 1})
    with pytest.raises(StoreError, match=f"format {FORMAT_VERSION + 1}.*upgrade"):
        open_store(store.root)


def test_a_damaged_marker_is_named(store: Store) -> None:
    marker = store.root / "capture-store.json"
    marker.write_bytes(marker.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(CorruptRecording, match=r"capture-store\.json"):
        open_store(store.root)


def test_an_empty_store_has_no_runs_and_says_so(store: Store) -> None:
    assert len(store) == 0
    assert store.runs().empty
    with pytest.raises(RunNotFound, match="no run of kind 'capture' was recorded here"):
        store.latest()


def test_runs_are_listed_oldest_first(store: Store, record: Callable[..., str]) -> None:
    ids = [record(store, count=n, parts=n) for n in (1, 2, 3)]
    runs = store.runs()
    assert list(runs["run_id"]) == list(store) == ids
    assert list(runs["signals"]) == [1, 4, 9]
    assert list(runs["state"]) == ["ended"] * 3
    assert list(runs["symbols"]) == [["GOOG"]] * 3
    assert str(runs["started"].dtype) == "datetime64[ns, UTC]"
    assert (runs["ended"] >= runs["started"]).all()


def test_latest_is_of_the_kind_that_is_asked_for(store: Store, record: Callable[..., str]) -> None:
    captured = record(store)
    replayed = record(store, kind="replay", parent=captured)
    assert store.latest().run_id == captured
    assert store.latest("replay").run_id == replayed
    assert (store.root / "latest").read_text().strip() == captured
    assert (store.root / "latest-replay").read_text().strip() == replayed
    with pytest.raises(RunNotFound, match="no run of kind 'sweep'"):
        store.latest("sweep")


def test_a_run_is_found_by_a_unique_beginning(store: Store, record: Callable[..., str]) -> None:
    first, second = record(store, strategy="One"), record(store, strategy="Two")
    beginning = first[: first.index("One") + 3]
    assert store[beginning].run_id == first
    assert store[second].run_id == second
    assert second in store
    assert "another" not in store
    with pytest.raises(RunNotFound, match="2 runs begin with '20'"):
        store["20"]
    with pytest.raises(RunNotFound, match=rf"no run '{first}x'; .*Did you mean \"{first}\""):
        store[first + "x"]


@pytest.mark.parametrize(
    "name", ["../../x", "..", "a/b", "a\\b", "a\0b", "", "日本", "x" * 500, " .hidden", "\udc80"]
)
def test_a_hostile_strategy_name_stays_within_the_store(
    store: Store, record: Callable[..., str], name: str
) -> None:
    run_id = record(store, strategy=name, base=False)
    assert [p.name for p in (store.root / "runs").iterdir()] == [run_id]
    assert re.fullmatch(r"\d{8}-\d{6}-[A-Za-z0-9_-]{1,40}-[a-z2-7]{6}", run_id)
    assert len(store[run_id].signals()) == 10


@pytest.mark.parametrize("run_id", ["../x", "..", "", "a/b", ".new", "-x", "x" * 200, "a\n"])
def test_a_hostile_run_id_is_refused(store: Store, run_id: str) -> None:
    with pytest.raises(StoreError):
        check_run_id(run_id)
    with pytest.raises(StoreError):
        store.join_run(run_id)
    with pytest.raises(RunNotFound):
        store[run_id]


def test_identities_sort_by_time_and_differ() -> None:
    ids = {new_run_id("Cross") for _ in range(1000)}
    assert len(ids) == 1000


def test_threads_record_into_one_store_at_once(store: Store, record: Callable[..., str]) -> None:
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda n: record(store, count=n), range(1, 13)))
    assert sorted(store) == sorted(ids)
    assert sorted(store.runs()["signals"]) == list(range(1, 13))
    assert len(list((store.root / "base").iterdir())) == 1


_RECORD = """
import sys
from datetime import UTC, datetime, timedelta
from capture.config import SignalCaptureConfig
from capture.recorder.engine import SignalCaptureEngine

root, runs, signals = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for _ in range(runs):
    with SignalCaptureEngine(SignalCaptureConfig(storage_path=root, buffer_size=8)) as engine:
        for n in range(signals):
            moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=n)
            engine.capture_signal(
                {"symbol": "GOOG", "direction": 1, "signal_type": "entry"},
                {"timestamp": moment, "strategy_id": "s"},
            )
"""


def test_processes_record_into_one_store_at_once(
    tmp_path: Path, start_python: Callable[..., Any]
) -> None:
    writers = [start_python(_RECORD, tmp_path / "s", 5, 20) for _ in range(3)]
    outputs = [writer.communicate(timeout=120)[0] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], outputs
    runs = open_store(tmp_path / "s").runs()
    assert list(runs["signals"]) == [20] * 15
    assert runs["run_id"].is_unique


def test_the_manifest_says_what_the_run_was_made_of(
    store: Store, record: Callable[..., str]
) -> None:
    run_id = record(
        store,
        code="class Cross: ...",
        params={"fast": 10},
        settings={"cash": float("inf")},
        seed=7,
        libraries=("msgpack", "not-installed-anywhere"),
    )
    manifest = read_record(store.root / "runs" / run_id / "manifest.json")
    assert manifest["code_sha256"]
    assert manifest["params"] == {"fast": 10}
    assert manifest["settings"] == {"cash": "inf"}
    assert manifest["seed"] == 7
    assert {"numpy", "pandas", "pyarrow", "msgpack"} <= manifest["libraries"].keys()
    assert "not-installed-anywhere" not in manifest["libraries"]
    assert manifest["counts"]["signals"] == 10
    assert len(manifest["base"]) == 1
    assert store[run_id].manifest == manifest


def test_equal_settings_have_equal_hashes(store: Store, record: Callable[..., str]) -> None:
    one, same, other = (
        store[record(store, params={"fast": fast})].manifest["config_sha256"]
        for fast in (10, 10, 11)
    )
    assert one == same != other


def test_a_run_that_is_being_written_is_listed_as_running(store: Store) -> None:
    run = store.begin_run(RunStart(host="hand", strategy="Cross"))
    other = open_store(store.root)
    assert list(other.runs()["state"]) == ["running"]
    assert other[run.run_id].state == "running"
    assert other.recover() == []
    run.finish()
    assert list(other.runs()["state"]) == ["ended"]
