"""With `fsync`, the disk has a signal before the call that captured it returns."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import capture

if TYPE_CHECKING:
    from pathlib import Path

SIGNALS = 25

CAPTURE = """
import os, sys
import capture

config = capture.SignalCaptureConfig(
    storage_path=sys.argv[1], durability=sys.argv[2], buffer_size=10
)
engine = capture.SignalCaptureEngine(config)
os.write(2, b"begun")
for n in range(int(sys.argv[3])):
    engine.capture_signal(
        {"symbol": f"S{n}", "direction": 1},
        {"timestamp": n, "strategy_id": "s", "indicators": {"note": "x" * 300 * (n % 20)}},
    )
    os.write(2, b"returned %d" % n)
os._exit(0)
"""


def traced(tmp_path: Path, durability: str) -> list[str]:
    """Return the system calls that matter, in the order in which they completed."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.fail("strace is missing, and this shows what fsync does: apt-get install strace")
    log = tmp_path / "trace"
    command = [strace, "-f", "-o", str(log), "-e", "trace=msync,fsync,fdatasync,write,openat,mmap"]
    program = [sys.executable, "-c", CAPTURE, str(tmp_path / "store"), durability, str(SIGNALS)]
    done = subprocess.run([*command, *program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines()


def synced_before_return(calls: list[str]) -> list[bool]:
    """Return, for every signal, whether journal pages were synced since the one before."""
    mapped: list[tuple[int, int]] = []
    journals: set[str] = set()
    outcome: list[bool] = []
    synced = begun = False
    for call in calls:
        if opened := re.search(r'openat\(.*\.journal".* = (\d+)$', call):
            journals.add(opened[1])
        elif got := re.search(r"mmap\(.*?, (\d+), .*MAP_SHARED, (\d+), 0\) = (0x[0-9a-f]+)", call):
            if got[2] in journals:
                start = int(got[3], 16)
                mapped.append((start, start + int(got[1])))
        elif said := re.search(r"msync\((0x[0-9a-f]+), (\d+), MS_SYNC\)\s+= 0", call):
            first, size = int(said[1], 16), int(said[2])
            synced |= any(low <= first and first + size <= high for low, high in mapped)
        elif "begun" in call:
            begun, synced = True, False
        elif begun and re.search(r'write\(2, "returned \d+"', call):
            outcome.append(synced)
            synced = False
    return outcome


def test_the_journal_is_synced_before_a_signal_is_acknowledged(tmp_path: Path) -> None:
    assert synced_before_return(traced(tmp_path, "fsync")) == [True] * SIGNALS
    assert len(capture.open(tmp_path / "store").latest().signals()) == SIGNALS


def test_without_fsync_nothing_waits_for_the_disk(tmp_path: Path) -> None:
    """What the test above looks for is not there by itself."""
    assert synced_before_return(traced(tmp_path, "journal")) == [False] * SIGNALS


def test_the_folders_that_lead_to_the_journal_are_synced(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.fail("strace is missing, and this shows what fsync does: apt-get install strace")
    log = tmp_path / "trace"
    program = [sys.executable, "-c", CAPTURE, str(tmp_path / "store"), "fsync", "1"]
    command = [strace, "-f", "-y", "-o", str(log), "-e", "trace=fsync,write"]
    subprocess.run([*command, *program], capture_output=True, check=True)
    before = log.read_text().split('"returned 0"')[0]
    synced = set(re.findall(r"fsync\(\d+<([^>]+)>\)\s+= 0", before))
    (run,) = (tmp_path / "store" / "runs").iterdir()
    part = run / "parts" / "0000"
    for folder in (run.parent, run, run / "parts", part, part / "journal"):
        assert str(folder) in synced, f"{folder} was not synced"
