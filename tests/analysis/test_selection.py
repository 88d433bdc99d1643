"""Selection: published figures, plain implementations, and simulations with a known answer."""

from __future__ import annotations

import json
from itertools import combinations
from math import inf, isnan, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from capture.analysis.selection import Trial, Trials, judge, overfitting
from capture.analysis.selection.judging import independent_trials, mean_correlation
from capture.analysis.selection.sharpe import (
    Moments,
    deflated_sharpe,
    expected_best_sharpe,
    min_track_record,
    moments_of,
    probabilistic_sharpe,
)
from capture.errors import ConfigError, UnknownName


def yearly(sharpe: float, periods: int, **shape: float) -> Moments:
    return Moments(0, sharpe / sqrt(periods), **shape)


# --- published figures ----------------------------------------------------------------------------


def test_the_deflated_sharpe_ratio_is_that_of_the_published_example():
    """Bailey and Lopez de Prado, "The Deflated Sharpe Ratio" (2014), the numerical example."""
    found = Moments(1250, 2.5 / sqrt(250), skew=-3, kurtosis=10)
    variance = 0.5 / 250
    assert expected_best_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(found, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(found, 46, variance) == pytest.approx(0.9505, abs=5e-5)
    normal = Moments(1250, 2.5 / sqrt(250))
    assert deflated_sharpe(normal, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_the_probabilistic_sharpe_ratio_is_that_of_the_published_example():
    """Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier" (2012): 24 months."""
    normal = Moments(24, 0.458)
    skewed = Moments(24, 0.458, skew=-2.448, kurtosis=10.164)
    assert probabilistic_sharpe(normal) == pytest.approx(0.982, abs=5e-4)
    assert probabilistic_sharpe(skewed) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(
    ("periods", "shape", "years"),
    [
        (250, {}, 2.73),
        (52, {}, 2.83),
        (12, {}, 3.24),
        (12, {"skew": -0.72, "kurtosis": 5.78}, 4.99),
    ],
)
def test_the_minimum_track_record_is_the_published_one(periods, shape, years):
    """The same paper: a ratio of 2 a year, to be above 1 at 95%, by day, by week and by month."""
    needed = min_track_record(yearly(2, periods, **shape), 1 / sqrt(periods))
    assert needed / periods == pytest.approx(years, abs=0.005)


# --- other computations ---------------------------------------------------------------------------


def test_moments_are_those_of_scipy():
    returns = np.random.default_rng(0).standard_t(5, 400) * 0.01 + 0.001
    found = moments_of(returns)
    assert found.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert found.skew == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_returns_that_do_not_move_have_no_sharpe_ratio():
    assert moments_of(np.zeros(100)) == Moments(100, 0.0)
    assert moments_of(np.full(100, 0.01)).sharpe == 0.0
    assert isnan(probabilistic_sharpe(moments_of(np.array([0.1]))))


def test_the_probabilistic_ratio_is_what_simulated_records_show():
    random = np.random.default_rng(4)
    true, periods = 0.1, 250
    records = random.normal(true, 1, (4000, periods))
    said = [probabilistic_sharpe(moments_of(one), true) for one in records]
    # If it is a probability, it is uniform where the benchmark is the truth.
    assert np.quantile(said, [0.05, 0.25, 0.5, 0.75, 0.95]) == pytest.approx(
        [0.05, 0.25, 0.5, 0.75, 0.95], abs=0.025
    )


def test_after_the_minimum_track_record_it_is_just_sure_enough():
    found = Moments(10, 0.12, skew=-0.5, kurtosis=6.0)
    needed = min_track_record(found, 0.02, 0.95)
    grown = Moments(round(needed), found.sharpe, found.skew, found.kurtosis)
    assert probabilistic_sharpe(grown, 0.02) == pytest.approx(0.95, abs=2e-4)
    assert min_track_record(found, 0.12) == inf


@pytest.mark.parametrize("trials", [10, 100, 1000])
def test_the_best_by_luck_is_what_simulated_trials_reach(trials):
    best = np.random.default_rng(trials).normal(0, 0.3, (4000, trials)).max(axis=1).mean()
    assert expected_best_sharpe(trials, 0.09) == pytest.approx(
        best, rel=0.03
    )  # it is an approximation


def test_one_trial_is_deflated_by_nothing():
    found = Moments(500, 0.05)
    assert expected_best_sharpe(1, 0.0) == 0.0
    assert deflated_sharpe(found, 1, 0.0) == probabilistic_sharpe(found)


def test_the_more_trials_the_less_the_best_is_worth():
    found = Moments(1000, 0.1)
    said = [deflated_sharpe(found, n, 0.001) for n in (1, 2, 5, 10, 100, 1000, 10_000)]
    assert said == sorted(said, reverse=True)


def test_the_mean_correlation_is_that_of_all_pairs():
    random = np.random.default_rng(1)
    returns = random.normal(size=(200, 7)) + random.normal(size=(200, 1))
    every = np.corrcoef(returns, rowvar=False)[np.triu_indices(7, 1)]
    assert mean_correlation(returns) == pytest.approx(every.mean())
    assert mean_correlation(np.column_stack((returns, np.zeros(200)))) == pytest.approx(
        every.mean()
    )
    assert isnan(mean_correlation(returns[:, :1]))


@pytest.mark.parametrize(
    ("correlation", "worth"), [(0.0, 20.0), (1.0, 1.0), (0.5, 10.5), (-0.2, 20.0), (np.nan, 20.0)]
)
def test_correlated_trials_are_worth_fewer(correlation, worth):
    assert independent_trials(20, correlation) == worth


# --- overfitting ----------------------------------------------------------------------------------


def by_plain_loop(returns: Any, blocks: int) -> tuple[float, float, list[float]]:
    length = len(returns) // blocks
    used = returns[len(returns) - length * blocks :]
    pieces = [used[n * length : (n + 1) * length] for n in range(blocks)]
    ranks, losses = [], []
    for chosen in combinations(range(blocks), blocks // 2):
        past = np.concatenate([pieces[n] for n in chosen])
        future = np.concatenate([pieces[n] for n in range(blocks) if n not in chosen])
        before = past.mean(0) / past.std(0, ddof=1)
        after = future.mean(0) / future.std(0, ddof=1)
        best = int(before.argmax())
        ranks.append(stats.rankdata(after)[best] / (returns.shape[1] + 1))
        losses.append(after[best] < 0)
    logits = np.log(np.array(ranks) / (1 - np.array(ranks)))
    return float((logits <= 0).mean()), float(np.mean(losses)), ranks


@pytest.mark.parametrize(("periods", "trials", "blocks"), [(200, 7, 8), (163, 20, 6), (40, 2, 10)])
def test_overfitting_is_that_of_a_plain_loop(periods, trials, blocks):
    returns = np.random.default_rng(periods).normal(0.0005, 0.01, (periods, trials))
    found = overfitting(returns, blocks=blocks)
    probability, losses, ranks = by_plain_loop(returns, blocks)
    assert found.rank == pytest.approx(ranks)
    assert found.probability == pytest.approx(probability)
    assert found.loss_probability == pytest.approx(losses)
    assert found.slope == pytest.approx(stats.linregress(found.past, found.future).slope)


def test_the_best_of_noise_is_as_often_below_the_middle_as_above():
    said = [
        overfitting(np.random.default_rng(n).normal(size=(400, 40)), blocks=8).probability
        for n in range(60)
    ]
    assert np.mean(said) == pytest.approx(0.5, abs=0.1)


def test_a_trial_that_is_truly_better_is_no_overfitting():
    returns = np.random.default_rng(0).normal(0, 0.01, (1000, 30))
    returns[:, 11] += 0.003
    found = overfitting(returns)
    assert (found.probability, found.ways) == (0.0, 12_870)
    assert found.loss_probability == 0.0


def test_a_trial_that_only_shone_once_is_overfitting():
    """Each trial shines in one eighth of the time and loses in the rest."""
    returns = np.random.default_rng(0).normal(-0.002, 0.01, (800, 8))
    for number in range(8):
        returns[number * 100 : (number + 1) * 100, number] += 0.02
    assert overfitting(returns, blocks=8).probability > 0.95


@pytest.mark.parametrize("blocks", [0, 3, 22])
def test_blocks_that_cannot_be_halved_are_refused(blocks):
    with pytest.raises(ConfigError, match="even number"):
        overfitting(np.zeros((100, 3)), blocks=blocks)


def test_too_few_periods_or_trials_are_refused():
    with pytest.raises(ConfigError, match="at most 4"):
        overfitting(np.zeros((9, 3)), blocks=6)
    with pytest.raises(ConfigError, match="two trials"):
        overfitting(np.zeros((100, 1)))


# --- the judgement --------------------------------------------------------------------------------


def made(returns: Any) -> Trials:
    days = pd.date_range("2020-01-01", periods=len(returns), freq="D", tz="UTC")
    every = [
        Trial(f"T_{n}", "run", n, {"n": n}, pd.Series(column, days))
        for n, column in enumerate(returns.T)
    ]
    return Trials(tuple(every), len(every) + 1, ())


@pytest.fixture(scope="module")
def returns() -> Any:
    found = np.random.default_rng(6).normal(0, 0.01, (500, 12))
    found[:, 4] += 0.002
    return found


def test_a_judgement_puts_the_figures_together(returns):
    said = judge(made(returns))
    ratios = returns.mean(0) / returns.std(0, ddof=1)
    found = moments_of(returns[:, 4])
    assert said.chosen is not None
    assert said.chosen.trial == "T_4"
    assert [row.sharpe for row in said.rows] == pytest.approx(sorted(ratios, reverse=True))
    assert said.best_by_luck == pytest.approx(expected_best_sharpe(12, ratios.var(ddof=1)))
    assert said.deflated == pytest.approx(deflated_sharpe(found, 12, ratios.var(ddof=1)))
    assert said.deflated_independent >= said.deflated
    assert said.min_track_record == pytest.approx(min_track_record(found, said.best_by_luck))
    assert said.periods_per_year == pytest.approx(365.25)
    assert said.chosen.sharpe_annual == pytest.approx(found.sharpe * sqrt(365.25))
    assert said.overfitting is not None
    assert said.overfitting.probability == overfitting(returns).probability


def test_a_trial_that_was_not_the_best_may_be_the_chosen_one(returns):
    said = judge(made(returns), chosen="T_7")
    assert said.chosen is not None
    assert said.chosen.sharpe == pytest.approx(moments_of(returns[:, 7]).sharpe)
    with pytest.raises(UnknownName, match="T_4"):
        judge(made(returns), chosen="T_44")


def test_a_judgement_shows_itself(returns):
    said = judge(made(returns))
    assert "12 trials in 13 executions" in said.summary()
    assert "T_4: Sharpe ratio" in said.summary()
    assert len(said.to_frame()) == 12
    plain = json.loads(json.dumps(said.to_dict()))
    assert plain["overfitting"]["ways"] == 12_870
    assert "past" not in plain["overfitting"]
    assert said.overfitting is not None
    assert len(said.overfitting.to_frame()) == 12_870


def test_trials_with_no_periods_in_common_have_no_probability_of_overfitting(returns):
    both = made(returns[:, :2]).trials
    later = both[1].returns.set_axis(both[1].returns.index + pd.Timedelta(days=1000))
    moved = Trial("later", "run", 1, {}, later)
    said = judge(Trials((both[0], moved), 2, ()))
    assert said.overfitting is None
    assert "0 periods in common" in said.summary()


def test_a_single_trial_is_judged_alone(returns):
    said = judge(made(returns[:, :1]))
    assert said.chosen is not None
    assert said.deflated == said.chosen.probabilistic
    assert "fewer than two trials" in said.summary()


def test_no_trials_at_all_are_no_error():
    said = judge(Trials((), 0, ()))
    assert said.chosen is None
    assert said.to_frame().empty
    assert "0 trials" in str(said)
