"""What is said of signals: only what was known, in words that are exactly true."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from capture.analysis.forward import placed
from capture.analysis.material import Material
from capture.analysis.patterns.attributes import Attribute, attributes
from capture.analysis.patterns.items import items_of
from tests.analysis.made_markets import noise

SIDES = {1: "long", -1: "short", 0: "flat"}


@pytest.fixture(scope="module")
def material() -> Any:
    return noise(3, bars=400, signals=150)


@pytest.fixture(scope="module")
def known(material: Any) -> dict[str, Attribute]:
    rows = np.arange(len(material.signals))
    return {one.name: one for one in attributes(material.signals, placed(material), rows, 2)}


def quantity(values: Any, **more: Any) -> Attribute:
    return Attribute("rsi", np.asarray(values, float), **more)


def texts(one: Attribute, bins: int = 3, known: Any = None) -> dict[str, Any]:
    known = np.ones(len(one.values), bool) if known is None else known
    items = items_of([one], known, bins)
    return dict(zip(items.texts, items.table.T, strict=True))


def test_what_came_of_a_signal_is_not_among_what_was_known(known):
    assert not [name for name in known if "disposition" in name or "reason" in name]


def test_the_signals_before_are_those_of_the_same_owner(material, known):
    frame = material.signals.copy()
    frame["symbol"] = np.where(np.arange(len(frame)) % 3 == 0, "OTHER", "ACME")
    frame["part"] = (np.arange(len(frame)) > 80).astype(int)
    rows = np.arange(len(frame))[::-2]
    found = {one.name: one for one in attributes(frame, placed(material), rows, 2)}
    for back, which in ((1, "the signal before"), (2, "the signal 2 before")):
        mine = found[f"direction of {which}"]
        assert mine.sequence
        for value, row in zip(mine.values, rows, strict=True):
            own = frame.iloc[row]
            same = (frame["symbol"] == own["symbol"]) & (frame["part"] == own["part"])
            earlier = frame[same & (frame["seq"] < own["seq"])]
            expected = SIDES[earlier["direction"].iloc[-back]] if len(earlier) >= back else None
            assert value == expected


def test_what_the_bars_say_ends_with_the_bar_of_the_signal(material, known):
    (bars,) = material.bars.values()
    for row, bar in enumerate(material.signals["bar_index"]):
        close = bars["close"][: bar + 1]
        if bar < 20:
            assert np.isnan(known["return of the last 20 bars"].values[row])
            continue
        moves = close[1:] / close[:-1] - 1
        volume = bars["volume"][: bar + 1]
        said = {
            "return of the last 5 bars": (close[-1] / close[-6] - 1) * 100,
            "return of the last 20 bars": (close[-1] / close[-21] - 1) * 100,
            "volatility of the last 20 bars": moves[-20:].std(ddof=1) * 100,
            "volume against the last 20 bars": volume[-1] / volume[-20:].mean(),
            "close within the bar's range": (close[-1] - bars["low"][bar])
            / (bars["high"][bar] - bars["low"][bar])
            * 100,
        }
        for name, value in said.items():
            assert known[name].values[row] == pytest.approx(value, rel=1e-9)


def test_a_line_on_the_scale_of_prices_is_read_as_distance_from_the_close(material, known):
    assert "average" not in known
    (bars,) = material.bars.values()
    close = bars["close"][material.signals["bar_index"]]
    expected = (close / material.signals["indicator_average"] - 1) * 100
    assert known["close against average"].values == pytest.approx(expected.to_numpy())
    assert known["x0"].values == pytest.approx(material.signals["indicator_x0"].to_numpy())


def test_bins_are_exactly_what_their_words_say_and_about_equally_full():
    values = np.random.default_rng(0).normal(50, 15, 999)
    found = texts(quantity(values))
    (low, middle, high) = found
    edge = float(low.removeprefix("rsi is below "))
    top = float(high.removeprefix("rsi is ").removesuffix(" or more"))
    assert middle == f"rsi is from {edge:g} to {top:g}"
    assert (found[low] == (values < edge)).all()
    assert (found[middle] == ((values >= edge) & (values < top))).all()
    assert (found[high] == (values >= top)).all()
    assert all(abs(column.mean() - 1 / 3) < 0.03 for column in found.values())


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 1.0, 12345.678, 1e9])
@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_edges_have_as_many_digits_as_it_takes(scale, offset):
    values = (np.random.default_rng(0).normal(size=500) + offset) * scale
    found = texts(quantity(values))
    assert len(found) == 3
    assert all(0.25 < column.mean() < 0.42 for column in found.values())


def test_the_later_signals_do_not_decide_the_bins():
    random = np.random.default_rng(0)
    earlier = random.normal(size=300)
    one = quantity(np.concatenate((earlier, random.normal(9, 1, 300))))
    half = np.arange(600) < 300
    assert list(texts(one, known=half)) == list(texts(quantity(earlier)))


def test_few_values_are_named_and_the_missing_is_in_no_bin():
    found = texts(quantity([1, 2, 2, np.nan, 1, 2]))
    assert {text: column.tolist() for text, column in found.items()} == {
        "rsi is 1": [True, False, False, False, True, False],
        "rsi is 2": [False, True, True, False, False, True],
    }


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1.0, 1.0, 1.0], "always the same"),
        ([np.nan, np.nan, np.nan], "not known"),
        (np.array([f"name {n}" for n in range(20)], object), "more than 12 different values"),
    ],
)
def test_what_says_nothing_is_left_out_with_the_reason(values, why):
    items = items_of([Attribute("it", np.asarray(values))], np.ones(len(values), bool), 3)
    assert items.left_out == {"it": why}
    assert items.table.shape == (len(values), 0)


def test_weekday_and_time_of_day_are_those_of_the_bar():
    times = pd.to_datetime(["2024-01-01 09:30", "2024-01-06 15:59"], utc=True)
    frame = pd.DataFrame({"run_id": "r", "timestamp": times, "direction": [1, -1]})
    where = placed(Material(frame, {}))
    found = {one.name: one.values.tolist() for one in attributes(frame, where, np.arange(2), 0)}
    assert found["weekday"] == ["Monday", "Saturday"]
    assert found["time of day"] == ["08:00 to 11:59 UTC", "12:00 to 15:59 UTC"]
