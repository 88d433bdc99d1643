"""A recording becomes indices: what was wanted, which regime it was, and when bars were known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

import capture
from capture import ClassifierChangeIndex, MultiSymbolSignal, SignalIndex, SignalStorageManager
from capture.errors import ConfigError, InvalidEvent, UnknownName
from capture.index import multi_symbol_signals

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture import Recording, SignalCaptureEngine

START = pd.Timestamp("2024-01-01", tz="UTC")
STEPS = {"1min": pd.Timedelta(minutes=1), "5min": pd.Timedelta(minutes=5)}


def bars(timeframe: str, count: int) -> pd.DataFrame:
    index = pd.date_range(START, periods=count, freq=STEPS[timeframe])
    return pd.DataFrame({"close": np.arange(float(count))}, index=index)


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[[Callable[[SignalCaptureEngine], None]], Recording]:
    """Record by hand what a function gives, over bars of two timeframes."""

    def record(give: Callable[[SignalCaptureEngine], None]) -> Recording:
        config = capture.SignalCaptureConfig(storage_path=tmp_path / "store")
        with capture.SignalCaptureEngine(config) as engine:
            engine.add_base_data(bars("1min", 60), symbol="GOOG", timeframe="1min")
            engine.add_base_data(bars("5min", 12), symbol="GOOG", timeframe="5min")
            give(engine)
        return capture.open(tmp_path / "store").latest()

    return record


def signal(bar: int | None, direction: int, **said: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a signal and its context."""
    context = {"timestamp": START + pd.Timedelta(minutes=bar or 0), "strategy_id": "cross"}
    for name in ("current_position", "current_regime", "strategy_id"):
        if name in said:
            context[name] = said.pop(name)
    place = {"symbol": "GOOG", "timeframe": "1min", "bar_index": bar}
    return {**place, "direction": direction, **said}, context


def wanted(recording: Recording, **more: Any) -> dict[int, float | None]:
    index = SignalIndex.from_recording(recording, **more)
    return {one.bar_index: one.value for one in index}


def test_a_signal_wants_its_direction_nothing_or_what_is_held(recorded: Any) -> None:
    def give(engine: SignalCaptureEngine) -> None:
        engine.capture_signal(*signal(1, 1))
        engine.capture_signal(*signal(3, 1, signal_type="adjustment", current_position=5.0))
        engine.capture_signal(*signal(4, -1, signal_type="adjustment", current_position=5.0))
        engine.capture_signal(*signal(5, 0))
        engine.capture_signal(*signal(6, -1, signal_type="entry"))
        engine.capture_signal(*signal(7, 1, signal_type="adjustment"))
        engine.capture_signal(*signal(8, 1, signal_type="exit", current_position=-5.0))
        engine.capture_signal(*signal(9, 0))
        engine.capture_signal(*signal(9, 1))

    expected = {1: 1, 3: 1, 4: 1, 5: 0, 6: -1, 7: -1, 8: 0, 9: 1}
    assert wanted(recorded(give)) == expected


def test_an_order_against_the_position_wants_what_its_size_leaves(recorded: Any) -> None:
    def give(engine: SignalCaptureEngine) -> None:
        for bar, size in ((1, 4.0), (2, 10.0), (3, 25.0)):
            against = signal(bar, -1, signal_type="exit", current_position=10.0)
            one = engine.capture_signal(*against)
            engine.capture_order({"side": -1, "size": size, "size_kind": "units"}, one)
        for bar, effect in ((4, "open"), (5, "close")):
            one = engine.capture_signal(*signal(bar, -1, signal_type="exit", current_position=10.0))
            engine.capture_order({"side": -1, "size": 0.5, "size_kind": "fraction"}, one)
            engine.capture_fill(
                {"side": -1, "size": 1.0, "price": 1.0, "effect": effect, "signal_id": one}
            )
        one = engine.capture_signal(*signal(6, -1, current_position=10.0))
        engine.capture_order({"side": -1, "size": 3.0, "size_kind": "target"}, one)

    assert wanted(recorded(give)) == {1: 1, 2: 0, 3: -1, 4: -1, 5: 0, 6: 1}


def test_regimes_are_their_changes_and_stay_beside_the_signals(recorded: Any) -> None:
    def give(engine: SignalCaptureEngine) -> None:
        said = {"classifier": "trend", "symbol": "GOOG", "timeframe": "1min"}
        for bar, old, new in ((2, None, "bull"), (2, None, "bull"), (9, "bull", "bear")):
            change = {"bar_index": bar, "old": old, "new": new, "confidence": 0.5}
            engine.capture_regime_change({**said, **change, "timestamp": START})
        engine.capture_signal(*signal(4, 1, current_regime="bull"))
        engine.capture_signal(*signal(12, -1, current_regime="bear"))

    recording = recorded(give)
    trend = ClassifierChangeIndex.from_recording(recording, "trend")
    assert [(c.bar_index, c.old, c.new, c.confidence) for c in trend] == [
        (2, None, "bull", 0.5),
        (9, "bull", "bear", 0.5),
    ]
    index = SignalIndex.from_recording(recording, "cross", "GOOG")
    assert index.select(classifiers={"regime": "bull"}).bar_index.tolist() == [4]
    assert index.select(within=trend.ranges("bear")).bar_index.tolist() == [12]
    manager = SignalStorageManager.from_recording(recording)
    assert manager.to_dense("cross")["regime_trend"].tolist()[8:10] == ["bull", "bear"]
    assert len(manager.to_dense("cross")) == 60, "as many as the base data have"


