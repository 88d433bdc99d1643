"""Under other settings: exact where the strategy was blind to its portfolio, refused where not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from capture.errors import ClosedLoop
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import (
    CASES,
    Case,
    Results,
    a_year,
    captured,
    hours,
    resampled,
    three_lengths,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000.0}
OTHER: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cash": ({"cash": 1_500.0}, {}),
    "commission": ({**CASH, "commission": {"commission": 0.02}}, {}),
    "fixed commission": (
        {
            **CASH,
            "commission": {
                "commission": 4.0,
                "commtype": bt.CommInfoBase.COMM_FIXED,
                "stocklike": True,
            },
        },
        {},
    ),
    "futures": ({**CASH, "commission": {"commission": 2.0, "margin": 900.0, "mult": 5.0}}, {}),
    "sizer": ({**CASH, "sizer": (bt.sizers.PercentSizerInt, {"percents": 30})}, {}),
    "reversing sizer": ({**CASH, "sizer": (bt.sizers.FixedReverser, {"stake": 2})}, {}),
    "slippage": ({**CASH, "slip_perc": 0.01}, {}),
    "on close": ({**CASH, "coc": True}, {}),
    "no short cash": ({"cash": 900.0, "shortcash": False}, {}),
    "partial fills": ({**CASH, "filler": lambda: bt.fillers.FixedSize(size=1)}, {}),
    "at the open": (CASH, {"cheat_on_open": True}),
    "quick notes": ({"cash": 1_500.0}, {"quicknotify": True}),
    "bar by bar": ({"cash": 1_500.0}, {"runonce": False}),
    "all at once": (
        {"cash": 3_333.0, "commission": {"commission": 0.003}, "slip_fixed": 0.1, "coc": True},
        {"cheat_on_open": True},
    ),
}
BLIND: dict[str, tuple[type, Callable[[Any], None]]] = {
    "SMA cross": (s.SmaCross, a_year),
    "RSI": (s.Rsi, hours),
    "nasty": (s.Nasty, a_year),
    "brackets": (s.Brackets, a_year),
    "many indicators": (s.ManyIndicators, a_year),
    "feeds": (s.Feeds, three_lengths),
    "a resampled feed": (s.EarlyFeeds, resampled),
}


class Targets(s.Targets):
    """The same without the look at what it holds."""

    def next(self) -> None:
        turn, rest = divmod(len(self), self.p.pace)
        if rest == 0:
            s._TARGETS[turn % len(s._TARGETS)](self)


BLIND["targets"] = (Targets, a_year)


@pytest.mark.slow
@pytest.mark.parametrize("name", BLIND)
def test_an_open_loop_replays_as_a_fresh_run_under_other_settings(
    name: str, tmp_path: Path
) -> None:
    strategy, feeds = BLIND[name]
    original, recording = captured(Case(strategy, feeds, CASH), tmp_path)
    assert _reads(recording) == []
    replay = capture.replay(recording).into("backtrader")
    differing = 0
    for changed, (settings, options) in OTHER.items():
        other = Case(strategy, feeds, settings, options)
        fresh = other()
        assert other(lambda _: replay) == fresh, changed
        differing += fresh != original
    assert differing >= 8


def _reads(recording: Recording) -> list[str]:
    [part] = recording.parts
    reads: list[str] = (part.record or {})["flags"].get("closed_loop", [])
    return reads


class Looking(bt.Strategy):
    """Trades a cross, and looks at its portfolio once, at its first chance."""

    def __init__(self) -> None:
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=10), bt.ind.SMA(period=20))
        self.seen: list[Any] = []

    def look(self) -> Any:
        """Look at nothing."""

    def next(self) -> None:
        if not self.seen:
            self.seen.append(self.look())
        if self.cross[0] > 0:
            self.buy(size=5)
        elif self.cross[0] < 0:
            self.close()


LOOKS: Mapping[str, Callable[[Any], Any]] = {
    "position": lambda it: it.position.size,
    "getposition": lambda it: it.getposition(it.data).size,
    "getpositionbyname": lambda it: it.getpositionbyname("first").size,
    "positions": lambda it: it.positions,
    "broker.getvalue": lambda it: it.broker.getvalue(),
    "broker.getcash": lambda it: it.broker.getcash(),
    "broker.get_value": lambda it: it.broker.get_value(),
    "broker.getposition": lambda it: it.broker.getposition(it.data).size,
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_the_portfolio_is_remembered_and_binds_to_the_settings(
    name: str, tmp_path: Path, again: Callable[..., Results]
) -> None:
    looking = type("Looking", (Looking,), {"look": LOOKS[name], "__module__": __name__})
    case = Case(looking, a_year, CASH)
    original, recording = captured(case, tmp_path)
    assert _reads(recording)
    replay = capture.replay(recording).into("backtrader")
    assert again(case, replay) == original
    with pytest.raises(ClosedLoop) as caught:
        again(Case(looking, a_year, {"cash": 5_000.0}), replay)
    assert caught.value.reads
    assert any("cash 10000" in changed for changed in caught.value.changed)


def test_closing_a_position_is_no_look_at_it(recorded: tuple[Results, Recording]) -> None:
    assert "close" in set(recorded[1].orders()["call"])
    assert _reads(recorded[1]) == []


def test_a_strategy_that_acts_on_notifications_looked_at_its_portfolio(tmp_path: Path) -> None:
    case = Case(s.Reacting, a_year, CASH)
    _, recording = captured(case, tmp_path)
    assert "notify_order" in _reads(recording)
    with pytest.raises(ClosedLoop):
        Case(s.Reacting, a_year, {"cash": 1.0})(
            lambda _: capture.replay(recording).into("backtrader")
        )


def test_nothing_happens_before_a_closed_loop_is_refused(tmp_path: Path) -> None:
    _, recording = captured(CASES["holding"], tmp_path / "original")
    replay = capture.replay(recording).into("backtrader", store=tmp_path / "replays")
    with pytest.raises(ClosedLoop, match="position"):
        Case(s.Holding, a_year, {"cash": 1.0})(lambda _: replay)
    assert not (tmp_path / "replays" / "runs").exists()


class UntilRich(s.SmaCross):
    """Enters only while it has not earned enough."""

    def next(self) -> None:
        if self.broker.getvalue() < 10_060:
            super().next()


def test_a_forced_replay_goes_on_and_names_the_bar_where_it_leaves_the_recording(
    tmp_path: Path,
) -> None:
    poor = {"cash": 600.0, "sizer": (bt.sizers.FixedSize, {"stake": 3})}
    rich = {"cash": 10_000.0, "sizer": (bt.sizers.FixedSize, {"stake": 3})}
    original, recording = captured(Case(UntilRich, a_year, rich), tmp_path)
    replay = capture.replay(recording)
    forced = replay.into("backtrader", force=True)
    results = Case(UntilRich, a_year, poor)(lambda _: forced)
    # Found without the detector: the first signal at whose bar the two accounts differ.
    then, now = _held(original), _held(results)
    signals = recording.signals()
    expected = next(bar for bar in signals["bar_index"] if then[bar] != now[bar])
    divergence = replay.divergence
    assert divergence is not None
    assert divergence.bar_index == expected
    assert (divergence.captured, divergence.replayed) == (then[expected], now[expected])
    assert str(expected) in str(divergence)


def _held(results: Results) -> dict[int, float]:
    """Return what was held at the end of each bar, which is what its `next` saw."""
    return {length - 1: held or 0.0 for length, _, _, _, held in results.account[0]}


def test_a_forced_replay_under_the_same_settings_does_not_leave_the_recording(
    tmp_path: Path, again: Callable[..., Results]
) -> None:
    case = Case(UntilRich, a_year, CASH)
    original, recording = captured(case, tmp_path)
    replay = capture.replay(recording)
    assert again(case, replay.into("backtrader", force=True)) == original
    assert replay.divergence is None


def test_an_open_loop_may_leave_the_recording_without_force(
    recorded: tuple[Results, Recording], cross: Case
) -> None:
    replay = capture.replay(recorded[1])
    poor = Case(cross.strategy, cross.feeds, {"cash": 100.0})
    poor(lambda _: replay.into("backtrader"))
    assert replay.divergence is not None
