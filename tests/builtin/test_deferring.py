"""Fills and verdicts that are recorded many at once are those that are recorded as they happen."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import capture
from tests.adapters.telling import told
from tests.builtin.test_contract import CASES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host
TABLES = ("signals", "orders", "fills", "statuses", "trades", "equity", "notes")

PROGRAM = """
import os
import sys
from capture_builtin import Backtest, Feed
from tests.builtin.market import bars
from tests.builtin.strategies import Orders
import capture


class Dying(Orders):
    def generate_signal(self, market):
        if market.index == int(sys.argv[2]):
            os.kill(os.getpid(), 9)
        return super().generate_signal(market)


own = capture.wrap(Dying, store=sys.argv[1], buffer_size=32)
Backtest(Feed.from_frame(bars(), "ONE"), own, cash=10_000, size=10, commission_rate=0.001).run()
"""


class Listener:
    """Hears of fills, so that they are recorded as they happen."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Keep the event."""
        self.heard.append(fill)


def recorded(name: str, folder: Path, listener: Any = None, **options: Any) -> Any:
    """Return the recording of a run, with a listener or without."""
    host = capture.get_host()
    if listener is not None:
        host.register(listener, name="listener")
    try:
        CASES[name](lambda own: capture.wrap(own, store=folder, buffer_size=32, **options))
    finally:
        if listener is not None:
            host.unregister(listener)
    return capture.open(folder).latest()


@pytest.mark.parametrize("name", CASES)
def test_deferred_outcomes_are_those_that_are_heard(name: str, tmp_path: Path) -> None:
    listener = Listener()
    heard = recorded(name, tmp_path / "now", listener)
    stored = heard.table("fills").to_pylist()
    assert [fill.seq for fill in listener.heard] == [row["seq"] for row in stored]
    later = recorded(name, tmp_path / "later")
    for table in TABLES:
        assert told(later, table) == told(heard, table), table
    assert "fills_missing_after_seq" not in later.manifest["flags"]


def test_many_are_recorded_at_once_where_nobody_listens(tmp_path: Path) -> None:
    name = "an average, costs"
    now, later = (
        recorded(name, tmp_path / "now", Listener()), recorded(name, tmp_path / "later"),
    )  # fmt: skip

    def turns(recording: Any) -> int:
        """Count how often the rows change over from signals to fills."""
        kinds = sorted((seq, table) for table in ("signals", "fills")
                       for seq in recording.table(table)["seq"].to_pylist())  # fmt: skip
        return sum(a[1] != b[1] for a, b in pairwise(kinds))

    assert 0 < turns(later) < turns(now) / 5


def test_with_fsync_each_is_recorded_as_it_happens(tmp_path: Path) -> None:
    name = "an average, costs"
    synced = recorded(name, tmp_path / "synced", durability="fsync")
    heard = recorded(name, tmp_path / "heard", Listener())
    for table in ("signals", "fills", "statuses"):
        assert synced.table(table)["seq"].equals(heard.table(table)["seq"])


@pytest.mark.crash
@pytest.mark.parametrize("killed_at", [60, 200, 399])
def test_a_killed_run_has_every_signal_and_the_fills_up_to_the_one_it_names(
    killed_at: int, tmp_path: Path
) -> None:
    def run(folder: Path, bar: int) -> Any:
        argv = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(folder), str(bar)]
        done = subprocess.run(argv, check=False, capture_output=True)
        assert done.returncode == (-signal.SIGKILL if bar < 400 else 0), done.stderr.decode()
        assert capture.verify(folder).ok
        return capture.open(folder).latest()

    whole, killed = run(tmp_path / "whole", 1_000), run(tmp_path / "killed", killed_at)
    assert killed.state == "crashed-recovered"
    for table in ("signals", "orders"):
        kept = [row for row in _plain(whole, table) if row["bar_index"] < killed_at]
        assert _plain(killed, table) == kept
    after = killed.manifest["flags"]["fills_missing_after_seq"]
    order = {seq: place for place, seq in enumerate(killed.table("signals")["seq"].to_pylist())}
    known = {order[seq] for seq in order if seq <= after}
    for table in ("fills", "statuses"):
        there = _plain(killed, table)
        full = [row for row in _plain(whole, table) if row["bar_index"] < killed_at]
        assert [r for r in there if r["signal_id"] in known] == [
            r for r in full if r["signal_id"] in known
        ]
        assert [row for row in full if row in there] == there


def _plain(recording: Any, table: str) -> list[dict[str, Any]]:
    late = ("part", "late_missing", "segment", "expected_price", "slippage", "timestamp")
    rows = told(recording, table)
    return [
        {name: value for name, value in row.items()
         if name not in late and not name.startswith("indicator_")}
        for row in rows
    ]  # fmt: skip
