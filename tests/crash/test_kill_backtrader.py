"""kill -9 in the middle of a run of backtrader: intents are there, fills up to a known one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import capture

pytestmark = [pytest.mark.crash, pytest.mark.host, pytest.mark.timeout(300)]

PROGRAM = """
import os
import sys

import backtrader as bt
from backtesting.test import GOOG

import capture


class Alternating(bt.Strategy):
    params = (("killed_at", 0),)

    def next(self):
        bar = len(self) - 1
        if not self.position:
            self.buy(size=3)
        elif bar % 3:
            self.close()
        else:
            self.close()
            self.sell(size=2)
        if bar % 7 == 0:
            self.resting = self.buy(size=1, exectype=bt.Order.Limit, price=1.0)
        elif bar % 7 == 2:
            self.cancel(self.resting)
        if bar == self.p.killed_at:
            os.kill(os.getpid(), 9)


store, durability, killed_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
cerebro = bt.Cerebro(stdstats=False)
cerebro.adddata(bt.feeds.PandasData(dataname=GOOG.iloc[:300]))
options = {"symbol": "GOOG", "timeframe": "1d", "buffer_size": 64, "durability": durability}
cerebro.addstrategy(capture.wrap(Alternating, store=store, **options), killed_at=killed_at)
cerebro.run()
"""
NEVER = 10_000


def run(store: Path, killed_at: int, durability: str = "journal") -> Any:
    """Run the program and return what is left of its recording."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(store), durability, str(killed_at)],
        check=False,
        capture_output=True,
    )
    wanted = 0 if killed_at == NEVER else -signal.SIGKILL
    assert done.returncode == wanted, done.stderr.decode()
    recording = capture.open(store).latest()
    assert capture.verify(store).ok
    return recording


def events(recording: Any, table: str) -> list[tuple[Any, ...]]:
    """Return what a table says of every event, in order; a fill names its signal's number."""
    names = {
        "signals": ["seq", "bar_index", "direction", "signal_type", "position_before"],
        "orders": ["seq", "bar_index", "side", "call", "size"],
        "fills": ["signal_id", "bar_index", "side", "size", "price", "position_after"],
    }[table]
    frame = recording.table(table).select(names).to_pandas()
    if "signal_id" in frame:
        frame["signal_id"] = [int(text.rpartition(".")[2]) for text in frame["signal_id"]]
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def until(recording: Any, table: str, bar: int) -> list[tuple[Any, ...]]:
    """Return the events of the bars up to this one."""
    return [event for event in events(recording, table) if event[1] <= bar]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that nobody killed."""
    return run(tmp_path_factory.mktemp("whole"), NEVER)


@pytest.mark.parametrize("killed_at", [1, 31, 32, 33, 200, 298])
def test_a_killed_run_has_every_intent_and_the_fills_up_to_the_one_it_names(
    killed_at: int, whole: Any, tmp_path: Path
) -> None:
    killed = run(tmp_path, killed_at)
    assert killed.state == "crashed-recovered"
    for table in ("signals", "orders"):
        assert events(killed, table) == until(whole, table, killed_at)
    after = killed.manifest["flags"]["fills_missing_after_seq"]
    there, full = events(killed, "fills"), events(whole, "fills")
    assert there == full[: len(there)]
    assert {event for event in full if event[0] <= after} <= set(there)
    # What is missing is no more than the fills of a block of signals and orders.
    missing = [event[0] for event in events(killed, "signals") if event[0] > after]
    assert 0 < len(missing) <= 40
    assert "fills_missing_after_seq" not in whole.manifest["flags"]


def test_a_run_whose_fills_are_recorded_as_they_happen_loses_none(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", NEVER, "fsync")
    killed = run(tmp_path / "killed", 150, "fsync")
    assert "fills_missing_after_seq" not in killed.manifest["flags"]
    for table in ("signals", "orders", "fills"):
        assert events(killed, table) == until(whole, table, 150)
