"""The tracker takes signals in at once, stores them in batches, and loses none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from capture import SignalTracker
from capture.errors import (
    BackendFailed,
    CaptureHalted,
    ConfigError,
    IllegalTransition,
    InvalidEvent,
    SignalNotFound,
    StoreError,
)
from capture.lifecycle.audit import AuditLog, read_audit
from capture.lifecycle.audit_check import verify_audit
from capture_sql import SignalRepository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from capture_sql import SignalRepository as Repository


@pytest.fixture
def tracker(repository: Repository, tmp_path: Path) -> Iterator[Callable[..., SignalTracker]]:
    """Make trackers, which are closed in the end."""
    made: list[SignalTracker] = []

    def make(**settings: Any) -> SignalTracker:
        made.append(SignalTracker(repository, **{"spool": tmp_path / "spool", **settings}))
        return made[-1]

    yield make
    for one in made:
        one.close()


@contextmanager
def broken(repository: Repository) -> Iterator[None]:
    """Let every statement about signals fail, in the database itself."""
    rename = "ALTER TABLE {} RENAME TO {}"
    repository.database.write(lambda it: it.exec_driver_sql(rename.format("signals", "away")))
    try:
        yield
    finally:
        repository.database.write(lambda it: it.exec_driver_sql(rename.format("away", "signals")))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.005)


def test_what_was_logged_is_in_the_repository_with_what_became_of_it(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker()
    name = one.log_signal(signal(note="kept"), entry_price=101.5)
    assert one.log_status(name, "submitted", order_id="7")
    assert one.log_status(name, "executed", executed_price=102.0, executed_quantity=10)
    one.flush()
    record = repository.get_signal_by_id(name)
    assert record is not None
    assert (record.status, record.entry_price, record.slippage) == ("executed", 101.5, 0.5)
    assert record.extra == {"note": "kept"}
    assert [row.status for row in repository.get_history(name)] == [
        "generated",
        "submitted",
        "executed",
    ]


def test_it_says_what_the_repository_would_say(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    given = signal(signal_id="a", confidence=0.25, tags=["x"], status="submitted", at=5)
    direct = repository.save_signal({**given, "signal_id": "b"}, signal_ns=5)
    one = tracker()
    one.log_signal(given, signal_ns=5)
    one.flush()
    other = repository.get_signal_by_id("a")
    assert other is not None
    differing = {"signal_id", "created_ns", "updated_ns", "sha256"}
    assert {k: v for k, v in other.items() if k not in differing} == {
        k: v for k, v in direct.items() if k not in differing
    }


def test_a_batch_is_stored_when_it_is_full(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(batch_size=5, interval_s=600)
    for _ in range(5):
        one.log_signal(signal())
    wait_until(lambda: one.statistics.stored == 5)
    one.log_signal(signal())
    time.sleep(0.05)
    assert one.statistics.pending == 1
    assert one.statistics.batches == 1


def test_no_signal_waits_longer_than_the_interval(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(batch_size=1000, interval_s=0.05)
    one.log_signal(signal())
    wait_until(lambda: one.statistics.stored == 1)


def test_threads_may_log_at_the_same_time(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker()

    def work(thread: int) -> None:
        for number in range(50):
            name = one.log_signal(signal(signal_id=f"{thread}.{number}"))
            one.log_status(name, "rejected", reason="risk_limit")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one.flush()
    assert repository.get_execution_stats().rejected_count == 200
    assert one.statistics.stored == one.statistics.accepted == 400


# --- what cannot be taken ------------------------------------------------------------------------


def test_a_bad_signal_is_refused_where_it_is_given(tracker: Callable[..., SignalTracker]) -> None:
    one = tracker()
    with pytest.raises(InvalidEvent, match="side"):
        one.log_signal({"symbol": "ACME"})
    with pytest.raises(InvalidEvent, match="status"):
        one.log_status("s", "exceuted")
    with pytest.raises(InvalidEvent, match="signal_id"):
        one.log_status("", "executed")
    assert one.statistics.accepted == 0


def test_one_bad_entry_takes_no_other_with_it_and_is_raised_once(
    repository: Repository,
    tracker: Callable[..., SignalTracker],
    signal: Callable[..., Any],
    tmp_path: Path,
) -> None:
    one = tracker(audit=tmp_path / "audit", interval_s=600)
    for name in ("a", "b", "a"):
        one.log_signal(signal(signal_id=name))
    one.log_status("a", "rejected")
    one.log_status("a", "executed")
    one.log_status("nobody", "executed")
    one.log_status("b", "submitted")
    with pytest.raises(InvalidEvent, match="signal_id='a'"):
        one.flush()
    one.flush()
    assert (one.statistics.stored, one.statistics.refused) == (4, 3)
    assert {row.signal_id: str(row.status) for row in repository.get_signals()} == {
        "a": "rejected",
        "b": "submitted",
    }
    refused = [entry for entry in read_audit(tmp_path / "audit") if entry.action == "refused"]
    assert [entry.signal_id for entry in refused] == ["a", "a", "nobody"]


@pytest.mark.parametrize(
    ("name", "status", "error"),
    [("s", "generated", IllegalTransition), ("nobody", "executed", SignalNotFound)],
)
def test_closing_raises_what_was_refused(
    repository: Repository,
    signal: Callable[..., Any],
    tmp_path: Path,
    name: str,
    status: str,
    error: type[Exception],
) -> None:
    one = SignalTracker(repository, spool=tmp_path / "spool")
    one.log_signal(signal(signal_id="s"))
    one.log_status(name, status)
    with pytest.raises(error):
        one.close()
    one.close()
    assert repository.get_signal_by_id("s") is not None


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": 0},
        {"interval_s": 0},
        {"max_pending": True},
        {"durability": "jurnal"},
        {"overload": "wait"},
    ],
)
def test_settings_that_cannot_be_are_refused(
    tracker: Callable[..., SignalTracker], settings: dict[str, Any]
) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        tracker(**settings)


def test_a_closed_tracker_takes_nothing(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker()
    one.close()
    with pytest.raises(StoreError, match="closed"):
        one.log_signal(signal())


# --- a database that fails -----------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["journal", "memory"])
def test_a_failing_database_is_tried_again_and_nobody_waits_for_it(
    repository: Repository,
    tracker: Callable[..., SignalTracker],
    signal: Callable[..., Any],
    durability: str,
) -> None:
    one = tracker(batch_size=5, durability=durability)
    with broken(repository):
        for number in range(200):
            one.log_signal(signal(signal_id=f"s{number}"))
        wait_until(lambda: one.trouble is not None)
        assert one.statistics.stored == 0
        with pytest.raises(BackendFailed, match="200 entries wait"):
            one.flush()
    one.flush()
    assert one.trouble is None
    assert repository.get_execution_stats().total_signals == 200
    assert one.statistics.failures >= 1


def test_what_a_tracker_could_not_store_the_next_one_does(
    repository: Repository, signal: Callable[..., Any], tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    one = SignalTracker(repository, spool=spool)
    with broken(repository):
        one.log_signal(signal(signal_id="s"))
        one.log_status("s", "rejected")
        with pytest.raises(BackendFailed, match="a tracker for this database stores them"):
            one.close()
    with SignalTracker(repository, spool=spool) as other:
        other.flush()
        assert other.statistics.recovered == 2
    record = repository.get_signal_by_id("s")
    assert record is not None
    assert record.status == "rejected"
    assert list(spool.iterdir()) == []


def test_what_is_in_memory_alone_stays_there_until_it_can_be_stored(
    repository: Repository, signal: Callable[..., Any]
) -> None:
    one = SignalTracker(repository, durability="memory")
    with broken(repository):
        one.log_signal(signal(signal_id="s"))
        with pytest.raises(BackendFailed, match="in this process alone"):
            one.close()
    one.close()
    assert repository.get_signal_by_id("s") is not None


# --- overload ------------------------------------------------------------------------------------


def test_halt_says_so_and_loses_nothing_that_was_accepted(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(max_pending=10, overload="halt", batch_size=100, interval_s=600)
    for _ in range(10):
        one.log_signal(signal())
    with pytest.raises(CaptureHalted, match="10 entries wait"):
        one.log_signal(signal())
    one.flush()
    one.log_signal(signal())
    one.flush()
    assert repository.get_execution_stats().total_signals == 11


def test_drop_counts_exactly_what_it_turned_away(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(max_pending=10, overload="drop", batch_size=100, interval_s=600)
    taken = [one.log_signal(signal()) for _ in range(25)]
    assert [name is None for name in taken] == [False] * 10 + [True] * 15
    assert one.log_status(taken[0], "rejected") is False
    one.flush()
    assert (one.statistics.dropped, one.statistics.stored) == (16, 10)
    assert repository.get_execution_stats().total_signals == 10


def test_block_waits_until_there_is_room(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(max_pending=3, batch_size=1, interval_s=600)
    for _ in range(40):
        one.log_signal(signal())
        assert one.statistics.pending <= 3
    one.flush()
    assert repository.get_execution_stats().total_signals == 40


# --- asyncio -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"durability": "fsync"}, {"max_pending": 2}])
def test_coroutines_log_and_the_loop_goes_on(
    repository: Repository, signal: Callable[..., Any], tmp_path: Path, settings: dict[str, Any]
) -> None:
    async def trade(one: SignalTracker, trader: int) -> None:
        for number in range(10):
            name = await one.log_signal_async(signal(signal_id=f"{trader}.{number}"))
            assert name is not None
            assert await one.log_status_async(name, "submitted")

    async def main() -> None:
        spool = tmp_path / "spool"
        async with SignalTracker(repository, batch_size=2, spool=spool, **settings) as one:
            await asyncio.gather(*(trade(one, n) for n in range(5)))
            await one.flush_async()
            assert one.statistics.stored == 100

    asyncio.run(main())
    assert repository.get_execution_stats().by_status == {"submitted": 50}


# --- what a process leaves -----------------------------------------------------------------------


def test_nothing_is_left_of_a_spool_that_is_stored(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any], tmp_path: Path
) -> None:
    one = tracker()
    one.log_signal(signal())
    assert len(list((tmp_path / "spool").iterdir())) == 1
    one.close()
    assert list((tmp_path / "spool").iterdir()) == []


def test_the_spool_of_a_living_tracker_is_left_alone(
    repository: Repository, tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker(batch_size=100, interval_s=600)
    one.log_signal(signal())
    other = tracker()
    other.flush()
    assert other.statistics.recovered == 0
    one.flush()
    assert repository.get_execution_stats().total_signals == 1


def test_a_database_in_memory_has_no_spool(
    signal: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with SignalRepository("sqlite://") as repository, SignalTracker(repository) as one:
        one.log_signal(signal())
        one.flush()
        assert repository.get_execution_stats().total_signals == 1
    assert list(tmp_path.iterdir()) == []


def test_the_spool_of_another_database_is_left_alone(
    repository: Repository, signal: Callable[..., Any], tmp_path: Path
) -> None:
    spool = tmp_path / "spool"
    one = SignalTracker(repository, spool=spool)
    with broken(repository):
        one.log_signal(signal())
        with pytest.raises(BackendFailed):
            one.close()
    with (
        SignalRepository(f"sqlite:///{tmp_path}/other.sqlite") as another,
        SignalTracker(another, spool=spool) as other,
    ):
        other.flush()
        assert other.statistics.recovered == 0
    SignalTracker(repository, spool=spool).close()
    assert repository.get_execution_stats().total_signals == 1


def test_a_damaged_spool_is_kept_and_what_can_be_read_is_stored(
    repository: Repository,
    signal: Callable[..., Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spool = tmp_path / "spool"
    one = SignalTracker(repository, spool=spool)
    with broken(repository):
        for number in range(20):
            one.log_signal(signal(signal_id=f"s{number}"))
        with pytest.raises(BackendFailed):
            one.close()
    (journal,) = spool.glob("*/*/*.journal")
    data = bytearray(journal.read_bytes())
    place = data.index(b"s15")
    data[place - 200 : place] = bytes(200)
    journal.write_bytes(data)
    with SignalTracker(repository, spool=spool) as other:
        other.flush()
    assert 10 <= repository.get_execution_stats().total_signals < 20
    assert "damaged" in caplog.text
    assert journal.exists()
    with SignalTracker(repository, spool=spool) as third:
        assert third.statistics.recovered == 0


def test_many_signals_do_not_make_the_spool_large(
    repository: Repository, tmp_path: Path, signal: Callable[..., Any], monkeypatch: Any
) -> None:
    monkeypatch.setattr("capture.lifecycle.spool._MOST_BYTES", 20_000)
    with SignalTracker(repository, spool=tmp_path / "spool") as one:
        for _ in range(4):
            for _ in range(100):
                one.log_signal(signal())
            one.flush()
        journals = list((tmp_path / "spool").glob("*/0*/"))
        assert len(journals) == 1
        assert journals[0].name != "000001"


def test_the_child_of_a_fork_is_told_to_make_its_own(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any]
) -> None:
    one = tracker()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork while threads run
        child = os.fork()
    if child == 0:
        status = 1
        try:
            one.log_signal(signal())
        except StoreError as error:
            status = 0 if "another process" in str(error) else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_process_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, capture\n"
        "from capture_sql import SignalRepository\n"
        "tracker = capture.SignalTracker(SignalRepository(sys.argv[1]))\n"
        "for n in range(30):\n"
        "    tracker.log_signal({'symbol': 'A', 'side': 'buy', 'signal_id': f's{n}'})\n"
    )
    place = tmp_path / "lifecycle.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", script, f"sqlite:///{place}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with SignalRepository(f"sqlite:///{place}") as repository, SignalTracker(repository) as one:
        one.flush()
        assert repository.get_execution_stats().total_signals == 30


# --- the audit log -------------------------------------------------------------------------------


def test_every_stored_entry_is_written_down_with_the_digest_of_its_signal(
    repository: Repository,
    tracker: Callable[..., SignalTracker],
    signal: Callable[..., Any],
    tmp_path: Path,
) -> None:
    one = tracker(audit=tmp_path / "audit")
    name = one.log_signal(signal())
    one.flush()
    one.log_status(name, "rejected", reason="risk_limit")
    one.flush()
    saved, changed = read_audit(tmp_path / "audit")
    record = repository.get_signal_by_id(name)
    assert record is not None
    assert (saved.action, saved.signal_id, changed.action) == ("saved", name, "status")
    assert changed.sha256 == record.sha256 != saved.sha256
    assert changed.facts["reason"] == "risk_limit"
    assert verify_audit(tmp_path / "audit").ok


def test_an_audit_log_that_was_given_stays_open(
    tracker: Callable[..., SignalTracker], signal: Callable[..., Any], tmp_path: Path
) -> None:
    with AuditLog(tmp_path / "audit") as log:
        one = tracker(audit=log)
        one.log_signal(signal())
        one.close()
        assert log.append("after") == 2
