"""Strategies of bt as users have them: plain ones, trees, algos of their own, and nasty ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import bt
import numpy as np
import pandas as pd

import capture

if TYPE_CHECKING:
    from collections.abc import Callable

a = bt.algos


def sma_cross(prices: pd.DataFrame, fast: int = 10, slow: int = 40) -> bt.Strategy:
    """Holds what is above its average, in equal parts; trades whenever that changes."""
    above = prices.rolling(fast).mean() > prices.rolling(slow).mean()
    weights = above.astype(float).div(above.sum(axis=1).clip(lower=1), axis=0)
    turns = (weights != weights.shift()).any(axis=1) & (np.arange(len(prices)) >= slow)
    return bt.Strategy("cross", [a.WeighTarget(weights[turns]), a.Rebalance()])


def where(prices: pd.DataFrame) -> bt.Strategy:
    """Affirms every day what it selects."""
    signal = prices.rolling(10).mean() > prices.rolling(40).mean()
    algos = [a.SelectWhere(signal), a.WeighEqually(), a.Rebalance()]
    return bt.Strategy("where", algos)


def by_volatility(_prices: pd.DataFrame) -> bt.Strategy:
    """Rebalances every month by inverse volatility, with limits."""
    return bt.Strategy(
        "by volatility",
        [
            a.RunAfterDate("2010-03-01"),
            a.RunMonthly(),
            a.SelectAll(),
            a.WeighInvVol(lookback=pd.DateOffset(months=2)),
            a.LimitWeights(0.6),
            a.Rebalance(),
        ],
    )


def momentum(_prices: pd.DataFrame) -> bt.Strategy:
    """Selects the best of the last month, keeps some cash, and gets and spends money."""
    return bt.Strategy(
        "momentum",
        [
            bt.algos.run_always(a.CapitalFlow(250.0)),
            a.RunWeekly(),
            a.RunAfterDays(25),
            a.SelectAll(),
            a.SelectMomentum(n=2, lookback=pd.DateOffset(months=1)),
            a.WeighEqually(),
            _some_cash,
            a.Rebalance(),
        ],
    )


def _some_cash(target: Any) -> bool:
    target.temp["cash"] = 0.1
    return True


def _average(window: int) -> Callable[[Any], bool]:
    def select(target: Any) -> bool:
        universe = target.universe
        if len(universe) <= window:
            return False
        names = [c for c in universe.columns if c not in target.children or c in "ABCD"]
        last, mean = universe[names].iloc[-1], universe[names].iloc[-window:].mean()
        target.temp["selected"] = [c for c in names if last[c] > mean[c]]
        return True

    return select


def nested(_prices: pd.DataFrame) -> bt.Strategy:
    """Two strategies on their own assets, weighed by the volatility of their indices."""
    first = bt.Strategy(
        "first", [a.RunWeekly(), a.SelectAll(), a.WeighInvVol(pd.DateOffset(months=1)),
                  a.Rebalance()], ["A", "B"],
    )  # fmt: skip
    second = bt.Strategy("second", [_average(15), a.WeighEqually(), a.Rebalance()], ["C", "D"])
    return bt.Strategy(
        "nested",
        [a.RunAfterDays(40), a.RunMonthly(), a.SelectAll(),
         a.WeighInvVol(lookback=pd.DateOffset(months=1)), a.Rebalance()],
        [first, second],
    )  # fmt: skip


def sleeves(prices: pd.DataFrame) -> bt.Strategy:
    """The same two, each with a share of its own."""
    tree = nested(prices)
    shares = [a.RunMonthly(), a.WeighSpecified(first=0.5, second=0.4), a.Rebalance()]
    return bt.Strategy("sleeves", shares, list(tree.children.values()))


def deeper(prices: pd.DataFrame) -> bt.Strategy:
    """Nested strategies within a nested one, beside a security of the strategy's own."""
    inner = nested(prices)
    inner.name = "inner"
    return bt.Strategy(
        "deeper",
        [a.RunMonthly(), a.WeighSpecified(inner=0.7, A=0.2), a.Rebalance()],
        [inner, "A"],
    )


def over_time(_prices: pd.DataFrame) -> bt.Strategy:
    """Spreads its trades over days, from the weights that it has: it sees its portfolio."""
    return bt.Strategy(
        "over time",
        [
            a.RunMonthly(),
            a.SelectAll(),
            a.WeighRandomly(),
            bt.algos.run_always(a.RebalanceOverTime(n=5)),
        ],
    )


class Trader(bt.Algo):
    """Calls every verb of the host, on the strategy and on its securities."""

    def __init__(self, pace: int = 7) -> None:
        super().__init__()
        self.pace = pace
        self.turn = 0

    def __call__(self, target: Any) -> bool:
        bar = len(target.universe)
        if bar % self.pace:
            return True
        self.turn += 1
        verbs = (
            lambda: target.transact(40, "A"),
            lambda: target.allocate(3_000.0, "B"),
            lambda: target.rebalance(0.2, "C"),
            lambda: target.transact(-15, "A"),
            lambda: target.rebalance(-0.1, "B"),
            lambda: (target.transact(5, "A"), target.allocate(-500.0, "C", update=False)),
            lambda: target["A"].transact(11),
            lambda: target["C"].allocate(1_000.0),
            lambda: target.close("A"),
            lambda: target.rebalance(0.3, "D", base=10_000.0, update=False),
            target.flatten,
            lambda: target.adjust(500.0),
            lambda: target.adjust(-20.0, flow=False, fee=20.0),
            lambda: target.close("A"),
            lambda: target.rebalance(0.0, "D"),
        )
        verbs[(self.turn - 1) % len(verbs)]()
        if self.turn % 4 == 0:
            capture.note("turn", self.turn, signal="A")
        if self.turn % 5 == 0:
            capture.note("thin", 1.0, signal="B", direction=1, reason="low volume")
        return True


