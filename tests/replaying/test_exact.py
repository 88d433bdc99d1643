"""A replay computes nothing, and takes its place; that it is exact is a matter of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtesting.backtesting as host
import pytest

import capture
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, eurusd, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.mark.parametrize(
    "case",
    [
        Case(s.SmaCross, goog, {"cash": 10_000}),
        Case(s.Nasty, goog, {"cash": 50_000}),
        Case(s.ManyIndicators, eurusd, {"cash": 10_000}),
    ],
    ids=lambda case: case.strategy.__name__,
)
def test_no_indicator_and_no_decision_is_computed_again(
    case: Case,
    tmp_path: Path,
    same: Callable[..., bool],
    again: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, recording = captured(case, tmp_path)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("this was computed again")

    for function in ("SMA", "crossover", "macd", "rare"):
        monkeypatch.setattr(s, function, never)
    for method in ("init", "next"):
        monkeypatch.setattr(case.strategy, method, never)
    with pytest.raises(AssertionError, match="computed again"):
        case()
    assert same(original, again(case, capture.replay(recording).into("backtesting")))


def test_parameters_are_taken_and_change_nothing(
    recorded: tuple[Any, Recording], sma_cross: Case, same: Callable[..., bool]
) -> None:
    original, recording = recorded
    backtest = sma_cross.backtest(lambda _: capture.replay(recording).into("backtesting"))
    assert same(original, run(backtest, fast=3, slow=7))


def test_trades_and_broker_are_the_hosts_own_afterwards(
    recorded: tuple[Any, Recording], sma_cross: Case, again: Callable[..., Any], tmp_path: Path
) -> None:
    _, recording = recorded
    plain = again(sma_cross, capture.replay(recording).into("backtesting"))
    kept = again(sma_cross, capture.replay(recording).into("backtesting", store=tmp_path / "more"))
    assert {type(trade) for trade in plain._strategy.closed_trades} == {host.Trade}
    assert type(kept._strategy._broker) is host._Broker


def test_a_replay_has_the_name_and_the_parameters_of_the_strategy(
    recorded: tuple[Any, Recording],
) -> None:
    replay = capture.replay(recorded[1]).into("backtesting")
    assert replay.__name__ == "SmaCross"
    assert (replay.fast, replay.slow) == (10, 20)
