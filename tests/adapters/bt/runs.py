"""Real runs of bt: a strategy, data and settings each, captured or not."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import bt
import numpy as np
import pandas as pd
from backtesting.test import EURUSD, GOOG

import capture
from capture.testing.running import HostRuns
from tests.adapters.bt import strategies as s

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.store.recording import Recording

    Wrap = Callable[[Any], Any]


@cache
def google() -> pd.DataFrame:
    return pd.DataFrame({"GOOG": GOOG.Close.iloc[:250]})


@cache
def hours() -> pd.DataFrame:
    return pd.DataFrame({"EURUSD": EURUSD.Close.iloc[:250]})


@cache
def four() -> pd.DataFrame:
    """Four assets over a year, two of which trade in parts of a unit."""
    rng = np.random.default_rng(7)
    steps = rng.normal(0.0004, [0.009, 0.014, 0.02, 0.006], (160, 4))
    index = pd.bdate_range("2010-01-04", periods=160)
    return pd.DataFrame(np.exp(steps.cumsum(axis=0)) * [100, 40, 15, 250], index, list("ABCD"))


@cache
def rising() -> pd.DataFrame:
    index = pd.bdate_range("2010-01-04", periods=120)
    return pd.DataFrame({"R": np.linspace(10.0, 30.0, 120)}, index)


def dollars(q: float, p: float) -> float:
    return max(1.0, abs(q) * 0.02)


def share(q: float, p: float) -> float:
    return abs(q) * p * 0.002


def spread(prices: pd.DataFrame) -> pd.DataFrame:
    return prices * 0.001


@dataclass(frozen=True)
class Results:
    """What a run came to, in the host's own words."""

    nodes: Mapping[str, pd.DataFrame]
    transactions: pd.DataFrame
    stats: pd.Series
    case: Case

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Results)
        return (
            self.nodes.keys() == other.nodes.keys()
            and all(self.nodes[name].equals(other.nodes[name]) for name in self.nodes)
            and self.transactions.equals(other.transactions)
            and self.stats.equals(other.stats)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def worth(self) -> float:
        return float(next(iter(self.nodes.values()))["value"].iloc[-1])


def results_of(backtest: bt.Backtest, result: Any, case: Case) -> Results:
    strategy = backtest.strategy
    nodes = {node.full_name: node.data for node in strategy.members}
    transactions = strategy.get_transactions() if strategy.securities else pd.DataFrame()
    return Results(nodes, transactions, result.stats.iloc[:, 0], case)


@dataclass(frozen=True)
class Case:
    """A strategy on its data, under settings; called with what wraps it, it runs."""

    strategy: Callable[[pd.DataFrame], Any]
    data: Callable[[], pd.DataFrame] = four
    settings: Mapping[str, Any] = field(default_factory=lambda: {"initial_capital": 20_000.0})
    more: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, wrap: Wrap = lambda strategy: strategy) -> Results:
        prices = self.data()
        random.seed(5)
        np.random.seed(5)  # the host draws from it
        further = {k: v(prices) if callable(v) else v for k, v in self.more.items()}
        settings = dict(self.settings)
        for name in ("volume", "volatility"):
            if name in settings:
                settings[name] = settings[name](prices)
        backtest = bt.Backtest(
            wrap(self.strategy(prices)), prices, additional_data=further, progress_bar=False,
            **settings,
        )  # fmt: skip
        result = bt.run(backtest, progress_bar=False)
        return results_of(backtest, result, self)


def ledger(case: Case) -> Counter[tuple[int, int, float]]:
    """Run a case with a ledger of the test's own in each security; return what was traded."""
    found: Counter[tuple[int, int, float]] = Counter()
    dates = list(case.data().index)

    own = bt.core.SecurityBase.transact

    def transact(
        self: Any, q: float, update: bool = True, update_self: bool = True, price: Any = None
    ) -> None:
        before = self._position
        own(self, q, update, update_self, price)
        real = self.root is strategies[0]
        if self._position != before and real:
            side = 1 if q > 0 else -1
            paid = price if price is not None else self._price
            if price is None and self._bidoffer_set:
                paid = self._price + 0.5 * self._bidoffer * side
            found[(dates.index(self.parent.now), side, float(paid))] += abs(q)

    strategies: list[Any] = []
    setup = bt.core.StrategyBase.setup

    def noted(self: Any, universe: Any, **kwargs: Any) -> None:
        if not strategies:
            strategies.append(self)
        setup(self, universe, **kwargs)

    bt.core.SecurityBase.transact, bt.core.StrategyBase.setup = transact, noted
    try:
        case()
    finally:
        bt.core.SecurityBase.transact, bt.core.StrategyBase.setup = own, setup
    return found


