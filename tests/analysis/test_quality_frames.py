"""What other tools read: alphalens' factor data and daily returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from alphalens.performance import factor_information_coefficient
from alphalens.utils import get_clean_factor, get_clean_factor_and_forward_returns

import capture
from capture.analysis.material import material_of
from capture.analysis.quality_frames import daily_returns, factor_frame
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.analysis.material import Material
    from capture.store.recording import Recording

pytestmark = [
    pytest.mark.host,
    # What alphalens says of its own calendar, pandas and matplotlib is not ours to judge.
    pytest.mark.filterwarnings("ignore:::alphalens"),
    pytest.mark.filterwarnings("ignore:Factor dates do not conform"),
]


@pytest.fixture
def universe(make_bars: Callable[..., Any], make_material: Callable[..., Any]) -> Material:
    """Signals with a strength on six symbols, every day."""
    random, days = np.random.default_rng(4), 260
    names = [f"S{number}" for number in range(6)]
    moves = random.normal(0, 0.01, (6, days))
    series = [
        make_bars(100 * np.exp(np.cumsum(m)), name) for m, name in zip(moves, names, strict=True)
    ]
    strength = random.normal(size=(6, 200)) + 50 * moves[:, 1:201]
    return make_material(
        series,
        bar_index=np.tile(np.arange(200), 6),
        symbol=np.repeat(names, 200),
        strength=np.abs(strength).ravel(),
        direction=np.sign(strength).ravel().astype(int),
    )


def test_the_factor_frame_is_that_of_alphalens(universe: Material) -> None:
    mine = factor_frame(universe, horizons=[1, 5, 10])
    prices = pd.DataFrame(
        {
            k.symbol: pd.Series(b["close"], pd.to_datetime(b.times_ns, utc=True))
            for k, b in universe.bars.items()
        }
    )
    theirs = get_clean_factor_and_forward_returns(
        mine["factor"], prices, periods=(1, 5, 10), quantiles=3, filter_zscore=None
    )
    assert list(mine.columns) == ["1D", "5D", "10D", "factor"]
    assert mine.index.names == theirs.index.names == ["date", "asset"]
    both = theirs.join(mine.add_suffix("_mine"))
    assert len(both) == len(mine) == 1200
    for name in ("1D", "5D", "10D", "factor"):
        assert np.allclose(both[name], both[f"{name}_mine"], rtol=1e-12)


def test_alphalens_works_on_the_factor_frame(universe: Material) -> None:
    mine = factor_frame(universe, horizons=[1, 5])
    data = get_clean_factor(mine["factor"], mine[["1D", "5D"]], quantiles=3)
    coefficients = factor_information_coefficient(data).mean()
    assert coefficients["1D"] > 0.2 > coefficients["5D"]


def test_a_real_recording_gives_the_returns_of_alphalens(goog_recording: Recording) -> None:
    material = material_of(goog_recording)
    mine = factor_frame(material, horizons=[1, 5])
    (bars,) = material.bars.values()
    close = pd.Series(bars["close"], pd.to_datetime(bars.times_ns, utc=True))
    for name, horizon in (("1D", 1), ("5D", 5)):
        ahead = close.shift(-horizon) / close - 1
        expected = ahead.reindex(mine.index.get_level_values("date")).to_numpy()
        assert np.allclose(mine[name], expected)
    assert set(mine["factor"]) == {-1.0, 1.0}
    assert set(mine.index.get_level_values("asset")) == {"GOOG"}


def test_horizons_of_hourly_bars_are_named_by_their_length(eurusd_recording: Recording) -> None:
    mine = factor_frame(material_of(eurusd_recording), horizons=[1, 24, 30])
    assert list(mine.columns) == ["1h", "1D", "1D6h", "factor"]


def test_bars_of_several_lengths_cannot_be_one_factor_frame(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    daily, other = make_bars(range(1, 50), "A"), make_bars(range(1, 50), "B")
    other.times_ns[:] = other.times_ns[0] + np.arange(49) * 10**9
    material = make_material([daily, other], bar_index=[1, 2], symbol=["A", "B"])
    with pytest.raises(ConfigError, match="one length"):
        factor_frame(material)


@pytest.mark.parametrize("name", ["goog_recording", "eurusd_recording"])
def test_daily_returns_compound_to_the_return_of_the_account(
    name: str, request: pytest.FixtureRequest
) -> None:
    recording = request.getfixturevalue(name)
    returns = daily_returns(material_of(recording))
    equity = recording.equity()
    worth = equity["equity"]
    assert (1 + returns).prod() == pytest.approx(worth.iloc[-1] / worth.iloc[0])
    days = equity["timestamp"].dt.tz_localize(None).dt.normalize()
    assert list(returns.index) == list(days.drop_duplicates())
    assert isinstance(returns.index, pd.DatetimeIndex) and returns.index.tz is None
    last = worth.groupby(days).last().pct_change().iloc[1:]
    assert np.allclose(returns.iloc[1:], last)


@pytest.mark.parametrize("name", ["goog_recording", "eurusd_recording"])
def test_quantstats_reads_the_daily_returns_and_finds_what_the_account_did(
    name: str, request: pytest.FixtureRequest
) -> None:
    from quantstats import stats

    recording = request.getfixturevalue(name)
    returns = daily_returns(material_of(recording))
    worth = recording.equity()["equity"].to_numpy(float)
    assert stats.comp(returns) == pytest.approx(worth[-1] / worth[0] - 1)
    # Of the last worth of each day, after the first worth of the account.
    days = np.concatenate((worth[:1], worth[0] * np.cumprod(1 + returns.to_numpy())))
    fall = (days / np.maximum.accumulate(days) - 1).min()
    assert stats.max_drawdown(returns) == pytest.approx(fall)
    expected = returns.mean() / returns.std(ddof=1) * 252**0.5
    assert stats.sharpe(returns) == pytest.approx(expected)


def test_of_several_accounts_one_must_be_chosen(
    goog_recording: Recording, eurusd_recording: Recording
) -> None:
    both = material_of([goog_recording, eurusd_recording])
    with pytest.raises(ConfigError, match="several accounts"):
        daily_returns(both)
    chosen = daily_returns(both, run_id=goog_recording.run_id)
    assert chosen.equals(daily_returns(material_of(goog_recording)))


def test_a_recording_without_equity_says_so(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path)
    with capture.SignalCaptureEngine(config) as engine:
        when = {"timestamp": pd.Timestamp("2024-01-01", tz="UTC"), "strategy_id": "s"}
        engine.capture_signal({"symbol": "X", "direction": 1}, when)
    with pytest.raises(ConfigError, match="equity"):
        daily_returns(material_of(capture.open(tmp_path).latest()))
