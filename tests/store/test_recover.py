"""A run whose process died is brought to an end with everything it had accepted."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.errors import CaptureWarning
from capture.store.run import RunStart
from capture.store.store import Store, open_store
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.crash

# Records signals and tells each identity when the call has returned; then dies, or is killed.
CAPTURE = """
import os, sys
from datetime import UTC, datetime, timedelta
import numpy as np, pandas as pd
from capture.config import SignalCaptureConfig
from capture.recorder.engine import SignalCaptureEngine

root, backend, durability, count, end = sys.argv[1:6]
config = SignalCaptureConfig(
    storage_path=root, backend=backend, durability=durability, buffer_size=16
)
engine = SignalCaptureEngine(config)
index = pd.date_range("2020-01-01", periods=500, tz="UTC")
engine.add_base_data(
    pd.DataFrame({"close": np.arange(500.0)}, index=index), symbol="GOOG", timeframe="1d"
)
for n in range(int(count)):
    moment = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=n)
    signal = engine.capture_signal(
        {"symbol": "GOOG", "timeframe": "1d", "bar_index": n, "direction": 1,
         "signal_type": "entry"},
        {"timestamp": moment, "strategy_id": "s", "indicators": {"sma": n / 2},
         "strategy_params": {"fast": 3}},
    )
    engine.capture_status(signal, "rejected", "risk_limit")
    os.write(1, (signal + "\\n").encode())
if end == "die":
    os.kill(os.getpid(), 9)
engine.close()
"""

# Kills the process when the file system is about to be changed for the n-th time from here on.
DIE_AT = """
import os, sys
left = int(sys.argv[2])
changes = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}
def watch(event, args):
    global left
    if event in changes or (event == "open" and sys.argv[1] in str(args[0])):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
