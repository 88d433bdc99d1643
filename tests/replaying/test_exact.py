"""A replay is the run once more, to the last bit, and computes nothing for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtesting.backtesting as host
import pytest

import capture
from tests.adapters import strategies as s
from tests.adapters.runs import CASES, Case, captured, eurusd, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

_CLASSES = (host.Strategy, host._Broker, host.Order, host.Trade, host.Position, host.Backtest)


@pytest.mark.parametrize("name", CASES)
def test_a_replay_has_the_trades_and_the_equity_of_the_run(
    name: str, tmp_path: Path, same: Callable[..., bool], again: Callable[..., Any]
) -> None:
    case = CASES[name]
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording)
    assert same(case(), again(case, replay.into("backtesting")))
    assert replay.divergence is None


@pytest.mark.parametrize("name", CASES)
def test_a_recorded_replay_is_certified(
    name: str, tmp_path: Path, again: Callable[..., Any]
) -> None:
    case = CASES[name]
    _, recording = captured(case, tmp_path)
    again(case, capture.replay(recording).into("backtesting", store=tmp_path))
    certificate = capture.parity(recording, capture.open(tmp_path).latest("replay"))
    assert certificate.exact, str(certificate)
    assert [c.original_rows for c in certificate.comparisons] == [
        recording.table(table).num_rows for table in ("trades", "fills", "equity")
    ]


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


def test_one_replay_runs_any_number_of_times(
    recorded: tuple[Any, Recording], sma_cross: Case, same: Callable[..., bool]
) -> None:
    original, recording = recorded
    backtest = sma_cross.backtest(lambda _: capture.replay(recording).into("backtesting"))
    assert same(original, run(backtest))
    assert same(original, run(backtest))


def test_parameters_are_taken_and_change_nothing(
    recorded: tuple[Any, Recording], sma_cross: Case, same: Callable[..., bool]
) -> None:
    original, recording = recorded
    backtest = sma_cross.backtest(lambda _: capture.replay(recording).into("backtesting"))
    assert same(original, run(backtest, fast=3, slow=7))


def test_the_hosts_classes_are_left_as_they_were(
    recorded: tuple[Any, Recording], sma_cross: Case, again: Callable[..., Any], tmp_path: Path
) -> None:
    _, recording = recorded
    before = [dict(vars(cls)) for cls in _CLASSES]
    plain = again(sma_cross, capture.replay(recording).into("backtesting"))
    kept = again(sma_cross, capture.replay(recording).into("backtesting", store=tmp_path / "more"))
    assert [dict(vars(cls)) for cls in _CLASSES] == before
    assert {type(trade) for trade in plain._strategy.closed_trades} == {host.Trade}
    assert type(kept._strategy._broker) is host._Broker


def test_a_replay_has_the_name_and_the_parameters_of_the_strategy(
    recorded: tuple[Any, Recording],
) -> None:
    replay = capture.replay(recorded[1]).into("backtesting")
    assert replay.__name__ == "SmaCross"
    assert (replay.fast, replay.slow) == (10, 20)
