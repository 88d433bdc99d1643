"""What cannot be replayed in backtrader is refused, and the message says why."""

from __future__ import annotations

import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest

import capture
from capture.errors import DataMismatch, NotReplayable
from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import Case, Results, a_year, captured, feed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

pytestmark = pytest.mark.host

CASH = {"cash": 10_000.0, "commission": {"commission": 0.002}}


def _one_low(cerebro: bt.Cerebro) -> None:
    data = feed("GOOG", 0, 250)
    frame = data.p.dataname.copy()
    frame.iloc[120, frame.columns.get_loc("Low")] -= 0.01
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="first")


def _fewer(cerebro: bt.Cerebro) -> None:
    cerebro.adddata(feed("GOOG", 0, 247), name="first")


def _other_days(cerebro: bt.Cerebro) -> None:
    frame = feed("GOOG", 0, 250).p.dataname.shift(1, freq="D")
    cerebro.adddata(bt.feeds.PandasData(dataname=frame), name="first")


def _one_more(cerebro: bt.Cerebro) -> None:
    a_year(cerebro)
    cerebro.adddata(feed("GOOG", 0, 250), name="second")


OTHER: dict[str, tuple[Callable[[bt.Cerebro], None], str]] = {
    "one value": (_one_low, "low of bar 120 was "),
    "fewer bars": (_fewer, "250 bars then, 247 now"),
    "other days": (_other_days, "timestamp of bar 0 was 2004-08-19"),
    "one more feed": (_one_more, "1 feeds then, 2 now"),
}


@pytest.mark.parametrize("options", [{}, {"runonce": False}, {"preload": False}], ids=str)
@pytest.mark.parametrize("name", OTHER)
def test_other_bars_are_refused_and_the_first_difference_is_named(
    name: str, options: dict[str, Any], recorded: tuple[Results, Recording]
) -> None:
    feeds, difference = OTHER[name]
    replay = capture.replay(recorded[1]).into("backtrader")
    with pytest.raises(DataMismatch) as caught:
        Case(s.SmaCross, feeds, CASH, options)(lambda _: replay)
    assert difference in caught.value.difference
    assert caught.value.run_id == recorded[1].run_id


def test_nothing_is_written_of_a_replay_on_other_bars(
    recorded: tuple[Results, Recording], tmp_path: Path
) -> None:
    replay = capture.replay(recorded[1]).into("backtrader", store=tmp_path / "replays")
    with pytest.raises(DataMismatch):
        Case(s.SmaCross, _one_low, CASH)(lambda _: replay)
    assert not (tmp_path / "replays" / "runs").exists()


@pytest.mark.parametrize("options", [{"preload": False}, {"exactbars": 1}, {}], ids=str)
def test_the_same_bars_pass_however_the_host_reads_them(
    options: dict[str, Any], recorded: tuple[Results, Recording]
) -> None:
    replay = capture.replay(recorded[1]).into("backtrader")
    assert Case(s.SmaCross, a_year, CASH, options)(lambda _: replay) == recorded[0]


class Allowing(bt.Strategy):
    """Has a timer that a function decides about."""

    def __init__(self) -> None:
        self.add_timer(bt.timer.SESSION_START, allow=lambda date: date.weekday() == 2)

    def notify_timer(self, timer: Any, when: datetime.datetime, *_: Any, **__: Any) -> None:
        self.buy(size=1)


def test_a_timer_that_a_function_decides_about_is_refused(tmp_path: Path) -> None:
    case = Case(Allowing, a_year, CASH)
    original, recording = captured(case, tmp_path)
    assert original.executions[0]
    replay = capture.replay(recording).into("backtrader")
    with pytest.raises(NotReplayable, match=r"timer.*allow.*mode=\"target\""):
        case(lambda _: replay)


class Attaching(bt.Strategy):
    """Attaches what it likes to an order, and may give a price that cannot be kept."""

    params = (("price", None),)

    def next(self) -> None:
        if len(self) % 20 == 0:
            self.buy(size=1, exectype=bt.Order.Limit, price=self.p.price or 150.0, why=object())


def test_what_the_host_only_keeps_with_an_order_may_be_lost(tmp_path: Path) -> None:
    case = Case(Attaching, a_year, CASH)
    original, recording = captured(case, tmp_path)
    assert original.executions[0]
    assert case(lambda _: capture.replay(recording).into("backtrader")) == original


def test_a_price_that_could_not_be_kept_is_refused(tmp_path: Path) -> None:
    case = Case(Attaching, a_year, CASH, params={"price": Fraction(451, 3)})
    original, recording = captured(case, tmp_path)
    assert original.executions[0]
    replay = capture.replay(recording).into("backtrader")
    with pytest.raises(NotReplayable, match=r"buy\.price could not be recorded"):
        case(lambda _: replay)


