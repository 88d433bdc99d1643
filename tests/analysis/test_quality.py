"""What is said of the quality of signals is what independent computations say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import vectorbt as vbt
from backtesting.test import EURUSD
from scipy import stats

import capture
from capture.analysis.forward import forward_returns
from capture.analysis.material import Bars, Material, SeriesKey, material_of
from capture.analysis.quality import SignalQualityReport, signal_quality
from capture.analysis.quality_decay import half_life
from capture.analysis.quality_frames import daily_returns
from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def report(real: Material) -> SignalQualityReport:
    return signal_quality(real, horizons=[1, 5, 20])


def joined(material: Material, horizon: int) -> pd.DataFrame:
    """Return the signals with their return over a horizon from the next open, by pandas alone."""
    (bars,) = material.bars.values()
    frame = pd.DataFrame(dict(bars.columns))
    market = frame["close"].shift(-horizon) / frame["open"].shift(-1) - 1
    signals = material.signals.assign(market=market.to_numpy()[material.signals["bar_index"]])
    signals = signals[signals["direction"] != 0]
    return signals.assign(earned=signals["market"] * signals["direction"])


def test_the_fields_of_earlier_reports_are_kept(
    real: Material, report: SignalQualityReport
) -> None:
    assert report.total_signals == len(real.signals)
    (bars,) = real.bars.values()
    days = pd.to_datetime(bars.times_ns).normalize().nunique()
    assert report.avg_signals_per_day == pytest.approx(len(real.signals) / days)
    counts = real.signals["direction"].value_counts()
    assert report.direction_distribution == {
        "long": counts.get(1, 0),
        "short": counts.get(-1, 0),
        "flat": counts.get(0, 0),
    }
    assert report.regime_distribution == {}
    assert report.strength_statistics["missing"] == len(real.signals)


def test_what_signals_earned_is_what_pandas_and_statsmodels_say(
    real: Material, report: SignalQualityReport
) -> None:
    for row in report.forward.rows:
        mine = joined(real, row.horizon_bars)
        known = mine.dropna(subset="earned").sort_values("bar_index")
        earned = known["earned"]
        assert row.signals == len(known)
        assert row.dropped == row.beyond_data == len(mine) - len(known)
        assert row.mean == pytest.approx(earned.mean())
        assert row.median == pytest.approx(earned.median())
        assert row.std == pytest.approx(earned.std())
        assert row.hit_rate == pytest.approx((earned > 0).mean())
        # The scores of every bar, zero where there is no signal, are what statsmodels takes.
        (bars,) = real.bars.values()
        scores = np.bincount(known["bar_index"], earned - earned.mean(), minlength=len(bars))
        lags = 3 * row.horizon_bars - 1
        fitted = sm.OLS(scores, np.ones(len(bars))).fit(cov_type="HAC", cov_kwds={"maxlags": lags})
        expected = fitted.bse[0] * len(bars) / len(known)
        assert row.std_error == pytest.approx(expected)


def test_information_coefficients_are_those_of_scipy(
    real: Material, report: SignalQualityReport
) -> None:
    assert report.information.factor == "direction"
    for row in report.information.rows:
        mine = joined(real, row.horizon_bars).dropna(subset="market")
        assert row.ic == pytest.approx(stats.pearsonr(mine["direction"], mine["market"])[0])
        assert row.rank_ic == pytest.approx(stats.spearmanr(mine["direction"], mine["market"])[0])
        assert row.ic_low < row.ic < row.ic_high
        assert row.rank_ic_low < row.rank_ic < row.rank_ic_high


@pytest.mark.parametrize(
    ("split", "column"),
    [
        ("by_symbol", "symbol"),
        ("by_strategy", "strategy_id"),
        ("by_disposition", "disposition"),
        ("by_reason", "reason"),
        ("by_direction", "direction"),
    ],
)
def test_every_split_is_what_pandas_groups(
    real: Material, report: SignalQualityReport, split: str, column: str
) -> None:
    table = getattr(report, split)
    assert table.rows
    for row in table.rows:
        mine = joined(real, row.horizon_bars)
        words = (
            mine[column].map({1: "long", -1: "short"}) if column == "direction" else mine[column]
        )
        mine = mine[words == row.group]
        assert row.signals == mine["earned"].notna().sum()
        assert row.dropped == mine["earned"].isna().sum()
        assert row.mean == pytest.approx(mine["earned"].mean(), nan_ok=True)
        assert row.hit_rate == pytest.approx((mine["earned"].dropna() > 0).mean(), nan_ok=True)
    counted = {h: sum(r.signals for r in table.rows if r.horizon_bars == h) for h in (1, 5, 20)}
    assert counted == {row.horizon_bars: row.signals for row in report.forward.rows}


def test_taken_are_told_from_refused_signals(eurusd_recording: Recording) -> None:
    material = material_of(eurusd_recording)
    report = signal_quality(material, horizons=[5])
    mine = joined(material, 5).dropna(subset="earned")
    taken = mine["disposition"].isin(["executed", "partially_filled"])
    (row,) = report.taken_against_refused.rows
    assert (row.taken, row.refused) == (taken.sum(), (~taken).sum())
    assert row.refused > 100
    assert row.mean_refused == pytest.approx(mine.loc[~taken, "earned"].mean())
    assert row.difference == pytest.approx(row.mean_taken - row.mean_refused)
    assert row.low < row.difference < row.high


def test_a_refusal_that_cost_money_is_seen(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    close = walk(4000, seed=5)
    ahead = close[5:] / close[:-5] - 1
    index = np.arange(0, 3900, 13)
    right = ahead[index] > 0
    fate = np.where(right, "rejected", "executed")
    material = make_material([make_bars(close)], bar_index=index, disposition=fate)
    found = signal_quality(material, horizons=[5]).taken_against_refused
    assert found.rows[0].high < 0
    assert found.rows[0].mean_refused > 0 > found.rows[0].mean_taken
    assert "less than refused ones would have" in found.summary()


def test_refusals_by_chance_are_told_apart_at_the_stated_rate(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    told = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        index = np.sort(random.integers(0, 590, 200))
        fate = random.choice(["executed", "rejected"], 200)
        material = make_material([make_bars(walk(600, seed))], bar_index=index, disposition=fate)
        (row,) = signal_quality(material, horizons=[5]).taken_against_refused.rows
        told.append(not row.low <= 0 <= row.high)
    assert np.mean(told) <= 0.10


def test_a_signal_that_knows_the_next_bars_has_the_strength_it_was_given(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    close, random = walk(3000, seed=2), np.random.default_rng(3)
    ahead = close[4:] / close[:-4] - 1
    index = np.arange(2900)
    strength = ahead[index] / ahead.std() + random.normal(size=2900)
    side = np.sign(strength).astype(int)
    material = make_material(
        [make_bars(close)], bar_index=index, strength=np.abs(strength), direction=side
    )
    report = signal_quality(material, horizons=[4], entry="close")
    (row,) = report.information.rows
    assert report.information.factor == "strength"
    assert row.ic == pytest.approx(1 / np.sqrt(2), abs=0.05)
    assert row.ic_p_value < 1e-6
    assert report.forward.rows[0].low > 0
    assert report.strength_statistics["mean"] == pytest.approx(np.abs(strength).mean())
    assert sum(one.signals for one in report.strengths.rows) == 2900


def test_the_drift_of_the_market_is_said_beside_what_signals_earned(
    make_bars: Callable[..., Any], make_material: Callable[..., Any]
) -> None:
    bars = make_bars(100 * 1.01 ** np.arange(400))
    material = make_material([bars], bar_index=np.arange(10, 300, 7))
    (row,) = signal_quality(material, horizons=[10]).forward.rows
    assert row.usual == pytest.approx(row.mean)
    assert row.mean == pytest.approx(1.01**10 - 1)


def test_the_same_run_twice_is_no_more_certain(real: Material) -> None:
    frames, bars = [], {}
    for name in ("a", "b"):
        frames.append(real.signals.assign(run_id=name))
        bars |= {SeriesKey(name, k.symbol, k.timeframe): v for k, v in real.bars.items()}
    twice = signal_quality(Material(pd.concat(frames, ignore_index=True), bars), horizons=[5])
    once = signal_quality(real, horizons=[5])
    assert twice.total_signals == 2 * once.total_signals
    (one,), (two,) = once.forward.rows, twice.forward.rows
    assert (two.mean, two.low, two.high) == pytest.approx((one.mean, one.low, one.high))
    assert (two.hit_low, two.hit_high) == pytest.approx((one.hit_low, one.hit_high), rel=0.02)
    assert twice.information.rows[0].ic_std_error == pytest.approx(
        once.information.rows[0].ic_std_error
    )


def test_symbols_that_move_together_are_no_more_certain_than_one(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    close, index = walk(1000, seed=9), np.arange(0, 900, 3)
    names = [f"S{number}" for number in range(5)]
    series = [make_bars(close * (1 + number), name) for number, name in enumerate(names)]
    one = make_material(series[:1], bar_index=index)
    every = make_material(series, bar_index=np.tile(index, 5), symbol=np.repeat(names, 300))
    (alone,), (together,) = (signal_quality(m, horizons=[5]).forward.rows for m in (one, every))
    assert together.signals == 5 * alone.signals
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))


def test_bars_that_are_only_numbered_and_of_several_calendars_have_errors_too(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    whole = make_bars(walk(700), "A")
    weekdays = np.flatnonzero(np.arange(700) % 7 < 5)
    part = Bars(
        "B", "1d", whole.times_ns[weekdays], {k: v[weekdays] for k, v in whole.columns.items()}
    )
    numbered = make_bars(walk(700, 1), "C", timed=False)
    index = np.tile(np.arange(0, 450, 3), 3)
    material = make_material(
        [whole, part, numbered], bar_index=index, symbol=np.repeat(["A", "B", "C"], 150)
    )
    (row,) = signal_quality(material, horizons=[5]).forward.rows
    assert row.signals == 450
    assert 0 < row.std_error < 0.02


@pytest.mark.parametrize("life", [2.0, 6.0, 15.0])
def test_a_half_life_is_found_where_there_is_one(life: float) -> None:
    lags, random, held = np.arange(1, 31), np.random.default_rng(0), []
    for _ in range(200):
        means = 0.5 * 0.5 ** ((lags - 1) / life) + random.normal(0, 0.01, 30)
        found, low, high, said = half_life(means, np.full(30, 0.01))
        held.append(low <= life <= high)
        assert found == pytest.approx(life, rel=0.3)
        assert said.startswith("The return of a bar halves")
    assert 0.90 <= np.mean(held) <= 0.985


def test_no_half_life_is_claimed_of_noise_or_of_what_does_not_fade() -> None:
    random = np.random.default_rng(1)
    claimed = [
        not np.isnan(half_life(random.normal(0, 0.01, 20), np.full(20, 0.01))[0])
        for _ in range(500)
    ]
    assert np.mean(claimed) < 0.08
    steady, low, high, said = half_life(np.full(20, 0.5), np.full(20, 0.01))
    assert np.isinf(steady) and np.isinf(high) and low > 20
    assert said.startswith("No decay is seen")
    assert np.isnan(half_life(np.zeros(2), np.ones(2))[0])


def test_the_decay_of_real_signals_adds_up_to_single_bars(real: Material) -> None:
    decay = signal_quality(real, horizons=[1, 8]).decay
    assert [row.lag_bars for row in decay.rows] == list(range(1, 9))
    (bars,) = real.bars.values()
    close = bars["close"]
    for row in decay.rows:
        mine = real.signals[real.signals["direction"] != 0]
        at = mine["bar_index"].to_numpy() + row.lag_bars
        sign = mine["direction"].to_numpy()[at < len(bars)]
        at = at[at < len(bars)]
        start = bars["open"][at] if row.lag_bars == 1 else close[at - 1]
        expected = (sign * (close[at] / start - 1)).mean()
        assert row.mean == pytest.approx(expected)
    assert decay.rows[-1].total == pytest.approx(sum(row.mean for row in decay.rows))


def test_turnover_and_time_in_the_market_are_those_of_the_account(
    goog_recording: Recording,
) -> None:
    (row,) = signal_quality(material_of(goog_recording)).activity.rows
    equity, fills = goog_recording.equity(), goog_recording.fills()
    value = (fills["size"].abs() * fills["price"]).sum()
    assert row.time_in_market == pytest.approx((equity["position"] != 0).mean())
    assert row.long_share + row.short_share == pytest.approx(row.time_in_market)
    assert row.fills == len(fills)
    assert row.turnover == pytest.approx(value / equity["equity"].mean())
    assert row.turnover_per_day == pytest.approx(row.turnover / 2148)


def test_regimes_are_counted_and_split(
    make_bars: Callable[..., Any], make_material: Callable[..., Any], walk: Callable[..., Any]
) -> None:
    regime = np.array(["bull", "bear", None] * 50, dtype=object)
    material = make_material([make_bars(walk(400))], bar_index=np.arange(150), regime=regime)
    report = signal_quality(material, horizons=[2])
    assert report.regime_distribution == {"bull": 50, "bear": 50, "(none)": 50}
    assert [row.group for row in report.by_regime.rows] == ["(none)", "bear", "bull"]
    assert [row.signals for row in report.by_regime.rows] == [50, 50, 50]


def test_signals_without_bars_are_counted_and_their_returns_are_said_to_be_dropped() -> None:
    frame = pd.DataFrame({"run_id": "a", "symbol": "X", "direction": [1, -1, 0]})
    report = signal_quality(Material(frame, {}), horizons=[3])
    (row,) = report.forward.rows
    assert (row.signals, row.dropped, row.no_bar, row.dropped_share) == (0, 2, 2, 1.0)
    assert report.total_signals == 3
    assert "100.0% of the others were dropped" in report.summary()


def test_nothing_at_all_is_no_error() -> None:
    report = signal_quality(Material(pd.DataFrame({"run_id": []}), {}))
    assert report.total_signals == 0
    assert report.avg_signals_per_day == 0
    assert "0 signals" in str(report)


def test_a_report_shows_itself_as_frame_text_page_and_plain_values(
    report: SignalQualityReport,
) -> None:
    frame = report.to_frame()
    assert list(frame["horizon_bars"]) == [1, 5, 20]
    assert {"mean", "hit_rate", "ic", "rank_ic", "dropped_share"} <= set(frame.columns)
    assert f"{report.total_signals} signals" in str(report)
    assert "<table" in report._repr_html_()
    shown = report.shown()
    assert shown["mean"].tolist() == [f"{row.mean:.2%}" for row in report.forward.rows]
    assert shown["rank IC"].tolist() == [f"{row.rank_ic:.3f}" for row in report.information.rows]
    assert max(map(len, str(report).splitlines()[-4:])) <= 90
    said = json.loads(json.dumps(report.to_dict()))
    assert said["forward"]["rows"][0]["mean"] == report.forward.rows[0].mean
    assert said["total_signals"] == report.total_signals
    for name in ("frequency", "information", "decay", "by_symbol", "activity"):
        table = getattr(report, name)
        assert len(table.to_frame()) == len(table.rows) > 0
        assert table.title in str(table)


def test_a_confidence_that_is_none_is_refused(real: Material) -> None:
    with pytest.raises(ConfigError, match="confidence"):
        signal_quality(real, confidence=95)
    wide = signal_quality(real, horizons=[5], confidence=0.99).forward.rows[0]
    usual = signal_quality(real, horizons=[5]).forward.rows[0]
    assert wide.low < usual.low < usual.high < wide.high


def test_the_order_of_the_signals_does_not_matter(real: Material) -> None:
    shuffled = real.signals.sample(frac=1, random_state=1).reset_index(drop=True)
    one, other = (
        signal_quality(Material(frame, real.bars), horizons=[5]).forward.rows[0]
        for frame in (real.signals, shuffled)
    )
    assert (one.mean, one.low, one.hit_low) == pytest.approx((other.mean, other.low, other.hit_low))
    assert np.array_equal(
        np.sort(forward_returns(real, [5]).signed(5)),
        np.sort(forward_returns(Material(shuffled, real.bars), [5]).signed(5)),
        equal_nan=True,
    )


def test_of_a_grid_every_account_has_its_own_activity(tmp_path: Path) -> None:
    closes = EURUSD["Close"].iloc[:600]
    prices = pd.DataFrame({"A": closes, "B": closes[::-1].to_numpy()})
    with capture.record(tmp_path) as recorded:
        portfolio = vbt.Portfolio.from_signals(
            prices, prices > prices.shift(1), prices < prices.shift(1), freq="1h"
        )
    material = material_of(list(recorded.recordings))
    rows = {row.symbol: row for row in signal_quality(material, horizons=[2]).activity.rows}
    assert set(rows) == {"A", "B"}
    for symbol, row in rows.items():
        held, records = portfolio.assets()[symbol], portfolio.orders.records_readable
        mine = records[records["Column"] == symbol]
        assert row.time_in_market == pytest.approx((held != 0).mean())
        assert row.fills == len(mine)
        assert row.traded_value == pytest.approx((mine["Size"] * mine["Price"]).sum())
        returns = daily_returns(material, strategy_id=row.strategy_id, symbol=symbol)
        assert (1 + returns).prod() == pytest.approx(1 + portfolio.total_return()[symbol])
