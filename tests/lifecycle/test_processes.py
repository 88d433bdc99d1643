"""Many processes change the same signals at random: nothing is lost, and all of it is legal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import pytest

from capture.lifecycle.amounts import total
from capture.lifecycle.states import TRANSITIONS
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]
SIGNALS: Final = 1_000
PROCESSES: Final = 8
ATTEMPTS: Final = 400

_WORKER: Final = """
import json, random, sys
from collections import Counter
from capture.errors import IllegalTransition, StatusConflict
from capture.events import SignalStatus
from capture_sql import SignalRepository

url, number, signals, attempts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
draw = random.Random(number)
names = [f"s{n}" for n in range(signals)]
done, filled, refused, conflicts = Counter(), Counter(), 0, 0
with SignalRepository(url) as repository:
    print("ready", flush=True)
    sys.stdin.readline()
    left = attempts
    while left > 0:
        style = draw.random()
        if style < 0.3:  # many at once, in an order of its own
            chosen = draw.sample(names, 20)
            changes = [{"signal_id": n, "status": draw.choice(list(SignalStatus))} for n in chosen]
        elif style < 0.5:  # read, decide, write only if nobody was quicker
            read = repository.get_signal_by_id(draw.choice(names))
            changes = [{"signal_id": read.signal_id, "status": draw.choice(list(SignalStatus)),
                        "expected_version": read.version}]
        elif style < 0.7:
            name = draw.choice(names)
            changes = [{"signal_id": name, "status": "partially_filled",
                        "executed_quantity": 0.1, "executed_price": 100.0}]
        else:
            changes = [{"signal_id": draw.choice(names), "status": draw.choice(list(SignalStatus))}]
        left -= len(changes)
        try:
            repository.update_signal_statuses(
                {**change, "actor": f"worker {number}"} for change in changes)
        except IllegalTransition:
            refused += 1
        except StatusConflict:
            conflicts += 1
        else:
            done.update(change["signal_id"] for change in changes)
            filled.update(change["signal_id"] for change in changes if "executed_price" in change)
print(json.dumps({"done": done, "filled": filled, "refused": refused, "conflicts": conflicts}))
"""


@pytest.mark.slow
def test_eight_processes_change_a_thousand_signals_at_random(
    repository: SignalRepository, signal: Make, db_url: str
) -> None:
    repository.save_signals(
        signal(signal_id=f"s{number}", requested_quantity=None) for number in range(SIGNALS)
    )
    words = [sys.executable, "-c", _WORKER, db_url]
    running = [
        subprocess.Popen(
            [*words, str(number), str(SIGNALS), str(ATTEMPTS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = []
    for process in running:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        told.append(json.loads(out))
    done = sum((Counter(each["done"]) for each in told), Counter())
    filled = sum((Counter(each["filled"]) for each in told), Counter())
    assert done.total() > SIGNALS / 4 and sum(each["refused"] for each in told) > 0
    by_worker: Counter[str] = Counter()
    for number in range(SIGNALS):
        name = f"s{number}"
        history = repository.get_history(name)
        # Every update that was told to have worked is a row, and there is no other.
        assert len(history) == 1 + done[name]
        assert [each.version for each in history] == list(range(1, len(history) + 1))
        for before, after in pairwise(history):
            assert after.from_status == before.status
            assert after.status in TRANSITIONS[before.status]
            by_worker[after.actor or ""] += 1
        record = repository.get_signal_by_id(name)
        assert record is not None
        assert (record.version, record.status) == (len(history), history[-1].status)
        fills = repository.get_fills(name)
        assert len(fills) == filled[name]
        assert record.executed_quantity == (total([0.1] * len(fills)) if fills else None)
    assert by_worker == {
        f"worker {number}": sum(each["done"].values()) for number, each in enumerate(told)
    }
    assert repository.verify().ok


@pytest.mark.slow
def test_threads_share_a_repository(repository: SignalRepository, signal: Make) -> None:
    from concurrent.futures import ThreadPoolExecutor

    signal_id = repository.save_signal(signal(requested_quantity=20), status="submitted").signal_id

    def fill(number: int) -> int:
        for each in range(5):
            repository.record_fill(signal_id, 0.5, 100.0 + number, fill_id=f"{number}-{each}")
        return number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(fill, range(8))) == list(range(8))
    record = repository.get_signal_by_id(signal_id)
    assert record is not None
    assert (record.status, record.executed_quantity, record.executed_price) == (
        "executed",
        20.0,
        103.5,
    )
    assert repository.verify().ok
