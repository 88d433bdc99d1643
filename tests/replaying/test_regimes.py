"""A replay of one regime does what a strategy would do that knows the regime itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from backtesting import Strategy
from backtesting.lib import crossover
from backtesting.test import SMA

import capture
from capture.errors import ClosedLoop, ConfigError, NotReplayable, UnknownName
from capture_regimes.trend import Trend
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

POLICIES = ("honour_exit", "force_flat", "carry", "block_reentry")
SETTINGS = {"cash": 100_000, "commission": 0.001}
TREND = {"fast_bars": 5, "slow_bars": 15, "sideways_pct": 1.0}  # which changes often


class Follower(Strategy):
    """Buys and sells ten at a time, and never looks at its portfolio."""

    def init(self) -> None:
        self.fast = self.I(SMA, self.data.Close, 3)
        self.slow = self.I(SMA, self.data.Close, 8)

    def next(self) -> None:
        if crossover(self.fast, self.slow):
            self.up()
        elif crossover(self.slow, self.fast):
            self.down()

    def up(self) -> None:
        self.buy(size=10)

    def down(self) -> None:
        self.position.close()


class Informed(Follower):
    """Knows at which bars the regime is one that it trades in, and obeys a policy by itself."""

    inside: ClassVar[Any]
    policy = ""
    wanted = 0

    def next(self) -> None:
        bar = len(self.data) - 1
        left = bool(self.inside[bar - 1]) and not self.inside[bar]
        if left and self.policy == "force_flat" and self.position:
            self.position.close()
        super().next()

    @property
    def now(self) -> bool:
        return bool(self.inside[len(self.data) - 1])

    def up(self) -> None:
        if self.now:
            self.buy(size=10)

    def down(self) -> None:
        if self.position and (self.now or self.policy in {"honour_exit", "block_reentry"}):
            self.position.close()


def trend_of(bars: Any) -> list[str]:
    trend = Trend(**TREND)
    distance = trend.features_of({"close": bars["Close"].to_numpy(np.float64)})["distance_pct"]
    return [trend({"distance_pct": one}).state for one in distance]


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    case = Case(Follower, goog, SETTINGS)
    return captured(case, tmp_path / "store", classifiers={"trend": TREND})[1]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("wanted", [("bull",), ("bear",), ("bull", "sideways")], ids="-".join)
def test_a_replay_of_a_regime_is_the_run_of_a_strategy_that_knows_it(
    recording: Recording, same: Callable[..., bool], wanted: tuple[str, ...], policy: Any
) -> None:
    inside = np.isin(trend_of(goog()), wanted)
    informed = type("Informed", (Informed,), {"inside": inside, "policy": policy})
    expected = run(Case(informed, goog, SETTINGS).backtest())
    replay = capture.replay(recording, regime=wanted, boundary=policy)
    got = run(Case(replay.into("backtesting"), goog, SETTINGS).backtest())
    assert len(expected._trades) > 2
    assert same(expected, got)


def test_policies_come_to_different_trades(recording: Recording) -> None:
    results = set()
    for policy in POLICIES:
        replay = capture.replay(recording, regime="bull", boundary=policy).into("backtesting")
        trades = run(Case(replay, goog, SETTINGS).backtest())._trades
        results.add(tuple(zip(trades["EntryBar"], trades["ExitBar"], strict=True)))
    assert len(results) >= 3  # a strategy that only enters afresh is never blocked


def test_without_a_regime_the_replay_is_exact_as_ever(
    recording: Recording, same: Callable[..., bool]
) -> None:
    plain = run(Case(Follower, goog, SETTINGS).backtest())
    replay = capture.replay(recording)
    assert same(plain, run(Case(replay.into("backtesting"), goog, SETTINGS).backtest()))
    assert replay.boundary_trades.empty


def test_boundary_trades_have_both_regimes(recording: Recording) -> None:
    states = trend_of(goog())
    trades = capture.replay(recording, regime="bull", boundary="force_flat").boundary_trades
    assert len(trades) > 2
    for trade in trades.itertuples():
        assert states[trade.entry_bar] == "bull" == trade.entry_regime
        assert states[trade.boundary_bar] == trade.boundary_regime != "bull"
        assert states[trade.boundary_bar - 1] == "bull"
        assert (trade.exit_bar, trade.ended) == (trade.boundary_bar, "forced")


def test_exits_that_the_policy_adds_repeat_no_signal(recording: Recording, tmp_path: Path) -> None:
    replay = capture.replay(recording, regime="bull", boundary="force_flat")
    run(Case(replay.into("backtesting", store=tmp_path / "more"), goog, SETTINGS).backtest())
    signals = capture.open(tmp_path / "more").latest("replay").signals()
    added = signals[signals["source_signal_id"].isna()]
    known = set(recording.signals()["signal_id"])
    assert set(signals["source_signal_id"].dropna()) <= known
    assert added["bar_index"].tolist() == replay.boundary_trades["exit_bar"].tolist()
    assert set(added["direction"]) == {0}


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_other_modes_know_the_regime_too(recording: Recording, mode: Any) -> None:
    inside = np.isin(trend_of(goog()), ["bull"])
    replay = capture.replay(recording, mode, regime="bull", boundary="force_flat")
    got = run(Case(replay.into("backtesting", size=10), goog, SETTINGS).backtest())
    trades = got._trades
    assert len(trades) > 2
    assert inside[trades["EntryBar"] - 1].all()  # filled on the bar after the decision
    spans = zip(trades["EntryBar"], trades["ExitBar"], strict=True)
    held = [inside[entry - 1 : exit_ - 1].all() for entry, exit_ in spans]
    assert all(held[:-1])


def test_a_condition_leaves_out_whole_signals(
    recording: Recording, same: Callable[..., bool]
) -> None:
    longs = capture.replay(recording, where="direction > 0 and regime_trend == 'bull'")
    got = run(Case(longs.into("backtesting"), goog, SETTINGS).backtest())
    inside = np.isin(trend_of(goog()), ["bull"])
    only = type("Only", (Informed,), {"inside": inside, "down": lambda self: None})
    assert same(run(Case(only, goog, SETTINGS).backtest()), got)


def test_a_strategy_that_reads_its_portfolio_is_refused_a_regime(tmp_path: Path) -> None:
    class Reader(Follower):
        def up(self) -> None:
            if not self.position:
                self.buy(size=10)

    case = Case(Reader, goog, SETTINGS)
    _, recording = captured(case, tmp_path, classifiers=["trend"])
    for words in ({"regime": "bull"}, {"where": "direction > 0"}, {"symbols": ["data"]}):
        replay = capture.replay(recording, **words)
        with pytest.raises(ClosedLoop, match="position"):
            run(Case(replay.into("backtesting"), goog, SETTINGS).backtest())
        run(Case(replay.into("backtesting", force=True), goog, SETTINGS).backtest())


@pytest.mark.parametrize(
    ("words", "error", "said"),
    [
        ({"regime": "bul"}, UnknownName, 'Did you mean "bull"'),
        ({"regime": {"volatility": "low"}}, UnknownName, "trend"),
        ({"regime": "bull", "boundary": "honor_exit"}, ConfigError, 'Did you mean "honour_exit"'),
        ({"boundary": "carry"}, ConfigError, "regime="),
        ({"regime": []}, ConfigError, "regime"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    recording: Recording, words: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error) as refused:
        _ = capture.replay(recording, **words).boundary_trades
    assert said in str(refused.value)


def test_a_recording_without_regimes_says_how_to_record_them(tmp_path: Path) -> None:
    _, recording = captured(Case(s.SmaCross, goog, SETTINGS), tmp_path)
    replay = capture.replay(recording, regime="bull")
    with pytest.raises(NotReplayable, match=r'classifiers=\["trend"\]'):
        replay.into("backtesting", force=True)


def test_a_condition_that_cannot_be_meant_is_refused_before_the_host_runs(
    recording: Recording,
) -> None:
    replay = capture.replay(recording, where="regime_trnd == 'bull'")
    with pytest.raises(UnknownName, match="regime_trend"):
        replay.into("backtesting")
