"""A recording is all that a replay in backtrader needs: the strategy's code need not be there."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import backtrader as bt
import numpy as np
import pytest

from tests.adapters.backtrader import strategies as s
from tests.adapters.backtrader.runs import Case, captured, feed

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

_REPLAY = """
import json, sys
import backtesting.test
import backtrader as bt
import numpy as np
import capture

store, feeds, settings, place = sys.argv[1:]


class Values(bt.Analyzer):
    def start(self):
        self.values, self.fills = [], []

    def prenext(self):
        self.next()

    def next(self):
        broker = self.strategy.broker
        self.values.append((self.strategy.datetime[0], broker.getvalue(), broker.getcash()))

    def notify_order(self, order):
        for bit in order.executed.iterpending():
            self.fills.append((bit.dt, bit.size, bit.price, bit.pnl))


cerebro = bt.Cerebro(stdstats=False)
for name, start, stop, weeks in json.loads(feeds):
    data = bt.feeds.PandasData(dataname=getattr(backtesting.test, name).iloc[start:stop])
    cerebro.adddata(data, name=name)
    if weeks:
        cerebro.resampledata(data, name="weeks", timeframe=bt.TimeFrame.Weeks)
for name, value in json.loads(settings).items():
    getattr(cerebro.broker, name)(value)
cerebro.addstrategy(capture.replay(capture.open(store).latest()).into("backtrader"))
cerebro.addanalyzer(Values, _name="values")
[strategy] = cerebro.run()
assert "tests" not in sys.modules
values = strategy.analyzers.values
np.savez(place, values=np.array(values.values), fills=np.array(values.fills))
"""

CASES: dict[str, tuple[type, list[Any], dict[str, Any]]] = {
    "SMA cross": (s.SmaCross, [["GOOG", 0, 2148, False]], {"setcash": 10_000.0}),
    "stops, trails, chains, cancels": (s.Nasty, [["GOOG", 0, 900, False]], {"set_coc": True}),
    "brackets": (s.Brackets, [["EURUSD", 0, 900, False]], {"setcash": 50_000.0}),
    "in every callback": (s.Reacting, [["GOOG", 100, 800, False]], {"set_slippage_perc": 0.001}),
    "a resampled feed": (s.Feeds, [["GOOG", 0, 400, True]], {"set_shortcash": False}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_process_without_the_strategy_gets_the_same_bytes(name: str, tmp_path: Path) -> None:
    strategy, feeds, settings = CASES[name]

    def add(cerebro: bt.Cerebro) -> None:
        for frame, start, stop, weeks in feeds:
            data = bt.feeds.PandasData(dataname=feed(frame, start, stop).p.dataname)
            cerebro.adddata(data, name=frame)
            if weeks:
                cerebro.resampledata(data, name="weeks", timeframe=bt.TimeFrame.Weeks)
        for method, value in settings.items():
            getattr(cerebro.broker, method)(value)

    original, _ = captured(Case(strategy, add), tmp_path / "store")
    words = [tmp_path / "store", json.dumps(feeds), json.dumps(settings), tmp_path / "there.npz"]
    subprocess.run(
        [sys.executable, "-c", _REPLAY, *map(str, words)], cwd=tmp_path, timeout=120, check=True
    )
    values = np.array([row[1:4] for row in original.account[0]])
    # Of an execution: data, bar and status come before what the process writes down.
    fills = np.array([(e[3], e[4], e[5], e[12]) for e in original.executions[0]])
    assert len(fills) > 10
    with np.load(tmp_path / "there.npz") as there:
        assert there["values"].tobytes() == values.tobytes()
        assert there["fills"].tobytes() == fills.tobytes()