class Bt(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "bt"

    def compare(self, expected: Results, got: Results) -> None:
        assert got == expected

    def fills(self, results: Results) -> Counter[tuple[int, int, float]]:
        return ledger(results.case)


def captured(case: Case, folder: Path, **options: Any) -> tuple[Results, Recording]:
    """Run a case captured; return its results, and the recording as the files have it."""
    results = case(lambda strategy: capture.wrap(strategy, store=folder, **options))
    return results, capture.open(folder).latest()


def _dates(prices: pd.DataFrame) -> pd.DataFrame:
    index = prices.index
    return pd.DataFrame({"date": [index[70], index[120]]}, index=["A", "C"])


def _rolls(prices: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"date": [prices.index[80]], "target": ["C"], "factor": [2.0]}, index=["A"])


def _coupons(prices: pd.DataFrame) -> pd.DataFrame:
    coupons = prices * 0.0
    coupons.iloc[::30] = 0.5
    return coupons


def _notional(prices: pd.DataFrame) -> pd.Series:
    return pd.Series(np.linspace(1_000.0, 2_000.0, len(prices)).round(), prices.index)


def _blotter(prices: pd.DataFrame) -> pd.DataFrame:
    rows = [
        (prices.index[10], "A", 101.5, 20.0),
        (prices.index[30], "B", 41.0, -30.0),
        (prices.index[60], "A", 99.0, -20.0),
        (prices.index[61], "C", 15.5, 100.0),
    ]
    frame = pd.DataFrame(rows, columns=["Date", "Security", "price", "quantity"])
    return frame.set_index(["Date", "Security"])


BOND = {
    "coupons": _coupons,
    "notional": _notional,
    "bidoffer": spread,
    "cost_long": lambda prices: prices * 0.00001,
}
CASES: dict[str, Case] = {
    "SMA cross, GOOG": Case(s.sma_cross, google),
    "SMA cross, EURUSD, costs": Case(
        s.sma_cross, hours, {"initial_capital": 20_000.0, "commissions": share}
    ),
    "select where, GOOG, parts of units": Case(
        s.where, google, {"commissions": dollars, "integer_positions": False}
    ),
    "SMA cross, four assets": Case(s.sma_cross, four, {"commissions": share}),
    "by volatility": Case(s.by_volatility, more={"bidoffer": spread}),
    "momentum": Case(s.momentum, settings={"commissions": dollars}),
    "nested": Case(s.nested, settings={"commissions": share}),
    "sleeves": Case(s.sleeves, settings={"commissions": share, "initial_capital": 50_000.0}),
    "deeper": Case(s.deeper),
    "over time": Case(s.over_time),
    "every verb": Case(s.every_verb, settings={"initial_capital": 20_000.0, "commissions": share}),
    "looking": Case(s.looking),
    "a verb of its own": Case(s.halved),
    "limits": Case(s.limits, settings={"commissions": dollars}),
    "matured": Case(s.matured, more={"closing": _dates}),
    "rolled": Case(s.rolled, more={"rolling": _rolls}),
    "bonds": Case(s.fixed_income, more=BOND),
    "margin": Case(s.margin),
    "ruin": Case(s.ruin, rising),
    "blotter": Case(s.transactions, more={"blotter": _blotter, "bidoffer": spread}),
    "cost model": Case(
        s.nested,
        settings={
            "commissions": bt.core.SqrtCostModel(0.5),
            "volume": lambda prices: prices * 0 + 1e5,
            "volatility": lambda prices: prices * 0 + 0.02,
        },
    ),
    "silent": Case(s.silent),
}
