"""A peek at later bars is named with its indicator, and a short warm-up with its length."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt
from backtesting import Backtest, Strategy
from backtesting.lib import crossover
from backtesting.test import GOOG, SMA

import capture
from capture.contracts.perturbing import PERTURB, Cut, Rehearsal, rehearsal
from capture.errors import ConfigError, NotReplayable, RunNotFound
from tests.adapters import strategies as s
from tests.adapters.runs import run as run_quietly

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.host

BARS = GOOG.iloc[:700]


def tomorrow(values: Any) -> Any:
    return pd.Series(values).shift(-1).to_numpy()


def score(values: Any) -> Any:
    return (values - np.mean(values)) / np.std(values)


def ema(values: Any, span: int) -> Any:
    return pd.Series(values).ewm(span=span, adjust=False).mean().to_numpy()


class Peeking(Strategy):
    """Knows the next close."""

    def init(self) -> None:
        self.sma = self.I(SMA, self.data.Close, 20)
        self.next_close = self.I(tomorrow, self.data.Close)

    def next(self) -> None:
        if self.next_close[-1] > 1.02 * self.data.Close[-1]:
            self.buy(size=1)


class PeekingUnused(s.SmaCross):
    """Computes a peek, and decides without it."""

    def init(self) -> None:
        super().init()
        self.score = self.I(score, self.data.Close)


class PeekingUnseen(Strategy):
    """Knows the next close, and declares no indicator."""

    def init(self) -> None:
        self.up = self.data.df.Close.shift(-1) > 1.02 * self.data.df.Close

    def next(self) -> None:
        if self.up.iloc[len(self.data) - 1]:
            self.buy(size=1)


class EmaCross(Strategy):
    """Trades from the first bar on, with averages that remember for long."""

    def init(self) -> None:
        self.fast = self.I(ema, self.data.Close, 10)
        self.slow = self.I(ema, self.data.Close, 50)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.position.close()
            self.buy()
        elif crossover(self.slow, self.fast):
            self.position.close()
            self.sell()


class Random(Strategy):
    """Does something else at every run."""

    def init(self) -> None:
        self.chance = np.random.default_rng()

    def next(self) -> None:
        if self.chance.random() < 0.1:
            self.buy(size=1)


@pytest.fixture
def runs(tmp_path: Path) -> Callable[..., Callable[[], Any]]:
    """Return what runs a strategy of Backtesting.py on some bars."""

    def runs(strategy: type, data: pd.DataFrame = BARS) -> Callable[[], Any]:
        wrapped = capture.wrap(strategy, store=tmp_path / "mine")
        backtest = Backtest(data, wrapped, cash=10_000)
        return lambda: run_quietly(backtest)

    return runs


# --- look-ahead ----------------------------------------------------------------------------------


def test_a_peek_is_named_with_its_indicator(runs: Callable[..., Any]) -> None:
    found = capture.lookahead(runs(Peeking))
    assert not found.clean
    (peek,) = found.peeks
    assert (peek.strategy_id, peek.indicator) == ("Peeking", "next_close")
    assert peek.bars == peek.cuts == len(found.cuts) == 8
    at = GOOG.index.get_loc(pd.Timestamp(peek.time))
    assert peek.seen == GOOG.Close.iloc[at + 1]
    assert np.isnan(peek.honest)
    # Each cut ends the data at a signal, and without the next close that signal is not given.
    assert found.signals_changed == 8
    assert found.first_signal is not None
    assert found.first_signal.kind == "only in A"
    assert "It looks ahead: next_close; 8 signals changed" in str(found)


def test_a_score_over_all_data_is_a_peek_even_if_nothing_is_decided_by_it(
    runs: Callable[..., Any],
) -> None:
    found = capture.lookahead(runs(PeekingUnused), cuts=3)
    assert [peek.indicator for peek in found.peeks] == ["score"]
    assert found.peeks[0].time == "2004-08-19"
    assert found.signals_changed == 0


def test_a_peek_without_an_indicator_is_told_by_its_signals(runs: Callable[..., Any]) -> None:
    found = capture.lookahead(runs(PeekingUnseen), cuts=3)
    assert found.peeks == ()
    assert found.signals_changed == 3
    assert "the strategy, though none of its indicators" in found.summary()


@pytest.mark.parametrize("strategy", [s.SmaCross, EmaCross, s.Trailing, s.Nasty])
def test_a_clean_strategy_is_not_accused(strategy: type, runs: Callable[..., Any]) -> None:
    found = capture.lookahead(runs(strategy), cuts=5)
    assert found.clean, str(found)
    assert found.problems == ()
    assert found.signals_compared > 0


def test_the_data_are_whole_again_afterwards_and_nothing_is_recorded(
    runs: Callable[..., Any], tmp_path: Path
) -> None:
    run = runs(s.SmaCross)
    before = run()["# Trades"]
    recorded = list(capture.open(tmp_path / "mine"))
    capture.lookahead(run, cuts=2)
    assert list(capture.open(tmp_path / "mine")) == recorded
    assert rehearsal() is None
    assert run()["# Trades"] == before


def test_a_strategy_that_is_random_is_refused(runs: Callable[..., Any]) -> None:
    with pytest.raises(NotReplayable, match=r"others at every run.*seed"):
        capture.lookahead(runs(Random))


def test_a_run_without_a_wrapped_strategy_is_refused() -> None:
    with pytest.raises(RunNotFound, match="nothing was recorded"):
        capture.lookahead(lambda: None)


def test_no_cuts_are_refused(runs: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="cuts"):
        capture.lookahead(runs(s.SmaCross), cuts=0)


def test_runs_that_raise_on_shorter_data_are_not_called_clean(tmp_path: Path) -> None:
    calls = []

    def run() -> None:
        calls.append(1)
        if len(calls) > 2:
            raise ZeroDivisionError("too short")
        run_quietly(Backtest(BARS, capture.wrap(s.Trailing, store=tmp_path / "mine"), cash=10_000))

    with pytest.raises(NotReplayable, match="ZeroDivisionError: too short"):
        capture.lookahead(run)


# --- warm-up -------------------------------------------------------------------------------------


def test_a_short_warm_up_is_told_how_many_bars_it_needs(runs: Callable[..., Any]) -> None:
    found = capture.warmup(runs(EmaCross, GOOG))
    assert not found.enough
    assert found.signals_wrong > 0
    assert found.signal_bars is not None
    assert found.begins is not None
    assert found.begins < found.signal_bars < 200
    assert found.first_signal is not None
    assert "before its signals agree" in found.summary()


def test_the_bars_that_an_average_needs_are_those_of_its_formula(
    runs: Callable[..., Any],
) -> None:
    found = capture.warmup(runs(EmaCross, GOOG), cuts=1)
    assert len(found.cuts) == 1
    first = pd.Timestamp(found.cuts[0])
    for name, span in (("fast", 10), ("slow", 50)):
        whole = pd.Series(ema(GOOG.Close, span), GOOG.index).loc[first:]
        part = ema(GOOG.Close.loc[first:], span)
        apart = np.flatnonzero(np.abs(whole - part) > 1e-3 * np.maximum(whole, part))
        assert found.indicator_bars[name] == apart[-1] + 1


def test_a_strategy_that_waits_for_its_indicators_has_enough(runs: Callable[..., Any]) -> None:
    found = capture.warmup(runs(s.SmaCross))
    assert found.enough
    assert found.indicator_bars == {"sma1": 9, "sma2": 19}
    assert found.bars == max(19, found.signal_bars or 0)


def test_a_sum_over_all_bars_never_settles(runs: Callable[..., Any]) -> None:
    class Summing(s.SmaCross):
        def init(self) -> None:
            super().init()
            self.total = self.I(np.cumsum, self.data.Volume)

    found = capture.warmup(runs(Summing), cuts=1)
    assert found.indicator_bars["total"] is None
    assert found.bars is None
    assert found.enough


def test_bars_without_times_are_refused(runs: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        run = runs(s.SmaCross, BARS.reset_index(drop=True))
    with pytest.raises(ConfigError, match="give the bars times"):
        capture.warmup(run)


# --- other backtesters ---------------------------------------------------------------------------


class Ahead(bt.Indicator):
    """The next close, which backtrader has because it loads all bars first."""

    lines = ("close",)

    def once(self, start: int, end: int) -> None:
        closes = self.data.close.array
        for bar in range(start, end):
            last = bar + 1 >= len(closes)
            self.lines.close.array[bar] = float("nan") if last else closes[bar + 1]


class BtPeeking(bt.Strategy):
    def __init__(self) -> None:
        self.sma = bt.ind.SMA(period=20)
        self.ahead = Ahead()

    def next(self) -> None:
        if self.ahead[0] > 1.02 * self.data.close[0]:
            self.buy(size=1)


class BtCross(bt.Strategy):
    def __init__(self) -> None:
        self.fast = bt.ind.EMA(period=10)
        self.cross = bt.ind.CrossOver(self.fast, bt.ind.SMA(period=30))

    def next(self) -> None:
        if self.cross[0] > 0:
            self.buy(size=1)
        elif self.cross[0] < 0:
            self.sell(size=1)


def cerebro(strategy: type, store: Path, **settings: Any) -> Callable[[], Any]:
    def run() -> Any:
        engine = bt.Cerebro(**settings)
        engine.adddata(bt.feeds.PandasData(dataname=BARS, name="GOOG"))
        engine.addstrategy(capture.wrap(strategy, store=store))
        return engine.run()

    return run


def test_a_peek_in_backtrader_is_named(tmp_path: Path) -> None:
    found = capture.lookahead(cerebro(BtPeeking, tmp_path), cuts=3)
    assert [peek.indicator for peek in found.peeks] == ["ahead"]
    assert found.signals_changed == 3


@pytest.mark.parametrize("settings", [{}, {"preload": False, "runonce": False}], ids=str)
def test_a_clean_strategy_of_backtrader_is_not_accused(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    found = capture.lookahead(cerebro(BtCross, tmp_path, **settings), cuts=3)
    assert found.clean, str(found)
    assert found.signals_compared > 0


def test_the_warm_up_of_a_strategy_of_backtrader(tmp_path: Path) -> None:
    found = capture.warmup(cerebro(BtCross, tmp_path), cuts=2)
    assert found.indicator_bars["SMA_30"] == 29
    assert found.signal_bars is not None


def _vectorbt(store: Path, shift: int) -> Callable[[pd.Series], Any]:
    def run(close: pd.Series) -> None:
        with capture.record(store):
            fast, slow = vbt.MA.run(close, 10), vbt.MA.run(close, 30)
            ahead = vbt.MA.run(close.shift(-shift), 1, short_name="ahead")
            vbt.Portfolio.from_signals(
                close,
                fast.ma_crossed_above(slow) & (ahead.ma > 0),
                fast.ma_crossed_below(slow) & (ahead.ma > 0),
                freq="1D",
            )

    return run


def test_the_data_of_vectorbt_must_be_given(tmp_path: Path) -> None:
    run, close = _vectorbt(tmp_path, 0), BARS.Close
    with pytest.raises(NotReplayable, match=r"capture\.lookahead\(run, data=prices\)"):
        capture.lookahead(lambda: run(close))


def test_a_peek_in_vectorbt_is_named(tmp_path: Path) -> None:
    found = capture.lookahead(_vectorbt(tmp_path, 1), cuts=3, data=BARS.Close)
    assert [peek.indicator for peek in found.peeks] == ["ahead"]
    assert found.signals_changed == 3
    clean = capture.lookahead(_vectorbt(tmp_path, 0), cuts=3, data=BARS.Close)
    assert clean.clean, str(clean)


def test_data_without_an_index_of_times_are_refused(tmp_path: Path) -> None:
    def run(closes: list[float]) -> None:
        _vectorbt(tmp_path, 0)(pd.Series(closes, BARS.index))

    with pytest.raises(ConfigError, match="times as index"):
        capture.lookahead(run, data=BARS.Close.tolist())


# --- how a rehearsed run knows -------------------------------------------------------------------


def test_a_cut_travels_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Rehearsal(None, tmp_path, Cut(last=5), trace=True)
    monkeypatch.setenv(PERTURB, wanted.to_text())
    assert rehearsal() == wanted
    assert [Cut(2, 4).keeps(label) for label in range(6)] == [False, False, True, True, True, False]


@pytest.mark.parametrize("rehearse", [capture.lookahead, capture.warmup, capture.check_replay])
def test_a_backtest_in_the_place_of_its_run_is_named(rehearse: Callable[[Any], Any]) -> None:
    with pytest.raises(ConfigError, match=r"^run=.*such as backtest\.run, without brackets"):
        rehearse(Backtest(BARS, Peeking))
