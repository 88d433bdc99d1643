"""Runs of bt that nobody thought of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import bt
import numpy as np
import pandas as pd
from backtesting.test import EURUSD, GOOG
from hypothesis import strategies as st

import capture
from tests.adapters.bt.runs import Case, dollars, four, share, spread

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["any_run"]

BARS = 60
ASSETS = "ABCD"

Act = tuple[str, dict[str, Any]]
Plan = dict[int, list[Act]]


class Planned(bt.Algo):
    """Does on each bar what its plan says."""

    def __init__(self, plan: Plan, prices: pd.DataFrame) -> None:
        super().__init__()
        self.plan = plan
        self.bars = {date: bar for bar, date in enumerate(prices.index)}

    def __call__(self, target: Any) -> bool:
        """Do what is planned; what the host refuses is let go."""
        for name, words in self.plan.get(self.bars.get(target.now, -1), ()):
            with suppress(ValueError, KeyError):
                getattr(self, f"_{name}")(target, **words)
        return True

    # --- without a look at the portfolio -----------------------------------------------------

    def _call(self, target: Any, verb: str, **words: Any) -> None:
        getattr(target, verb)(**words)

    def _directly(self, target: Any, child: str, verb: str, **words: Any) -> None:
        getattr(target[child], verb)(**words)

    def _weights(self, target: Any, weights: dict[str, float], cash: float) -> None:
        target.temp.update({"weights": dict(weights), "cash": cash})
        bt.algos.Rebalance()(target)

    def _update(self, target: Any) -> None:
        target.root.update(target.now)

    def _note(self, target: Any, key: str, signal: str | None) -> None:
        capture.note(key, 1.0, signal=signal)

    # --- with one ----------------------------------------------------------------------------

    def _look(self, target: Any, at: str) -> None:
        getattr(target, at)

    def _look_below(self, target: Any, child: str, at: str) -> None:
        getattr(target[child], at)

    def _close_held(self, target: Any, child: str) -> None:
        if target[child].value > 0:
            target.close(child)

    def _part(self, target: Any, child: str, part: float) -> None:
        target.rebalance(target[child].weight * part, child)

    def _spend(self, target: Any, child: str, part: float) -> None:
        target.allocate(target.capital * part, child)

    def _based(self, target: Any, child: str, weight: float, part: float) -> None:
        target.rebalance(weight, child, base=target.value * part)


@dataclass(frozen=True)
class Node:
    """One strategy of a tree: its plan, and algos of the host's that come after it."""

    name: str
    plan: Plan
    algos: tuple[Callable[[pd.DataFrame], list[Any]], ...]
    children: tuple[Any, ...] = ()
    kind: type = bt.Strategy

    def __call__(self, prices: pd.DataFrame) -> Any:
        """Return the strategy, made anew."""
        children = [child(prices) if isinstance(child, Node) else child for child in self.children]
        algos = [algo for some in self.algos for algo in some(prices)]
        stack = [Planned(self.plan, prices), *algos]
        return self.kind(self.name, stack, children or None)


def _acting(name: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.fixed_dictionaries(words))


_UNITS = st.sampled_from([1.0, 7.0, -7.0, 40.0, -40.0, 2.5, 0.0, 100_000.0])
_MONEY = st.sampled_from([500.0, -500.0, 3_000.0, -3_000.0, 0.0, 1e6])
_WEIGHTS = st.sampled_from([0.5, 0.2, -0.3, 0.0, 1.0, 1e-6, 1.4])
_UPDATE = st.sampled_from([True, True, False])
_OF_STRATEGIES = st.sampled_from(
    ["value", "values", "weight", "price", "prices", "capital", "cash", "fees", "flows",
     "positions", "outlays", "data", "notional_value", "universe", "children", "securities"]
)  # fmt: skip
_OF_CHILDREN = st.sampled_from(["value", "weight", "price", "prices", "data", "notional_value"])