def every_verb(_prices: pd.DataFrame) -> bt.Strategy:
    """Trades by every verb there is, and never looks."""
    return bt.Strategy("every verb", [Trader()])


class Looking(bt.Strategy):
    """A subclass that does without algos, and decides on what it holds."""

    lookback = 20

    def __init__(self, name: str, loss: float = 0.04) -> None:
        super().__init__(name)
        self.loss = loss
        self.best = 0.0

    def run(self) -> None:
        prices = self.universe["A"]
        if len(prices) <= self.lookback:
            return
        held = self.children["A"].position if "A" in self.children else 0.0
        if not held and prices.iloc[-1] > prices.iloc[-self.lookback :].mean():
            self.rebalance(0.9, "A")
            self.best = self.value
        elif held:
            self.best = max(self.best, self.value)
            if self.value < self.best * (1 - self.loss):
                self.close("A")


def looking(_prices: pd.DataFrame) -> bt.Strategy:
    """Stops its losses by what it is worth."""
    return Looking("looking")


class Halved(bt.Strategy):
    """A subclass that means half of what it says."""

    def rebalance(
        self, weight: float, child: Any, base: float = np.nan, update: bool = True
    ) -> None:
        super().rebalance(weight / 2, child, base, update)


def halved(prices: pd.DataFrame) -> bt.Strategy:
    """Overrides a verb of the host's."""
    return Halved("halved", list(sma_cross(prices).stack.algos))


def limits(_prices: pd.DataFrame) -> bt.Strategy:
    """Limits how fast its weights change, from those that it has."""
    return bt.Strategy(
        "limits",
        [a.RunWeekly(), a.SelectAll(), a.WeighInvVol(pd.DateOffset(months=1)),
         a.LimitDeltas(0.1), a.CloseDead(), a.Rebalance()],
    )  # fmt: skip


def matured(_prices: pd.DataFrame) -> bt.Strategy:
    """Closes what matures; the dates come with the data."""
    return bt.Strategy(
        "matured",
        [
            a.ClosePositionsAfterDates("closing"),
            a.RunMonthly(),
            a.SelectAll(),
            a.SelectActive(),
            a.WeighEqually(),
            a.Rebalance(),
        ],
        ["A", "B", "C"],
    )


def rolled(_prices: pd.DataFrame) -> bt.Strategy:
    """Rolls one position into another, as large as it is."""
    return bt.Strategy(
        "rolled",
        [
            a.RollPositionsAfterDates("rolling"),
            a.RunOnce(),
            a.WeighSpecified(A=0.5, B=0.5),
            a.Rebalance(),
        ],
        ["A", "B", "C"],
    )


def fixed_income(_prices: pd.DataFrame) -> bt.Strategy:
    """Bonds with coupons by notional value, and a hedge that does not count."""

    def hedge(target: Any) -> bool:
        target.transact(-30.0, "D", update=False)
        return True

    return bt.FixedIncomeStrategy(
        "bonds",
        [
            a.RunMonthly(),
            a.SelectTypes(include_types=(bt.CouponPayingSecurity,)),
            a.WeighEqually(),
            a.SetNotional("notional"),
            a.Rebalance(),
            hedge,
        ],
        [
            bt.CouponPayingSecurity("A"),
            bt.CouponPayingSecurity("B", lazy_add=False),
            bt.HedgeSecurity("D", multiplier=2.0),
        ],
    )


def margin(_prices: pd.DataFrame) -> bt.Strategy:
    """Borrows, pays for that, and sells when it has to."""
    return bt.Strategy(
        "margin",
        [
            bt.algos.run_always(a.Margin(0.08, 0.45)),
            a.RunQuarterly(),
            a.WeighSpecified(A=1.2, B=0.6),
            a.Rebalance(),
        ],
    )


def ruin(_prices: pd.DataFrame) -> bt.Strategy:
    """Sells short what rises, until the host flattens it."""
    return bt.Strategy("ruin", [a.RunOnce(), a.WeighSpecified(R=-6.0), a.Rebalance()])


def transactions(_prices: pd.DataFrame) -> bt.Strategy:
    """Books trades at prices of its own."""
    return bt.Strategy("blotter", [a.ReplayTransactions("blotter")])


def silent(_prices: pd.DataFrame) -> bt.Strategy:
    """Never wants anything."""
    return bt.Strategy("silent", [_nothing])


def _nothing(_target: Any) -> bool:
    return False


def failing(_prices: pd.DataFrame) -> bt.Strategy:
    """Raises after it has traded."""

    def fail(target: Any) -> bool:
        if len(target.universe) > 80:
            raise RuntimeError("the strategy broke")
        return True

    return bt.Strategy("failing", [fail, a.SelectAll(), a.WeighEqually(), a.Rebalance()])
