"""A replay in backtrader is the run once more, to the last bit, and computes nothing for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from capture.testing.traces import traces_of
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import BROAD, CASES, CORNERS, Case, Results, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.mark.parametrize(
    "name", [*CORNERS, *(pytest.param(name, marks=pytest.mark.slow) for name in BROAD)]
)
def test_a_replay_is_the_run_and_a_recorded_one_is_certified(
    name: str, tmp_path: Path, again: Callable[..., Results]
) -> None:
    case = CASES[name]
    plain = case()
    _, recording = captured(case, tmp_path)
    replay = capture.replay(recording, strategy=_first(recording))
    assert again(case, replay.into("backtrader")) == plain
    assert replay.divergence is None
    assert again(case, replay.into("backtrader", store=tmp_path)) == plain
    certificate = capture.parity(recording, capture.open(tmp_path).latest("replay"))
    assert certificate.exact, str(certificate)


def _first(recording: Recording) -> str:
    return (
        str(recording.signals()["strategy_id"].iloc[0])
        if len(recording.signals())
        else _only(recording)
    )


def _only(recording: Recording) -> str:
    [strategy_id] = {s["strategy_id"] for part in recording.parts for s in part.segments}
    return str(strategy_id)


@pytest.mark.parametrize(
    "name",
    [
        "SMA cross, other parameters",
        "many indicators, bar by bar",
        "signal strategy",
        "feeds of three lengths",
        "a resampled feed",
    ],
)
def test_no_indicator_and_no_decision_is_computed_again(
    name: str, tmp_path: Path, again: Callable[..., Results], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    original, recording = captured(case, tmp_path)

    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("this was computed again")

    monkeypatch.setattr(bt.indicator.MetaIndicator, "__call__", never)
    for method in ("__init__", "next", "_next_custom"):
        if method in vars(case.strategy):
            monkeypatch.setattr(case.strategy, method, never)
    with pytest.raises(AssertionError, match="computed again"):
        case()
    assert again(case, capture.replay(recording).into("backtrader")) == original


def test_one_replay_runs_any_number_of_times(
    recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> None:
    original, recording = recorded
    replay = capture.replay(recording).into("backtrader")
    assert again(cross, replay) == original
    assert again(cross, replay) == original


def test_two_replays_stand_in_one_cerebro(recorded: tuple[Results, Recording], cross: Case) -> None:
    twice = Case(
        cross.strategy,
        cross.feeds,
        cross.settings,
        add=lambda cerebro, strategy, _: [cerebro.addstrategy(strategy) for _ in range(2)],  # type: ignore[arg-type]
    )
    replay = capture.replay(recorded[1]).into("backtrader")
    assert twice(lambda _: replay) == twice()


def test_parameters_are_taken_and_change_nothing(
    recorded: tuple[Results, Recording], cross: Case
) -> None:
    original, recording = recorded
    replay = capture.replay(recording).into("backtrader")
    other = Case(cross.strategy, cross.feeds, cross.settings, params={"fast": 3, "slow": 99})
    results = other(lambda _: replay)
    assert results == original
    assert results.strategies[0].p.fast == 3


def test_a_replay_has_the_name_and_the_parameters_of_the_strategy(
    recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> None:
    replay = capture.replay(recorded[1]).into("backtrader")
    assert (replay.__name__, issubclass(replay, bt.Strategy)) == ("SmaCross", True)
    [strategy] = again(cross, replay).strategies
    assert (strategy.p.fast, strategy.p.slow) == (10, 20)
    assert strategy.getindicators() == []


def test_the_host_is_left_as_it_was(
    recorded: tuple[Results, Recording],
    cross: Case,
    again: Callable[..., Results],
    tmp_path: Path,
) -> None:
    _, recording = recorded
    before = traces_of(("backtrader",))
    for store in (None, tmp_path / "more"):
        again(cross, capture.replay(recording).into("backtrader", store=store))
    after = traces_of(("backtrader",))
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    # The host's own caches, which it makes anew at every run.
    assert {name.rpartition(".")[2] for name in changed} <= {"_acache", "_icache"}
    assert bt.Strategy._indcol.get("SmaCross") is s.SmaCross


def test_the_warm_up_is_kept(
    recorded: tuple[Results, Recording], cross: Case, again: Callable[..., Results]
) -> None:
    [strategy] = again(cross, capture.replay(recorded[1]).into("backtrader")).strategies
    [original] = recorded[0].strategies
    assert strategy._minperiod == original._minperiod == 21
