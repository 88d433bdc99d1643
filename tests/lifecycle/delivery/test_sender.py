"""The sender follows in a thread or a coroutine, keeps its rate, and survives what fails."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from capture.contracts.remote_sink import Fate, Said
from capture.errors import ConfigError
from capture.lifecycle.delivery import RetryPolicy, Sender, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture_sql import SignalRepository


class Sink:
    """Takes everything, or does what it is told."""

    timeout_s = 0.1

    def __init__(self, most: int = 10, answer: Callable[[int], Any] | None = None) -> None:
        self.most = most
        self.sends: list[list[str]] = []
        self.times: list[float] = []
        self._answer = answer or (lambda count: [Said(Fate.ACCEPTED)] * count)

    def send(self, items: Sequence[Any]) -> Any:
        self.sends.append([item.idempotency_key for item in items])
        self.times.append(time.monotonic())
        return self._answer(len(items))

    def close(self) -> None:
        pass


def sending(repository: SignalRepository, sink: Sink, **settings: Any) -> Sender:
    settings = {"policy": RetryPolicy(base_s=0.001, cap_s=0.002), "poll_s": 0.01, **settings}
    return Sender(repository.outbox(), sink, name="http", **settings)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.01)


def test_it_lets_go_of_what_was_sent_long_ago(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    give(repository, 2)
    outbox = repository.outbox()
    sending(repository, Sink()).drain()
    sending(repository, Sink(), keep_sent=timedelta(hours=1)).drain()
    assert outbox.counts("http").sent == 6
    sending(repository, Sink(), keep_sent=timedelta()).drain()
    assert outbox.counts("http").sent == 0
    with pytest.raises(ConfigError, match="keep_sent"):
        sending(repository, Sink(), keep_sent=timedelta(days=-1))


def test_it_follows_in_a_thread(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    sink = Sink()
    with sending(repository, sink) as sender:
        give(repository, 2)
        wait_until(lambda: sender.totals.sent == 6)
        give(repository, 1, "later")
        wait_until(lambda: sender.snapshot().sent == 9)
    assert sorted(key for keys in sink.sends for key in keys) == sorted(
        {key for keys in sink.sends for key in keys}
    )


def test_it_follows_in_a_coroutine_whose_loop_goes_on(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    def slow(count: int) -> list[Said]:
        time.sleep(0.05)
        return [Said(Fate.ACCEPTED)] * count

    async def main() -> int:
        sender = sending(repository, Sink(most=1, answer=slow))
        following = asyncio.create_task(sender.follow_async())
        ticks = 0
        while sender.totals.sent < 6:
            await asyncio.sleep(0.005)
            ticks += 1
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        return ticks

    give(repository, 2)
    assert asyncio.run(main()) > 6
    assert repository.outbox().counts("http").sent == 6


def test_a_rate_is_kept(repository: SignalRepository, give: Callable[..., list[str]]) -> None:
    give(repository, 4)
    sink = Sink(most=1)
    sending(repository, sink, rate=TokenBucket(40, 1)).drain()
    assert len(sink.times) == 12
    assert sink.times[-1] - sink.times[0] >= 11 / 40 - 0.001


def test_what_is_claimed_and_not_sent_is_given_back_when_it_stops(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    give(repository, 10)
    sink = Sink(most=1)
    sender = sending(repository, sink, rate=TokenBucket(5, 1)).start()
    wait_until(lambda: bool(sink.sends))
    sender.stop()
    counts = repository.outbox().counts("http")
    assert counts.sent == len(sink.sends) < 10
    assert len(repository.outbox().claim("http", 100, 60)) == counts.pending


@pytest.mark.parametrize(
    "answer", [lambda _: [], lambda count: [Said(Fate.ACCEPTED)] * (count + 1)]
)
def test_a_sink_that_miscounts_is_a_defect_that_loses_nothing(
    repository: SignalRepository, answer: Any
) -> None:
    repository.save_signal({"symbol": "ACME", "side": "buy"})
    done = sending(repository, Sink(answer=answer)).drain()
    assert (done.sent, done.dead) == (0, 1)
    (letter,) = repository.outbox().dead("http")
    assert "it is a defect" in str(letter.problem)


def test_a_sink_that_raises_fails_its_items_and_its_words_are_not_kept(
    repository: SignalRepository,
) -> None:
    def raising(_count: int) -> None:
        raise RuntimeError("token=hunter2")

    repository.save_signal({"symbol": "ACME", "side": "buy"})
    assert sending(repository, Sink(answer=raising)).drain().dead == 1
    (letter,) = repository.outbox().dead("http")
    assert "RuntimeError" in str(letter.problem)
    assert "hunter2" not in str(letter.problem)


def test_a_database_that_fails_is_tried_again(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    give(repository, 1)
    rename = "ALTER TABLE {} RENAME TO {}"
    repository.database.write(lambda it: it.exec_driver_sql(rename.format("outbox", "away")))
    with sending(repository, Sink()) as sender:
        wait_until(lambda: sender.trouble is not None)
        repository.database.write(lambda it: it.exec_driver_sql(rename.format("away", "outbox")))
        wait_until(lambda: sender.totals.sent == 3)
        assert sender.trouble is None


def test_a_lease_shorter_than_a_send_is_refused(repository: SignalRepository) -> None:
    with pytest.raises(ConfigError, match="lease_s"):
        sending(repository, Sink(), lease_s=0.1)


def test_a_send_that_would_outlast_its_lease_is_not_begun(
    repository: SignalRepository, give: Callable[..., list[str]]
) -> None:
    def slow(count: int) -> list[Said]:
        time.sleep(1.45)  # so long that the rest of the lease is shorter than another may take
        return [Said(Fate.ACCEPTED)] * count

    give(repository, 10)
    sink = Sink(most=1, answer=slow)
    sender = sending(repository, sink, lease_s=1.5)
    assert sender.run_once().sent == 1
    assert repository.outbox().counts("http").pending == 30 - len(sink.sends)
