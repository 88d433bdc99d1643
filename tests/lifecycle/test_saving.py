"""Signals are saved as live systems have them, and what cannot be is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import capture
from capture.errors import InvalidEvent
from capture.events import CapturedSignal, SignalStatus
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]
MOMENT = datetime(2026, 3, 1, 14, 30, tzinfo=UTC)
MOMENT_NS = 1_772_375_400_000_000_000


def test_the_names_import_from_capture() -> None:
    assert capture.SignalRepository is SignalRepository
    assert capture.SignalRecord.__name__ == "SignalRecord"


def test_the_names_of_live_systems_are_understood(repository: SignalRepository) -> None:
    saved = repository.save_signal(
        {
            "symbol": "GOOG",
            "action": "SELL",
            "confidence": 85,
            "confidence_scale": 100,
            "expected_price": 100,
            "take_profit": 90,
            "stop_loss": 105.5,
            "quality_score": 0.7,
            "timestamp": MOMENT,
        },
        status=SignalStatus.PASSED_RISK,
        signal_type="exit",
        requested_quantity=10,
    )
    found = repository.get_signal_by_id(saved.signal_id)
    assert found == saved
    assert (found.side, found.signal_type, found.status) == ("sell", "exit", "passed_risk")
    assert (found.entry_price, found.target_price, found.stop_price) == (100.0, 90.0, 105.5)
    assert (found.confidence, found.quality_score) == (0.85, 0.7)
    assert (found.requested_quantity, found.remaining_quantity) == (10.0, 10.0)
    assert found.signal_ns == MOMENT_NS


def test_a_field_that_is_unknown_is_kept(repository: SignalRepository, signal: Make) -> None:
    given = signal(model={"layers": [3, 4]}, note="a \0 b é \ud800", tags={"b", "a"}, n=np.int64(3))
    found = repository.get_signal_by_id(repository.save_signal(given, desk="NY").signal_id)
    assert found is not None
    assert found.extra == {
        "model": {"layers": [3, 4]},
        "note": "a \0 b é \ud800",
        "tags": ["a", "b"],
        "n": 3,
        "desk": "NY",
    }


@dataclass
class Live:
    symbol: str = "GOOG"
    side: str = "buy"
    entry_price: float = 99.5
    hedge: bool = True


@pytest.mark.parametrize(
    "given",
    [
        Live(),
        SimpleNamespace(symbol="GOOG", side="buy", entry_price=99.5, hedge=True),
        CapturedSignal(symbol="GOOG", direction=1, entry_price=99.5, hedge=True),
    ],
    ids=["dataclass", "object", "event"],
)
def test_an_object_is_as_good_as_a_mapping(repository: SignalRepository, given: Any) -> None:
    found = repository.save_signal(given)
    assert (found.side, found.entry_price, found.extra) == ("buy", 99.5, {"hedge": True})


def test_a_record_is_read_by_attribute_and_by_name(
    repository: SignalRepository, signal: Make
) -> None:
    saved = repository.save_signal(signal())
    assert saved["symbol"] == saved.symbol == "GOOG"
    assert dict(saved)["entry_price"] == 100.0
    with pytest.raises(KeyError):
        _ = saved["nothing"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"symbol": None}, "symbol"),
        ({"symbol": "../x"}, "symbol"),
        ({"symbol": 7}, "symbol"),
        ({"side": None}, "side"),
        ({"side": "byu"}, "side"),
        ({"action": "sell"}, "action"),
        ({"confidence": 85}, "confidence"),
        ({"confidence": -0.1}, "confidence"),
        ({"confidence": 101, "confidence_scale": 100}, "confidence"),
        ({"confidence": 0.5, "confidence_scale": 10}, "confidence_scale"),
        ({"entry_price": float("nan")}, "entry_price"),
        ({"entry_price": float("inf")}, "entry_price"),
        ({"entry_price": "100"}, "entry_price"),
        ({"entry_price": True}, "entry_price"),
        ({"target_price": 1.0, "take_profit": 2.0}, "take_profit"),
        ({"requested_quantity": 0}, "requested_quantity"),
        ({"requested_quantity": -5}, "requested_quantity"),
        ({"requested_quantity": Decimal("0.1234567890123456789")}, "requested_quantity"),
        ({"timestamp": datetime(2026, 3, 1)}, "signal_ns"),
        ({"timestamp": "2026-03-01"}, "signal_ns"),
        ({"signal_type": "entri"}, "signal_type"),
        ({"status": "exectued"}, "status"),
        ({"payload": object()}, "payload"),
        ({"payload": float("nan")}, "payload"),
        ({"reason": "a\0b"}, "reason"),
        ({"regime": "\ud800"}, "regime"),
        ({"signal_id": ""}, "signal_id"),
        ({"commission": 1.0}, "commission"),
        ({"executed_price": 1.0}, "executed_price"),
    ],
)
def test_bad_input_is_refused_by_name_and_nothing_is_saved(
    repository: SignalRepository, signal: Make, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        repository.save_signals([signal(), signal(**fields)])
    assert refused.value.field == field
    assert repr(refused.value.value) in str(refused.value)
    assert repository.get_signals() == []


def test_an_identity_is_taken_once(repository: SignalRepository, signal: Make) -> None:
    repository.save_signal(signal(signal_id="one"))
    for given in ([signal(signal_id="one")], [signal(signal_id="two")] * 2):
        with pytest.raises(InvalidEvent, match="signal_id"):
            repository.save_signals(given)
    assert [each.signal_id for each in repository.get_signals()] == ["one"]


def test_many_are_saved_in_the_order_given(repository: SignalRepository, signal: Make) -> None:
    names = [f"s{number}" for number in (3, 1, 2)] + [f"t{number}" for number in range(2000)]
    assert repository.save_signals(signal(signal_id=name) for name in names) == names
    assert [each.signal_id for each in repository.iter_signals()] == names
    assert repository.verify().ok


def test_a_signal_may_come_executed(repository: SignalRepository, signal: Make) -> None:
    saved = repository.save_signal(
        signal(), status="executed", executed_price=100.5, executed_quantity=10, commission=1
    )
    assert (saved.status, saved.slippage, saved.executed_quantity) == ("executed", 0.5, 10.0)
    assert [each.status for each in repository.get_history(saved.signal_id)] == ["executed"]
    found = repository.get_signal_by_id(saved.signal_id)
    assert found is not None and found.outcome is not None
    assert found.outcome.entry_quantity == 10.0


def test_decimals_are_kept_to_the_last_digit(repository: SignalRepository, signal: Make) -> None:
    saved = repository.save_signal(
        signal(entry_price=Decimal("0.1"), requested_quantity=Decimal(3))
    )
    found = repository.get_signal_by_id(saved.signal_id)
    assert found is not None
    assert (found.entry_price, found.requested_quantity) == (0.1, 3.0)


def test_an_unknown_signal_is_none(repository: SignalRepository) -> None:
    assert repository.get_signal_by_id("nobody") is None


def test_words_are_understood_in_any_case(repository: SignalRepository, signal: Make) -> None:
    saved = repository.save_signal(signal(side="BUY", signal_type="ENTRY"), status="GENERATED")
    moved = repository.update_signal_status(saved.signal_id, "SUBMITTED")
    assert (saved.side, saved.signal_type, moved.status) == ("buy", "entry", "submitted")
    assert len(repository.get_signals({"status": "Submitted", "side": "Buy"})) == 1
