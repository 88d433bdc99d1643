"""What the user waits for is short; what comes later is none the poorer for it."""

from __future__ import annotations

import gc
import subprocess
import sys
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

import capture
from capture.schema import TABLES
from capture_vectorbt import spill, waiting
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = [pytest.mark.host, pytest.mark.slow]

SMA = CASES["SMA cross, GOOG"]
_OWN = {"signal_id", "recorded_time", "processing_ns"}
_LATE = {"late_missing"}


def assert_equal(one: Recording, other: Recording, *, late: bool = False) -> None:
    """Assert that two recordings hold the same, but for what was gathered late."""
    for table in TABLES:
        mine, theirs = one.table(table), other.table(table)
        assert mine.num_rows == theirs.num_rows, table
        for name in mine.column_names:
            if name in _OWN or (late and (name in _LATE or name.startswith("indicator_"))):
                continue
            assert theirs.column(name).equals(mine.column(name)), (table, name)
    assert one.start["settings"] == other.start["settings"]


def runs_of(folder: Path) -> list[str]:
    runs = folder / "runs"
    return sorted(path.name for path in runs.iterdir()) if runs.exists() else []


def waiting_files(folder: Path) -> list[Path]:
    return sorted((folder / "waiting").glob("*")) if (folder / "waiting").exists() else []


# --- when it is written --------------------------------------------------------------------------