def test_of_several_strategies_one_must_be_named(tmp_path: Path) -> None:
    def both(cerebro: bt.Cerebro, strategy: Any, _: Any) -> None:
        cerebro.addstrategy(strategy)
        cerebro.addstrategy(capture.wrap(s.Rsi, store=tmp_path))

    case = Case(s.SmaCross, a_year, CASH, add=both)
    original, recording = captured(case, tmp_path)
    with pytest.raises(NotReplayable, match=r"2 strategies; name one"):
        capture.replay(recording)
    replays = {
        name: capture.replay(recording, strategy=name).into("backtrader")
        for name in ("SmaCross", "Rsi")
    }

    def again(cerebro: bt.Cerebro, *_: Any) -> None:
        cerebro.addstrategy(replays["SmaCross"])
        cerebro.addstrategy(replays["Rsi"])

    assert Case(None, a_year, CASH, add=again)() == original


def test_an_order_that_the_host_refused_is_refused_again(tmp_path: Path) -> None:
    case = Case(Wrong, a_year, CASH)
    original, recording = captured(case, tmp_path)
    assert "invalid_order" in set(recording.signals()["reason"])
    assert case(lambda _: capture.replay(recording).into("backtrader")) == original


class Wrong(bt.Strategy):
    """Gives orders that the host does not understand, and goes on."""

    def next(self) -> None:
        if len(self) % 50 == 0:
            try:
                self.buy(size=1, valid="tomorrow")
            except TypeError:
                self.buy(size=1)


class Stopping(s.AlwaysTrading):
    """Has had enough at some time, wherever it is told to notice that."""

    params = (("when", "next"),)

    def _enough(self, when: str) -> None:
        if len(self) == 100 and when == self.p.when:
            self.env.runstop()

    def next(self) -> None:
        self._enough("before next")
        super().next()
        self._enough("next")

    def next_open(self) -> None:
        self._enough("next_open")
        self.buy(size=2)

    def notify_order(self, order: Any) -> None:
        self._enough("notify_order")


@pytest.mark.parametrize("options", [{}, {"cheat_on_open": True}, {"runonce": False}], ids=str)
@pytest.mark.parametrize("when", ["before next", "next", "next_open", "notify_order"])
def test_a_run_that_the_strategy_stopped_is_replayed_as_far_as_it_came(
    when: str, options: dict[str, Any], tmp_path: Path
) -> None:
    case = Case(Stopping, a_year, CASH, options, params={"when": when})
    original, recording = captured(case, tmp_path / "run")
    assert original == case()
    stops = when != "next_open" or "cheat_on_open" in options
    assert stops == (len(original.account[0]) < 120)
    replay = capture.replay(recording).into("backtrader", store=tmp_path / "again")
    assert case(lambda _: replay) == original
    assert capture.parity(recording, capture.open(tmp_path / "again").latest("replay")).exact


SETTINGS: Mapping[str, tuple[Any, ...]] = {
    "add_cash": (500.0,),
    "setcash": (5_000.0,),
    "set_cash": (5_000.0,),
    "setcommission": (0.01,),
    "addcommissioninfo": (bt.CommissionInfo(commission=0.01),),
    "set_coc": (True,),
    "set_coo": (True,),
    "set_checksubmit": (False,),
    "set_shortcash": (False,),
    "set_int2pnl": (False,),
    "set_eosbar": (True,),
    "set_filler": (bt.fillers.FixedSize(size=1),),
    "set_slippage_perc": (0.01,),
    "set_slippage_fixed": (1.0,),
}


def _changing(when: str, change: Callable[[Any], None]) -> type:
    """Return a strategy that does this at one moment of its run."""

    class Setting(s.SmaCross):
        def __init__(self) -> None:
            super().__init__()
            self.at("init")

        def start(self) -> None:
            self.at("start")

        def next(self) -> None:
            if len(self) == 30:
                self.at("next")
            super().next()

        def at(self, here: str) -> None:
            if here == when:
                change(self)

    return Setting


@pytest.mark.parametrize("when", ["init", "start", "next"])
@pytest.mark.parametrize("verb", SETTINGS)
def test_a_strategy_that_changes_the_settings_of_its_run_is_not_replayed(
    verb: str, when: str, tmp_path: Path
) -> None:
    strategy = _changing(when, lambda own: getattr(own.broker, verb)(*SETTINGS[verb]))
    case = Case(strategy, a_year, {"cash": 1_000.0})
    came_to, recording = captured(case, tmp_path)
    assert came_to == case()
    with pytest.raises(NotReplayable, match=rf"broker\.{verb} "):
        case(lambda _: capture.replay(recording).into("backtrader"))


@pytest.mark.parametrize("when", ["init", "start", "next"])
def test_settings_that_are_changed_past_every_method_are_found(when: str, tmp_path: Path) -> None:
    def change(own: Any) -> None:
        own.broker.p.coc = True
        own.broker.getcommissioninfo(own.data).p.commission = 0.01

    settings = {"cash": 1_000.0, "commission": {"commission": 0.001}}
    case = Case(_changing(when, change), a_year, settings)
    came_to, recording = captured(case, tmp_path)
    assert came_to == case()
    with pytest.raises(NotReplayable, match=r"settings\.coc, settings\.commission could not be"):
        case(lambda _: capture.replay(recording).into("backtrader"))
