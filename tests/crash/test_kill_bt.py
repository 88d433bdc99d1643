"""kill -9 in the middle of a run of bt: intents are there, fills up to a known one."""

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

import bt
from backtesting.test import GOOG

import capture

store, durability, killed_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
prices = GOOG[["Close"]].iloc[:300].set_axis(["GOOG"], axis=1)
even = prices * 0.0 == 1.0
even.iloc[::2] = True


class Killed(bt.Algo):
    def __call__(self, target):
        if target.now == prices.index[killed_at]:
            os.kill(os.getpid(), 9)
        return True


algos = [bt.algos.SelectWhere(even), bt.algos.WeighEqually(), bt.algos.Rebalance()]
strategy = bt.Strategy("Alternating", [*([Killed()] if killed_at < 300 else []), *algos])
options = {"buffer_size": 64, "durability": durability}
bt.Backtest(capture.wrap(strategy, store=store, **options), prices).run()
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


def said(recording: Any, table: str, *names: str) -> list[tuple[Any, ...]]:
    """Return what a table says of every event, in order."""
    frame = recording.table(table).select(["bar_index", *names]).to_pandas()
    return list(frame.itertuples(index=False, name=None))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The recording of a run that came to its end."""
    return run(tmp_path_factory.mktemp("whole"), NEVER)


FILL = ("side", "size", "price", "commission", "position_after", "trade_number")


def test_a_killed_run_has_every_intent_and_says_which_fills_it_lacks(
    whole: Any, tmp_path: Path
) -> None:
    killed = run(tmp_path, 201)
    assert killed.state == "crashed-recovered"
    for table, names in {
        "signals": ("direction", "signal_type", "position_before"),
        "orders": ("side", "call", "size", "arguments"),
    }.items():
        wanted = [event for event in said(whole, table, *names) if event[0] < 201]
        assert str(said(killed, table, *names)) == str(wanted)
        assert len(wanted) > 190
    known = killed.manifest["flags"]["fills_missing_after_seq"]
    mine = killed.fills()
    wanted = said(whole, "fills", *FILL)
    assert said(killed, "fills", *FILL) == wanted[: len(mine)]
    assert len(mine) > 100
    signals = killed.table("signals").column("seq").to_pylist()
    assert {seq for seq in signals if seq <= known} <= set(mine["signal_seq"])


def test_with_fsync_every_fill_is_there(whole: Any, tmp_path: Path) -> None:
    killed = run(tmp_path, 201, "fsync")
    wanted = [event for event in said(whole, "fills", *FILL) if event[0] < 201]
    assert said(killed, "fills", *FILL) == wanted
    assert "fills_missing_after_seq" not in killed.manifest["flags"]