def _blind(names: st.SearchStrategy[str], priced: bool) -> st.SearchStrategy[Act]:
    price = {"price": st.sampled_from([None, 30.0, 101.5])} if priced else {}
    units = {"q": _UNITS, "update": _UPDATE}
    call, directly = st.just("call"), st.just("directly")
    money = {"amount": _MONEY, "update": _UPDATE}
    weighed = {"weight": _WEIGHTS, "update": _UPDATE}
    words: list[Any] = [
        st.fixed_dictionaries({"verb": st.just("transact"), "child": names, **units}),
        st.fixed_dictionaries({"verb": st.just("allocate"), "child": names, **money}),
        st.fixed_dictionaries(
            {"verb": st.just("rebalance"), "child": names, **weighed},
            optional={"base": st.sampled_from([1_000.0, 10_000.0])},
        ),
        st.fixed_dictionaries({"verb": st.just("close"), "child": names, "update": _UPDATE}),
        st.fixed_dictionaries({"verb": st.just("flatten")}),
        st.fixed_dictionaries({"verb": st.just("allocate"), **money}),
        st.fixed_dictionaries({"verb": st.just("transact"), **units}),
        st.fixed_dictionaries(
            {"verb": st.just("adjust"), **money},
            optional={"flow": st.booleans(), "fee": st.just(3.0)},
        ),
    ]
    below: list[Any] = [
        st.fixed_dictionaries({"child": names, "verb": st.just("allocate"), **money}),
        st.fixed_dictionaries(
            {"child": names, "verb": st.just("transact"), **units},
            optional=price,
        ),
    ]
    return st.one_of(
        st.tuples(call, st.one_of(*words)),
        st.tuples(call, st.one_of(*words[:4])),
        st.tuples(directly, st.one_of(*below)),
        _acting("weights", weights=st.dictionaries(names, _WEIGHTS), cash=st.just(0.0)),
        _acting("weights", weights=st.dictionaries(names, _WEIGHTS), cash=st.just(0.2)),
        _acting("update"),
        _acting("note", key=st.just("why"), signal=st.one_of(st.none(), names)),
    )


def _seeing(names: st.SearchStrategy[str], priced: bool) -> st.SearchStrategy[Act]:
    parts = st.sampled_from([0.5, 0.9, 0.0, 1.5])
    return st.one_of(
        _blind(names, priced),
        _blind(names, priced),
        _acting("look", at=_OF_STRATEGIES),
        _acting("look_below", child=names, at=_OF_CHILDREN),
        _acting("close_held", child=names),
        _acting("part", child=names, part=parts),
        _acting("spend", child=names, part=parts),
        _acting("based", child=names, weight=_WEIGHTS, part=st.sampled_from([1.0, 0.5])),
    )


a = bt.algos


def _weekly(_prices: pd.DataFrame) -> list[Any]:
    return [a.RunWeekly(), a.SelectAll(), a.WeighEqually(), a.Rebalance()]


def _randomly(_prices: pd.DataFrame) -> list[Any]:
    return [a.RunEveryNPeriods(4), a.SelectRandomly(n=2), a.WeighRandomly(), a.Rebalance()]


def _strongest(_prices: pd.DataFrame) -> list[Any]:
    lookback = pd.DateOffset(days=14)
    days = [a.RunAfterDays(20), a.RunEveryNPeriods(5)]
    return [*days, a.SelectAll(), a.SelectMomentum(n=1, lookback=lookback), a.WeighEqually(),
            a.ScaleWeights(0.7), a.Rebalance()]  # fmt: skip


def _flowing(_prices: pd.DataFrame) -> list[Any]:
    return [a.RunEveryNPeriods(6), a.CapitalFlow(150.0)]


def _either(_prices: pd.DataFrame) -> list[Any]:
    often, seldom = a.RunEveryNPeriods(7), a.RunOnce()
    return [a.Or([often, seldom]), a.SelectAll(), a.WeighEqually(), a.Rebalance()]


def _slowly(_prices: pd.DataFrame) -> list[Any]:
    spread = bt.algos.run_always(a.RebalanceOverTime(n=3))
    return [a.RunEveryNPeriods(8), a.SelectAll(), a.WeighEqually(), spread]


def _limited(_prices: pd.DataFrame) -> list[Any]:
    return [a.RunWeekly(), a.SelectAll(), a.WeighRandomly(), a.LimitDeltas(0.2), a.CloseDead(),
            a.Rebalance()]  # fmt: skip


def _bounded(_prices: pd.DataFrame) -> list[Any]:
    when = a.Or([a.RunOnce(), a.RunIfOutOfBounds(0.05)])
    return [when, a.SelectAll(), a.WeighEqually(), a.Rebalance()]


def _margin(_prices: pd.DataFrame) -> list[Any]:
    return [bt.algos.run_always(a.Margin(0.08, 0.45)), a.RunMonthly(), a.SelectAll(),
            a.WeighEqually(), a.ScaleWeights(1.6), a.Rebalance()]  # fmt: skip


_STACKS = (_weekly, _randomly, _strongest, _flowing, _either)
_SEEING_STACKS = (*_STACKS, _slowly, _limited, _bounded, _margin)


