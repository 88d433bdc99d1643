"""The search for patterns: what is planted is found, and noise is not called a pattern."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from backtesting import Strategy
from backtesting.lib import crossover
from backtesting.test import SMA
from scipy import stats

import capture
from capture.analysis.forward import forward_returns
from capture.analysis.material import Bars, Material, SeriesKey
from capture.analysis.patterns import find
from capture.analysis.patterns.mining import packed
from capture.analysis.patterns.outcomes import outcomes_of
from capture.analysis.patterns.sliding import slide_test
from capture.errors import ConfigError
from tests.analysis.made_markets import noise, planted

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

ALPHA = 0.05
SEEDS = 200


# --- what is planted ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> Any:
    return find(planted(1))


def test_a_planted_pattern_is_found_and_comes_first(found):
    first = found.patterns[0]
    regime, low = sorted(first.items)
    assert regime == "regime is bull"
    assert low.startswith("x0 is below -0.")
    assert first.adjusted_p_value <= ALPHA
    assert first.p_value <= first.adjusted_p_value
    assert first.low < 0.03 < first.high
    assert first.later_low < 0.03 < first.later_high
    assert first.later_p_value < 0.01
    assert first.lift > 1.3
    assert first.later_lift > 1.3


def test_what_follows_from_a_reported_pattern_is_not_reported_again(found):
    assert found.redundant > 0
    holding = [one for one in found.patterns if one.effect > 0]
    assert len(holding) == 1


def test_a_pattern_reads_as_a_sentence(found):
    said = str(found.patterns[0])
    assert said.startswith(("When regime is bull and x0 is below", "When x0 is below"))
    assert "the next 5 bars earned +" in said
    assert "(usually " in said
    assert f"on {found.patterns[0].signals:,} signals" in said
    assert said.endswith("it lasted.")
    assert said in str(found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_planted_patterns_are_found_whatever_the_seed(capsys):
    found = [find(planted(seed), slides=199).patterns for seed in range(SEEDS)]
    names = [{n.split(" is ")[0] for n in one[0].items} if one else set() for one in found]
    share = np.mean([one == {"x0", "regime"} for one in names])
    with capsys.disabled():
        sys.stdout.write(f"\nplanted: the pattern comes first in {share:.1%} of {SEEDS} seeds\n")
    assert share >= 0.95


def test_figures_of_a_pattern_are_those_of_a_plain_loop(found):
    material = planted(1)
    first = found.patterns[0]
    earned = forward_returns(material, (5,)).signed(5)
    (edge,) = (float(one.split()[-1]) for one in first.items if one.startswith("x0"))
    rows = [r for r in range(len(earned)) if np.isfinite(earned[r])]
    split = round(len(rows) * 0.7)
    bars = material.signals["bar_index"]
    earlier = [r for r in rows if bars[r] + 5 < bars[rows[split]]]
    frame = material.signals
    ours = [r for r in earlier if frame["indicator_x0"][r] < edge and frame["regime"][r] == "bull"]
    others = [r for r in earlier if r not in ours]
    assert (found.signals, first.signals) == (len(earlier), len(ours))
    assert first.support == pytest.approx(len(ours) / len(earlier))
    assert first.mean_return == pytest.approx(np.mean(earned[ours]))
    assert first.usual_return == pytest.approx(np.mean(earned[others]))
    assert first.hit_rate == pytest.approx(np.mean(earned[ours] > 0))
    assert first.lift == pytest.approx(np.mean(earned[ours] > 0) / np.mean(earned[earlier] > 0))
    assert found.purged == len(rows) - len(earlier) - found.later_signals


def test_what_held_earlier_and_turned_later_is_left_out():
    material = planted(1)
    (bars,) = material.bars.values()
    half = find(material)
    (key,) = material.bars
    turned = dict(bars.columns)
    at = int(len(bars) * 0.7)
    for name, from_ in (("open", "open"), ("close", "close"), ("high", "low"), ("low", "high")):
        turned[name] = bars[name].copy()
        turned[name][at:] = bars["close"][at] ** 2 / bars[from_][at:]  # every later move reversed
    other = find(replace(material, bars={key: replace(bars, columns=turned)}))
    assert half.patterns
    assert not [one for one in other.patterns if "regime is bull" in one.items and one.effect > 0]
    assert other.contradicted > 0


def test_a_sequence_is_a_pattern_too():
    material = planted(4, effect=0.0)
    (key,) = material.bars
    bars = material.bars[key]
    frame = material.signals
    after_long = (frame["direction"].shift(1) == 1).to_numpy()
    returns = np.diff(np.log(bars["close"]), prepend=np.log(bars["close"][0]))
    chosen = frame.loc[after_long, ["bar_index", "direction"]].itertuples(index=False)
    for bar, sign in chosen:
        returns[bar + 1 : bar + 6] += sign * 0.004
    close = 100 * np.exp(np.cumsum(returns))
    columns = {"close": close, "open": np.concatenate(([100.0], close[:-1]))}
    found = find(replace(material, bars={key: replace(bars, columns=columns)}))
    assert found.patterns[0].items == ("direction of the signal before is long",) or (
        "direction of the signal before is short" in found.patterns[0].items
    )
    assert found.patterns[0].kind == "sequence"


# --- noise ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_noise_is_called_a_pattern_no_more_often_than_alpha(capsys):
    reports = [
        find(noise(seed, bars=1500, signals=450), alpha=ALPHA, slides=199) for seed in range(SEEDS)
    ]
    share = np.mean([bool(one.patterns) for one in reports])
    clear = np.mean([bool(one.patterns or one.contradicted) for one in reports])
    with capsys.disabled():
        sys.stdout.write(
            f"\nnoise: any pattern in {share:.1%} of {SEEDS} seeds ({clear:.1%} before the later "
            f"signals were asked), {reports[0].tried:,} tried, alpha {ALPHA:.0%}\n"
        )
    assert share <= ALPHA


@pytest.mark.slow
@pytest.mark.host
@pytest.mark.timeout(600)
def test_a_real_strategy_on_shuffled_moves_has_no_pattern(tmp_path, capsys):
    """What follows a signal has nothing to do with it where the moves of GOOG are shuffled."""
    reports = [
        find(on_shuffled(tmp_path / str(n), n), alpha=ALPHA, slides=199) for n in range(SEEDS)
    ]
    share = np.mean([bool(one.patterns) for one in reports])
    signals, tried = np.mean([(one.signals, one.tried) for one in reports], axis=0)
    with capsys.disabled():
        sys.stdout.write(
            f"\nGOOG shuffled: any pattern in {share:.1%} of {len(reports)} seeds, about "
            f"{signals:.0f} signals and {tried:.0f} tried, alpha {ALPHA:.0%}\n"
        )
    assert tried > 100
    assert share <= ALPHA


def on_shuffled(store: Path, seed: int) -> Recording:
    """Record crosses of two averages on the bars of GOOG, their moves in another order."""
    from backtesting import Backtest
    from backtesting.test import GOOG

    order = np.random.default_rng(seed).permutation(len(GOOG) - 1)
    shape = GOOG[["Open", "High", "Low", "Close"]].to_numpy() / GOOG[["Close"]].to_numpy()
    steps = (GOOG["Close"].to_numpy()[1:] / GOOG["Close"].to_numpy()[:-1])[order]
    close = 100 * np.concatenate(([1.0], np.cumprod(steps)))
    prices = shape[np.concatenate(([0], order + 1))] * close[:, None]
    data = pd.DataFrame(prices, GOOG.index, ["Open", "High", "Low", "Close"])
    data["Volume"] = GOOG["Volume"]
    Backtest(data, capture.wrap(Crosses, store=store), cash=1e6, finalize_trades=True).run()
    return capture.open(store).latest()


class Crosses(Strategy):  # type: ignore[misc]
    """Crosses of two averages, long and short."""

    def init(self) -> None:
        self.quick = self.I(SMA, self.data.Close, 3)
        self.calm = self.I(SMA, self.data.Close, 8)

    def next(self) -> None:
        if crossover(self.quick, self.calm):
            self.buy(size=10)
        elif crossover(self.calm, self.quick):
            self.sell(size=10)


def test_a_rising_market_is_no_pattern_of_the_long_signals():
    material = noise(11, drift=0.02)
    found = find(material, slides=199)
    earned = forward_returns(material, (5,)).signed(5)
    long = (material.signals["direction"] == 1).to_numpy()
    assert np.nanmean(earned[long]) > 0.05
    assert np.nanmean(earned[~long]) < -0.05
    assert found.patterns == ()


# --- the test itself ------------------------------------------------------------------------------


def two_series(bars: int = 260) -> Material:
    """Return signals on two series, the second shorter and only numbered."""
    random = np.random.default_rng(8)
    series, frames = {}, []
    for name, length, timed in (("A", bars, True), ("B", bars // 2, False)):
        close = 100 * np.exp(np.cumsum(random.normal(0.002, 0.02, length)))
        columns = {"close": close, "open": np.concatenate(([100.0], close[:-1]))}
        columns["open"][7] = np.nan
        labels = np.arange(length, dtype=np.int64) * 10**9 if timed else np.empty(0, np.int64)
        series[SeriesKey("run", name, "1s")] = Bars(name, "1s", labels, columns)
        at = np.sort(random.choice(length, length // 2, replace=False))
        side = random.choice([-1, 0, 1], len(at), p=[0.45, 0.1, 0.45])
        frames.append(pd.DataFrame({"bar_index": at, "direction": side, "symbol": name}))
    signals = pd.concat(frames, ignore_index=True)
    signals.insert(0, "run_id", "run")
    signals["timeframe"] = "1s"
    return Material(signals, series)


def test_outcomes_are_those_of_a_plain_loop():
    material, horizon = two_series(), 5
    found = outcomes_of(material, horizon, "next_open", 0.3)
    frame = material.signals
    for symbol, place in (("A", 0), ("B", 1)):
        bars = material.bars[SeriesKey("run", symbol, "1s")]
        at = range(len(bars) - horizon)
        path = [bars["close"][b + horizon] / bars["open"][b + 1] - 1 for b in at]
        mine = frame[(frame["symbol"] == symbol) & (frame["direction"] != 0)]
        usable = [b for b in mine["bar_index"] if b < len(path) and np.isfinite(path[b])]
        split = sorted(usable)[round(len(usable) * 0.7)]
        before = [r for b, r in enumerate(path) if b + horizon < split and np.isfinite(r)]
        after = [r for b, r in enumerate(path) if b >= split and np.isfinite(r)]
        ours = found.placed.place[found.rows] == place
        expected = {}
        for row, bar, side in mine[["bar_index", "direction"]].itertuples():
            if bar in usable and (bar + horizon < split or bar >= split):
                drift = np.mean(after if bar >= split else before)
                expected[row] = (bar < split, side * path[bar], side * (path[bar] - drift))
        got = zip(found.earlier[ours], found.earned[ours], found.excess[ours], strict=True)
        said = dict(zip(found.rows[ours].tolist(), got, strict=True))
        assert said.keys() == expected.keys()
        assert all(said[row] == pytest.approx(expected[row]) for row in expected)


def test_a_slide_moves_the_market_and_leaves_the_signals():
    material = two_series()
    found = outcomes_of(material, 5, "next_open", 0.3)
    slid = found.slid(np.array([0.0, 0.25]))
    assert slid[:, 0] == pytest.approx(found.excess[found.earlier], abs=1e-6)
    for number, row in enumerate(found.rows[found.earlier]):
        path = found.paths[found.placed.place[row]]
        bar = (found.placed.bar[row] + round(0.25 * len(path))) % len(path)
        side = material.signals["direction"][row]
        assert slid[number, 1] == pytest.approx(side * path[bar], abs=1e-6)


def test_the_test_is_welch_over_slides_and_the_best_of_all_patterns():
    material = two_series()
    outcomes = outcomes_of(material, 5, "next_open", 0.3)
    random = np.random.default_rng(2)
    table = random.random((int(outcomes.earlier.sum()), 6)) < 0.3
    found = slide_test(packed(table), outcomes, 60, np.random.default_rng(0))
    longest = max(len(path) for path in outcomes.paths)
    steps = np.random.default_rng(0).permutation(np.arange(1, longest))[:60]
    earned = outcomes.slid(np.concatenate(([0.0], steps / longest))).astype(float)
    t = np.array(
        [stats.ttest_ind(earned[h], earned[~h], equal_var=False).statistic for h in table.T]
    )
    z = np.abs(t - t.mean(1, keepdims=True)) / t.std(1, keepdims=True)
    assert found.count == 60
    assert np.abs(found.score) == pytest.approx(z[:, 0], rel=1e-3, abs=1e-3)
    assert found.p_value == pytest.approx((z >= z[:, :1]).mean(1), abs=0.02)
    assert found.adjusted == pytest.approx((z.max(0) >= z[:, :1]).mean(1), abs=0.02)


def test_the_same_seed_gives_the_same_answer():
    material = planted(2)
    assert find(material, slides=99).to_dict() == find(material, slides=99).to_dict()


# --- faces ----------------------------------------------------------------------------------------


def test_the_report_is_a_frame_a_dict_and_a_text(found):
    frame = found.to_frame()
    assert len(frame) == len(found.patterns)
    assert frame["items"][0] == " and ".join(found.patterns[0].items)
    said = json.loads(json.dumps(found.to_dict()))
    assert said["patterns"][0]["sentence"] == found.patterns[0].sentence
    assert f"{found.tried:,} tried on {found.signals:,} signals" in found.summary()
    assert "<script" not in found._repr_html_()


def test_signals_without_a_known_return_are_counted():
    material = noise(1, bars=300, signals=299)
    material.signals.loc[:4, "bar_index"] = 10_000
    found = find(material, slides=20)
    assert found.dropped["no_bar"] == 5
    assert found.dropped["beyond_data"] == 4
    assert found.dropped_share == pytest.approx(9 / 299)
    assert "3.0% of the signals have no known return" in found.summary()


@pytest.mark.parametrize("signals", [0, 1, 12])
def test_too_few_signals_are_no_pattern_and_no_error(signals):
    material = noise(1, bars=100, signals=50)
    few = replace(material, signals=material.signals.iloc[:signals].reset_index(drop=True))
    found = find(few)
    assert (found.patterns, found.tried) == ((), 0)
    assert found.to_frame().empty
    assert "No pattern" in str(found)


def test_signals_without_bars_have_no_pattern():
    found = find(noise(1, bars=100, signals=50).signals)
    assert found.patterns == ()
    assert found.dropped_share == 1.0


def test_all_signals_may_be_searched():
    found = find(planted(1), holdout=0)
    assert found.later_signals == 0
    assert found.patterns[0].sentence.endswith("too few later signals tell whether it lasts.")


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_support": 0},
        {"alpha": 1.0},
        {"holdout": -0.1},
        {"horizon_bars": 0},
        {"entry": "open"},
        {"bins": 1},
        {"max_length": 0},
        {"slides": 19},
        {"lookback": 1.5},
    ],
)
def test_a_setting_that_cannot_be_is_named(wrong):
    (name,) = wrong
    with pytest.raises(ConfigError, match="horizons" if name == "horizon_bars" else name):
        find(noise(1, bars=100, signals=50), **wrong)
