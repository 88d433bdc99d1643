"""Whatever the remote does, it has every change in the end, once and in order."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from capture.lifecycle.delivery import RetryPolicy, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.lifecycle.delivery import Sender
    from capture_sql import SignalRepository

FAULTS = ["500", "502", "drop before", "drop after", "503", "429 0", "slow 0.01"]


@pytest.mark.parametrize("batch", [None, 7])
def test_everything_arrives_once_and_in_order(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
    batch: int | None,
) -> None:
    ids = give(repository, 20)
    done = sender(batch=batch).drain()
    assert (done.sent, done.failed, done.dead) == (60, 0, 0)
    expect_exactly_once(remote, ids)
    assert repository.outbox().counts("http").pending == 0
    # As many as fit go together, but never two of one signal.
    assert len(remote.requests) == (60 if batch is None else 9)


@pytest.mark.parametrize("batch", [None, 5])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_now_and_then_loses_and_doubles_nothing(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
    fault: str,
    batch: int | None,
) -> None:
    ids = give(repository, 8)
    remote.faults = ["none", "none", fault] * 6
    one = sender(batch=batch)
    assert one.drain().sent
    while repository.outbox().resend("http"):
        one.drain()
    expect_exactly_once(remote, ids)


@pytest.mark.parametrize("seed", range(4))
def test_any_mixture_of_faults_loses_and_doubles_nothing(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
    seed: int,
) -> None:
    random = Random(seed)
    ids = give(repository, 12)
    remote.faults = random.choices(["none", *FAULTS], weights=[4, *[1] * len(FAULTS)], k=60)
    one = sender(batch=random.choice([None, 1, 4]), policy=RetryPolicy(base_s=0.001, cap_s=0.01))
    one.drain()
    while repository.outbox().resend("http") or repository.outbox().counts("http").pending:
        one.drain()
    expect_exactly_once(remote, ids)


def test_a_remote_that_is_away_gets_everything_when_it_is_back(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    remote.stop()
    with sender() as following:
        ids = give(repository, 10)
        wait_until(lambda: following.totals.unavailable is not None)
        assert "cannot be reached" in str(following.totals.unavailable)
        counts = repository.outbox().counts("http")
        assert (counts.pending, counts.dead) == (30, 0)
        remote.start()
        wait_until(lambda: repository.outbox().counts("http").sent == 30)
    expect_exactly_once(remote, ids)


def test_a_remote_that_went_away_in_the_middle_goes_on_where_it_was(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 30)
    with sender(rate=TokenBucket(300, 1)):
        wait_until(lambda: len(remote.requests) > 20)
        remote.stop()
        time.sleep(0.1)
        remote.start()
        wait_until(lambda: repository.outbox().counts("http").sent == 90, give_up_s=30)
    expect_exactly_once(remote, ids)


def test_draining_to_a_remote_that_stays_away_ends_and_keeps_everything(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
) -> None:
    give(repository, 3)
    remote.stop()
    done = sender().drain()
    assert done.sent == 0
    assert done.unavailable is not None
    counts = repository.outbox().counts("http")
    assert (counts.pending, counts.dead) == (9, 0)


def test_after_three_retries_an_item_is_given_up_and_holds_those_behind_it(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 1)
    outbox = repository.outbox()
    remote.faults = ["500"] * 4
    one = sender()
    done = one.drain()
    assert (len(remote.requests), done.failed, done.dead) == (4, 3, 1)
    counts = outbox.counts("http")
    assert (counts.dead, counts.pending, counts.held) == (1, 2, 2)
    (letter,) = outbox.dead("http")
    assert (letter.attempts, letter.problem) == (4, "it answered 500 Internal Server Error")
    assert outbox.next_due_ns("http") is None
    assert outbox.resend("http", [letter.id]) == 1
    assert one.drain().sent == 3
    expect_exactly_once(remote, ids)


def test_what_the_remote_refuses_is_given_up_at_once(
    repository: SignalRepository, remote: Any, sender: Callable[..., Sender]
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    remote.faults = ["422"]
    assert sender().drain().dead == 1
    assert len(remote.requests) == 1


def test_one_bad_item_does_not_take_a_batch_with_it(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 6)
    remote.faults = ["400"]
    assert sender(batch=6).drain().dead == 0
    expect_exactly_once(remote, ids)


def test_a_remote_that_is_too_slow_gets_it_once_all_the_same(
    repository: SignalRepository,
    remote: Any,
    sender: Callable[..., Sender],
    give: Callable[..., list[str]],
    expect_exactly_once: Callable[[Any, list[str]], None],
) -> None:
    ids = give(repository, 1)
    remote.faults = ["slow 1"]
    done = sender(timeout_s=0.2).drain()
    assert (done.sent, done.failed) == (3, 1)
    expect_exactly_once(remote, ids)


def test_the_wait_that_the_remote_asks_for_is_kept(
    repository: SignalRepository, remote: Any, sender: Callable[..., Sender]
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    remote.faults = ["429 1"]
    started = time.monotonic()
    assert sender().drain().sent == 1
    assert time.monotonic() - started >= 1
    assert len(remote.requests) == 2


def test_a_wrong_address_costs_no_item_an_attempt(
    repository: SignalRepository, remote: Any, sender: Callable[..., Sender]
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    remote.faults = ["404"] * 9
    done = sender().drain()
    assert "404" in str(done.unavailable)
    counts = repository.outbox().counts("http")
    assert (counts.pending, counts.dead) == (1, 0)


def wait_until(holds: Callable[[], bool], give_up_s: float = 15.0) -> None:
    deadline = time.monotonic() + give_up_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)
