"""Questions to the repository: filters, statistics, rejections."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from capture.errors import CaptureError, InvalidEvent, UnknownName
from capture.events import SignalStatus
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def filled(repository: SignalRepository, signal: Make) -> SignalRepository:
    """Ten signals, one per day; of two strategies and two symbols."""
    repository.save_signals(
        signal(
            signal_id=f"s{day}",
            timestamp=START + timedelta(days=day),
            symbol=("GOOG", "MSFT")[day % 2],
            strategy_id=("momentum", "value")[day > 5],
            quality_score=day / 10,
        )
        for day in range(10)
    )
    for day in (0, 1, 2):
        repository.update_signal_status(f"s{day}", "executed", executed_price=100 + day)
    for day, reason in ((3, "risk_limit"), (4, "risk_limit"), (5, "insufficient_cash"), (6, None)):
        repository.update_signal_status(f"s{day}", "rejected", reason=reason, actor="risk")
    return repository


@pytest.mark.parametrize(
    ("filters", "days"),
    [
        ({}, "9876543210"),
        ({"symbol": "GOOG"}, "86420"),
        ({"strategy": "value"}, "9876"),
        ({"status": SignalStatus.EXECUTED}, "210"),
        ({"status": ["executed", "rejected"]}, "6543210"),
        ({"quality_score": {">=": 0.3, "<": 0.6}}, "543"),
        ({"signal_id": {"in": ["s1", "s9", "nobody"]}}, "91"),
        ({"signal_id": []}, ""),
        ({"reason": None}, "9876210"),
        ({"reason": {"!=": "risk_limit"}}, "5"),
        ({"action": "buy", "symbol": "MSFT"}, "97531"),
        ({"start": START + timedelta(days=7)}, "987"),
        ({"end": START + timedelta(days=2)}, "10"),
        ({"start_date": START + timedelta(days=8), "end_date": START + timedelta(days=9)}, "8"),
        ({"start": "2026-01-03T00:00:00+00:00", "end": "2026-01-05T02:00:00+02:00"}, "32"),
        ({"symbol": "GOOG' OR '1'='1"}, ""),
        ({"symbol": "%"}, ""),
    ],
)
def test_filters_choose(filled: SignalRepository, filters: dict[str, Any], days: str) -> None:
    found = "".join(each.signal_id[1:] for each in filled.get_signals(filters))
    assert found == days
    assert filled.get_execution_stats(filters).total_signals == len(days)
    assert (
        "".join(sorted(each.signal_id[1:] for each in filled.iter_signals(filters))) == days[::-1]
    )


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"symbl": "GOOG"}, UnknownName),
        ({"symbol; DROP TABLE signals": 1}, UnknownName),
        ({"sha256": "00"}, UnknownName),
        ({"symbol": 7}, InvalidEvent),
        ({"quality_score": "high"}, InvalidEvent),
        ({"quality_score": {"like": 1}}, CaptureError),
        ({"status": "exectued"}, InvalidEvent),
        ({"start": datetime(2026, 1, 1)}, InvalidEvent),
        ({"start": "yesterday"}, InvalidEvent),
        ({"symbol": {"in": "GOOG"}}, InvalidEvent),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(
    filled: SignalRepository, filters: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        filled.get_signals(filters)
    assert len(filled.get_signals()) == 10


def test_a_mistyped_field_is_answered_with_a_hint(filled: SignalRepository) -> None:
    with pytest.raises(UnknownName, match='Did you mean "symbol"'):
        filled.get_signals({"symbl": "GOOG"})


def test_a_list_may_be_longer_than_any_limit_on_parameters(filled: SignalRepository) -> None:
    many = [f"s{number}" for number in range(200_000)]
    assert len(filled.get_signals({"signal_id": many})) == 10


def test_pages_of_signals(filled: SignalRepository) -> None:
    assert [each.signal_id for each in filled.get_signals(limit=2)] == ["s9", "s8"]
    assert [each.signal_id for each in filled.get_signals(limit=2, offset=2)] == ["s7", "s6"]
    assert [each.signal_id for each in filled.get_signals(limit=1, oldest_first=True)] == ["s0"]
    assert filled.get_signals(limit=0) == []
    assert [each.signal_id for each in filled.get_signals_by_strategy("value", 2)] == ["s9", "s8"]
    for wrong in (-1, 1.5, "2"):
        with pytest.raises(InvalidEvent, match="limit"):
            filled.get_signals(limit=wrong)  # type: ignore[arg-type]


def test_statistics(filled: SignalRepository) -> None:
    stats = filled.get_execution_stats()
    assert (stats.total_signals, stats.executed_count, stats.rejected_count) == (10, 3, 4)
    assert (stats["open_count"], stats["execution_rate"]) == (3, 3 / 7)
    assert (stats.avg_slippage, stats.avg_slippage_bps) == (1.0, 100.0)
    assert stats.avg_quality_score == pytest.approx(0.45)
    assert stats.by_status == {"executed": 3, "generated": 3, "rejected": 4}
    assert stats.fill_rate == 1.0
    assert filled.get_execution_stats(symbol="MSFT").executed_count == 1
    empty = filled.get_execution_stats(symbol="IBM")
    assert (empty.total_signals, empty.avg_slippage, empty.execution_rate) == (0, None, None)


def test_rejections_by_reason_strategy_and_symbol(filled: SignalRepository) -> None:
    assert filled.get_rejection_summary() == {
        "risk_limit": 2,
        "insufficient_cash": 1,
        "unknown": 1,
    }
    assert next(iter(filled.get_rejection_summary())) == "risk_limit"
    assert filled.get_rejection_summary(by="strategy_id") == {
        "momentum": {"risk_limit": 2, "insufficient_cash": 1},
        "value": {"unknown": 1},
    }
    assert filled.get_rejection_summary(by="symbol", strategy_id="momentum") == {
        "GOOG": {"risk_limit": 1},
        "MSFT": {"insufficient_cash": 1, "risk_limit": 1},
    }
    with pytest.raises(UnknownName, match="symbl"):
        filled.get_rejection_summary(by="symbl")
