"""Signals go from state to state, and fills add up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture.errors import IllegalTransition, InvalidEvent, SignalNotFound, StatusConflict
from capture.events import SignalStatus
from capture.lifecycle.states import TRANSITIONS
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]


def test_every_change_of_state_is_kept(repository: SignalRepository, signal: Make) -> None:
    saved = repository.save_signal(signal(), actor="strategy")
    signal_id = saved.signal_id
    repository.update_signal_status(signal_id, "passed_risk", actor="risk", reason="within limits")
    at = datetime(2100, 1, 1, tzinfo=UTC)
    repository.update_signal_status(signal_id, "submitted", at=at, order_id="o-1", venue="XNAS")
    done = repository.update_signal_status(signal_id, SignalStatus.EXECUTED, executed_price=101)
    history = repository.get_history(signal_id)
    assert [each.status for each in history] == [
        "generated",
        "passed_risk",
        "submitted",
        "executed",
    ]
    assert [each.from_status for each in history] == [
        None,
        "generated",
        "passed_risk",
        "submitted",
    ]
    assert [each.version for each in history] == [1, 2, 3, 4]
    assert [each.actor for each in history] == ["strategy", "risk", None, None]
    assert history[1].reason == "within limits"
    assert history[2].at_ns == int(at.timestamp()) * 10**9
    assert (history[2].order_id, history[2].detail) == ("o-1", {"venue": "XNAS"})
    assert (done.version, done.order_id, done.extra) == (4, "o-1", {"venue": "XNAS"})
    assert done == repository.get_signal_by_id(signal_id)


@pytest.mark.parametrize("current", list(SignalStatus))
def test_an_illegal_way_is_refused_and_changes_nothing(
    repository: SignalRepository, signal: Make, current: SignalStatus
) -> None:
    saved = repository.save_signal(signal(), status=current)
    for wanted in set(SignalStatus) - set(TRANSITIONS[current]):
        with pytest.raises(IllegalTransition) as refused:
            repository.update_signal_status(saved.signal_id, wanted)
        assert (refused.value.current, refused.value.wanted) == (current, wanted)
    assert repository.get_signal_by_id(saved.signal_id) == saved
    assert len(repository.get_history(saved.signal_id, every=True)) == 1
    for wanted in TRANSITIONS[current]:
        other = repository.save_signal(signal(), status=current)
        assert repository.update_signal_status(other.signal_id, wanted).status == wanted
    assert repository.verify().ok


def test_executed_twice_is_refused(repository: SignalRepository, signal: Make) -> None:
    signal_id = repository.save_signal(signal()).signal_id
    repository.update_signal_status(signal_id, "executed", executed_price=101.0)
    with pytest.raises(IllegalTransition, match="that state is final"):
        repository.update_signal_status(signal_id, "executed", executed_price=102.0)
    assert len(repository.get_fills(signal_id)) == 1


def test_whoever_read_an_older_version_is_told(repository: SignalRepository, signal: Make) -> None:
    read = repository.save_signal(signal())
    repository.update_signal_status(read.signal_id, "passed_risk")
    with pytest.raises(StatusConflict, match="version 1 was expected and version 2"):
        repository.update_signal_status(read.signal_id, "submitted", expected_version=read.version)
    repository.update_signal_status(read.signal_id, "submitted", expected_version=2)


def test_an_unknown_signal_cannot_be_moved(repository: SignalRepository) -> None:
    with pytest.raises(SignalNotFound, match="nobody"):
        repository.update_signal_status("nobody", "submitted")


def test_partial_fills_accumulate(repository: SignalRepository, signal: Make) -> None:
    signal_id = repository.save_signal(signal(requested_quantity=0.3)).signal_id
    for price in (100.1, 100.2):
        repository.update_signal_status(
            signal_id,
            "partially_filled",
            executed_quantity=0.1,
            executed_price=price,
            commission=0.1,
        )
    done = repository.update_signal_status(
        signal_id, "executed", executed_quantity=0.1, executed_price=100.6, commission=0.1
    )
    assert (done.executed_quantity, done.remaining_quantity, done.commission) == (0.3, 0.0, 0.3)
    assert (done.executed_price, done.slippage) == (100.3, 0.3)
    assert [each.price for each in repository.get_fills(signal_id)] == [100.1, 100.2, 100.6]
    assert [each.status for each in repository.get_history(signal_id)][1:] == [
        "partially_filled",
        "partially_filled",
        "executed",
    ]


def test_an_execution_without_quantity_fills_the_rest(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = repository.save_signal(signal()).signal_id
    repository.update_signal_status(
        signal_id, "partially_filled", executed_quantity=4, executed_price=100
    )
    done = repository.update_signal_status(signal_id, "executed", executed_price=110)
    assert (done.executed_quantity, done.executed_price) == (10.0, 106.0)


@pytest.mark.parametrize(
    ("status", "fields", "field"),
    [
        ("executed", {"executed_quantity": 11, "executed_price": 1}, "executed_quantity"),
        ("partially_filled", {"executed_price": 1}, "executed_quantity"),
        ("executed", {"executed_quantity": -1, "executed_price": 1}, "executed_quantity"),
        ("executed", {"executed_price": float("nan")}, "executed_price"),
        ("rejected", {"executed_price": 1}, "executed_price"),
        ("submitted", {"commission": 1}, "commission"),
        ("submitted", {"symbol": "MSFT"}, "symbol"),
        ("submitted", {"entry_price": 99}, "entry_price"),
        ("submitted", {"at": datetime(2020, 1, 1, tzinfo=UTC)}, "at"),
        ("submitted", {"at": datetime(2020, 1, 1)}, "at_ns"),
        ("submited", {}, "status"),
    ],
)
def test_a_bad_update_is_refused_by_name_and_changes_nothing(
    repository: SignalRepository, signal: Make, status: str, fields: dict[str, Any], field: str
) -> None:
    saved = repository.save_signal(signal())
    with pytest.raises(InvalidEvent) as refused:
        repository.update_signal_status(saved.signal_id, status, **fields)
    assert refused.value.field == field
    assert repository.get_signal_by_id(saved.signal_id) == saved


def test_a_broker_that_filled_too_much_can_be_believed(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = repository.save_signal(signal()).signal_id
    done = repository.update_signal_status(
        signal_id, "executed", executed_quantity=11, executed_price=1, overfill=True
    )
    assert (done.executed_quantity, done.remaining_quantity) == (11.0, -1.0)


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_slippage_has_the_sign_of_the_side_and_is_split_by_stage(
    repository: SignalRepository, signal: Make, side: str, sign: int
) -> None:
    signal_id = repository.save_signal(signal(side=side)).signal_id
    repository.update_signal_status(signal_id, "submitted", submitted_price=100.1)
    done = repository.update_signal_status(signal_id, "executed", executed_price=100.4)
    assert done.slippage == sign * 0.4
    assert done.delay_slippage == sign * 0.1
    assert done.fill_slippage == sign * 0.3


def test_a_signal_to_go_flat_has_no_side_to_slip_to(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = repository.save_signal(signal(side="flat", signal_type="exit")).signal_id
    assert repository.update_signal_status(signal_id, "executed", executed_price=9).slippage is None


def test_fills_move_the_signal_and_may_be_told_twice(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = repository.save_signal(signal(), status="submitted").signal_id
    for fill_id, quantity, price in (("f1", 4, 100.0), ("f1", 4, 100.0), ("f2", 6, 101.0)):
        done = repository.record_fill(signal_id, quantity, price, fill_id=fill_id)
    assert (done.status, done.executed_quantity, done.executed_price) == ("executed", 10.0, 100.6)
    assert [each.fill_id for each in repository.get_fills(signal_id)] == ["f1", "f2"]
    assert done.outcome is not None and done.outcome.entry_price == 100.6


def test_a_fill_that_comes_after_the_cancel_is_kept(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = repository.save_signal(signal(), status="submitted").signal_id
    repository.update_signal_status(signal_id, "cancelled", reason="cancelled_by_strategy")
    late = repository.record_fill(signal_id, 4, 100.0)
    assert (late.status, late.executed_quantity) == ("cancelled", 4.0)
    assert [each.status for each in repository.get_history(signal_id)][-1] == "cancelled"
    assert [each.kind for each in repository.get_history(signal_id, every=True)][-1] == "fill"
    assert repository.verify().ok


def test_many_move_together_or_not_at_all(repository: SignalRepository, signal: Make) -> None:
    names = repository.save_signals(signal(signal_id=f"s{n:04}") for n in range(1500))
    moved = repository.update_signal_statuses(
        change
        for name in names
        for change in (
            {"signal_id": name, "status": "submitted"},
            {"signal_id": name, "status": "executed", "executed_price": 101},
        )
    )
    assert len(moved) == 3000
    assert repository.get_execution_stats().executed_count == 1500
    other = repository.save_signal(signal())
    with pytest.raises(IllegalTransition):
        repository.update_signal_statuses(
            {"signal_id": name, "status": "submitted"} for name in (other.signal_id, names[0])
        )
    assert repository.get_signal_by_id(other.signal_id) == other
    assert repository.verify().ok


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fills=st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(1, 10**6), st.integers(0, 10**4)), min_size=1
    )
)
def test_the_mean_of_fills_is_exact(
    repository: SignalRepository, signal: Make, fills: list[tuple[int, int, int]]
) -> None:
    """Prices in ticks of 0.01 and quantities in steps of 0.001, in whole numbers as the oracle."""
    given = signal(requested_quantity=None, entry_price=1.0)
    signal_id = repository.save_signal(given, status="submitted").signal_id
    for ticks, steps, cents in fills:
        done = repository.record_fill(signal_id, steps / 1000, ticks / 100, commission=cents / 100)
    steps = sum(each[1] for each in fills)
    assert done.executed_quantity == steps / 1000
    assert done.executed_price == sum(t * s for t, s, _ in fills) / (100 * steps)
    assert done.commission == sum(each[2] for each in fills) / 100
