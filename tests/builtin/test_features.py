"""Each feature is what somebody else computes, and knows nothing of what comes later."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import ConfigError, UnknownName
from capture.host import get_host
from capture_builtin import Backtest, Feature, Feed, Needs, Strategy
from capture_builtin.stage import FeatureStage, LookAhead
from tests.builtin.market import bars, minutes

FEATURES = sorted(get_host().components("feature"))
ACROSS = {"correlation", "spread"}
FRAME = bars(300, 4)
OTHER = bars(300, 5)


def columns(frame: pd.DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy() for name in frame.columns}


def values(word: str, frame: pd.DataFrame, *others: pd.DataFrame, **options: Any) -> Any:
    feature = get_host().component("feature", word)
    return feature(columns(frame), *map(columns, others), **options)


def lines(said: Any) -> dict[str, Any]:
    return dict(said) if isinstance(said, dict) else {"": said}


# --- the same by other means -----------------------------------------------------------------


def by_pandas() -> dict[str, Any]:
    close, high, low = (FRAME[name].reset_index(drop=True) for name in ("close", "high", "low"))
    before = close.shift()
    ranges = pd.concat([high - low, (high - before).abs(), (low - before).abs()], axis=1).max(
        axis=1
    )
    changes, logs = close.diff(), np.log(close).diff()
    other = np.log(OTHER["close"].reset_index(drop=True)).diff()
    ratio = np.log(close) - np.log(OTHER["close"].reset_index(drop=True))
    middle, spread = close.rolling(10).mean(), close.rolling(10).std(ddof=0)
    gains, losses = wilder(changes.clip(lower=0), 10), wilder((-changes).clip(lower=0), 10)
    return {
        "sma": middle,
        "ema": seeded(close, 10, 2 / 11),
        "rsi": 100 - 100 / (1 + gains / losses),
        "roc": close.pct_change(10),
        "atr": wilder(ranges, 10),
        "bollinger": {"upper": middle + 2 * spread, "middle": middle, "lower": middle - 2 * spread},
        "highest": high.rolling(10).max().shift(),
        "lowest": low.rolling(10).min().shift(),
        "volatility": logs.rolling(10).std(),
        "correlation": logs.rolling(10).corr(other),
        "spread": (ratio - ratio.rolling(10).mean()) / ratio.rolling(10).std(ddof=0),
    }


def seeded(series: pd.Series, window: int, weight: float) -> pd.Series:
    """An exponential mean begun with a plain one, as pandas computes it."""
    known = series.dropna()
    begun = known.copy()
    begun.iloc[window - 1] = known.iloc[:window].mean()
    return begun.iloc[window - 1 :].ewm(alpha=weight, adjust=False).mean().reindex(series.index)


def wilder(series: pd.Series, window: int) -> pd.Series:
    return seeded(series, window, 1 / window)


@pytest.mark.parametrize("word", FEATURES)
def test_a_feature_is_what_pandas_makes_of_it(word):
    others = (OTHER,) if word in ACROSS else ()
    got, wanted = lines(values(word, FRAME, *others, window=10)), lines(by_pandas()[word])
    assert got.keys() == wanted.keys()
    for line, array in got.items():
        expected = wanted[line].to_numpy()
        assert np.array_equal(np.isnan(array), np.isnan(expected))
        assert np.allclose(array, expected, rtol=1e-9, atol=1e-12, equal_nan=True)


@given(st.lists(st.floats(1, 100), min_size=3, max_size=40), st.integers(1, 5))
def test_an_average_is_the_mean_of_its_window(prices, window):
    got = get_host().component("feature", "sma")({"close": np.array(prices)}, window=window)
    for bar, value in enumerate(got.tolist()):
        if bar + 1 < window:
            assert math.isnan(value)
        else:
            assert math.isclose(value, statistics.fmean(prices[bar + 1 - window : bar + 1]))


def test_relative_strength_of_a_price_that_stands_still_is_in_the_middle():
    still = get_host().component("feature", "rsi")({"close": np.full(20, 5.0)}, window=4)
    assert set(still[4:]) == {50.0}


# --- nothing of later bars -------------------------------------------------------------------


@pytest.mark.parametrize("word", FEATURES)
@given(stop=st.integers(1, 299), window=st.sampled_from([2, 7, 30]))
def test_what_comes_later_changes_no_bit(word, stop, window):
    others = (OTHER,) if word in ACROSS else ()
    whole = lines(values(word, FRAME, *others, window=window))
    cut = lines(values(word, FRAME[:stop], *(o[:stop] for o in others), window=window))
    for line, array in cut.items():
        assert array.tobytes() == whole[line][:stop].tobytes()


@pytest.mark.parametrize("word", FEATURES)
def test_a_price_that_is_missing_spoils_no_bar_before_it(word):
    broken = FRAME.copy()
    broken.iloc[150] = np.nan
    others = (OTHER,) if word in ACROSS else ()
    whole, cut = (lines(values(word, f, *others, window=7)) for f in (FRAME, broken))
    for line, array in cut.items():
        assert array[:150].tobytes() == whole[line][:150].tobytes()


def centred(bars: Any, *, window: int = 5) -> Any:
    """Looks ahead, as a centred average does."""
    return np.convolve(bars["close"], np.ones(window) / window, mode="same")


def scaled(bars: Any) -> Any:
    """Looks ahead, as whatever is scaled by the whole series does."""
    return bars["close"] / bars["close"].max()


@pytest.mark.parametrize("feature", [centred, scaled])
def test_a_feature_that_looks_ahead_is_refused_by_name(feature):
    class Uses(Strategy):
        def needs(self):
            return Needs(features={"x": Feature(feature)})

        def generate_signal(self, market):
            return None

    backtest = Backtest(bars(300, 2), Uses)
    with pytest.raises(LookAhead, match=feature.__name__):
        backtest.run()
    Backtest(bars(300, 2), Uses, verify_features=False).run()


# --- across symbols, timeframes --------------------------------------------------------------


def test_a_feature_across_symbols_sees_what_was_known_at_each_bar():
    own, other = minutes(200, 1, 1), minutes(200, 1, 2, drop=0.4)
    feeds = {("A", "1min"): Feed.from_frame(own, "A"), ("B", "1min"): Feed.from_frame(other, "B")}
    feature = Feature("spread", of=("A", "B"), window=5)
    [got] = FeatureStage(feeds).lines("x", feature, ("A", "1min")).values()
    known = other["close"].reindex(own.index).ffill()
    ratio = np.log(own["close"]) - np.log(known)
    expected = (ratio - ratio.rolling(5).mean()) / ratio.rolling(5).std(ddof=0)
    assert np.allclose(got, expected.to_numpy(), equal_nan=True)


def test_a_feature_is_computed_once_for_all_strategies():
    calls = []

    def counted(bars):
        calls.append(len(bars["close"]))
        return bars["close"]

    feed = Feed.from_frame(FRAME, "A")
    stage = FeatureStage({feed.series: feed}, verify=False)
    for name in ("x", "y"):
        stage.lines(name, Feature(counted), feed.series)
    assert calls == [300]


@pytest.mark.parametrize(
    ("feature", "error", "said"),
    [
        (Feature("smaa"), UnknownName, 'Did you mean "sma"'),
        (Feature("sma", windw=3), ConfigError, 'Did you mean "window"'),
        (Feature("sma", window=0), ConfigError, "at least 1"),
        (Feature("bollinger", width=-1), ConfigError, "more than 0"),
        (Feature(lambda bars: bars["close"][:3]), ConfigError, "one value per bar"),
    ],
)
def test_features_that_cannot_be_are_refused(feature, error, said):
    feed = Feed.from_frame(FRAME, "A")
    with pytest.raises(error, match=said):
        FeatureStage({feed.series: feed}).lines("x", feature, feed.series)
