"""Trend and volatility fulfil the contract, and say of many bars what they say of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.contracts.classifier import Classification, SeriesClassifier
from capture.errors import ConfigError
from capture.testing.classifier import ClassifierContract
from capture_regimes.trend import Trend
from capture_regimes.volatility import Volatility


class TestTrend(ClassifierContract):
    classifier = "trend"
    features = ("distance_pct",)
    states = ("bull", "bear", "sideways", "unknown")


class TestVolatility(ClassifierContract):
    classifier = "volatility"
    features = ("ratio",)
    states = ("low", "normal", "high", "unknown")


EACH = pytest.mark.parametrize(
    "classifier",
    [Trend(), Trend(3, 7, 0.0, 1.0), Volatility(), Volatility(3, 9, 0.5, 2.0)],
    ids=repr,
)


@EACH
@given(
    st.lists(st.floats(width=32) | st.sampled_from([0.75, 1.0, 1.5, 0.5, 5.0, -0.5]), max_size=30)
)
def test_a_series_has_the_answers_of_its_bars(classifier: Any, values: list[float]) -> None:
    [name] = classifier.features_of({"close": np.ones(3)})
    states, sure = classifier.series({name: np.array(values, np.float64)})
    one_by_one = [classifier({name: value}) for value in values]
    assert [str(state) for state in states] == [answer.state for answer in one_by_one]
    for together, alone in zip(sure.tolist(), one_by_one, strict=True):
        assert together == alone.confidence or (together != together and alone.confidence is None)


@EACH
@given(data=st.data())
def test_features_depend_on_the_lookback_alone(classifier: Any, data: st.DataObject) -> None:
    seed = data.draw(st.integers(0, 2**32 - 1))
    count = classifier.lookback_bars + 40
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, count)))
    bar = data.draw(st.integers(classifier.lookback_bars - 1, count - 1))
    whole = classifier.features_of({"close": close})
    window = close[bar + 1 - classifier.lookback_bars : bar + 1]
    short = classifier.features_of({"close": window})
    for name in whole:
        assert np.isfinite(whole[name][bar])
        assert whole[name][bar] == short[name][-1]  # to the last bit


@EACH
def test_features_do_not_look_ahead(classifier: Any) -> None:
    close = 100 + np.random.default_rng(7).normal(0, 1, 300).cumsum()
    whole = classifier.features_of({"close": close})
    for bars in (1, 50, 150, 299):
        part = classifier.features_of({"close": close[:bars]})
        for name, values in part.items():
            assert np.array_equal(values, whole[name][:bars], equal_nan=True)


def test_a_rising_market_is_a_bull_and_a_falling_one_a_bear() -> None:
    trend = Trend(fast_bars=5, slow_bars=20)
    rising = trend.features_of({"close": np.linspace(100, 200, 60)})["distance_pct"][-1]
    falling = trend.features_of({"close": np.linspace(200, 100, 60)})["distance_pct"][-1]
    assert trend({"distance_pct": rising}).state == "bull"
    assert trend({"distance_pct": falling}).state == "bear"
    assert trend({"distance_pct": 0.0}) == Classification("sideways", 1.0)
    assert trend({"distance_pct": trend.sure_pct}) == Classification("bull", 1.0)


def test_a_market_that_begins_to_shake_is_volatile() -> None:
    shakes = np.where(np.arange(240) % 2, 1.0, -1.0) * np.where(np.arange(240) < 200, 0.1, 3.0)
    volatility = Volatility()
    ratio = volatility.features_of({"close": 100 + shakes})["ratio"]
    assert volatility({"ratio": ratio[190]}).state == "normal"
    assert volatility({"ratio": ratio[215]}).state == "high"


def test_both_answer_for_series() -> None:
    assert isinstance(Trend(), SeriesClassifier)
    assert isinstance(Volatility(), SeriesClassifier)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Trend(fast_bars=50, slow_bars=20), "fast_bars"),
        (lambda: Trend(sideways_pct=9.0), "sideways_pct"),
        (lambda: Volatility(window_bars=1), "window_bars"),
        (lambda: Volatility(low=1.2), "low"),
    ],
)
def test_windows_and_bounds_that_cannot_work_are_refused(make: Any, field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        make()
