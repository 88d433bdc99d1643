"""A process that is killed anywhere between the call and the delivery loses and doubles nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from capture.lifecycle.audit import read_audit
from capture.lifecycle.audit_check import verify_audit
from capture.lifecycle.delivery import Sender
from capture.lifecycle.tracker import SignalTracker
from capture_http.sink import HttpSink
from capture_sql import SignalRepository
from capture_sql.tables import outbox

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS = 12


@pytest.fixture
def nursery() -> Iterator[Any]:
    """Let processes be killed, and return what they had been told."""
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("nursery.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None

    def killed(**task: Any) -> list[str]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        assert answer, "the nursery ended"
        said: list[str] = json.loads(answer)
        return said

    yield killed
    process.stdin.close()
    process.wait(30)
    process.stdout.close()


@pytest.mark.crash
@pytest.mark.slow
def test_killed_anywhere_between_call_and_delivery_nothing_is_lost_or_doubled(
    nursery: Any, db_url: str, remote: Any, tmp_path: Path
) -> None:
    random, told = Random(11), list[str]()
    places = {"spool": str(tmp_path / "spool"), "audit": str(tmp_path / "audit")}
    for number in range(ROUNDS):
        told += nursery(
            name=f"r{number}",
            db_url=db_url,
            url=remote.url,
            batch_url=remote.batch_url,
            seconds=random.random() * 0.15,
            **places,
        )
    with SignalRepository(db_url, sinks=("http",)) as repository:
        with SignalTracker(repository, **places) as tracker:
            tracker.flush()
            recovered = tracker.statistics
        _end_leases(repository)
        sink = HttpSink(remote.url, batch_url=remote.batch_url)
        sender = Sender(repository.outbox(), sink, name="http", lease_s=90, poll_s=0.01)
        sender.drain()
        sender.close()
        counts = repository.outbox().counts("http")
        stored = {
            (row.signal_id, version)
            for row in repository.iter_signals()
            for version in range(1, row.version + 1)
        }
        assert repository.verify().ok
    accepted = {(name, int(version)) for name, version in map(str.split, told)}
    assert len(accepted) > 3 * ROUNDS
    assert accepted <= stored
    assert len(stored - accepted) <= ROUNDS  # accepted, and killed before it could say so
    assert (counts.pending, counts.dead, counts.sent) == (0, 0, len(stored))
    received = [(it["signal_id"], it["payload"]["signal"]["version"]) for it in remote.received]
    assert len(received) == len(set(received))
    assert set(received) == stored
    assert received.count(received[0]) == 1
    for name in {name for name, _ in received}:
        versions = [version for one, version in received if one == name]
        assert versions == sorted(versions)
    _check_audit(tmp_path / "audit", stored)
    assert list((tmp_path / "spool").glob("*/place.json")) == []
    assert recovered.recovered > 0


def _end_leases(repository: SignalRepository) -> None:
    """Let the leases of the killed be over, as they are by themselves a while later."""
    repository.database.write(
        lambda it: it.execute(
            sa.update(outbox).where(outbox.c.state == "pending").values(next_attempt_ns=0)
        )
    )


def _check_audit(folder: Path, stored: set[tuple[str, int]]) -> None:
    """Every change is written down, and none twice, whenever a process died."""
    assert verify_audit(folder).ok
    lines = [entry for entry in read_audit(folder) if entry.action in ("saved", "status")]
    said = [(entry.signal_id, entry.facts["status"]) for entry in lines]
    words = {1: "generated", 2: "submitted", 3: "executed"}
    assert sorted(map(str, said)) == sorted(str((name, words[v])) for name, v in stored)
    assert all(entry.sha256 for entry in lines)
