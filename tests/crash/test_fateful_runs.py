"""Runs of every backtester that are killed, or whose disk is full: what is recorded is true.

Every intent is there; fills are there up to a signal that the recording names.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

import capture
from tests.hosts import names_one_left_out

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.crash, pytest.mark.host, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = Path(__file__).with_name("hosts")
# Bars before whose decision the process is killed; around bar 32 a block ends.
_KILLED: Final = {
    "backtesting": [2, 21, 33, 34, 35, 250, 398],
    "backtrader": [2, 31, 32, 33, 34, 200, 398],
    "bt": [201],
    "builtin": [60, 200, 399],
    "nautilus": [5, 100, 290],
    "pybroker": [201],
    "zipline": [201],
}
KILLED: Final = {host: bars for host, bars in _KILLED.items() if not names_one_left_out(host)}
HOSTS: Final = (*KILLED, "bracketed")
COLUMNS: Final = {
    "signals": ("bar_index", "direction", "signal_type", "position_before"),
    "orders": ("bar_index", "side", "call", "size", "limit_price", "arguments"),
    "fills": ("bar_index", "side", "size", "price", "commission", "position_after", "trade_number"),
    "statuses": ("bar_index", "status", "reason"),
}
# Arguments of nautilus are gathered when a block ends; those of backtrader have numbers of events.
NO_ARGUMENTS: Final = ("nautilus", "backtrader", "backtesting")
FLAG: Final = "fills_missing_after_seq"
# Of what a block of 64 holds; pybroker's fills are all read at the end.
MOST_MISSING: Final = {"nautilus": 120, "builtin": 200, "pybroker": 10_000}


@pytest.fixture(scope="module")
def fated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run the program of a backtester and return what is left of its recording."""

    @cache
    def run(host: str, fate: str = "whole", bar: int = 0, durability: str = "journal") -> Any:
        store = tmp_path_factory.mktemp(host)
        words = ["-m", "tests.crash.hosts", host, str(store), durability, fate, str(bar)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", *words], check=False, capture_output=True, cwd=ROOT
        )
        wanted = -signal.SIGKILL if fate == "killed" else 0
        assert done.returncode == wanted, done.stderr.decode()
        recording = capture.open(store).latest()
        assert capture.verify(store).ok
        return recording

    return run


def said(recording: Any, table: str) -> list[tuple[Any, ...]]:
    """Return what a table says of every event, in order; a signal is named by its place."""
    ids = recording.table("signals").column("signal_id").to_pylist()
    places = {signal_id: place for place, signal_id in enumerate(ids)}
    there = recording.table(table)
    left_out = {"arguments"} if recording.manifest["host"] in NO_ARGUMENTS else set()
    names = [n for n in COLUMNS[table] if n in there.column_names and n not in left_out]
    columns = [there.column(name).to_pylist() for name in names]
    whose = [places.get(signal_id, -1) for signal_id in there.column("signal_id").to_pylist()]
    return list(zip(*columns, whose, strict=True))


def until(events: list[tuple[Any, ...]], bar: int) -> list[tuple[Any, ...]]:
    """Return the events of the bars before this one."""
    return [event for event in events if event[0] < bar]


def known(recording: Any) -> int:
    """Return of how many signals the recording says that their fills are there."""
    flags, seqs = recording.manifest["flags"], recording.table("signals").column("seq").to_pylist()
    return sum(seq <= flags[FLAG] for seq in seqs) if FLAG in flags else len(seqs)


def of_signals(events: list[tuple[Any, ...]], places: int) -> list[tuple[Any, ...]]:
    """Return the events of the first so many signals."""
    return [event for event in events if event[-1] < places]


def test_every_program_is_run() -> None:
    assert sorted(f"{host}_run" for host in (*_KILLED, "bracketed")) == sorted(
        path.stem for path in PROGRAMS.glob("*_run.py")
    )


@pytest.mark.parametrize("host", HOSTS)
def test_a_run_to_which_nothing_happens_lacks_nothing(host: str, fated: Any) -> None:
    whole = fated(host)
    assert whole.state == "ended"
    assert FLAG not in whole.manifest["flags"]
    assert len(said(whole, "fills")) > 75


@pytest.mark.parametrize(
    ("host", "bar"), [(host, bar) for host, bars in KILLED.items() for bar in bars]
)
def test_a_killed_run_has_every_intent_and_says_which_fills_it_lacks(
    host: str, bar: int, fated: Any
) -> None:
    killed, whole = fated(host, "killed", bar), fated(host)
    assert killed.state == "crashed-recovered"
    for table in ("signals", "orders"):
        assert said(killed, table) == until(said(whole, table), bar)
    signals = len(said(killed, "signals"))
    assert FLAG in killed.manifest["flags"]
    assert 0 < signals - known(killed) <= MOST_MISSING.get(host, 70)
    # The statuses of backtrader are written at the end.
    for table in ("fills",) if host == "backtrader" else ("fills", "statuses"):
        there, full = said(killed, table), said(whole, table)
        assert set(there) <= set(full)
        # What comes later, such as the fill of an order that rests, cannot be there.
        wanted = of_signals(until(full, bar), known(killed))
        assert of_signals(until(there, bar), known(killed)) == wanted
    there = said(killed, "fills")
    assert there == said(whole, "fills")[: len(there)]


@pytest.mark.parametrize("host", HOSTS)
def test_with_fsync_every_fill_is_there(host: str, fated: Any) -> None:
    killed, whole = fated(host, "killed", 201, "fsync"), fated(host)
    assert FLAG not in killed.manifest["flags"]
    for table in ("signals", "orders"):
        assert said(killed, table) == until(said(whole, table), 201)
    there, full = said(killed, "fills"), said(whole, "fills")
    assert there == full[: len(there)]
    assert len(there) >= len(until(full, 201)) > 20


def test_orders_that_are_not_plain_are_heard_as_they_happen(fated: Any) -> None:
    killed, whole = fated("bracketed", "killed", 201), fated("bracketed")
    assert FLAG not in killed.manifest["flags"]
    for table in ("fills", "statuses"):
        there = said(killed, table)
        assert there == said(whole, table)[: len(there)]
        assert len(there) >= len(until(said(whole, table), 201))


@pytest.mark.parametrize("host", HOSTS)
def test_where_the_disk_is_full_the_run_goes_on_and_what_lacks_is_said(
    host: str, fated: Any
) -> None:
    stopped, whole = fated(host, "full", 151), fated(host)
    for table in ("signals", "orders"):
        there = said(stopped, table)
        assert there == said(whole, table)[: len(there)]
    assert len(until(said(whole, "signals"), 151)) <= len(said(stopped, "signals"))
    places = known(stopped)
    there, full = said(stopped, "fills"), said(whole, "fills")
    assert there == full[: len(there)]
    last = said(stopped, "signals")[-1][0]
    assert of_signals(until(there, last), places) == of_signals(until(full, last), places)
