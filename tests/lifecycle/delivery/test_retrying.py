"""Retries, waits and rate limits follow their laws, whatever the numbers."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.contracts.remote_sink import Delivery, Fate, Said
from capture.errors import ConfigError
from capture.lifecycle.delivery import RetryPolicy, TokenBucket
from capture.lifecycle.delivery.retrying import after, pause_s

NS = 1_000_000_000
POLICIES = st.builds(
    RetryPolicy,
    retries=st.integers(0, 6),
    base_s=st.floats(0.001, 10),
    cap_s=st.floats(0.001, 100),
)


def delivery(attempts: int = 0) -> Delivery:
    return Delivery(
        id=1,
        signal_id="s",
        sink="http",
        kind="saved",
        payload={},
        idempotency_key="s:1:http",
        created_ns=0,
        attempts=attempts,
        lease_ns=0,
    )


@given(POLICIES, st.integers(0, 1000), st.integers())
def test_a_wait_lies_between_nothing_and_a_bound_that_doubles(
    policy: RetryPolicy, failures: int, seed: int
) -> None:
    wait = policy.backoff_s(failures, Random(seed))
    assert 0 <= wait <= policy.cap_s
    if failures <= 20:
        assert wait <= policy.base_s * 2 ** max(failures - 1, 0)


def test_the_wait_is_spread_over_the_whole_of_it() -> None:
    policy, random = RetryPolicy(base_s=1, cap_s=100), Random(3)
    waits = sorted(policy.backoff_s(3, random) for _ in range(2000))
    assert waits[0] < 0.05
    assert waits[-1] > 3.95
    assert 1.8 < sum(waits) / len(waits) < 2.2


@given(POLICIES, st.integers())
def test_an_item_is_sent_once_and_retried_as_often_as_the_policy_says(
    policy: RetryPolicy, seed: int
) -> None:
    attempts, sends = 0, 0
    while True:
        sends += 1
        verdict = after(
            delivery(attempts), Said(Fate.FAILED, "500"), policy, now_ns=0, random=Random(seed)
        )
        attempts = verdict.attempts
        if verdict.state == "dead":
            break
        assert verdict.state == "pending"
    assert sends == 1 + policy.retries


@given(st.floats(0, 10_000), st.integers())
def test_what_the_remote_asks_for_is_waited_up_to_an_hour(asked: float, seed: int) -> None:
    said = Said(Fate.FAILED, "500", retry_after_s=asked)
    policy = RetryPolicy(base_s=0.001, cap_s=0.001)
    verdict = after(delivery(), said, policy, now_ns=0, random=Random(seed))
    assert int(min(asked, 3600) * NS) <= verdict.at_ns <= int((min(asked, 3600) + 0.001) * NS)
    assert pause_s(said, 1, policy, Random(seed)) >= min(asked, 3600)


def test_a_remote_that_takes_nothing_costs_an_item_no_attempt() -> None:
    said = Said(Fate.UNAVAILABLE, "away")
    verdict = after(delivery(2), said, RetryPolicy(), now_ns=7, random=Random(1))
    assert (verdict.state, verdict.attempts, verdict.at_ns) == ("pending", 2, 7)


@given(
    st.floats(0.5, 1000),
    st.floats(1, 50),
    st.lists(st.tuples(st.integers(1, 5), st.floats(0, 3)), min_size=1, max_size=60),
)
def test_no_more_leaves_than_burst_and_rate_allow(
    rate: float, burst: float, steps: list[tuple[int, float]]
) -> None:
    now, left = 0.0, 0
    bucket = TokenBucket(rate, burst, clock=lambda: now)
    for count, idle in steps:
        now += idle
        now += bucket.take(count)
        left += count
        assert left <= burst + rate * now + 1e-6 * (1 + left)


def test_a_bucket_that_is_used_all_the_time_gives_the_whole_rate() -> None:
    now = 0.0
    bucket = TokenBucket(10, 1, clock=lambda: now)
    for _ in range(101):
        now += bucket.take()
    assert now == pytest.approx(10.0)


@pytest.mark.parametrize("settings", [{"retries": -1}, {"base_s": 0}, {"cap_s": float("inf")}])
def test_a_policy_that_cannot_be_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        RetryPolicy(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [(0, None), (float("nan"), None), (1, 0.5)])
def test_a_bucket_that_cannot_be_is_refused(settings: tuple[float, float | None]) -> None:
    with pytest.raises(ConfigError):
        TokenBucket(*settings)
