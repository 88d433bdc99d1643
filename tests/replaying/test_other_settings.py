"""Under other settings: exact where the strategy was blind to its portfolio, refused where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Strategy
from backtesting.lib import crossover
from backtesting.test import SMA

import capture
from capture.errors import ClosedLoop, NotReplayable
from tests.adapters import strategies as s
from tests.adapters.runs import Case, captured, eurusd, goog, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000}
OTHER: dict[str, dict[str, Any]] = {
    "cash": {"cash": 2_500},
    "commission": {**CASH, "commission": 0.01},
    "fixed commission": {**CASH, "commission": (3.0, 0.001)},
    "spread": {**CASH, "spread": 0.004},
    "margin": {**CASH, "margin": 0.25},
    "on close": {**CASH, "trade_on_close": True},
    "finalized": {**CASH, "finalize_trades": True},
    "exclusive": {**CASH, "exclusive_orders": True},
    "hedging": {**CASH, "hedging": True},
    "all at once": {"cash": 99_999, "commission": 0.003, "trade_on_close": True, "spread": 0.001},
}


@pytest.mark.parametrize("strategy", [s.SmaCross, s.Reversing], ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("name", OTHER)
def test_an_open_loop_replays_as_a_fresh_run_under_other_settings(
    strategy: type,
    name: str,
    tmp_path: Path,
    same: Callable[..., bool],
) -> None:
    bars = goog if strategy is s.SmaCross else eurusd
    settings = {**CASH, "commission": 0.0002}
    original, recording = captured(Case(strategy, bars, settings), tmp_path)
    assert _reads(recording) == []
    other = Case(strategy, bars, OTHER[name])
    fresh = other()
    replay = run(other.backtest(lambda _: capture.replay(recording).into("backtesting")))
    assert same(fresh, replay)
    assert not same(original, replay)


class Near(Strategy):
    """Buys once, with a take-profit so near that a spread lies beyond it."""

    def init(self) -> None:
        """Declare nothing."""

    def next(self) -> None:
        if len(self.data) == 40:
            self.buy(size=2, tp=self.data.Close[-1] * 1.002)


def test_an_order_that_the_host_refuses_under_other_settings_alone_is_named(tmp_path: Path) -> None:
    _, recording = captured(Case(Near, goog, CASH), tmp_path)
    replay = capture.replay(recording).into("backtesting")
    said = r"at bar 39 the host refuses buy \(Long orders require: .*record a run under these"
    with pytest.raises(NotReplayable, match=said) as caught:
        run(Case(Near, goog, OTHER["spread"]).backtest(lambda _: replay))
    assert isinstance(caught.value.__cause__, ValueError)


class Looking(Strategy):
    """Trades a cross, and looks at its portfolio once, at its first chance."""

    def init(self) -> None:
        self.fast, self.slow = (self.I(SMA, self.data.Close, n) for n in (10, 20))
        self.seen: list[Any] = []

    def look(self) -> Any:
        """Look at nothing."""

    def next(self) -> None:
        if not self.seen:
            self.seen.append(self.look())
        if crossover(self.fast, self.slow):
            self.position.close()
            self.buy(size=0.5)
        elif crossover(self.slow, self.fast):
            self.position.close()


LOOKS: dict[str, Callable[[Any], Any]] = {
    "position.size": lambda it: it.position.size,
    "position.pl": lambda it: it.position.pl,
    "position.pl_pct": lambda it: it.position.pl_pct,
    "position.is_long": lambda it: it.position.is_long,
    "position.is_short": lambda it: it.position.is_short,
    "equity": lambda it: it.equity,
    "trades": lambda it: it.trades,
    "closed_trades": lambda it: it.closed_trades,
    "orders": lambda it: it.orders,
}


def _looking(look: Callable[[Any], Any]) -> type:
    return type("Looking", (Looking,), {"look": look, "__module__": __name__})


def _reads(recording: Recording) -> list[str]:
    [part] = recording.parts
    reads: list[str] = (part.record or {})["flags"].get("closed_loop", [])
    return reads


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_the_portfolio_is_remembered_and_binds_to_the_settings(
    name: str, tmp_path: Path, same: Callable[..., bool], again: Callable[..., Any]
) -> None:
    case = Case(_looking(LOOKS[name]), goog, CASH)
    original, recording = captured(case, tmp_path)
    assert name in _reads(recording)
    replay = capture.replay(recording).into("backtesting")
    assert same(original, again(case, replay))
    with pytest.raises(ClosedLoop) as caught:
        again(Case(Looking, goog, {"cash": 5_000, "commission": 0.01}), replay)
    assert name in caught.value.reads
    assert caught.value.changed == ("cash 10000 -> 5000", "commission 0.0 -> 0.01")
    assert name in str(caught.value)
    assert "cash 10000 -> 5000" in str(caught.value)


def test_a_position_that_is_asked_whether_it_is_one_was_looked_at(tmp_path: Path) -> None:
    _, recording = captured(Case(_looking(lambda it: bool(it.position)), goog, CASH), tmp_path)
    assert _reads(recording) == ["position.size"]


def test_closing_a_position_is_no_look_at_it(tmp_path: Path) -> None:
    _, recording = captured(Case(Looking, goog, CASH), tmp_path)
    assert "Position.close" in set(recording.orders()["call"])
    assert _reads(recording) == []


def test_nothing_happens_before_a_closed_loop_is_refused(tmp_path: Path) -> None:
    case = Case(_looking(LOOKS["equity"]), goog, CASH)
    _, recording = captured(case, tmp_path / "original")
    replay = capture.replay(recording).into("backtesting", store=tmp_path / "replays")
    with pytest.raises(ClosedLoop):
        run(Case(Looking, goog, {"cash": 1}).backtest(lambda _: replay))
    assert not (tmp_path / "replays" / "runs").exists()


def test_a_run_that_was_cut_short_is_bound_to_its_settings(
    tmp_path: Path, same: Callable[..., bool], again: Callable[..., Any]
) -> None:
    broke = Case(s.Spendthrift, goog, {"cash": 10_000, "margin": 0.02})
    original, recording = captured(broke, tmp_path)
    replay = capture.replay(recording).into("backtesting")
    assert same(original, again(broke, replay))
    # What it would have done on later bars, with more money, was not recorded.
    with pytest.raises(ClosedLoop, match=r"read account\.out_of_money"):
        again(Case(s.Spendthrift, goog, {"cash": 10_000}), replay)


class UntilRich(s.SmaCross):
    """Stops to trade once it has earned something."""

    def next(self) -> None:
        if self.equity < 11_000:
            super().next()


def test_a_forced_replay_goes_on_and_says_where_it_leaves_the_recording(tmp_path: Path) -> None:
    _, recording = captured(Case(UntilRich, goog, CASH), tmp_path)
    replay = capture.replay(recording)
    forced = replay.into("backtesting", force=True)
    poor = Case(UntilRich, goog, {"cash": 5_000})
    results = run(poor.backtest(lambda _: forced))
    assert len(results._trades)
    divergence = replay.divergence
    assert divergence is not None
    signals = recording.signals()
    [number] = signals.index[signals["signal_id"] == divergence.signal_id]
    assert divergence.bar_index == signals["bar_index"][number]
    assert divergence.captured == signals["position_before"][number] != divergence.replayed
    # Until then everything was flat, and that is the same with little money.
    assert set(signals["position_before"][:number]) <= {0.0}
    assert str(divergence.bar_index) in str(divergence)


def test_a_forced_replay_under_the_same_settings_does_not_leave_the_recording(
    tmp_path: Path, same: Callable[..., bool], again: Callable[..., Any]
) -> None:
    case = Case(UntilRich, goog, CASH)
    original, recording = captured(case, tmp_path)
    replay = capture.replay(recording)
    assert same(original, again(case, replay.into("backtesting", force=True)))
    assert replay.divergence is None


def test_an_open_loop_may_leave_the_recording_without_force(
    recorded: tuple[Any, Recording],
) -> None:
    replay = capture.replay(recorded[1])
    rich = Case(s.SmaCross, goog, {"cash": 50_000})
    run(rich.backtest(lambda _: replay.into("backtesting")))
    assert replay.divergence is not None
