"""kill -9 at random moments: what `capture_signal` returned for is there, once and in order."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import capture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.crash, pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS = 19
ENDLESS = 100_000
CLI_EVERY = 8

# What each leg records with, how long its writers may live after they first spoke, and what else
# is special about it. The 11 legs whose writers never end are 209 kills; the kills of those that
# close or recover come on top, for some of them end before.
LEGS: dict[str, dict[str, Any]] = {
    "parquet": {},
    "json": {"backend": "json"},
    "sql": {"backend": "sql"},
    "hdf5": {"backend": "hdf5"},
    "large blocks": {"buffer_size": 500},
    "fsync": {"durability": "fsync"},
    "fsync, background": {"durability": "fsync", "asynchronous": True, "backend": "json"},
    "background": {"asynchronous": True, "max_pending_blocks": 2},
    "three threads": {"threads": 3},
    "three threads, background": {"threads": 3, "asynchronous": True, "backend": "sql"},
    "while it closes": {"signals": 60},
    "while it closes, json": {"signals": 60, "backend": "json"},
    "while it closes, hdf5": {"signals": 30, "backend": "hdf5", "buffer_size": 10},
    "while it is recovered": {"recoveries": 3},
}


@pytest.fixture(scope="module")
def nursery() -> Iterator[Callable[..., list[str]]]:
    """Let a process do a task, kill it, and return what it said; see nursery.py."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nursery.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None

        def ask(**task: Any) -> list[str]:
            process.stdin.write(json.dumps(task) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer, "a writer failed by itself; its traceback is above"
            said: list[str] = json.loads(answer)
            return said

        yield ask
        process.stdin.close()


@pytest.mark.parametrize("leg", LEGS)
def test_a_killed_writer_loses_nothing_that_it_was_told_of(
    leg: str, nursery: Callable[..., list[str]], tmp_path: Path
) -> None:
    settings = {"buffer_size": 5, **LEGS[leg]}
    threads, signals = settings.pop("threads", 1), settings.pop("signals", ENDLESS)
    recoveries = settings.pop("recoveries", 0)
    chance = random.Random(leg)
    for number in range(ROUNDS):
        store = tmp_path / str(number)
        seconds = chance.choice([0.005, 0.05, 0.15]) * chance.random()
        said = nursery(
            task="record",
            store=str(store),
            settings=settings,
            threads=threads,
            signals=signals,
            begin="\n" if signals == ENDLESS else "closing",
            seconds=seconds,
        )
        for _ in range(recoveries):
            nursery(
                task="reopen", store=str(store), begin="opening", seconds=chance.random() * 0.08
            )
        assert_whole(store, said, threads=threads)
        if number % CLI_EVERY == 0:
            assert_verified_by_the_command(store)


def assert_whole(store: Path, said: list[str], *, threads: int) -> None:
    opened = capture.open(store)
    recording = opened.latest()
    if said[-1] == "closed":
        assert recording.state == "ended"
    else:  # a writer that was closing may have ended the run before it was killed
        assert recording.state in {"crashed-recovered", "ended" * (said[-1] == "closing")}
    told = [line.split() for line in said if line not in {"closing", "closed"}]
    found = recording.signals()
    assert found["signal_id"].is_unique
    assert found["seq"].is_monotonic_increasing
    place = {identity: n for n, identity in enumerate(found["signal_id"])}
    for thread in range(threads):
        places = [place[identity] for identity, of, _ in told if of == str(thread)]
        assert places == sorted(places), "not in the order in which they were given"
        own = found[found["strategy_id"] == f"thread-{thread}"]
        assert len(places) <= len(own) <= len(places) + 1
        assert list(own["indicator_sma"] * 2) == list(range(len(own)))
        assert list(own["param_fast"]) == [n // 50 for n in range(len(own))]
    assert len(place) <= len(told) + threads
    with_bars = found[found["symbol"] == "S0"]
    assert with_bars.empty or with_bars["market_close"].notna().all()
    outcome = capture.verify(opened)
    assert outcome.ok, str(outcome)


def assert_verified_by_the_command(store: Path) -> None:
    command = [sys.executable, "-m", "capture", "verify", "--store", str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
