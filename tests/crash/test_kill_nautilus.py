"""kill -9 in the middle of a run of NautilusTrader: intents are there, fills up to a known one."""

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
from pathlib import Path

import capture
from tests.adapters.nautilus import strategies
from tests.adapters.nautilus.runs import Case


class Killed(strategies.Nasty):
    seen = 0

    def on_bar(self, bar):
        super().on_bar(bar)
        self.seen += 1
        if self.seen == int(sys.argv[3]):
            os.kill(os.getpid(), 9)


options = {"buffer_size": 64, "durability": sys.argv[2]}
Case(Killed)(lambda strategy: capture.wrap(strategy, store=sys.argv[1], **options))
"""
NEVER = 10_000


def run(store: Path, killed_at: int, durability: str = "journal") -> Any:
    """Run the program and return what is left of its recording."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(store), durability, str(killed_at)],
        check=False,
        capture_output=True,
        cwd=Path(__file__).parents[2],
    )
    wanted = 0 if killed_at == NEVER else -signal.SIGKILL
    assert done.returncode == wanted, done.stderr.decode()
    recording = capture.open(store).latest()
    assert capture.verify(store).ok
    return recording


def events(recording: Any, table: str) -> list[tuple[Any, ...]]:
    """Return what a table says of every event, in order, without the numbers of events."""
    names = {
        "signals": ["bar_index", "direction", "signal_type", "position_before", "timestamp"],
        "orders": ["bar_index", "side", "call", "size", "callback"],
        "fills": ["bar_index", "side", "size", "price", "position_after", "trade_number"],
    }[table]
    frame = recording.table(table).select(names).to_pandas()
    return list(frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None))


def until(recording: Any, table: str, bar: int) -> list[tuple[Any, ...]]:
    """Return the events of the bars before this one."""
    return [event for event in events(recording, table) if event[0] < bar]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run that nobody killed."""
    return run(tmp_path_factory.mktemp("whole"), NEVER)


@pytest.mark.parametrize("killed_at", [5, 100, 290])
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
    fills, signals = (killed.table(name).to_pandas() for name in ("fills", "signals"))
    # Up to the signal that is named, all fills of all signals are there.
    known = signals[signals["seq"] <= after]
    if len(known):
        recorded = whole.table("signals").to_pandas()["signal_id"][: len(known)]
        expected = whole.table("fills").to_pandas()["signal_id"].isin(recorded).sum()
        assert fills["signal_id"].isin(known["signal_id"]).sum() == expected
    missing = int((signals["seq"] > after).sum())
    assert 0 < missing < 120
    assert "fills_missing_after_seq" not in whole.manifest["flags"]


def test_a_run_whose_fills_are_recorded_as_they_happen_loses_none(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", NEVER, "fsync")
    killed = run(tmp_path / "killed", 150, "fsync")
    assert "fills_missing_after_seq" not in killed.manifest["flags"]
    for table in ("signals", "orders"):
        assert events(killed, table) == until(whole, table, 150)
    fills = events(killed, "fills")
    assert fills == events(whole, "fills")[: len(fills)]
    assert len(fills) > 20
