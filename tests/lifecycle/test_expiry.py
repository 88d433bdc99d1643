"""Signals whose time is over: expired if they were submitted, missed if they never were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capture.errors import ConfigError
from capture.events import SignalStatus
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def waiting(repository: SignalRepository, signal: Make) -> SignalRepository:
    """A signal in every state, valid for a day."""
    for status in SignalStatus:
        given = signal(signal_id=str(status), timestamp=START)
        repository.save_signal(given, status=status, valid_until=START + timedelta(days=1))
    return repository


OVER = {
    "generated": SignalStatus.MISSED,
    "passed_risk": SignalStatus.MISSED,
    "submitted": SignalStatus.EXPIRED,
    "partially_filled": SignalStatus.EXPIRED,
    "error": SignalStatus.EXPIRED,
}


def test_what_was_submitted_expires_and_what_was_not_is_missed(waiting: SignalRepository) -> None:
    late = START + timedelta(days=2)
    assert waiting.expire_signals(START + timedelta(hours=23)) == {}
    assert waiting.expire_signals(late, dry_run=True) == OVER
    assert waiting.get_execution_stats(status=["expired", "missed"]).total_signals == 2
    assert waiting.expire_signals(late) == OVER
    assert waiting.expire_signals(late) == {}
    for signal_id, status in OVER.items():
        last = waiting.get_history(signal_id)[-1]
        assert (last.status, last.actor, last.reason) == (status, "expiry", "expired")
        assert last.at_ns == int(late.timestamp()) * 10**9
    assert waiting.verify().ok


def test_age_counts_where_no_validity_was_given(repository: SignalRepository, signal: Make) -> None:
    repository.save_signals(signal(timestamp=START, signal_id=f"s{n}") for n in range(1200))
    repository.save_signal(signal(timestamp=START, signal_id="valid", valid_until=2**62))
    late = START + timedelta(days=2)
    assert repository.expire_signals(late) == {}
    assert repository.expire_signals(late, max_age=timedelta(days=3)) == {}
    found = repository.expire_signals(late, max_age=timedelta(days=1))
    assert len(found) == 1200 and set(found.values()) == {SignalStatus.MISSED}
    with pytest.raises(ConfigError, match="max_age"):
        repository.expire_signals(max_age=timedelta(0))
