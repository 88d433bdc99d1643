"""A replay of one regime does what a strategy of backtrader would do that knows the regime."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import backtrader as bt
import numpy as np
import pytest

import capture
from capture.errors import ClosedLoop
from capture_regimes.trend import Trend
from tests.adapters.backtrader.runs import Case, captured, feed

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

POLICIES = ("honour_exit", "force_flat", "carry", "block_reentry")
TREND = {"fast_bars": 5, "slow_bars": 15, "sideways_pct": 1.0}  # which changes often
SETTINGS = {"cash": 100_000.0, "commission": {"commission": 0.001}}


def bars(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(feed("GOOG", 0, 700), name="GOOG")


class Follower(bt.Strategy):
    """Buys and sells ten at a time, and never looks at its portfolio."""

    def __init__(self) -> None:
        close = self.data.close
        self.cross = bt.ind.CrossOver(bt.ind.SMA(close, period=3), bt.ind.SMA(close, period=8))

    def next(self) -> None:
        if self.cross[0] > 0:
            self.up()
        elif self.cross[0] < 0:
            self.down()

    def up(self) -> None:
        self.buy(size=10)

    def down(self) -> None:
        self.close()


class Informed(Follower):
    """Knows at which bars the regime is one that it trades in, and obeys a policy by itself."""

    inside: ClassVar[Any]
    policy = ""

    def next(self) -> None:
        bar = len(self.data) - 1
        left = bar > 0 and self.inside[bar - 1] and not self.inside[bar]
        if left and self.policy == "force_flat" and self.position.size:
            self.close()
        super().next()

    @property
    def now(self) -> bool:
        return bool(self.inside[len(self.data) - 1])

    def up(self) -> None:
        if self.now:
            self.buy(size=10)

    def down(self) -> None:
        if self.now or self.policy in {"honour_exit", "block_reentry"}:
            self.close()


class Bracketed(Follower):
    """Opens with brackets, whose orders may wait when the regime ends."""

    def up(self) -> None:
        price = self.data.close[0]
        self.buy_bracket(
            size=10, price=price * 0.995, stopprice=price * 0.9, limitprice=price * 1.2
        )


@pytest.fixture
def follower() -> Case:
    return Case(Follower, bars, SETTINGS)


@pytest.fixture
def recording(follower: Case, tmp_path: Path) -> Recording:
    return captured(follower, tmp_path / "store", classifiers={"trend": TREND})[1]


def trend_of(recording: Recording) -> list[str]:
    trend = Trend(**TREND)
    close = recording.bars()["close"].to_numpy(np.float64)
    distance = trend.features_of({"close": close})["distance_pct"]
    return [trend({"distance_pct": one}).state for one in distance]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("wanted", [("bull",), ("bull", "sideways")], ids="-".join)
def test_a_replay_of_a_regime_is_the_run_of_a_strategy_that_knows_it(
    follower: Case, recording: Recording, wanted: tuple[str, ...], policy: Any
) -> None:
    inside = np.isin(trend_of(recording), wanted)
    informed = type("Informed", (Informed,), {"inside": inside, "policy": policy})
    expected = replace(follower, strategy=informed)()
    replay = capture.replay(recording, regime=wanted, boundary=policy)
    got = follower(lambda _: replay.into("backtrader"))
    assert len(expected.trades[0]) > 2
    assert got == expected


def test_without_a_regime_the_replay_is_exact_as_ever(follower: Case, recording: Recording) -> None:
    assert follower(lambda _: capture.replay(recording).into("backtrader")) == follower()


def test_policies_come_to_different_trades(follower: Case, recording: Recording) -> None:
    found = set()
    for policy in POLICIES:
        replay = capture.replay(recording, regime="bull", boundary=policy).into("backtrader")
        found.add(tuple(follower(lambda _, it=replay: it).executions[0]))
    assert len(found) >= 3


def test_forced_flat_nothing_waits_on_the_other_side(follower: Case, tmp_path: Path) -> None:
    case = replace(follower, strategy=Bracketed)
    _, recording = captured(case, tmp_path / "store", classifiers={"trend": TREND})
    inside = np.isin(trend_of(recording), ["bull"])
    replay = capture.replay(recording, regime="bull", boundary="force_flat")
    assert len(replay.boundary_trades) >= 2
    got = case(lambda _: replay.into("backtrader"))
    late = [bar for _, bar, _, _, size, *_ in got.executions[0] if size > 0 and not inside[bar - 1]]
    assert late == []  # a buy decided inside fills on the next bar, never later outside
    assert any(size for row in got.account[0] for size in row[4:])


def test_a_recorded_replay_knows_which_exits_were_added(
    follower: Case, recording: Recording, tmp_path: Path
) -> None:
    replay = capture.replay(recording, regime="bull", boundary="force_flat")
    follower(lambda _: replay.into("backtrader", store=tmp_path / "more"))
    signals = capture.open(tmp_path / "more").latest("replay").signals()
    added = signals[signals["source_signal_id"].isna()]
    assert added["bar_index"].tolist() == replay.boundary_trades["exit_bar"].tolist()
    assert set(added["direction"]) == {0}


def test_a_strategy_that_reads_its_position_is_refused_a_regime(
    follower: Case, tmp_path: Path
) -> None:
    def up(self: Any) -> None:
        if not self.position:
            self.buy(size=10)

    case = replace(follower, strategy=type("Reader", (Follower,), {"up": up}))
    _, recording = captured(case, tmp_path / "store", classifiers={"trend": TREND})
    replay = capture.replay(recording, regime="bull")
    with pytest.raises(ClosedLoop, match="position"):
        case(lambda _: replay.into("backtrader"))
    case(lambda _: replay.into("backtrader", force=True))