sys.addaudithook(watch)
"""
OPEN_AND_DIE = f"""
import sys
from capture.host import get_host
from capture.store.store import open_store
get_host().backend("parquet")
{DIE_AT}
open_store(sys.argv[1])
"""
CLOSE_AND_DIE = CAPTURE.replace("sys.argv[1:6]", "sys.argv[1], *sys.argv[3:7]").replace(
    "engine.close()", f"{DIE_AT}\nengine.close()"
)


def crashed(
    tmp_path: Path,
    python: Callable[..., Any],
    *,
    count: int = 40,
    backend: str = "parquet",
    durability: str = "journal",
) -> tuple[Path, list[str]]:
    """Return a store with a crashed run, and the signals that its process was told are safe."""
    root = tmp_path / "store"
    done = python(CAPTURE, root, backend, durability, count, "die")
    assert done.returncode == -signal.SIGKILL, done.stderr
    return root, done.stdout.split()


def assert_whole(root: Path, told: list[str], state: str = "crashed-recovered") -> None:
    store = open_store(root)
    recording = store.latest()
    found = recording.signals()
    assert list(found["signal_id"][: len(told)]) == told
    assert found["signal_id"].is_unique
    assert found["seq"].is_monotonic_increasing
    assert (found["disposition"][: len(told)] == "rejected").all()
    assert recording.state == state
    outcome = verify(store)
    assert outcome.ok, str(outcome)


@pytest.mark.parametrize("backend", ["parquet", "json", "hdf5", "sql"])
@pytest.mark.parametrize("count", [1, 16, 40])
def test_a_killed_run_is_whole_after_opening(
    tmp_path: Path, python: Callable[..., Any], backend: str, count: int
) -> None:
    root, told = crashed(tmp_path, python, count=count, backend=backend)
    assert len(told) == count
    assert_whole(root, told)


def test_what_the_base_data_and_the_journal_know_is_refilled(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root, _ = crashed(tmp_path, python)
    found = open_store(root).latest().signals()
    assert list(found["market_close"]) == [float(n) for n in range(40)]
    assert list(found["indicator_sma"]) == [n / 2 for n in range(40)]
    assert set(found["param_fast"]) == {3}
    manifest = open_store(root).latest().manifest
    assert manifest["git_dirty"] is None, "who recovers a run cannot say how its folder was"
    assert "died" in manifest["problem"]
    assert manifest["ended"] < manifest["recovered"]


def test_a_crashed_run_is_readable_before_it_is_recovered(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root, told = crashed(tmp_path, python)
    store = Store(root, recover=False)
    assert list(store.runs()["state"]) == ["crashed"]
    assert list(store.latest().signals()["signal_id"]) == told
    assert verify(store).unsealed == {store.latest().run_id: "crashed"}
    assert_whole(root, told)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(milliseconds=st.integers(5, 250))
@pytest.mark.slow
def test_killed_at_any_moment_nothing_told_is_lost(
    tmp_path_factory: pytest.TempPathFactory,
    start_python: Callable[..., Any],
    milliseconds: int,
) -> None:
    root = tmp_path_factory.mktemp("k") / "store"
    writer = start_python(CAPTURE, root, "parquet", "journal", 3000, "close")
    first = writer.stdout.readline()
    try:
        writer.wait(milliseconds / 1000)
    except Exception:
        writer.kill()
    whole = first + writer.stdout.read()
    writer.communicate()
    told = whole[: whole.rindex("\n")].split("\n")
    state = "ended" if writer.returncode == 0 else "crashed-recovered"
    assert_whole(root, told, state)


@pytest.mark.parametrize("moment", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 28, 33])
def test_a_recovery_that_is_killed_is_taken_up_again(
    tmp_path: Path, python: Callable[..., Any], moment: int
) -> None:
    root, told = crashed(tmp_path, python)
    for _ in range(2):
        done = python(OPEN_AND_DIE, root, moment)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
    assert_whole(root, told)


@pytest.mark.parametrize("backend", ["parquet", "json"])
@pytest.mark.parametrize("moment", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 19, 23, 28])
def test_a_seal_that_is_killed_loses_nothing(
    tmp_path: Path, python: Callable[..., Any], backend: str, moment: int
) -> None:
    root = tmp_path / "store"
    done = python(CLOSE_AND_DIE, root, moment, backend, "journal", 40, "close")
    told = [line for line in done.stdout.split() if "-engine-" in line]
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    assert len(told) == 40
    store = open_store(root)
    assert_whole(root, told, store.latest().state)
    assert store.latest().state in {"ended", "crashed-recovered"}


def test_two_processes_recover_one_store_at_once(
    tmp_path: Path, python: Callable[..., Any], start_python: Callable[..., Any]
) -> None:
    root, told = crashed(tmp_path, python, count=400)
    code = (
        "import sys; from capture.store.store import open_store; "
        "print(open_store(sys.argv[1]).latest().state)"
    )
    openers = [start_python(code, root) for _ in range(3)]
    outputs = [process.communicate(timeout=60)[0].strip() for process in openers]
    assert outputs == ["crashed-recovered"] * 3
    assert_whole(root, told)


def test_a_run_that_another_process_writes_is_left_alone(
    tmp_path: Path, start_python: Callable[..., Any]
) -> None:
    root = tmp_path / "store"
    writer = start_python(
        CAPTURE.replace("engine.close()", "sys.stdin.read()"),
        root,
        "parquet",
        "journal",
        40,
        "wait",
    )
    told = [writer.stdout.readline().strip() for _ in range(40)]
    store = open_store(root)
    assert list(store.runs()["state"]) == ["running"]
    assert list(store.latest().signals()["signal_id"]) == told
    os.kill(writer.pid, signal.SIGKILL)
    writer.communicate()
    assert_whole(root, told)


def the_part(root: Path) -> Path:
    (part,) = root.glob("runs/*/parts/0000")
    return part


@pytest.mark.parametrize("backend", ["parquet", "json", "hdf5", "sql"])
def test_damaged_tables_are_set_aside_and_rebuilt_from_the_journal(
    tmp_path: Path, python: Callable[..., Any], backend: str
) -> None:
    root, told = crashed(tmp_path, python, backend=backend)
    kept = {"lock", "journal"}
    damaged = 0
    for path in the_part(root).rglob("*"):
        if path.is_file() and not kept & set(path.relative_to(the_part(root)).parts):
            path.write_bytes(b"\xff" * len(path.read_bytes()))
            damaged += 1
    assert damaged
    assert_whole(root, told)
    assert (the_part(root) / "quarantine").is_dir() or backend == "json"


def test_a_damaged_journal_gives_what_is_readable_and_says_what_is_missing(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root, told = crashed(tmp_path, python, count=40)
    (segment, *_) = sorted((the_part(root) / "journal").iterdir())
    data = bytearray(segment.read_bytes())
    half = len(data.rstrip(b"\0")) // 2
    data[half:] = b"\xff" * (len(data) - half)
    segment.write_bytes(data)
    store = open_store(root)
    recording = store.latest()
    found = list(recording.signals()["signal_id"])
    assert found == told[: len(found)]
    assert len(found) >= 32, "the blocks that had reached the backend are whole"
    assert recording.state in {"quarantined", "crashed-recovered"}
    assert verify(store).ok


def test_without_a_journal_the_blocks_that_were_written_are_kept(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root, told = crashed(tmp_path, python, durability="memory", count=45)
    store = open_store(root)
    found = list(store.latest().signals()["signal_id"])
    assert found == told[: len(found)]
    assert len(told) - len(found) <= 16, "at most the buffer is lost"
    assert verify(store).ok


def test_a_killed_run_in_memory_is_recovered_into_files(
    tmp_path: Path, python: Callable[..., Any]
) -> None:
    root, told = crashed(tmp_path, python, backend="memory")
    assert_whole(root, told)
    assert list(root.rglob("signals.parquet"))


def test_a_run_that_cannot_be_recovered_does_not_hinder_the_others(
    tmp_path: Path, python: Callable[..., Any], record: Callable[..., str]
) -> None:
    root, _ = crashed(tmp_path, python)
    start = next(root.glob("runs/*/run.json"))
    start.write_bytes(b"{}")
    with pytest.warns(CaptureWarning, match="could not be recovered, and is left as it is"):
        store = open_store(root)
    good = record(store)
    assert store.latest().run_id == good
    assert sorted(store.runs()["state"]) == ["corrupt", "ended"]


def test_recovering_twice_changes_nothing(tmp_path: Path, python: Callable[..., Any]) -> None:
    root, _ = crashed(tmp_path, python)
    store = open_store(root)

    def content() -> dict[str, bytes]:
        files = (p for p in (root / "runs").rglob("*") if p.is_file())
        return {str(p): p.read_bytes() for p in files}

    before = content()
    assert store.recover() == []
    open_store(root)
    assert content() == before


def test_a_run_that_was_begun_and_never_written_is_ended(store: Store) -> None:
    run = store.begin_run(RunStart(host="hand", strategy="Cross"))
    run.claim_part().release()
    run.release()
    assert store.recover() == [run.run_id]
    assert store[run.run_id].signals().empty
    assert verify(store).ok
