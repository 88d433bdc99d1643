"""kill -9 in the middle of a run of Backtesting.py: intents are there, fills up to a known one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import capture

pytestmark = [pytest.mark.crash, pytest.mark.host, pytest.mark.timeout(300)]

PROGRAM = """
import os
import sys

from backtesting import Backtest, Strategy
from backtesting.test import GOOG

import capture


class Alternating(Strategy):
    killed_at = None
    stop_at = None

    def init(self):
        pass

    def next(self):
        bar = len(self.data) - 1
        if bar == self.stop_at:
            self.buy(size=1, sl=self.data.Close[-1] / 2)
        elif not self.position:
            self.buy(size=0.5)
        elif bar % 3:
            self.position.close()
        else:
            self.position.close()
            self.sell(size=0.25)
        if bar == self.killed_at:
            os.kill(os.getpid(), 9)


store, durability, killed_at, stop_at = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
Alternating.killed_at, Alternating.stop_at = killed_at, stop_at
own = capture.wrap(Alternating, store=store, buffer_size=64, durability=durability)
Backtest(GOOG.iloc[:600], own, cash=10_000, commission=0.002, finalize_trades=True).run()
"""
NEVER = 10_000
TABLES = ("signals", "orders", "fills", "statuses")


def run(store: Path, killed_at: int, *, durability: str = "journal", stop_at: int = NEVER) -> Any:
    """Run the program and return what is left of its recording."""
    argv = (str(store), durability, str(killed_at), str(stop_at))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, *argv], check=False, capture_output=True
    )
    wanted = 0 if killed_at == NEVER else -signal.SIGKILL
    assert done.returncode == wanted, done.stderr.decode()
    recording = capture.open(store).latest()
    assert capture.verify(store).ok
    return recording


def events(recording: Any, table: str) -> list[tuple[Any, ...]]:
    """Return what a table says of every event, in order, however it was numbered."""
    names = {
        "signals": ["seq", "bar_index", "direction", "signal_type", "position_before"],
        "orders": ["seq", "bar_index", "side", "call", "size"],
        "fills": ["signal_id", "bar_index", "side", "size", "price", "position_after"],
        "statuses": ["signal_id", "bar_index", "status", "reason"],
    }[table]
    frame = recording.table(table).select(names).to_pandas()
    if "signal_id" in frame:
        frame["signal_id"] = [int(text.rpartition(".")[2]) for text in frame["signal_id"]]
    return list(frame.itertuples(index=False, name=None))


def until(recording: Any, table: str, bar: int) -> list[tuple[Any, ...]]:
    """Return the events of the bars up to this one."""
    return [event for event in events(recording, table) if event[1] <= bar]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that nobody killed."""
    return run(tmp_path_factory.mktemp("whole"), NEVER)


@pytest.mark.parametrize("killed_at", [1, 20, 33, 34, 35, 250, 598])
def test_a_killed_run_has_every_intent_and_the_fills_up_to_the_one_it_names(
    killed_at: int, whole: Any, tmp_path: Path
) -> None:
    killed = run(tmp_path, killed_at)
    assert killed.state == "crashed-recovered"
    for table in ("signals", "orders"):
        assert events(killed, table) == until(whole, table, killed_at)
    after = killed.manifest["flags"]["fills_missing_after_seq"]
    for table in ("fills", "statuses"):
        there, full = events(killed, table), events(whole, table)
        assert there == full[: len(there)]
        recorded = [event for event in full if event[0] <= after]
        assert there == recorded
    # What is missing is no more than the fills of a block of signals and orders.
    missing = [event[0] for event in events(killed, "signals") if event[0] > after]
    assert 0 < len(missing) <= 33
    assert "fills_missing_after_seq" not in whole.manifest["flags"]


@pytest.mark.parametrize(
    "how", [{"durability": "fsync"}, {"stop_at": 90}], ids=["synced", "not plain"]
)
def test_a_run_whose_fills_are_recorded_as_they_happen_loses_none(
    how: dict[str, Any], tmp_path: Path
) -> None:
    whole = run(tmp_path / "whole", NEVER, **how)
    killed = run(tmp_path / "killed", 250, **how)
    assert killed.state == "crashed-recovered"
    assert "fills_missing_after_seq" not in killed.manifest["flags"]
    for table in TABLES:
        assert events(killed, table) == until(whole, table, 250)


def test_numbers_have_no_gap_and_a_fill_comes_after_its_order(whole: Any) -> None:
    numbers = np.concatenate([whole.table(name).column("seq").to_numpy() for name in TABLES])
    assert sorted(numbers) == list(range(len(numbers)))
    fills = whole.table("fills").to_pandas()
    orders = fills["order_id"].str.removeprefix("o").astype(int)
    assert (fills["seq"] > orders).all()