def test_runs_wait_until_the_with_ends_or_they_are_asked_for(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        SMA()
        SMA()
        assert runs_of(tmp_path) == []
        assert len(waiting_files(tmp_path)) == 1
        assert [r.state for r in recorded.recordings] == ["ended"] * 2
        SMA()
        assert len(runs_of(tmp_path)) == 2
    assert len(recorded.recordings) == 3
    assert not (tmp_path / "waiting").exists()


def test_no_more_runs_wait_than_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_MOST_CALLS", 3)
    with capture.record(tmp_path):
        seen = []
        for _ in range(4):
            SMA()
            seen.append(len(runs_of(tmp_path)))
    assert seen == [0, 0, 3, 3]
    assert len(runs_of(tmp_path)) == 4


def test_what_waits_is_bounded_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_MOST_BYTES", 1)
    with capture.record(tmp_path):
        SMA()
        assert len(runs_of(tmp_path)) == 1


@pytest.mark.parametrize("options", [{"durability": "fsync"}], ids=str)
def test_with_fsync_nothing_waits(options: dict[str, Any], tmp_path: Path) -> None:
    with capture.record(tmp_path, **options):
        SMA()
        assert len(runs_of(tmp_path)) == 1
        assert waiting_files(tmp_path) == []


def test_in_memory_it_waits_without_a_file(tmp_path: Path) -> None:
    with capture.record(tmp_path, durability="memory") as recorded:
        SMA()
        assert not runs_of(tmp_path)
        assert not waiting_files(tmp_path)
    [recording] = recorded.recordings
    assert recording.state == "ended"


@pytest.mark.parametrize("name", ["an order function", "a signal function"])
def test_what_cannot_be_kept_in_a_file_does_not_wait(name: str, tmp_path: Path) -> None:
    with capture.record(tmp_path):
        SMA()
        with pytest.warns(capture.errors.CaptureWarning, match="cannot be heard"):
            CASES[name]()
        assert len(runs_of(tmp_path)) == 2


def test_a_replay_does_not_wait(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        SMA()
    [recording] = recorded.recordings
    with capture.record(tmp_path):
        capture.replay(recording).into("vectorbt", store=tmp_path / "again")
        [replay] = capture.open(tmp_path / "again").summaries()
    assert (replay["kind"], replay["state"]) == ("replay", "ended")


def test_an_inner_with_is_written_when_it_ends(tmp_path: Path) -> None:
    with capture.record(tmp_path / "outer"):
        SMA()
        with capture.record(tmp_path / "inner"):
            SMA()
        assert len(runs_of(tmp_path / "inner")) == 1
        assert runs_of(tmp_path / "outer") == []
    assert len(runs_of(tmp_path / "outer")) == 1


def test_a_run_began_when_it_was_called(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        SMA()
        after = pd.Timestamp.now(tz="UTC").value
    assert recorded.recordings[0].start["started_ns"] <= after


def test_a_child_of_a_fork_leaves_to_its_parent_what_waited_there(tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        SMA()
        child = get_context("fork").Process(target=SMA)
        child.start()
        child.join()
        assert child.exitcode == 0
        assert len(runs_of(tmp_path)) == 1  # the child's, for which nothing waits
    assert len(recorded.recordings) == 1
    assert [r["state"] for r in capture.open(tmp_path).summaries()] == ["ended"] * 2


# --- what the user changes meanwhile -------------------------------------------------------------


def _writable(kind: str) -> dict[str, Any]:
    """Return arguments that can be changed in place: as series, as frames, or as arrays."""
    words = {name: value.copy() for name, value in c.sma_goog().items()}
    if kind == "frames":
        return {name: value.to_frame("GOOG") for name, value in words.items()}
    if kind == "arrays":
        return {name: value.to_numpy().copy() for name, value in words.items()}
    if kind == "views":
        wide = np.repeat(words["close"].to_numpy()[:, None], 3, axis=1)
        return {**words, "close": pd.Series(wide[:, 1], words["close"].index, name="GOOG")}
    return words


@pytest.mark.parametrize("kind", ["series", "frames", "arrays", "views"])
def test_what_the_user_changes_in_place_is_recorded_as_it_was(kind: str, tmp_path: Path) -> None:
    words, fees = _writable(kind), np.array([0.01])
    with capture.record(tmp_path / "left") as left:
        vbt.Portfolio.from_signals(**words, fees=fees, init_cash=100)
    with capture.record(tmp_path / "changed") as changed:
        portfolio = vbt.Portfolio.from_signals(**words, fees=fees, init_cash=100)
        for name, value in words.items():
            array = np.asarray(value)
            if array.flags.writeable:  # pandas 3 hands out arrays that are not
                array[...] = 0 if name == "close" else True
            if hasattr(value, "iloc"):
                value.iloc[:] = 0 if name == "close" else True
        fees[:] = 0.5
        portfolio.order_records["price"] = -1.0
    assert_equal(left.recordings[0], changed.recordings[0])


@pytest.mark.parametrize("durability", ["journal", "memory"])
def test_what_the_host_made_and_the_user_changes_is_recorded_as_it_was(
    durability: str, tmp_path: Path
) -> None:
    def run(*, spoil: bool) -> Recording:
        with capture.record(tmp_path / str(spoil), durability=durability) as recorded:
            portfolio = CASES["several assets, two accounts"]()
            if spoil:
                for array in (portfolio.call_seq, portfolio.close, portfolio._init_cash):
                    own = np.asarray(array)
                    own.flags.writeable = True
                    own[...] = 0
        return recorded.recordings[0]

    assert_equal(run(spoil=False), run(spoil=True))


def test_of_two_arrays_with_one_content_one_lies_in_the_file() -> None:
    file, close = spill.Filed(), np.array([1.0, np.nan, -0.0] * 9)
    kept = [file.of_array(array) for array in (close, close.copy(), close + 0.0, close[None])]
    assert [each.at for each in kept] == [0, 0, close.nbytes, 0]
    assert len(file.every) == 2  # a negative zero is not the same as zero


def test_an_array_where_another_lay_is_an_array_of_its_own() -> None:
    file, close = spill.Filed(), np.arange(1000.0)
    for number in range(50):  # the second of two may come to lie where the first was
        file.of_array(close.copy())
        other = close.copy()
        other[0] = -number - 1
        assert file.of_array(other).make()[0] == -number - 1


def test_an_indicator_that_is_overwritten_is_recorded_as_it_was(tmp_path: Path) -> None:
    close = p.close_of(p.goog()).copy()

    def run(*, spoil: bool) -> Recording:
        with capture.record(tmp_path / str(spoil)) as recorded:
            average = vbt.MA.run(close, 7)
            vbt.Portfolio.from_signals(close, close > average.ma, close < average.ma)
            if spoil:
                average._ma[:] = -1.0
        return recorded.recordings[0]

    assert_equal(run(spoil=False), run(spoil=True))


def test_a_run_that_waits_keeps_no_indicator_alive_for_the_next(tmp_path: Path) -> None:
    close = p.close_of(p.goog())

    def run(window: int) -> None:
        average = vbt.MA.run(close, window, short_name=f"ma{window}")
        vbt.Portfolio.from_signals(close, close > average.ma, close < average.ma)

    with capture.record(tmp_path) as recorded:
        run(5)
        gc.collect()
        run(9)
    for recording, name in zip(recorded.recordings, ("ma5", "ma9"), strict=True):
        found = [n for n in recording.table("signals").column_names if n.startswith("indicator_")]
        assert found == [f"indicator_{name}"]


def test_a_list_that_is_changed_is_recorded_as_it_was(tmp_path: Path) -> None:
    words = c.lists()
    with capture.record(tmp_path / "left") as left:
        CASES["signals as lists"]()
    with capture.record(tmp_path / "changed") as changed:
        vbt.Portfolio.from_signals(**words, init_cash=100)
        words["entries"][:] = [True] * len(words["entries"])
    assert_equal(left.recordings[0], changed.recordings[0])


def test_global_settings_are_those_of_the_call(tmp_path: Path) -> None:
    own = vbt.settings.portfolio["init_cash"]
    try:
        with capture.record(tmp_path) as recorded:
            vbt.settings.portfolio["init_cash"] = 777.0
            vbt.Portfolio.from_signals(**c.sma_goog())
            vbt.settings.portfolio["init_cash"] = own
    finally:
        vbt.settings.portfolio["init_cash"] = own
    assert recorded.recordings[0].start["settings"]["init_cash"] == 777.0


# --- what hears of it ----------------------------------------------------------------------------


class Hears:
    def __init__(self) -> None:
        self.events: list[Any] = []

    @capture.hookimpl
    def on_signal(self, signal: Any) -> None:
        self.events.append(signal)

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        self.events.append(fill)


@pytest.fixture
def hears() -> Iterator[Hears]:
    plugin = Hears()
    capture.get_host().register(plugin, name="hears")
    yield plugin
    capture.get_host().unregister(plugin)


def test_observers_hear_every_event_when_the_runs_are_written(hears: Hears, tmp_path: Path) -> None:
    with capture.record(tmp_path) as recorded:
        SMA()
        assert hears.events == []
    [recording] = recorded.recordings
    told = [event.to_dict() for event in hears.events]
    stored = recording.table("signals").to_pylist() + recording.table("fills").to_pylist()
    assert [event["seq"] for event in told] == [row["seq"] for row in stored]
    for event, row in zip(told, stored, strict=True):
        shared = event.keys() & row.keys() - {"recorded_time"}
        assert {"bar_index", "symbol", "timestamp", "signal_id"} <= shared
        for name in shared:
            one, other = event[name], row[name]
            assert one == other or (one != one and other != other), name
    assert hears.events[0].bar_index == stored[0]["bar_index"]
    assert hears.events[0].regime is None
    with pytest.raises(AttributeError, match="has no 'nonsense'"):
        _ = hears.events[0].nonsense


# --- what survives -------------------------------------------------------------------------------

_PROGRAM = """
import gc, os, sys
import vectorbt as vbt
import capture
from tests.adapters.vectorbt.cases import CASES
from capture_vectorbt import waiting, spill

folder, names, how = sys.argv[1], sys.argv[2].split(";"), sys.argv[3]
def die(*_):
    os.kill(os.getpid(), 9)
if how == "while it is written":
    waiting.Waiting.own = waiting.Waiting.close
    from capture_vectorbt import accounts, writing
    writing.trade_table = die
if how == "before it is said":
    spill.Spill.done = die
with capture.record(folder) as recorded:
    for name in names:
        gc.collect()  # or it also has the indicators of those before it
        CASES[name]()
    if how == "while it waits":
        die()
print("ended")
"""
_KILLED = (
    "SMA cross, EURUSD",
    "long and short entries",
    "numbered bars",
    "bars with a time zone",
    "several assets, two accounts",
    "a grid over assets",
    "everything of each column",
    "signals as lists",
    "rebalancing",
    "orders that are refused",
    "random signals",
    "holding assets",
    "cash that is enough",
)


def killed(folder: Path, names: tuple[str, ...], how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(folder), ";".join(names), how],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr


def test_a_killed_process_loses_no_run_that_returned(tmp_path: Path) -> None:
    killed(tmp_path / "died", _KILLED, "while it waits")
    assert runs_of(tmp_path / "died") == []
    found = capture.open(tmp_path / "died").summaries()
    assert [row["state"] for row in found] == ["crashed-recovered"] * len(_KILLED)
    assert not (tmp_path / "died" / "waiting").exists()
    with capture.record(tmp_path / "lived") as lived:
        for name in _KILLED:
            gc.collect()
            CASES[name]()
    store = capture.open(tmp_path / "died")
    assert capture.verify(store).ok
    ordered = sorted(found, key=lambda row: store[row["run_id"]].start["started_ns"])
    for row, expected in zip(ordered, lived.recordings, strict=True):
        recovered = store[row["run_id"]]
        assert_equal(expected, recovered, late=True)
        had = any(name.startswith("indicator_") for name in expected.table("signals").column_names)
        assert set(recovered.table("signals").column("late_missing").to_pylist()) == {had}
    replayed = capture.replay(store[ordered[0]["run_id"]]).into("vectorbt")
    expected = CASES[_KILLED[0]]()
    assert replayed.order_records.tobytes() == expected.order_records.tobytes()


@pytest.mark.parametrize("how", ["while it is written", "before it is said"])
def test_a_process_killed_while_it_writes_doubles_nothing(how: str, tmp_path: Path) -> None:
    names = ("SMA cross, GOOG", "closes as an array")
    killed(tmp_path, names, how)
    assert len(runs_of(tmp_path)) == 1
    for _ in range(2):
        store = capture.open(tmp_path)
        assert len(store) == 2
        assert all(len(store[run_id].fills()) for run_id in store)
        assert capture.verify(store).ok
    states = [row["state"] for row in store.summaries()]
    assert states.count("crashed-recovered") == (2 if how == "while it is written" else 1)


def test_of_a_living_process_nothing_is_recovered(tmp_path: Path) -> None:
    with capture.record(tmp_path):
        SMA()
        assert len(capture.open(tmp_path)) == 0
        assert len(waiting_files(tmp_path)) == 1
    assert len(capture.open(tmp_path)) == 1


def test_a_file_that_is_no_file_of_calls_is_left_with_a_warning(tmp_path: Path) -> None:
    with capture.record(tmp_path):
        SMA()
    strange = tmp_path / "waiting" / "1-ab.nobody"
    strange.parent.mkdir()
    strange.write_bytes(b"something")
    with pytest.warns(capture.errors.CaptureWarning, match="could not be recovered"):
        assert len(capture.open(tmp_path)) == 1
    assert strange.read_bytes() == b"something"


def test_a_full_disk_makes_a_run_wait_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(spill.Spill, "keep", full)
    with capture.record(tmp_path) as recorded:
        SMA()
        assert len(runs_of(tmp_path)) == 1
    assert recorded.recordings[0].state == "ended"
