"""kill -9 in the middle of a run of pybroker: every intent is there, and what lacks is said."""

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

import pybroker
from backtesting.test import GOOG
from pybroker import Strategy

import capture

store, durability, killed_at = sys.argv[1], sys.argv[2], int(sys.argv[3])
pybroker.disable_logging()
pybroker.disable_progress_bar()
bars = GOOG.iloc[:300].rename(columns=str.lower).rename_axis("date").reset_index()
bars = bars.assign(symbol="GOOG")


def trade(ctx):
    if ctx.bars - 1 == killed_at:
        os.kill(os.getpid(), 9)
    if ctx.bars % 4 == 0:
        ctx.buy_shares = 3
        ctx.hold_bars = 2
    elif ctx.bars % 4 == 2:
        ctx.sell_shares = 1
        ctx.sell_limit_price = 1.0


strategy = Strategy(bars, bars["date"].min(), bars["date"].max())
options = {"buffer_size": 64, "durability": durability}
strategy.add_execution(capture.wrap(trade, store=store, **options), "GOOG")
strategy.backtest()
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


def test_a_killed_run_has_every_intent_and_says_which_fills_it_lacks(
    whole: Any, tmp_path: Path
) -> None:
    killed = run(tmp_path, 201)
    assert killed.state == "crashed-recovered"
    for table, names in {
        "signals": ("direction", "signal_type", "position_before"),
        "orders": ("side", "call", "size", "limit_price", "arguments"),
    }.items():
        wanted = [event for event in said(whole, table, *names) if event[0] < 201]
        assert str(said(killed, table, *names)) == str(wanted)
        assert len(wanted) > 90
    assert not len(killed.fills())
    assert killed.manifest["flags"]["fills_missing_after_seq"] == -1
    assert killed.bars()["close"].tolist() == whole.bars()["close"].tolist()


def test_with_fsync_every_fill_is_there(whole: Any, tmp_path: Path) -> None:
    killed = run(tmp_path, 201, "fsync")
    names = ("side", "size", "price", "position_after")
    wanted = [event for event in said(whole, "fills", *names) if event[0] <= 201]
    assert said(killed, "fills", *names) == wanted
    assert "fills_missing_after_seq" not in killed.manifest["flags"]
