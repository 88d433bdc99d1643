"""A recording is replayed under many settings at once, as it would be event by event."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import capture
from capture.errors import ClosedLoop, ConfigError, MissingExtra, NotReplayable, UnknownName
from capture.replaying.boundaries import POLICIES
from capture.study.portfolio import sparse
from capture.study.portfolio.market import Market
from capture.study.portfolio.replay import prepare, replay_settings
from capture.study.portfolio.settings import PortfolioSettings
from capture.study.portfolio.signals import Signals
from capture.study.portfolio.sparse import SparseReplay
from capture_builtin import Backtest, Feature, Feed, Needs, Signal, Strategy
from tests.builtin.market import bars, minutes
from tests.builtin.strategies import Cross, Reads, Rotation

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

BARS = bars(500, 4)
OWN: dict[str, Any] = {"cash": 10_000.0, "size": 5.0, "commission_rate": 0.001}
OTHERS = [
    PortfolioSettings(cash=10_000, sizer="equity_fraction", size=0.4, slippage_fraction=0.001),
    PortfolioSettings(cash=10_000, sizer="value", size=3_000, by_strength=True, allow_short=False),
    PortfolioSettings(cash=10_000, size=20, fill="close", max_drawdown=0.03, lot=7),
]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Recording]:
    store = tmp_path_factory.mktemp("store")
    strategy = capture.wrap(Cross, store=store, classifiers=["trend"])
    results = Backtest(BARS, strategy, symbol="GOOG", **OWN).run()
    return results, capture.open(store).latest()


@pytest.fixture
def recording(recorded: tuple[Any, Recording]) -> Recording:
    return recorded[1]


def test_under_its_own_settings_a_replay_is_the_run_in_one_pass(
    recorded: tuple[Any, Recording],
) -> None:
    results, recording = recorded
    found = replay_settings(recording, PortfolioSettings(**OWN))
    assert found.equity(0).tolist() == results.equity.tolist()
    assert found.performance.deepest[0] == results.max_drawdown
    mine, theirs = found.trades(0), results.trades
    for name in ("size", "entry_bar", "exit_bar", "entry_price", "exit_price", "profit"):
        np.testing.assert_array_equal(
            mine[name].to_numpy(float, na_value=np.nan),
            theirs[name].to_numpy(float, na_value=np.nan),
        )
    assert found.fills(0)["price"].tolist() == results.fills["price"].tolist()


@pytest.mark.parametrize("boundary", ["honour_exit", "force_flat", "carry", "block_reentry"])
def test_regimes_and_their_boundaries_are_those_of_the_event_driven_replay(
    recording: Recording, boundary: Any
) -> None:
    found = replay_settings(recording, OTHERS, regime="bull", boundary=boundary)
    for row, one in enumerate(OTHERS):
        source = capture.replay(recording, "signal", regime="bull", boundary=boundary)
        results = Backtest(BARS, source.into("builtin"), symbol="GOOG", **one.to_mapping()).run()
        assert found.equity(row).tolist() == results.equity.tolist()
        assert found.performance.final[row] == results.final


def test_conditions_leave_out_signals(recording: Recording) -> None:
    longs = replay_settings(recording, OTHERS[:1], where="direction > 0")
    assert (longs.fills(0)["units"] > 0).all()
    assert len(prepare(recording, where="direction > 0").signals) < len(prepare(recording).signals)


def test_a_boundary_without_a_regime_is_refused(recording: Recording) -> None:
    with pytest.raises(ConfigError, match="name regime="):
        replay_settings(recording, OTHERS, boundary="carry")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orders", "recorded"),
        ("participation", 0.1),
        ("stop_loss", 0.02),
        ("take_profit", 0.05),
        ("trailing_stop", 0.03),
    ],
)
def test_what_needs_prices_within_a_bar_is_refused_by_name(
    recording: Recording, name: str, value: Any
) -> None:
    one = PortfolioSettings(**{**OWN, name: value})
    assert sparse.needs_events(one) == (name,)
    with pytest.raises(ConfigError, match="event by event") as caught:
        replay_settings(recording, [OTHERS[0], one])
    assert caught.value.setting == name


def test_a_strategy_that_looked_at_its_portfolio_is_refused_unless_forced(tmp_path: Path) -> None:
    Backtest(BARS, capture.wrap(Reads, store=tmp_path), symbol="GOOG", cash=10_000).run()
    recording = capture.open(tmp_path).latest()
    with pytest.raises(ClosedLoop, match="equity"):
        replay_settings(recording, OTHERS)
    assert len(replay_settings(recording, OTHERS, force=True)) == len(OTHERS)


def test_several_symbols_trade_from_one_purse(tmp_path: Path) -> None:
    frames = {name: bars(300, seed) for seed, name in enumerate(["A", "B", "C"])}
    Backtest(frames, capture.wrap(Rotation, store=tmp_path), **OWN).run()
    recording = capture.open(tmp_path).latest()
    settings = [*OTHERS, PortfolioSettings(cash=10_000, size=30, max_gross_exposure=0.5)]
    found = replay_settings(recording, settings)
    for row, one in enumerate(settings):
        again = capture.replay(recording, "signal").into("builtin")
        results = Backtest(frames, again, **one.to_mapping()).run()
        assert found.equity(row).tolist() == results.equity.tolist()
        assert found.performance.deepest[row] == results.max_drawdown


def test_what_is_wanted_of_a_symbol_between_its_bars_waits_for_the_next(tmp_path: Path) -> None:
    frames = {name: minutes(300, 5, seed, drop=0.4) for seed, name in enumerate("ABC")}
    Backtest(frames, capture.wrap(Rotation, store=tmp_path), **OWN).run()
    recording = capture.open(tmp_path).latest()
    replay = prepare(recording)
    times = replay.market.times_ns
    assert times is not None
    own = [
        times[replay.market.steps[replay.market.symbols.index(symbol)][bar]]
        for symbol, bar in zip(replay.signals.symbols, replay.signals.bars, strict=True)
    ]
    assert (replay.signals.known_ns > np.array(own)).any(), "no bar was missing"
    found = replay_settings(recording, OTHERS)
    for row, one in enumerate(OTHERS):
        again = capture.replay(recording, "signal").into("builtin")
        results = Backtest(frames, again, **one.to_mapping()).run()
        assert found.equity(row).tolist() == results.equity.tolist()


class Slow(Rotation):
    """Decides on bars of five minutes, whatever finer ones there are."""

    def needs(self) -> Needs:
        return Needs(timeframe="5min", features={"roc": Feature("roc", window=10)}, lookback=12)


def test_what_was_decided_on_coarser_bars_fills_on_the_finest_of_each_symbol(
    tmp_path: Path,
) -> None:
    fine = {name: minutes(1500, 1, seed, drop=0.1) for seed, name in enumerate("AB")}
    feeds = [Feed.from_frame(frame, name, "1min") for name, frame in fine.items()]
    rules = {"open": "first", "high": "max", "low": "min", "close": "last"}
    for name, frame in fine.items():
        coarse = frame.resample("5min").agg(rules).dropna()  # type: ignore[arg-type]
        feeds.append(Feed.from_frame(coarse, name, "5min"))
    results = Backtest(feeds, capture.wrap(Slow, store=tmp_path), **OWN).run()
    recording = capture.open(tmp_path).latest()
    assert set(recording.signals()["timeframe"]) == {"1min"}  # what is traded
    own = replay_settings(recording, PortfolioSettings(**OWN))
    assert own.performance.fills[0] > 20
    assert own.equity(0).tolist() == results.equity.tolist()
    found = replay_settings(recording, OTHERS)
    for row, one in enumerate(OTHERS):
        fresh = Backtest(feeds, Slow, **one.to_mapping()).run()
        assert found.equity(row).tolist() == fresh.equity.tolist()
        assert found.performance.deepest[row] == fresh.max_drawdown


class Restless(Strategy):
    """Wants this and that, of one symbol or another."""

    seed = 0

    def start(self) -> None:
        self._random = random.Random(self.seed)

    def generate_signal(self, market: Any) -> list[Signal]:
        dice = self._random
        if dice.random() < 0.6:
            return []
        kind = dice.choice(["entry", "entry", "entry", "exit", "adjustment"])
        direction = 0 if kind == "exit" else dice.choice([-1, 1])
        symbol = dice.choice(market.symbols)
        return [Signal(direction=direction, symbol=symbol, kind=kind, strength=dice.random())]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_was_wanted_boundary_policies_replay_as_they_do_event_by_event(
    seed: int, tmp_path: Path
) -> None:
    frames = {name: bars(250, seed + place) for place, name in enumerate(["A", "B"])}
    strategy = capture.wrap(Restless, store=tmp_path, classifiers=["trend"])
    Backtest(frames, strategy, params={"seed": seed}, **OWN).run()
    recording = capture.open(tmp_path).latest()
    for boundary in POLICIES:
        found = replay_settings(recording, OTHERS, regime=["bull", "bear"], boundary=boundary)
        for row, one in enumerate(OTHERS):
            source = capture.replay(recording, "signal", regime=["bull", "bear"], boundary=boundary)
            results = Backtest(frames, source.into("builtin"), **one.to_mapping()).run()
            assert found.equity(row).tolist() == results.equity.tolist()
            assert found.performance.fills[row] == len(results.fills)


def test_the_strategies_of_a_grid_are_chosen_by_name_or_all_at_once(tmp_path: Path) -> None:
    from backtesting import Backtest as Host
    from backtesting.test import GOOG

    from tests.adapters.strategies import SmaCross

    test = Host(GOOG.iloc[:400], capture.wrap(SmaCross, store=tmp_path), finalize_trades=True)
    test.optimize(fast=[5, 10], slow=[20, 30])
    recording = capture.open(tmp_path).latest()
    with pytest.raises(NotReplayable, match="name one"):
        replay_settings(recording, OTHERS)
    every = replay_settings(recording, OTHERS, strategy="*")
    names = list(dict.fromkeys(every.strategies))
    assert len(names) == 4
    assert len(every) == len(names) * len(OTHERS)
    one = replay_settings(recording, OTHERS, strategy=names[2])
    assert one.performance.final.tolist() == every.performance.final[6:9].tolist()
    some = replay_settings(recording, OTHERS, strategy=names[:2])
    assert some.performance.final.tolist() == every.performance.final[:6].tolist()
    assert every.equity(7).tolist() == one.equity(1).tolist()


# --- the result ----------------------------------------------------------------------------------


def test_a_result_tells_settings_that_vary_objectives_and_refusals(recording: Recording) -> None:
    found = replay_settings(recording, OTHERS, objectives=["sharpe", "max_drawdown"])
    frame = found.to_frame()
    assert len(frame) == len(found) == 3
    assert {"setting_sizer", "setting_max_drawdown", "sharpe", "trades"} <= set(frame)
    assert "setting_cash" not in frame
    assert (frame["refused_max_drawdown"] > 0).tolist() == [False, False, True]
    assert json.loads(json.dumps(found.to_dict()))["rows"][2]["id"] == OTHERS[2].id
    assert found.best().row == int(np.argmax(found.objectives["sharpe"]))
    assert found.best("max_drawdown").row == int(np.argmin(found.objectives["max_drawdown"]))
    assert OTHERS[found.best().row].id in str(found)


def test_a_row_is_found_by_its_number_or_its_identity(recording: Recording) -> None:
    found = replay_settings(recording, OTHERS)
    assert found.trades(OTHERS[1].id).equals(found.trades(1))
    assert found.trades(-1).equals(found.trades(2))
    returns = found.returns(0)
    equity = found.equity(0)
    assert returns.add(1).prod() * OTHERS[0].cash == pytest.approx(equity.iloc[-1])
    with pytest.raises(UnknownName, match="settings of this result"):
        found.equity("nothing")
    with pytest.raises(ConfigError, match="rows 0 to 2"):
        found.equity(3)
    with pytest.raises(UnknownName, match='Did you mean "sharpe"'):
        found.best("sharp")


def test_settings_may_be_mappings_and_mistakes_in_them_are_named(recording: Recording) -> None:
    found = replay_settings(recording, [{"size": 3}, {"size": 4}], objectives=["win_rate"])
    assert [one.size for one in found.settings] == [3.0, 4.0]
    with pytest.raises(ConfigError, match='Did you mean "size"'):
        replay_settings(recording, [{"siz": 3}])
    with pytest.raises(ConfigError, match="one portfolio at least"):
        replay_settings(recording, [])
    with pytest.raises(UnknownName, match="strategy of this recording"):
        replay_settings(recording, OTHERS, strategy="nobody")
    with pytest.raises(UnknownName, match="objective"):
        replay_settings(recording, OTHERS, objectives=["sharp"])


# --- how it runs ---------------------------------------------------------------------------------


def test_threads_change_nothing(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    replay = prepare(recording)
    many = [PortfolioSettings(cash=10_000, size=size) for size in range(1, 40)]
    alone = replay.trade(many, engine="numba", threads=1)
    monkeypatch.setattr(sparse, "_WORTH_THREADS", 1)
    monkeypatch.setattr(sparse, "_BLOCK", 4)
    together = replay.trade(many, engine="numba", threads=7)
    for name in ("final", "deepest", "fills", "won", "periods"):
        one, other = getattr(alone.performance, name), getattr(together.performance, name)
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(alone.verdicts, together.verdicts)


def test_without_numba_numpy_does_the_same_and_numba_says_what_to_install(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = replay_settings(recording, OTHERS, engine="numba")
    monkeypatch.setattr(sparse, "is_there", lambda: False)
    monkeypatch.setattr("capture.study.portfolio.compiled.is_there", lambda: False)
    plain = replay_settings(recording, OTHERS)
    pd.testing.assert_frame_equal(compiled.to_frame(), plain.to_frame(), check_exact=True)
    assert compiled.equity(0).tolist() == plain.equity(0).tolist()
    with pytest.raises(MissingExtra, match=r"signal-capture\[fast\]"):
        replay_settings(recording, OTHERS, engine="numba")
    with pytest.raises(ConfigError, match="auto, numba, numpy"):
        replay_settings(recording, OTHERS, engine="numbat")  # type: ignore[arg-type]


def _numbered(opens: Any = "closes") -> SparseReplay:
    closes = np.array([10.0, 11.0, 12.0, 11.0, 13.0])
    given = {"A": closes if isinstance(opens, str) else opens}
    return SparseReplay(Market.of({"A": closes}, given), Signals.of([(0, "A", 0, 1.0, 0, 1.0)]))


def test_bars_without_times_have_steps_for_periods_and_no_days() -> None:
    replay = _numbered()
    assert replay.trade([PortfolioSettings()]).performance.periods.shape == (1, 5)
    assert replay.calendar.periods_per_year == 1.0
    with pytest.raises(ConfigError, match="no days"):
        replay.trade([PortfolioSettings(max_daily_loss=0.1)])


def test_bars_without_an_open_fill_at_the_close_alone() -> None:
    replay = _numbered(None)
    with pytest.raises(NotReplayable, match='fill="close"'):
        replay.trade([PortfolioSettings()])
    final = replay.trade([PortfolioSettings(cash=100, fill="close")]).performance.final
    assert final.tolist() == [103.0]


def test_a_signal_on_a_bar_that_is_not_there_is_refused() -> None:
    market = _numbered().market
    with pytest.raises(NotReplayable, match="bar 9 of A, which has 5"):
        SparseReplay(market, Signals.of([(0, "A", 9, 1.0, 0, 1.0)]))
