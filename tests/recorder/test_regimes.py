"""Regimes of the bars that a run reads: changes alone are kept, and every signal finds its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture import SignalCaptureConfig, SignalCaptureEngine, hookimpl
from capture.contracts.classifier import Classification
from capture.errors import CaptureWarning, ConfigError, UnknownName
from capture.events import Bar
from capture_regimes.trend import Trend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

TREND = {"trend": {"fast_bars": 3, "slow_bars": 8, "hysteresis_bars": 1}}


def bars(count: int = 120, seed: int = 1) -> pd.DataFrame:
    """Prices by day, with highs and lows around them."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.02, count)))
    columns = {"open": close, "high": close + 1, "low": close - 1, "close": close}
    index = pd.date_range("2024-01-01", periods=count, freq="D", tz="UTC", name="timestamp")
    return pd.DataFrame(columns, index=index).reset_index()


def told(bar: int, strategy_id: str = "mine") -> tuple[dict[str, Any], dict[str, Any]]:
    day = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(days=bar)
    signal = {"symbol": "A", "timeframe": "1d", "direction": 1, "bar_index": bar}
    return signal, {"timestamp": day, "strategy_id": strategy_id}


def states(frame: pd.DataFrame, classifier: Any = None) -> list[str]:
    """Say plainly what the trend is at every bar, hysteresis and all."""
    trend = classifier or Trend(3, 8)
    distance = trend.features_of({"close": frame["close"].to_numpy()})["distance_pct"]
    answers = [trend({"distance_pct": one}).state for one in distance]
    present, found = answers[0], []
    for bar, answer in enumerate(answers):
        if bar and answer == answers[bar - 1]:
            present = answer
        found.append(present)
    return found


def test_every_signal_finds_its_regime(tmp_path: Path) -> None:
    frame = bars()
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers=TREND)
    with SignalCaptureEngine(config) as engine:
        engine.add_base_data(frame, symbol="A", timeframe="1d")
        for bar in range(0, 120, 7):
            engine.capture_signal(*told(bar))
    expected = states(frame)
    signals = engine.recording.signals()
    assert signals["regime_trend"].tolist() == [expected[bar] for bar in signals["bar_index"]]
    assert signals["regime"].tolist() == signals["regime_trend"].tolist()
    changes = engine.recording.regimes()
    edges = [0, *(b for b in range(1, 120) if expected[b] != expected[b - 1])]
    assert changes["bar_index"].tolist() == edges
    assert changes["new"].tolist() == [expected[bar] for bar in edges]
    assert changes["old"].tolist()[1:] == [expected[bar - 1] for bar in edges[1:]]
    assert len(changes) > 5
    assert changes["timestamp"].tolist() == [frame["timestamp"][bar] for bar in edges]


def test_what_the_user_says_of_a_signal_wins(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers=TREND)
    with SignalCaptureEngine(config) as engine:
        engine.add_base_data(bars(), symbol="A", timeframe="1d")
        signal, context = told(50)
        engine.capture_signal(signal, {**context, "current_regime": "mine"})
    [row] = engine.recording.signals().to_dict("records")
    assert row["regime"] == "mine"
    assert row["regime_trend"] == states(bars())[50]


def test_conditions_reach_every_classifier(tmp_path: Path) -> None:
    both = {**TREND, "volatility": {"window_bars": 5, "usual_bars": 20}}
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers=both)
    with SignalCaptureEngine(config) as engine:
        engine.add_base_data(bars(), symbol="A", timeframe="1d")
        for bar in range(120):
            engine.capture_signal(*told(bar))
    whole = engine.recording.signals()
    assert set(whole["regime_volatility"]) >= {"unknown", "normal"}
    for where, query in [
        ("regime_trend == 'bull'", "regime_trend == 'bull'"),
        ([("regime", "=", "bear")], "regime == 'bear'"),
        (
            "regime_trend == 'bull' and regime_volatility != 'unknown'",
            "regime_trend == 'bull' and regime_volatility != 'unknown'",
        ),
    ]:
        expected = whole.query(query)["seq"].tolist()
        assert 0 < len(expected) < 120
        assert engine.recording.signals(columns=["seq"], where=where)["seq"].tolist() == expected


@given(count=st.integers(1, 60), seed=st.integers(0, 2**16))
@pytest.mark.slow
def test_bars_that_come_one_by_one_bring_the_same_changes(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: int
) -> None:
    frame = bars(count, seed)
    columns = ["symbol", "timeframe", "bar_index", "timestamp", "classifier", "old", "new"]
    found = []
    for live in (False, True):
        config = SignalCaptureConfig(
            storage_path=tmp_path_factory.mktemp("store"), backend="memory", classifiers=TREND
        )
        with SignalCaptureEngine(config) as engine:
            if live:
                for row in frame.to_dict("records"):
                    engine.capture_bar({"symbol": "A", "timeframe": "1d", **row})
            else:
                engine.add_base_data(frame, symbol="A", timeframe="1d")
            found.append(engine.recording.regimes()[[*columns, "confidence"]])
    pd.testing.assert_frame_equal(*found)


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[int, str]] = []
        self.bar = -1

    @hookimpl
    def on_regime_change(self, change: Any) -> None:
        assert change.bar_index <= self.bar, "a change was told before its bar"
        self.heard.append((change.bar_index, change.new))