def test_references_are_kept_and_come_back_as_signals_of_several_symbols(recorded: Any) -> None:
    others = [("SPY", "5min", 3), ("GOOG", "5min", 1)]

    def give(engine: SignalCaptureEngine) -> None:
        engine.capture_signal(*signal(10, 1, references=others))
        engine.capture_signal(*signal(11, -1))

    recording = recorded(give)
    expected = MultiSymbolSignal(1, [("GOOG", "1min", 10), *others], "cross")
    assert list(multi_symbol_signals(recording)) == [expected]
    first, second = SignalIndex.from_recording(recording)
    assert first.metadata == {"references": [list(other) for other in others]}
    assert second.metadata is None


def test_bars_align_as_they_closed_and_the_market_is_looked_up(recorded: Any) -> None:
    recording = recorded(lambda engine: engine.capture_signal(*signal(7, 1)))
    manager = SignalStorageManager.from_recording(recording)
    one, five = ("GOOG", "1min"), ("GOOG", "5min")
    assert manager.align(one, five)[:10].tolist() == [-1, -1, -1, -1, 0, 0, 0, 0, 0, 1]
    bars_of_signals = manager.signals("cross").bar_index
    market = manager.market(bars_of_signals, *one, columns=["close"])
    assert market.column("close").to_pylist() == recording.signals()["market_close"].tolist()
    folder = manager.save(recording.store.root / "index")
    opened = SignalStorageManager.open(folder, store=recording.store.root)
    np.testing.assert_array_equal(opened.align(one, five), manager.align(one, five))
    assert opened.market([7], *one).column("close").to_pylist() == [7.0]
    assert opened.base == manager.base
    with pytest.raises(UnknownName, match="clsoe"):
        opened.market([7], *one, columns=["clsoe"])


def test_signals_without_a_bar_are_refused_and_a_choice_is_asked_for(recorded: Any) -> None:
    def give(engine: SignalCaptureEngine) -> None:
        engine.capture_signal(*signal(1, 1))
        engine.capture_signal(*signal(2, 1, strategy_id="other"))

    recording = recorded(give)
    with pytest.raises(ConfigError, match="choose one of cross, other"):
        SignalIndex.from_recording(recording)
    with pytest.raises(UnknownName, match="crss"):
        SignalIndex.from_recording(recording, "crss")
    with pytest.raises(UnknownName, match="series"):
        ClassifierChangeIndex.from_recording(recording)
    without = recorded(lambda engine: engine.capture_signal(*signal(None, 1)))
    with pytest.raises(InvalidEvent, match="1 signals of cross do not say at which bar"):
        SignalIndex.from_recording(without)


class Cross(Strategy):  # type: ignore[misc]
    """Crosses averages; `label` changes nothing."""

    fast = 10
    label = 0

    def init(self) -> None:
        self.quick = self.I(SMA, self.data.Close, self.fast)
        self.slow = self.I(SMA, self.data.Close, 20)

    def next(self) -> None:
        if crossover(self.quick, self.slow):
            self.position.close()
            self.buy()
        elif crossover(self.slow, self.quick):
            self.position.close()
            self.sell()


@pytest.mark.host
def test_a_run_of_a_backtester_wants_the_position_that_it_held(tmp_path: Path) -> None:
    recorded = capture.wrap(Cross, store=tmp_path)
    results = Backtest(GOOG, recorded, finalize_trades=True).run()
    recording = capture.open(tmp_path).latest()
    index = SignalIndex.from_recording(recording)
    assert set(index.values) == {1.0, -1.0}, "each closes and turns round in the same bar"
    held = np.zeros(len(GOOG))
    for trade in results._trades.itertuples():
        held[trade.EntryBar : trade.ExitBar] = np.sign(trade.Size)
    dense = np.nan_to_num(index.to_dense(len(GOOG)))
    np.testing.assert_array_equal(dense[:-2], held[1:-1], "orders are filled on the next bar")
    np.testing.assert_array_equal(index.bar_index, recording.signals()["bar_index"].unique())


@pytest.mark.host
@pytest.mark.slow
def test_a_grid_keeps_its_bars_and_equal_series_once(tmp_path: Path) -> None:
    recorded = capture.wrap(Cross, store=tmp_path / "store")
    Backtest(GOOG, recorded, finalize_trades=True).optimize(fast=[5, 10], label=[0, 1, 2])
    recording = capture.open(tmp_path / "store").latest()
    manager = SignalStorageManager.from_recording(recording)
    [row] = manager.to_frame().to_dict("records")
    assert (row["name"], row["sets"], row["series"]) == ("Cross", 6, 2)
    sets = manager.parameter_sets("Cross")
    assert sorted((said["fast"], said["label"]) for said in sets.values()) == [
        (fast, label) for fast in (5, 10) for label in (0, 1, 2)
    ]
    assert len(manager.base) == 1
    opened = SignalStorageManager.open(manager.save(tmp_path / "index"))
    for name in sets:
        alone = SignalIndex.from_recording(recording, f"Cross_{name}")
        assert list(opened.signals("Cross", parameter_set=name)) == list(alone)
