"""A call of pybroker's optimiser is one run, whoever executes its trials."""

from __future__ import annotations

import gc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from pybroker import Hyperparam, Strategy, StrategyConfig, hyperparam
from pybroker.scope import StaticScope

import capture
from tests.adapters.pybroker.runs import assert_same_results, goog

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.host


@pytest.fixture(autouse=True)
def hold() -> Iterator[Hyperparam]:
    """Register a hyperparameter for one test: the host warns of one that a strategy lacks."""
    yield hyperparam("bars_to_hold", low=2, high=6, step=2, default=2)
    StaticScope.instance()._hyperparams.pop("bars_to_hold")


def holding(ctx: Any) -> None:
    """Buy at a pace, and hold for as long as is tried."""
    if ctx.bars % 11 == 3:
        ctx.buy_shares = 10
        ctx.hold_bars = ctx.hyperparam("bars_to_hold")


def _score(result: Any) -> float:
    return float(result.metrics.total_pnl)


def _failing(_result: Any) -> float:
    raise ArithmeticError("no score")


def _optimize(wrap: Any = lambda function: function, score: Any = _score, **words: Any) -> Any:
    data = goog()
    config = StrategyConfig(round_test_result=False)
    strategy = Strategy(data, data["date"].min(), data["date"].max(), config)
    strategy.add_execution(
        wrap(holding), "GOOG", hyperparams=[StaticScope.instance().get_hyperparam("bars_to_hold")]
    )
    return strategy.optimize(score, sampler="grid", **words)


@pytest.mark.parametrize(("words", "parts"), [({}, 4), ({"windows": 2}, 7)])
def test_a_grid_is_one_run_with_a_part_for_each_trial(
    words: dict[str, Any], parts: int, tmp_path: Path
) -> None:
    plain = _optimize(**words)
    got = _optimize(lambda function: capture.wrap(function, store=tmp_path), **words)
    assert got.best_params == plain.best_params
    assert got.best_score == plain.best_score
    assert_same_results(plain.result, got.result)
    store = capture.open(tmp_path)
    [run_id] = store
    recording = store[run_id]
    assert recording.state == "ended"
    assert len(recording.parts) == parts
    assert set(recording.signals()["strategy_id"]) == {
        f"holding_bars_to_hold_{bars}" for bars in (2, 4, 6)
    }
    assert recording.manifest["params"] == {"bars_to_hold": [2, 4, 6]}
    assert len(list((tmp_path / "base").iterdir())) == 1
    assert capture.verify(tmp_path).ok
    # What each trial holds is what it was told to hold.
    fills = recording.fills()
    pairs = fills.groupby(["part", "signal_id"])["bar_index"].agg(["first", "last", "count"])
    whole = pairs[pairs["count"] == 2]
    assert set(Counter(whole["last"] - whole["first"])) == {2, 4, 6}


@pytest.mark.filterwarnings("ignore:Hyperparam 'bars_to_hold' is registered but not reachable")
def test_one_set_is_replayed_by_its_name(tmp_path: Path) -> None:
    _optimize(lambda function: capture.wrap(function, store=tmp_path))
    recording = capture.open(tmp_path).latest()
    replay = capture.replay(recording, strategy="holding_bars_to_hold_4").into("pybroker")
    data = goog()
    strategy = Strategy(data, data["date"].min(), data["date"].max())
    strategy.add_execution(replay, "GOOG")
    trades = strategy.backtest().trades
    assert len(trades) > 20
    assert set(trades["bars"]) == {4}


def test_a_search_that_raised_is_no_run_that_ended(tmp_path: Path) -> None:
    with pytest.raises(ArithmeticError):
        _optimize(lambda function: capture.wrap(function, store=tmp_path), _failing)
    # It ends as failed when the call is gone; at the latest when the store is opened.
    gc.collect()
    store = capture.open(tmp_path)
    [state] = [store[run_id].state for run_id in store]
    assert state in {"failed", "crashed-recovered"}