@dataclass(frozen=True)
class Ways:
    """What strategies of a tree may be drawn to do."""

    acts: Callable[[st.SearchStrategy[str], bool], st.SearchStrategy[Act]]
    stacks: tuple[Any, ...]
    priced: bool

    def node(self, draw: st.DrawFn, name: str, *children: Any, **words: Any) -> Node:
        """Draw a strategy."""
        names = [c if isinstance(c, str) else c.name for c in children] or list(ASSETS)
        securities = not any(isinstance(child, Node) for child in children)
        acts = self.acts(st.sampled_from(names), self.priced and securities)
        plan = draw(
            st.dictionaries(st.integers(-1, BARS - 1), st.lists(acts, min_size=1, max_size=4))
        )
        stack = draw(st.one_of(st.just(()), st.tuples(st.sampled_from(self.stacks))))
        return Node(name, plan, stack, children, **words)


def _securities(draw: st.DrawFn) -> list[Any]:
    made = [
        "A",
        bt.Security("B", multiplier=3.0, lazy_add=draw(st.booleans())),
        bt.HedgeSecurity("C"),
        "D",
    ]
    return made[: draw(st.integers(1, 4))]


def _bonds(draw: st.DrawFn) -> list[Any]:
    return [
        bt.CouponPayingSecurity("A"),
        bt.CouponPayingSecurity(
            "B", lazy_add=draw(st.booleans()), fixed_income=draw(st.booleans())
        ),
        bt.HedgeSecurity("C", multiplier=2.0),
        bt.CouponPayingHedgeSecurity("D"),
    ][: draw(st.integers(1, 4))]


@st.composite
def _trees(draw: st.DrawFn, ways: Ways) -> Node:
    shape = draw(st.sampled_from(["plain", "plain", "listed", "bonds", "nested", "deeper"]))
    if shape == "plain":
        return ways.node(draw, "plain")
    if shape == "listed":
        return ways.node(draw, "listed", *_securities(draw))
    if shape == "bonds":
        below = _bonds(draw)
        if draw(st.booleans()):
            below = [ways.node(draw, "some", *below, kind=bt.FixedIncomeStrategy), "D"]
        return ways.node(draw, "bonds", *below, kind=bt.FixedIncomeStrategy)
    first = ways.node(draw, "first", *draw(st.sampled_from([("A", "B"), ("A",), ()])))
    second = ways.node(draw, "second", "B", "C")
    if shape == "nested":
        return ways.node(draw, "nested", first, second)
    inner = ways.node(draw, "inner", first, second)
    return ways.node(draw, "deeper", inner, "D")


@cache
def _made(kind: str) -> pd.DataFrame:
    if kind == "early":
        return four().iloc[:BARS]
    if kind == "later":
        return four().iloc[90 : 90 + BARS]
    if kind == "listed later":
        prices = four().iloc[:BARS].copy()
        prices.iloc[:20, 3] = np.nan
        return prices
    bars = GOOG if kind == "goog" else EURUSD
    parts = [bars.Close.to_numpy()[n * 70 : n * 70 + BARS] for n in range(len(ASSETS))]
    return pd.DataFrame(dict(zip(ASSETS, parts, strict=True)), bars.index[:BARS])


def _data(kind: str) -> Callable[[], pd.DataFrame]:
    return lambda: _made(kind)


def _wide(prices: pd.DataFrame) -> pd.DataFrame:
    return prices * 0.004


def _coupons(prices: pd.DataFrame) -> pd.DataFrame:
    coupons = prices * 0.0
    coupons.iloc[::9] = 0.5
    return coupons


def _holding(prices: pd.DataFrame) -> pd.DataFrame:
    return prices * 0.00001


_SETTINGS = st.fixed_dictionaries(
    {"initial_capital": st.sampled_from([20_000.0, 1_000.0, 250_000.0])},
    optional={
        "commissions": st.sampled_from([share, dollars]),
        "integer_positions": st.booleans(),
    },
)
_SPREADS = st.sampled_from([spread, _wide])
_COSTS = {"cost_long": st.just(_holding), "cost_short": st.just(_holding)}


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    priced = draw(st.booleans())  # own prices need a spread, also under other settings
    ways = draw(
        st.sampled_from([Ways(_blind, _STACKS, priced), Ways(_seeing, _SEEING_STACKS, priced)])
    )
    spreads = {"bidoffer": _SPREADS}
    further = st.fixed_dictionaries(
        {"coupons": st.just(_coupons), **(spreads if priced else {})},
        optional=_COSTS if priced else {**_COSTS, **spreads},
    )
    kinds = ["early", "later", "goog", "eurusd", "listed later"]
    data = _data(draw(st.sampled_from(kinds)))
    case = Case(draw(_trees(ways)), data, draw(_SETTINGS), draw(further))
    return case, replace(case, settings=draw(_SETTINGS), more=draw(further))
