"""Labels are those of a plain loop over the bars, and a training set knows nothing too early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from capture.analysis.labels import forward_labels, meta_labels, triple_barrier, uniqueness
from capture.analysis.labels_training import KNOWN, KNOWN_PREFIXES, training_set
from capture.analysis.material import Material, material_of
from capture.errors import ConfigError, UnknownName
from tests.adapters.runs import Case, captured
from tests.adapters.runs import goog as goog_bars
from tests.adapters.strategies import SmaCross

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.analysis.material import Bars
    from capture.store.recording import Recording

pytestmark = pytest.mark.host


def scale_at(bars: Bars, at: int, options: dict[str, Any]) -> float | None:
    """Return what distances are counted in at a bar; None where that is not known yet."""
    if options["unit"] == "pct":
        return 1.0
    close, window = bars["close"], options["volatility_bars"]
    if at < window:
        return None
    changes = [close[i] / close[i - 1] - 1 for i in range(at - window + 1, at + 1)]
    return float(np.std(changes, ddof=1))


def plainly(
    bars: Bars, at: int, side: int, options: dict[str, Any]
) -> tuple[int, float, int] | None:
    """Return label, return and last bar of one signal; None if it has none."""
    last, scale = at + options["max_bars"], scale_at(bars, at, options)
    if last >= len(bars) or scale is None:
        return None
    next_open = options["entry"] == "next_open"
    price = bars["open"][at + 1] if next_open else bars["close"][at]
    take, lose = options["profit"], options["stop"]

    def gained(value: float) -> float:
        return side * (value / price - 1)

    for bar in range(at + 1, last + 1):
        opened = gained(bars["open"][bar])
        if bar > at + 1 or not next_open:
            if lose is not None and opened <= -lose * scale:
                return -1, opened, bar
            if take is not None and opened >= take * scale:
                return 1, opened, bar
        moves = gained(bars["high"][bar]), gained(bars["low"][bar])
        if lose is not None and min(moves) <= -lose * scale:
            return -1, -lose * scale, bar
        if take is not None and max(moves) >= take * scale:
            return 1, take * scale, bar
    return 0, gained(bars["close"][last]), last


@pytest.mark.parametrize("entry", ["next_open", "close"])
@pytest.mark.parametrize(
    "options",
    [
        {"profit": 2.0, "stop": 1.0, "max_bars": 20, "unit": "volatility", "volatility_bars": 20},
        {"profit": 0.02, "stop": 0.03, "max_bars": 7, "unit": "pct", "volatility_bars": 20},
        {"profit": 0.001, "stop": 0.001, "max_bars": 5, "unit": "pct", "volatility_bars": 20},
        {"profit": None, "stop": 1.5, "max_bars": 9, "unit": "volatility", "volatility_bars": 5},
        {"profit": 1.5, "stop": None, "max_bars": 9, "unit": "volatility", "volatility_bars": 5},
        {"profit": None, "stop": None, "max_bars": 3, "unit": "pct", "volatility_bars": 5},
    ],
)
def test_triple_barriers_are_those_of_a_plain_loop(
    real: Material, options: dict[str, Any], entry: Any
) -> None:
    labels = triple_barrier(real, **options, entry=entry)
    (bars,) = real.bars.values()
    expected = {}
    for row, signal in real.signals.iterrows():
        if signal["direction"]:
            found = plainly(
                bars, signal["bar_index"], signal["direction"], {**options, "entry": entry}
            )
            if found is not None:
                expected[row] = found
    assert list(labels.row) == list(expected)
    label, earned, last = zip(*expected.values(), strict=True)
    assert np.array_equal(labels.label, label)
    assert np.allclose(labels.earned, earned, rtol=1e-9, atol=1e-15)
    assert np.array_equal(labels.end_bar, last)
    assert sum(labels.dropped.values()) + len(labels.row) == len(real.signals)


def test_a_bar_that_touches_both_barriers_is_a_stop(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars(
        [100.0] * 6, high=[100, 100, 105, 100, 100, 100], low=[100, 100, 95, 100, 100, 100]
    )
    material = make_material([bars], bar_index=[0, 0], direction=[1, -1])
    labels = triple_barrier(material, profit=0.03, stop=0.03, max_bars=4, unit="pct")
    assert list(labels.label) == [-1, -1]
    assert list(labels.ended_by) == ["stop", "stop"]
    assert labels.earned == pytest.approx([-0.03, -0.03])


def test_a_bar_that_opens_beyond_a_barrier_ends_there(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars([100.0, 100, 90, 90, 90], open=[100.0, 100, 90, 90, 90])
    material = make_material([bars], bar_index=[0, 0], direction=[1, -1])
    labels = triple_barrier(material, profit=0.03, stop=0.03, max_bars=3, unit="pct")
    assert labels.earned == pytest.approx([-0.10, 0.10])
    assert list(labels.ended_by) == ["stop", "profit"]


def test_signals_that_end_beyond_the_data_are_left_out_even_if_they_touched_before(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars([100.0, 100, 150, 150, 150])
    material = make_material([bars], bar_index=[0, 1, 2], direction=[1, 1, 0])
    labels = triple_barrier(material, profit=0.03, stop=0.03, max_bars=4, unit="pct")
    assert list(labels.row) == [0]
    assert labels.dropped == {"flat": 1, "no_bar": 0, "beyond_data": 1, "no_price": 0}


def test_a_missing_price_on_the_way_gives_no_label(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    high = [100.0, 100, np.nan, 100, 100, 100]
    material = make_material([make_bars([100.0] * 6, high=high)], bar_index=[0, 2])
    labels = triple_barrier(material, profit=0.03, stop=0.03, max_bars=3, unit="pct")
    assert list(labels.row) == [1]
    assert labels.dropped["no_price"] == 1


def test_forward_labels_are_what_signals_earned(real: Material) -> None:
    labels = forward_labels(real, horizon_bars=5, entry="close")
    (bars,) = real.bars.values()
    close = bars["close"]
    mine = real.signals.iloc[labels.row]
    at = mine["bar_index"].to_numpy()
    assert np.allclose(labels.label, mine["direction"] * (close[at + 5] / close[at] - 1))
    assert np.array_equal(labels.end_bar - labels.start_bar, np.full(len(labels.row), 5))
    assert np.array_equal(labels.end, bars.times_ns[at + 5])
    assert sum(labels.dropped.values()) + len(labels.row) == len(real.signals)


def test_meta_labels_say_whether_the_side_earned_more_than_it_cost(real: Material) -> None:
    labels = triple_barrier(real)
    meta = meta_labels(labels, cost=0.001)
    assert np.array_equal(meta.label, (labels.earned > 0.001).astype(float))
    assert meta.kind == "meta"
    assert 0 < meta.label.mean() < 1


def test_uniqueness_is_that_of_a_plain_loop() -> None:
    random = np.random.default_rng(3)
    place = random.integers(0, 3, 150)
    start = random.integers(0, 80, 150)
    end = start + random.integers(1, 15, 150)
    found = uniqueness(place, start, end)
    for i in range(150):
        shares = []
        for bar in range(start[i] + 1, end[i] + 1):
            there = (place == place[i]) & (start < bar) & (bar <= end)
            shares.append(1 / there.sum())
        assert found[i] == pytest.approx(np.mean(shares))


@pytest.mark.parametrize(
    "wrong",
    [
        {"profit": 0.0},
        {"stop": -1.0},
        {"max_bars": 0},
        {"unit": "points"},
        {"volatility_bars": 1},
        {"entry": "open"},
    ],
)
def test_what_cannot_be_a_barrier_is_refused(real: Material, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        triple_barrier(real, **wrong)


# --- training sets -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["triple_barrier", "forward", "meta"])
def test_a_training_set_has_one_row_per_label(real: Material, kind: str) -> None:
    found = training_set(real, kind=kind)
    assert len(found.X) == len(found.y) == len(found.times) == len(found.weights) > 50
    assert found.X.index.equals(found.y.index) and found.X.index.equals(found.times.index)
    assert set(found.X.index) <= set(real.signals["signal_id"])
    assert (found.times["start_bar"] < found.times["end_bar"]).all()
    assert (found.times["start"] < found.times["end"]).all()
    assert found.weights.between(0, 1, inclusive="right").all()
    assert len(found.to_frame()) == len(found.X)
    assert found.to_dict()["rows"] == len(found.X)
    assert "labels" in str(found)


def test_a_training_set_has_nothing_that_was_not_known_at_the_signal(real: Material) -> None:
    found = training_set(real)
    for name in found.X.columns:
        assert name in KNOWN or name.startswith(KNOWN_PREFIXES)
    later = {"disposition", "reason", "recorded_time", "processing_ns", "late_missing", "seq"}
    assert not later & set(found.X.columns)
    assert later <= set(found.left_out)
    assert any(name.startswith("indicator_") for name in found.X.columns)
    assert "market_close" in found.X.columns


def test_what_comes_after_a_signal_changes_neither_what_is_known_nor_finished_labels(
    goog_recording: Recording, tmp_path: Path
) -> None:
    def first_half() -> pd.DataFrame:
        return goog_bars().iloc[:1200]

    case = Case(SmaCross, first_half, {"cash": 10_000, "commission": 0.002, "spread": 0.0005})
    _, cut = captured(case, tmp_path, symbol="GOOG")
    whole, half = (training_set(material_of(one)) for one in (goog_recording, cut))
    count = len(half.X)
    assert 30 < count < len(whole.X)
    assert half.X.columns.equals(whole.X.columns)
    assert half.X.reset_index(drop=True).equals(whole.X.iloc[:count].reset_index(drop=True))
    assert np.array_equal(half.y.to_numpy(), whole.y.iloc[:count].to_numpy())


def test_columns_that_were_not_known_cannot_be_chosen(real: Material) -> None:
    assert list(training_set(real, columns=["direction"]).X.columns) == ["direction"]
    with pytest.raises(ConfigError, match="not known when"):
        training_set(real, columns=["disposition"])
    with pytest.raises(UnknownName, match="market_close"):
        training_set(real, columns=["market_closs"])
    with pytest.raises(ConfigError, match="triple_barrier"):
        training_set(real, kind="quadruple")
