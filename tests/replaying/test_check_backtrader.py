"""The same check in backtrader, whose broker keeps its settings from run to run."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import backtrader as bt
import pytest
from backtesting.test import GOOG

import capture
from capture.contracts.perturbing import PERTURBATIONS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host


class Cross(bt.Strategy):
    """Goes long and short by turns, and looks at nothing but prices."""

    def __init__(self) -> None:
        self.cross = bt.ind.CrossOver(bt.ind.SMA(period=10), bt.ind.SMA(period=30))

    def next(self) -> None:
        if self.cross[0] > 0:
            self.buy(size=5)
        elif self.cross[0] < 0:
            self.sell(size=5)


class UntilCommission(Cross):
    """Hears of its fills, and stops when they cost something: no property was read."""

    paid = 0.0

    def notify_order(self, order: Any) -> None:
        self.paid += order.executed.comm or 0.0

    def next(self) -> None:
        if self.paid < 5:
            super().next()


def _run(strategy: type, store: Path) -> Any:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=GOOG[:500]))
    cerebro.addstrategy(capture.wrap(strategy, store=store))
    cerebro.broker.setcash(50_000)
    cerebro.run()
    return cerebro.broker


def test_signals_that_follow_prices_alone_do_not_change(tmp_path: Path) -> None:
    found = capture.check_replay(partial(_run, Cross, tmp_path))
    assert found.independent, str(found)
    assert [outcome.perturbation for outcome in found.outcomes] == list(PERTURBATIONS)
    changed = {outcome.perturbation: outcome.settings for outcome in found.outcomes}
    assert changed["cash"] == ("cash 50000 -> 500000.0",)
    assert changed["little_cash"] == ("cash 50000 -> 5000.0",)
    assert changed["fill_on_close"] == ("coc False -> True",)
    assert changed["slippage"] == ("slip_open False -> True", "slip_perc 0.0 -> 0.01")
    [commission] = changed["commission"]
    assert "+ 0.01" in commission
    assert all(outcome.signals for outcome in found.outcomes)


def test_signals_that_follow_what_orders_cost_are_found(tmp_path: Path) -> None:
    found = capture.check_replay(partial(_run, UntilCommission, tmp_path))
    assert [o.perturbation for o in found.outcomes if o.change is not None] == ["commission"]
    assert found.first_change is not None
    assert found.first_change.perturbed is None


def test_the_broker_is_as_it_was_afterwards(tmp_path: Path) -> None:
    brokers = []
    capture.check_replay(lambda: brokers.append(_run(Cross, tmp_path)))
    assert len(brokers) == 2 + len(PERTURBATIONS)
    for broker in brokers:
        said = broker.p._getkwargs()
        assert (said["cash"], said["coc"], said["slip_perc"]) == (50_000, False, 0.0)
        assert {type(scheme) for scheme in broker.comminfo.values()} == {bt.CommInfoBase}
