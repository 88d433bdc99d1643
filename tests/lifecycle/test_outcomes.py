"""Positions that signals opened: what they earned, until nothing is held any more."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import InvalidEvent
from capture.lifecycle.positions import position_of
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]


def _opened(repository: SignalRepository, signal: Make, **fields: Any) -> str:
    saved = repository.save_signal(signal(**fields), status="submitted")
    repository.update_signal_status(saved.signal_id, "executed", executed_price=100, commission=2)
    return saved.signal_id


@pytest.mark.parametrize(("side", "sign"), [("buy", 1), ("sell", -1)])
def test_profit_is_realised_as_units_are_given_back(
    repository: SignalRepository, signal: Make, side: str, sign: int
) -> None:
    signal_id = _opened(repository, signal, side=side)
    first = repository.update_outcome(signal_id, exit_price=110, quantity=4, commission=1)
    assert (first.state, first.open_quantity, first.direction) == ("open", 6.0, sign)
    assert first.realised_profit == sign * 40 - 1 - 0.8  # its share of what the way in cost
    assert first.unrealised_profit is None
    marked = repository.update_outcome(signal_id, mark_price=120)
    assert marked.unrealised_profit == sign * 120 - 1.2
    assert marked.profit == pytest.approx(first.realised_profit + sign * 120 - 1.2)
    last = repository.update_outcome(signal_id, exit_price=115)
    assert (last.state, last.exit_quantity, last.exit_price) == ("closed", 10.0, 113.0)
    assert (last.realised_profit, last.unrealised_profit) == (sign * 130 - 3, 0.0)
    assert last.closed_ns is not None and last.commission == 3.0
    found = repository.get_signal_by_id(signal_id)
    assert found is not None and found.outcome == last
    assert repository.verify().ok


def test_history_has_the_ways_out_and_the_states_stay_what_they_were(
    repository: SignalRepository, signal: Make
) -> None:
    signal_id = _opened(repository, signal)
    repository.update_outcome(signal_id, exit_price=110, quantity=4, reason="target")
    assert [each.status for each in repository.get_history(signal_id)] == ["submitted", "executed"]
    last = repository.get_history(signal_id, every=True)[-1]
    assert (last.kind, last.reason, last.status) == ("outcome", "target", "executed")
    assert [each.role for each in repository.get_fills(signal_id)] == ["entry", "exit"]


def test_a_way_out_may_be_told_twice(repository: SignalRepository, signal: Make) -> None:
    signal_id = _opened(repository, signal)
    for _ in range(2):
        found = repository.update_outcome(signal_id, exit_price=110, quantity=4, fill_id="x1")
    assert found.exit_quantity == 4.0


def test_all_positions_are_valued_at_once(repository: SignalRepository, signal: Make) -> None:
    mine, closed = (_opened(repository, signal) for _ in range(2))
    other = _opened(repository, signal, symbol="MSFT", side="sell")
    repository.update_outcome(closed, exit_price=105)
    assert repository.mark_positions({"GOOG": 101.0, "MSFT": 99.0, "IBM": 1.0}) == 2
    profits = {
        signal_id: record.outcome.unrealised_profit
        for signal_id in (mine, closed, other)
        if (record := repository.get_signal_by_id(signal_id)) is not None
        and record.outcome is not None
    }
    assert profits == {mine: 8.0, closed: 0.0, other: 8.0}
    stats = repository.get_execution_stats()
    assert (stats.open_positions, stats.unrealised_profit, stats.realised_profit) == (2, 16.0, 48.0)
    assert stats.win_rate == 1.0
    assert stats.total_commission == 6.0


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "exit_price"),
        ({"quantity": 3}, "quantity"),
        ({"exit_price": 1, "quantity": 11}, "quantity"),
        ({"exit_price": float("nan")}, "executed_price"),
        ({"mark_price": float("inf")}, "mark_price"),
        ({"exit_price": 1, "colour": "red"}, "extra"),
    ],
)
def test_a_bad_outcome_is_refused_by_name(
    repository: SignalRepository, signal: Make, fields: dict[str, Any], field: str
) -> None:
    signal_id = _opened(repository, signal)
    before = repository.get_signal_by_id(signal_id)
    with pytest.raises(InvalidEvent) as refused:
        repository.update_outcome(signal_id, **fields)
    assert refused.value.field == field
    assert repository.get_signal_by_id(signal_id) == before


def test_a_signal_that_opened_nothing_has_no_outcome(
    repository: SignalRepository, signal: Make
) -> None:
    waiting = repository.save_signal(signal()).signal_id
    leaving = _opened(repository, signal, signal_type="exit", side="sell")
    for signal_id in (waiting, leaving):
        with pytest.raises(InvalidEvent, match="opened no position"):
            repository.update_outcome(signal_id, exit_price=1)


_FILLS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 100), st.integers(1, 10_000), st.integers(0, 500)),
    min_size=1,
    max_size=30,
)


@given(direction=st.sampled_from([1, -1]), drawn=_FILLS)
def test_a_closed_position_earned_what_came_in_less_what_went_out(
    direction: int, drawn: list[tuple[bool, int, int, int]]
) -> None:
    """Whatever the order of ways in and out: the oracle only counts money."""
    fills, held, cash = [], 0, Fraction(0)
    for goes_in, wanted, cents, paid in drawn:
        units = wanted if goes_in else min(wanted, held)
        if units:
            fills.append(_fill("entry" if goes_in else "exit", units, cents, paid))
            held += units if goes_in else -units
            cash -= Fraction(direction * (1 if goes_in else -1) * units * cents + paid, 100)
    if held:
        fills.append(_fill("exit", held, 1234, 0))
        cash += Fraction(direction * held * 1234, 100)
    position = position_of(direction, fills)
    if position is None:
        assert not fills
        return
    assert position.held == 0
    assert position.realised_profit == pytest.approx(float(cash), rel=1e-12, abs=1e-9)
    assert position.held_commission == pytest.approx(0, abs=1e-30)


def _fill(role: str, units: int, cents: int, paid: int) -> dict[str, Any]:
    return {
        "role": role,
        "quantity": float(units),
        "price": cents / 100,
        "commission": paid / 100,
        "at_ns": 0,
    }
