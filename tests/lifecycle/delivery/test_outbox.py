"""The outbox hands every item to one sender at a time, in order, and forgets none."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from capture.cli import cli
from capture.contracts.outbox import Verdict
from capture.errors import IllegalTransition
from capture_sql import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.contracts.remote_sink import Delivery
    from capture_sql import SignalRepository


def sent(item: Delivery) -> Verdict:
    return Verdict(item, "sent", item.attempts, time.time_ns())


def again(item: Delivery, wait_s: float = 0.0) -> Verdict:
    at_ns = time.time_ns() + int(wait_s * 1e9)
    return Verdict(item, "pending", item.attempts + 1, at_ns, "it failed")


def test_what_is_saved_is_in_the_outbox_with_what_changed(repository: SignalRepository) -> None:
    saved = repository.save_signal({"symbol": "ACME", "side": "buy", "entry_price": 10.5})
    repository.update_signal_status(saved.signal_id, "rejected", reason="risk_limit")
    first, second = repository.outbox().claim("http", 10, 60)
    assert [first.kind, second.kind] == ["saved", "status"]
    assert first.payload["signal"]["entry_price"] == 10.5
    assert second.payload["signal"]["reason"] == "risk_limit"
    assert first.idempotency_key != second.idempotency_key


def test_what_is_refused_is_not_in_the_outbox(repository: SignalRepository) -> None:
    saved = repository.save_signal({"symbol": "ACME", "side": "buy"}, "executed")
    with pytest.raises(IllegalTransition):
        repository.update_signal_status(saved.signal_id, "rejected")
    assert repository.outbox().counts("http").pending == 1


def test_a_claim_is_nobody_elses_until_it_ends(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    give(repository, 3)
    outbox = repository.outbox()
    claimed = outbox.claim("http", 100, 0.3)
    assert len(claimed) == 9
    assert outbox.claim("http", 100, 60) == []
    due = outbox.next_due_ns("http")
    assert due == claimed[0].lease_ns
    time.sleep(max(due - time.time_ns(), 0) / 1e9 + 0.01)
    assert [item.id for item in outbox.claim("http", 100, 60)] == [item.id for item in claimed]


def test_items_of_another_sink_are_left_alone(repository: SignalRepository) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    assert repository.outbox().claim("other", 10, 60) == []
    assert repository.outbox().sinks() == ("http",)


def test_nothing_of_a_signal_is_claimed_before_what_was_earlier(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    (one,) = give(repository, 1)
    outbox = repository.outbox()
    first = outbox.claim("http", 1, 60)
    assert [item.payload["signal"]["version"] for item in first] == [1]
    assert outbox.claim("http", 100, 60) == []  # the next is behind one that is on its way
    outbox.settle([again(first[0], wait_s=60)])
    assert outbox.claim("http", 100, 60) == []  # and now behind one that has to wait
    other = repository.save_signal({"symbol": "ACME", "side": "sell"})
    assert [item.signal_id for item in outbox.claim("http", 100, 60)] == [other.signal_id]
    assert one != other.signal_id


def test_a_dead_item_holds_its_own_signal_alone(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    one, other = give(repository, 2)
    outbox = repository.outbox()
    first = next(item for item in outbox.claim("http", 100, 0.01) if item.signal_id == one)
    outbox.settle([Verdict(first, "dead", 4, time.time_ns(), "x" * 2000)])
    time.sleep(0.02)
    assert {item.signal_id for item in outbox.claim("http", 100, 60)} == {other}
    counts = outbox.counts("http")
    assert (counts.dead, counts.held, counts.pending) == (1, 2, 5)
    (letter,) = outbox.dead("http")
    assert (letter.signal_id, len(letter.problem or "")) == (one, 500)
    assert outbox.resend("http", [letter.id + 1000]) == 0
    assert outbox.resend("http") == 1
    assert [item.signal_id for item in outbox.claim("http", 100, 60)] == [one] * 3


def test_who_lost_the_lease_has_no_say_except_that_it_arrived(
    repository: SignalRepository,
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    outbox = repository.outbox()
    (late,) = outbox.claim("http", 1, 0.01)
    time.sleep(0.02)
    (holder,) = outbox.claim("http", 1, 60)
    assert outbox.settle([again(late)]) == 0
    assert outbox.settle([Verdict(late, "dead", 4, time.time_ns(), "no")]) == 0
    assert outbox.counts("http").pending == 1
    assert outbox.settle([sent(late)]) == 1
    assert outbox.settle([again(holder)]) == 0
    assert outbox.counts("http").sent == 1


def test_claimers_at_the_same_time_share_the_items(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    give(repository, 120)
    outbox = repository.outbox()
    order: list[tuple[str, int]] = []
    lock, failed = threading.Lock(), list[BaseException]()

    def work() -> None:
        try:
            while items := outbox.claim("http", 7, 60):
                with lock:
                    order.extend((it.signal_id, it.payload["signal"]["version"]) for it in items)
                outbox.settle([sent(item) for item in items])
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while items := outbox.claim("http", 50, 60):  # a claimer may have ended while others held heads
        order.extend((it.signal_id, it.payload["signal"]["version"]) for it in items)
        outbox.settle([sent(item) for item in items])
    assert failed == []
    assert len(order) == len(set(order)) == 360
    versions: dict[str, list[int]] = {}
    for signal_id, version in order:
        versions.setdefault(signal_id, []).append(version)
    assert set(map(tuple, versions.values())) == {(1, 2, 3)}


def test_an_item_that_failed_waits_and_counts(repository: SignalRepository) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    outbox = repository.outbox()
    (item,) = outbox.claim("http", 1, 60)
    outbox.settle([again(item)])
    (item,) = outbox.claim("http", 1, 60)
    assert item.attempts == 1


def test_what_is_only_given_back_keeps_what_was_said_before(repository: SignalRepository) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    outbox = repository.outbox()
    outbox.settle([again(outbox.claim("http", 1, 60)[0])])
    (item,) = outbox.claim("http", 1, 60)
    outbox.settle([Verdict(item, "pending", item.attempts, time.time_ns())])
    (item,) = outbox.claim("http", 1, 60)
    outbox.settle([Verdict(item, "dead", item.attempts, time.time_ns())])
    assert [letter.problem for letter in outbox.dead("http")] == ["it failed"]


def test_an_empty_outbox_says_so(repository: SignalRepository) -> None:
    outbox = repository.outbox()
    assert outbox.next_due_ns("http") is None
    assert outbox.claim("http", 10, 60) == []
    assert outbox.settle([]) == 0
    assert outbox.counts("http").oldest_ns is None


def test_an_answer_that_comes_late_settles_its_own_item_and_no_other(
    repository: SignalRepository,
) -> None:
    """SQLite gives the number of a row that left to the next one; so the key tells which it is."""
    outbox = repository.outbox()
    repository.save_signal({"signal_id": "first", "symbol": "ACME", "side": "buy"})
    (late,) = outbox.claim("http", 1, 0.0)
    (holder,) = outbox.claim("http", 1, 0.0)
    assert outbox.settle([sent(holder)]) == 1
    assert outbox.forget("http", time.time_ns()) == 1
    repository.save_signal({"signal_id": "second", "symbol": "ACME", "side": "buy"})
    update = sa.update(tables.outbox).values(id=late.id, next_attempt_ns=late.lease_ns)
    repository.database.write(lambda connection: connection.execute(update))
    assert outbox.settle([sent(late)]) == 0
    assert outbox.settle([again(late)]) == 0
    assert outbox.settle([Verdict(late, "dead", 4, time.time_ns(), "no")]) == 0
    (second,) = outbox.claim("http", 10, 60)
    assert (second.id, second.signal_id, second.attempts) == (late.id, "second", 0)


def _with_every_state(repository: SignalRepository, give: Callable[..., list[str]]) -> None:
    """Two signals that are delivered, one of which the first item is dead, one that waits."""
    outbox = repository.outbox()
    give(repository, 2, "delivered")
    outbox.settle([sent(item) for item in outbox.claim("http", 100, 60)])
    give(repository, 1, "dead")
    outbox.settle([Verdict(outbox.claim("http", 1, 60)[0], "dead", 4, time.time_ns(), "no")])
    give(repository, 1, "waiting")


def test_what_was_sent_is_forgotten_and_nothing_else(
    repository: SignalRepository, give: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture_sql.outbox._FORGOTTEN_AT_ONCE", 4)
    _with_every_state(repository, give)
    outbox = repository.outbox()
    now = time.time_ns()
    assert outbox.forget("http", now - 3600 * 10**9) == 0, "it was sent just now"
    assert outbox.forget("other", now) == 0
    before = outbox.counts("http")
    assert (before.sent, before.dead, before.pending) == (6, 1, 5)
    assert outbox.forget("http", now, dry_run=True) == 6
    assert outbox.counts("http").sent == 6
    assert outbox.forget("http", now) == 6
    after = outbox.counts("http")
    assert (after.sent, after.dead, after.pending, after.held) == (0, 1, 5, 2)
    assert len(repository.get_signals()) == 4
    assert repository.verify().ok


def test_the_verb_says_first_what_it_would_forget(
    repository: SignalRepository, give: Callable[..., list[str]], db_url: str
) -> None:
    _with_every_state(repository, give)

    def call(*words: str) -> str:
        done = CliRunner().invoke(cli, ["lifecycle", "forget", "--db", db_url, *words])
        assert done.exit_code == 0, done.output
        return done.output

    assert call("--older-than", "30d") == "Nothing to forget.\n"
    assert (
        call("--older-than", "0s", "--dry-run") == "Would take 6 items of http out of the outbox.\n"
    )
    said = json.loads(call("--older-than", "0s", "--sink", "http", "--json"))
    assert said == {"dry_run": False, "items": {"http": 6}}
    assert call("--older-than", "0s") == "Nothing to forget.\n"
    wrong = CliRunner().invoke(
        cli, ["lifecycle", "forget", "--db", db_url, "--older-than", "0s", "--sink", "htp"]
    )
    assert wrong.exit_code == 2
    assert "Did you mean" in wrong.output
