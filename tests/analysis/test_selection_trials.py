"""Which trials a store knows: every parameter set once, whatever way it was run."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from backtesting import Strategy
from backtesting.lib import crossover
from backtesting.test import SMA

import capture
from capture.analysis.selection import judge, trials_of
from capture.errors import ConfigError
from capture.store.run import RunStart

if TYPE_CHECKING:
    from pathlib import Path

DAY_NS = 86_400 * 10**9


class Crosses(Strategy):  # type: ignore[misc]
    """Crosses of two averages; at module level, as workers of an optimiser have to find it."""

    fast, slow = 10, 30

    def init(self) -> None:
        self.quick = self.I(SMA, self.data.Close, self.fast)
        self.calm = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.quick, self.calm):
            self.position.close()
            self.buy()


def record(store: Path, worth: Any, **start: Any) -> str:
    """Record a run of an account, without a signal."""
    said = {"host": "engine", "strategy": "Cross", "params": {"n": 10}, **start}
    config = capture.SignalCaptureConfig(storage_path=store)
    with capture.SignalCaptureEngine(config, run=RunStart(**said)) as engine:
        for number, value in enumerate(worth):
            engine.capture_signal(
                {"symbol": "X", "direction": 1},
                {
                    "timestamp": number * DAY_NS + DAY_NS,
                    "strategy_id": said["strategy"],
                    "strategy_params": said["params"],
                    "portfolio_state": {"equity": value},
                },
            )
    return engine.run_id


def test_the_same_parameters_are_one_trial_and_other_ones_another(tmp_path):
    for params in ({"n": 10}, {"n": 10}, {"n": 10.0}, {"n": 20}, {}):
        record(tmp_path / "s", [1.0, 2.0], params=params)
    found = trials_of(capture.open(tmp_path / "s"))
    assert (len(found), found.executions) == (3, 5)
    assert [one.name for one in found.trials] == ["Cross_n_10", "Cross_n_20", "Cross"]
    assert found.measured == ()


def test_changed_code_is_another_trial_and_a_replay_is_none(tmp_path):
    record(tmp_path / "s", [1.0], code="first")
    record(tmp_path / "s", [1.0], code="second")
    record(tmp_path / "s", [1.0], code="second", kind="replay")
    found = trials_of(capture.open(tmp_path / "s"))
    assert (len(found), found.executions) == (2, 2)


def test_only_stores_and_recordings_have_trials():
    with pytest.raises(ConfigError, match="give a store"):
        trials_of(7)


# --- a real host ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A grid of 3 x 2 sets, one of which never trades, and plain runs of old and new sets."""
    from backtesting import Backtest
    from backtesting.test import GOOG

    class SmaCross(Crosses):
        never = 10_000

        def next(self) -> None:
            if len(self.data) < self.never:
                super().next()

    place = tmp_path_factory.mktemp("grid") / "signals"
    wrapped = capture.wrap(SmaCross, store=place, symbol="GOOG")
    backtest = Backtest(GOOG, wrapped, cash=10_000, finalize_trades=True)
    worth: dict[tuple[int, int], Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for fast in (5, 10, 15):
            for slow in (30, 50):
                said = backtest.run(fast=fast, slow=slow)
                worth[fast, slow] = said["_equity_curve"]["Equity"]
        backtest.run(fast=5, slow=30)  # again: no new trial
        backtest.run(fast=5, slow=30, never=0)  # without a signal: a trial all the same
    return capture.open(place), worth


@pytest.mark.host
def test_trials_have_the_returns_of_the_host(grid):
    store, worth = grid
    found = trials_of(store)
    assert (len(found), found.executions) == (7, 8)
    for (fast, slow), equity in worth.items():
        (mine,) = [
            one
            for one in found.trials
            if (one.params["fast"], one.params["slow"], one.params["never"]) == (fast, slow, 10_000)
        ]
        expected = equity.to_numpy()[1:] / equity.to_numpy()[:-1] - 1
        assert mine.returns.to_numpy() == pytest.approx(expected, abs=1e-12)
    assert len(found.together()) == len(equity) - 1


@pytest.mark.host
def test_a_longer_period_takes_the_last_worth_of_each(grid):
    store, worth = grid
    found = trials_of(store, every="30D")
    equity = worth[5, 30].tz_localize("UTC").resample("30D").last().dropna()
    assert found.trials[0].returns.to_numpy() == pytest.approx(
        equity.pct_change().dropna().to_numpy(), abs=1e-12
    )


@pytest.mark.host
def test_the_store_is_judged_with_all_its_trials(grid):
    store, worth = grid
    said = judge(store)
    ratios = {
        key: (moves := equity.pct_change().dropna()).mean() / moves.std()
        for key, equity in worth.items()
    }
    best = max(ratios, key=lambda key: ratios[key])
    assert (said.trials, said.executions) == (7, 8)
    assert said.chosen is not None
    assert said.chosen.sharpe == pytest.approx(ratios[best])
    assert said.chosen.trial.startswith(f"SmaCross_fast_{best[0]}")
    assert 1 < said.independent < 7
    assert 0 < said.deflated < said.chosen.probabilistic < 1
    assert said.overfitting is not None
    assert said.overfitting.trials == 7
    still = [row for row in said.rows if row.sharpe == 0]
    assert len(still) == 1
    assert np.isinf(still[0].min_track_record)


@pytest.mark.host
def test_an_optimiser_s_grid_and_plain_runs_of_its_sets_are_the_same_trials(tmp_path):
    from backtesting import Backtest
    from backtesting.test import GOOG

    place = tmp_path / "signals"
    backtest = Backtest(GOOG.iloc[:400], capture.wrap(Crosses, store=place), cash=10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backtest.optimize(fast=[5, 10], slow=[20, 30])
        backtest.run(fast=5, slow=20)
        backtest.run(fast=7, slow=20)
    store = capture.open(place)
    found = trials_of(store)
    names = {one.name for one in found.trials}
    assert len(found) == 5
    assert found.executions == 7  # the optimiser runs the best set once more
    assert "Crosses_fast_7_slow_20" in names
    (run,) = [run_id for run_id in store if len(store[run_id].parts) > 1]
    assert len(trials_of(store[run])) == store[run].manifest["counts"]["trials"] == 4
