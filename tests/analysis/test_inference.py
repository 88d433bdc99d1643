"""Estimates and their errors are those of statsmodels, scipy, and of plain resampling."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.sandwich_covariance import S_hac_simple

from capture.analysis.inference import (
    Times,
    contrast_of,
    mean_of,
    pearson,
    share_of,
    spearman,
    wilson,
)
from capture.errors import MissingExtra


def overlapping(count: int, horizon: int, seed: int) -> np.ndarray[Any, Any]:
    """Return sums of the last `horizon` of independent values."""
    steps = np.random.default_rng(seed).normal(size=count + horizon)
    return np.convolve(steps, np.ones(horizon), "valid")[:count]


@pytest.mark.parametrize("window", [1, 2, 7, 30])
def test_the_error_of_a_mean_is_that_of_statsmodels(window: int) -> None:
    values = overlapping(400, 10, 1)
    fitted = sm.OLS(values, np.ones(400)).fit(cov_type="HAC", cov_kwds={"maxlags": window - 1})
    found = mean_of(values, Times(np.arange(400)), window)
    assert found.value == pytest.approx(fitted.params[0])
    assert found.std_error == pytest.approx(fitted.bse[0])


@given(
    st.lists(st.tuples(st.integers(0, 40), st.floats(-5, 5)), min_size=3, max_size=60),
    st.integers(1, 50),
)
def test_the_sum_over_all_pairs_is_that_of_a_plain_loop(
    given_pairs: list[tuple[int, float]], window: int
) -> None:
    given_pairs.sort(key=lambda pair: pair[0])
    ticks = np.array([tick for tick, _ in given_pairs])
    scores = np.array([score for _, score in given_pairs])
    plain = sum(
        a * b * max(0.0, 1 - abs(int(s) - int(t)) / window)
        for s, a in zip(ticks, scores, strict=True)
        for t, b in zip(ticks, scores, strict=True)
    )
    assert Times(ticks).long_run(scores, window) == pytest.approx(plain, abs=1e-8)


def test_gaps_between_signals_count_as_time() -> None:
    random = np.random.default_rng(2)
    ticks = np.sort(random.choice(500, 120, replace=False))
    values = random.normal(size=120).cumsum()
    dense = np.zeros(500)
    dense[ticks] = (values - values.mean()) / 120
    expected = np.sqrt(S_hac_simple(dense[:, None], nlags=19)[0, 0])
    assert mean_of(values, Times(ticks), 20).std_error == pytest.approx(expected)


def test_the_interval_of_overlapping_returns_holds_the_truth_as_often_as_it_says() -> None:
    held = []
    for seed in range(600):
        values = overlapping(500, 10, seed)
        found = mean_of(values, Times(np.arange(500)), 30)
        held.append(found.low <= 0 <= found.high)
    assert 0.91 <= np.mean(held) <= 0.985


def test_naive_errors_would_be_far_too_small_for_overlapping_returns() -> None:
    found = mean_of(overlapping(500, 10, 3), Times(np.arange(500)), 30)
    naive = overlapping(500, 10, 3).std() / np.sqrt(500)
    assert found.std_error > 2 * naive


def test_doubling_every_observation_adds_no_certainty() -> None:
    values, ticks = overlapping(300, 5, 4), np.arange(300)
    once = mean_of(values, Times(ticks), 15)
    twice = mean_of(np.repeat(values, 2), Times(np.repeat(ticks, 2)), 15)
    assert twice.std_error == pytest.approx(once.std_error)
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))


def test_values_that_are_missing_are_no_observations() -> None:
    values, ticks = overlapping(300, 5, 5), np.arange(300)
    gone = np.random.default_rng(5).random(300) < 0.3
    with_gaps = mean_of(np.where(gone, np.nan, values), Times(ticks), 15)
    without = mean_of(values[~gone], Times(ticks[~gone]), 15)
    for name in ("value", "std_error", "low", "high", "p_value"):
        assert getattr(with_gaps, name) == pytest.approx(getattr(without, name))
    assert (with_gaps.observations, with_gaps.windows) == (without.observations, without.windows)


def test_the_p_value_and_interval_agree_with_students_t() -> None:
    values = np.random.default_rng(6).normal(0.2, 1, 80)
    found = mean_of(values, Times(np.arange(80) * 10), 1)
    plain = stats.ttest_1samp(values, 0.0)
    error = values.std() / np.sqrt(80)
    reach = stats.t.ppf(0.975, 79) * error
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(values.mean()) / error, 79))
    assert found.p_value == pytest.approx(plain.pvalue, rel=0.1)
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach))


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (3, 10), (10, 10), (480, 1000)])
def test_wilsons_interval_is_that_of_statsmodels(hits: int, count: int) -> None:
    expected = proportion_confint(hits, count, method="wilson")
    assert wilson(hits / count, count) == pytest.approx(expected, abs=1e-12)


def test_independent_flags_are_worth_as_many_as_they_are_and_overlapping_ones_fewer() -> None:
    flags = (np.random.default_rng(7).random(500) < 0.5).astype(float)
    _, worth = share_of(flags, Times(np.arange(500) * 50), 3)
    assert worth == pytest.approx(500)
    found, fewer = share_of((overlapping(500, 20, 7) > 0).astype(float), Times(np.arange(500)), 60)
    assert fewer < 100
    expected = proportion_confint(found.value * fewer, fewer, method="wilson")
    assert (found.low, found.high) == pytest.approx(expected)


@pytest.mark.parametrize("tied", [False, True])
def test_correlations_are_those_of_scipy_and_their_errors_those_of_a_jackknife(tied: bool) -> None:
    random = np.random.default_rng(8)
    x = random.normal(size=250)
    y = 0.6 * x + random.normal(size=250)
    if tied:
        x = np.sign(x) + (random.random(250) < 0.2)
    times = Times(np.arange(250) * 100)
    for ours, theirs in ((pearson, stats.pearsonr), (spearman, stats.spearmanr)):
        found = ours(x, y, times, 1)
        assert found.value == pytest.approx(theirs(x, y)[0], abs=1e-12)
        left_out = [theirs(np.delete(x, i), np.delete(y, i))[0] for i in range(250)]
        jackknife = np.sqrt(249 / 250 * ((left_out - np.mean(left_out)) ** 2).sum())
        assert found.std_error == pytest.approx(jackknife, rel=0.04)


def test_a_factor_that_never_changes_has_no_correlation() -> None:
    times, y = Times(np.arange(50)), np.random.default_rng(9).normal(size=50)
    for ours in (pearson, spearman):
        assert np.isnan(ours(np.full(50, 0.1), y, times, 3).value)


def test_the_difference_of_two_independent_groups_is_welchs() -> None:
    random = np.random.default_rng(10)
    values, first = random.normal(size=400), np.arange(400) % 4 == 0
    values[first] += 0.5
    found = contrast_of(values, first, Times(np.arange(400) * 9), 1)
    a, b = values[first], values[~first]
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert found.std_error == pytest.approx(np.sqrt(a.var() / len(a) + b.var() / len(b)))


def test_what_moves_together_makes_a_difference_surer() -> None:
    random = np.random.default_rng(11)
    common = np.repeat(random.normal(size=200), 2)
    first = np.tile([True, False], 200)
    values = common + np.where(first, 0.1, 0.0) + random.normal(0, 0.01, 400)
    times = Times(np.repeat(np.arange(200), 2))
    assert contrast_of(values, first, times, 1).p_value < 1e-6
    assert mean_of(values, times, 1).std_error > 0.05


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_observations_give_no_interval(count: int) -> None:
    found = mean_of(np.ones(count), Times(np.arange(count)), 10)
    assert np.isnan(found.low) and np.isnan(found.high) and np.isnan(found.p_value)
    assert found.observations == count


def test_without_scipy_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(MissingExtra, match=r"pip install 'signal-capture\[analysis\]'"):
        mean_of(np.arange(9.0), Times(np.arange(9)), 1)


def test_times_that_do_not_ascend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        Times(np.array([2, 1]))