def test_observers_hear_of_a_change_when_its_bar_comes(tmp_path: Path, host: Any) -> None:
    listener = Listener()
    host.register(listener, "listener")
    frame = bars()
    engine = SignalCaptureEngine(SignalCaptureConfig(storage_path=tmp_path, classifiers=TREND))
    engine.add_base_data(frame, symbol="A", timeframe="1d")
    assert listener.heard == []
    observe = engine.observer("bars")
    assert observe is not None
    for bar in range(80):
        listener.bar = bar
        observe(Bar.lazy({"bar_index": bar}, dict))
    reached = list(listener.heard)
    engine.close()
    assert listener.heard == reached  # nobody is told of bars that never came
    changes = engine.recording.regimes()
    assert reached == [
        (bar, new)
        for bar, new in zip(changes["bar_index"], changes["new"], strict=True)
        if bar < 80
    ]
    assert len(reached) < len(changes)
    assert changes["new"].tolist()[1:] == changes["new"].shift(-1).tolist()[:-1]
    assert changes["bar_index"].is_monotonic_increasing


def test_nobody_hears_bars_for_want_of_classifiers(tmp_path: Path) -> None:
    with SignalCaptureEngine(SignalCaptureConfig(storage_path=tmp_path)) as engine:
        engine.add_base_data(bars(), symbol="A", timeframe="1d")
        assert engine.observer("bars") is None
    assert len(engine.recording.regimes()) == 0


def rising(features: Mapping[str, float]) -> Classification:
    return Classification("up" if features["close"] >= features["open"] - 1 else "down")


def test_a_function_of_the_users_own_is_a_classifier(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers={"rising": rising})
    with SignalCaptureEngine(config) as engine:
        engine.add_base_data(bars(), symbol="A", timeframe="1d")
        engine.capture_signal(*told(3))
    assert engine.recording.signals()["regime_rising"].tolist() == ["up"]
    assert "rising" in str(engine.recording.start["config"]["classifiers"])
    assert " at 0x" not in str(engine.recording.start["config"])


def test_several_symbols_keep_their_own_regimes(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers=TREND)
    with SignalCaptureEngine(config) as engine:
        for place, symbol in enumerate("AB"):
            engine.add_base_data(bars(seed=place), symbol=symbol, timeframe="1d")
        for bar in range(120):
            signal, context = told(bar)
            engine.capture_signal({**signal, "symbol": "AB"[bar % 2]}, context)
    both = [states(bars(seed=place)) for place in range(2)]
    signals = engine.recording.signals()
    assert signals["regime"].tolist() == [both[bar % 2][bar] for bar in range(120)]


@pytest.mark.parametrize(
    ("classifiers", "error", "said"),
    [
        ({"trnd": {}}, UnknownName, "trend"),
        ({"trend": {"fast": 3}}, ConfigError, "fast_bars"),
        ({"trend": {"fast_bars": 99}}, ConfigError, "slow_bars"),
        ({"trend": {"hysteresis_bars": -1}}, ConfigError, "hysteresis_bars"),
        ({"trend": 3}, ConfigError, "classifiers"),
        ({"confidence": rising}, ConfigError, "confidence"),
        ({"my trend": rising}, ConfigError, "my trend"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_written(
    tmp_path: Path, classifiers: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        SignalCaptureEngine(
            SignalCaptureConfig(storage_path=tmp_path / "store", classifiers=classifiers)
        )
    assert not (tmp_path / "store").exists()


def broken(features: Mapping[str, float]) -> Classification:
    raise ZeroDivisionError("no volume")


def test_a_classifier_that_fails_is_named(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers={"broken": broken, **TREND})
    with SignalCaptureEngine(config) as engine:
        with pytest.warns(CaptureWarning, match="ZeroDivisionError: no volume"):
            engine.add_base_data(bars(), symbol="A", timeframe="1d")
        engine.capture_signal(*told(50))
    [row] = engine.recording.signals().to_dict("records")
    assert row["regime"] == row["regime_trend"] == states(bars())[50]
    assert engine.recording.parts[0].record["plugin_failures"]["broken"]["count"] == 1


def test_a_classifier_that_fails_breaks_the_run_if_the_user_chose_so(tmp_path: Path) -> None:
    config = SignalCaptureConfig(
        storage_path=tmp_path, classifiers={"broken": broken}, plugin_failure="raise"
    )
    with (
        pytest.raises(ZeroDivisionError, match="no volume"),
        SignalCaptureEngine(config) as engine,
    ):
        engine.add_base_data(bars(), symbol="A", timeframe="1d")


def test_a_classifier_that_fails_on_a_live_bar_is_not_asked_again(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers={"broken": broken})
    first, *others = bars(5).to_dict("records")
    with SignalCaptureEngine(config) as engine:
        with pytest.warns(CaptureWarning, match="no volume"):
            engine.capture_bar({"symbol": "A", **first})
        for row in others:
            engine.capture_bar({"symbol": "A", **row})
    assert engine.recording.table("bars").num_rows == 5


def test_names_alone_are_enough(tmp_path: Path) -> None:
    config = SignalCaptureConfig(storage_path=tmp_path, classifiers=["trend", "volatility"])
    with SignalCaptureEngine(config) as engine:
        engine.add_base_data(bars(), symbol="A", timeframe="1d")
    assert engine.recording.regimes()["classifier"].unique().tolist() == ["trend", "volatility"]
    assert capture.verify(capture.open(tmp_path)).ok


def test_self_contained_signals_have_the_same_frame(
    tmp_path: Path, latest: Callable[..., Any]
) -> None:
    frames = []
    for contained in (False, True):
        config = SignalCaptureConfig(
            storage_path=tmp_path / str(contained), classifiers=TREND, self_contained=contained
        )
        with SignalCaptureEngine(config) as engine:
            engine.add_base_data(bars(), symbol="A", timeframe="1d")
            for bar in range(0, 120, 5):
                engine.capture_signal(*told(bar))
        frame = engine.recording.signals()
        frames.append(frame.drop(columns=["signal_id", "recorded_time", "processing_ns"]))
    pd.testing.assert_frame_equal(*frames)
