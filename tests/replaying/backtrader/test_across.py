"""What backtrader's strategies do in their own way, carried out in other backtesters as targets."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest
from backtesting import Backtest
from backtesting.test import GOOG

import capture
import capture_builtin
from capture.store.explanations import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from capture.store.explanations import Explanation
    from capture.store.recording import Recording

pytestmark = pytest.mark.host

BARS = GOOG.iloc[:800]


def recorded(
    store: Path, strategy: type, names: Sequence[str] = ("GOOG",), *, weekly: bool = False
) -> Recording:
    cerebro = bt.Cerebro(stdstats=False)
    for name in names:
        feed = bt.feeds.PandasData(dataname=BARS, name=name, timeframe=bt.TimeFrame.Days)
        cerebro.adddata(feed)
    if weekly:
        cerebro.resampledata(feed, timeframe=bt.TimeFrame.Weeks)
    cerebro.broker.setcash(10_000.0)
    cerebro.addstrategy(capture.wrap(strategy, store=store))
    cerebro.run()
    return capture.open(store).latest()


def replayed(recording: Recording, host: str) -> Explanation:
    words = {"store": recording.store.root, "force": True}
    replay = capture.replay(recording, "target")
    if host == "vectorbt":
        replay.into("vectorbt", init_cash=10_000, **words)
    elif host == "builtin":
        data: Any = {name: BARS for name in recording.manifest["symbols"] if name in {"A", "B"}}
        capture_builtin.Backtest(data or BARS, replay.into("builtin", **words), cash=10_000).run()
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            Backtest(BARS, replay.into("backtesting", **words), cash=10_000).run()
    again = capture.open(recording.store.root).latest("replay")
    found = capture.parity(recording, again, explain=True).explanation
    assert found is not None
    return found


class Weekly(bt.Strategy):
    """Trades days, and looks at weeks."""

    def __init__(self) -> None:
        self.trend = bt.ind.SMA(self.data1.close, period=10)
        self.cross = bt.ind.CrossOver(self.data0.close, bt.ind.SMA(self.data0.close, period=20))

    def next(self) -> None:
        if self.cross[0] > 0 and self.data0.close[0] > self.trend[0]:
            self.close()
            self.buy(size=5)
        elif self.cross[0] < 0:
            self.close()


class Selling(bt.Strategy):
    """Leaves by selling what it bought, and half of it first."""

    def __init__(self) -> None:
        self.cross = bt.ind.CrossOver(self.data.close, bt.ind.SMA(self.data.close, period=20))

    def next(self) -> None:
        held = self.position.size
        if self.cross[0] > 0 and not held:
            self.buy(size=8)
        elif self.cross[0] < 0 and held:
            self.sell(size=4)


class Each(bt.Strategy):
    """Turns each symbol round at a pace of its own."""

    def __init__(self) -> None:
        self.crosses = [
            bt.ind.CrossOver(data.close, bt.ind.SMA(data.close, period=20 + 10 * number))
            for number, data in enumerate(self.datas)
        ]

    def next(self) -> None:
        for data, cross in zip(self.datas, self.crosses, strict=True):
            if cross[0]:
                self.close(data)
                (self.buy if cross[0] > 0 else self.sell)(data, size=5)


@pytest.mark.parametrize("host", ["backtesting", "builtin", "vectorbt"])
def test_what_a_strategy_only_looked_at_is_not_needed(host: str, tmp_path: Path) -> None:
    found = replayed(recorded(tmp_path, Weekly, weekly=True), host)
    assert found.trades.original == found.trades.matched == 17
    assert found.complete
    assert found.gaps == () or host == "vectorbt"


@pytest.mark.parametrize("host", ["backtesting", "builtin"])
def test_to_sell_a_part_and_then_the_rest_is_to_leave(host: str, tmp_path: Path) -> None:
    recording = recorded(tmp_path, Selling)
    assert recording.fills()["position_after"].min() == 0.0  # never short
    found = replayed(recording, host)
    assert found.trades.original == found.trades.matched == found.trades.equal > 10
    assert found.gaps == ()
    assert found.complete


def test_a_portfolio_of_vectorbt_leaves_a_position_whole(tmp_path: Path) -> None:
    found = replayed(recorded(tmp_path, Selling), "vectorbt")
    assert found.trades.original == found.trades.matched > 10
    assert not {Cause.SLIPPAGE, Cause.COMMISSION} & set(found.causes)


@pytest.mark.parametrize("host", ["builtin", "vectorbt"])
def test_several_symbols_find_their_own(host: str, tmp_path: Path) -> None:
    found = replayed(recorded(tmp_path, Each, ("A", "B")), host)
    assert found.trades.original == found.trades.matched == 122
    assert {gap.symbol for gap in found.gaps} <= {"A", "B"}
    assert found.complete
