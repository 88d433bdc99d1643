"""Forward returns come from the bars, by index, over a horizon in bars."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from capture.analysis.forward import forward_returns
from capture.analysis.labels import triple_barrier
from capture.analysis.material import Material
from capture.analysis.patterns import find
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.host


def plainly(material: Material, row: int, horizon: int, entry: str) -> tuple[float, float, float]:
    """Return market return, favourable and adverse excursion of a signal, one bar at a time."""
    signal = material.signals.iloc[row]
    found = material.bars_of(signal["run_id"], signal["symbol"], signal["timeframe"])
    assert found is not None
    bars, at = found[1], int(signal["bar_index"])
    if at + horizon >= len(bars):
        return (np.nan,) * 3
    price = bars["open"][at + 1] if entry == "next_open" else bars["close"][at]
    best, worst = 0.0, 0.0
    for bar in range(at + 1, at + horizon + 1):
        for seen in (bars["high"][bar], bars["low"][bar]):
            moved = (seen / price - 1) * signal["direction"]
            best, worst = max(best, moved), min(worst, moved)
    return bars["close"][at + horizon] / price - 1, best, worst


@pytest.mark.parametrize("entry", ["next_open", "close"])
def test_returns_and_excursions_are_those_of_a_plain_loop(real: Material, entry: Any) -> None:
    forward = forward_returns(real, [1, 3, 8, 20], entry, excursions=True)
    assert forward.favourable is not None and forward.adverse is not None
    directed = np.flatnonzero(forward.direction)
    for number, horizon in enumerate(forward.horizons):
        for row in directed:
            expected = plainly(real, row, horizon, entry)
            got = (forward.market[number, row], forward.favourable[number, row])
            assert np.allclose(
                (*got, forward.adverse[number, row]), expected, rtol=1e-12, equal_nan=True
            )


def test_signals_without_a_direction_have_a_market_return_and_earn_nothing(real: Material) -> None:
    forward = forward_returns(real, [5])
    flat = forward.direction == 0
    assert flat.any()
    assert np.isnan(forward.signed(5)[flat]).all()
    assert np.isfinite(forward.market[0][flat]).any()


def test_prices_in_the_signals_are_never_used(real: Material) -> None:
    wrong = real.signals.assign(market_close=1.0, market_open=1.0)
    other = Material(wrong, real.bars)
    assert np.array_equal(
        forward_returns(real).market, forward_returns(other).market, equal_nan=True
    )


def test_every_dropped_signal_is_counted_under_its_cause(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    close = np.array([10.0, 11, 12, np.nan, 14, 15, 0, 17, 18, 19])
    bars = make_bars(close, open=close)
    index = [0, 1, 9, 8, 5, None, 99, -1, 3]
    material = make_material([bars], bar_index=index, direction=[1, 1, 1, 1, 1, 1, 1, 1, 0])
    forward = forward_returns(material, [2])
    # Bar 1 ends on NaN; 9 and 8 end beyond; bar 5 enters at a price of zero.
    assert forward.dropped(2) == {"no_bar": 3, "beyond_data": 2, "no_price": 2}
    assert np.isfinite(forward.signed(2)).sum() == 1


def test_signals_of_an_unknown_symbol_have_no_bar(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    material = make_material([make_bars(range(1, 30))], bar_index=[1, 2], symbol=["ACME", "OTHER"])
    assert forward_returns(material, [1]).dropped(1)["no_bar"] == 1


def test_a_short_signal_earns_what_the_market_loses(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars([100.0, 100, 90, 99], high=[100, 100, 101, 99], low=[100, 100, 80, 85])
    material = make_material([bars], bar_index=[0], direction=[-1])
    forward = forward_returns(material, [2], "next_open", excursions=True)
    assert forward.favourable is not None and forward.adverse is not None
    assert forward.signed(2)[0] == pytest.approx(0.10)
    assert forward.favourable[0, 0] == pytest.approx(0.20)
    assert forward.adverse[0, 0] == pytest.approx(-0.01)


@pytest.mark.parametrize("horizons", [[], [0], [-1], [1.5], [True]])
def test_a_horizon_that_is_no_number_of_bars_is_refused(real: Material, horizons: Any) -> None:
    with pytest.raises(ConfigError, match="horizons"):
        forward_returns(real, horizons)


def test_an_entry_that_there_is_not_is_refused(real: Material) -> None:
    with pytest.raises(ConfigError, match="next_open, close"):
        forward_returns(real, [1], "open")  # type: ignore[arg-type]


def test_returns_begin_at_the_close_where_no_bars_have_an_open(real: Material) -> None:
    bare = {
        key: replace(bars, columns={n: v for n, v in bars.columns.items() if n != "open"})
        for key, bars in real.bars.items()
    }
    without = replace(real, bars=bare)
    chosen, asked = forward_returns(without, [5]), forward_returns(real, [5], "close")
    assert chosen.entry == "close"
    assert np.isfinite(chosen.market).any()
    assert np.array_equal(chosen.market, asked.market, equal_nan=True)
    assert forward_returns(real, [5]).entry == "next_open"
    assert not np.isfinite(forward_returns(without, [5], "next_open").market).any()
    found, same = (find(one, horizon_bars=5, entry=how, slides=50)
                   for one, how in ((without, None), (real, "close")))  # fmt: skip
    assert found.entry == "close"
    assert found.to_dict() == same.to_dict()
    labels, alike = (triple_barrier(one, entry=how)
                     for one, how in ((without, None), (without, "close")))  # fmt: skip
    assert np.array_equal(labels.label, alike.label)


def test_bars_that_several_runs_read_are_one_series(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars(range(1, 30))
    one, two = (make_material([bars], run_id=name, bar_index=[3, 4]) for name in ("a", "b"))
    both = Material(
        one.signals.merge(two.signals, how="outer"), {**dict(one.bars), **dict(two.bars)}
    )
    forward = forward_returns(both, [1])
    assert len(forward.placed.series) == 1
    assert len(forward.placed.rows[0]) == 4
