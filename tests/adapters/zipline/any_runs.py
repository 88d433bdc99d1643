"""Runs of zipline that nobody thought of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from hypothesis import strategies as st
from zipline import api
from zipline.api import (
    EODCancel,
    batch_market_order,
    cancel_order,
    commission,
    date_rules,
    get_open_orders,
    get_order,
    record,
    schedule_function,
    set_cancel_policy,
    set_commission,
    set_long_only,
    set_max_order_size,
    set_max_position_size,
    set_slippage,
    slippage,
    symbols,
    time_rules,
)
from zipline.finance.blotter import SimulationBlotter
from zipline.finance.execution import LimitOrder, StopLimitOrder, StopOrder

from tests.adapters.zipline.runs import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["any_run"]

Act = tuple[str, dict[str, Any]]
Plan = dict[tuple[str, int], list[Act]]

_SPANS = {  # the first has a dividend and a split of XYZ in it, the second its end
    "2005-01-24": "2005-03-18",
    "2005-08-25": "2005-10-14",
    "2004-08-19": "2004-10-15",
}
_BARS = 36


class Planned:
    """Does at each bar, before it and in scheduled functions what its plan says."""

    def __init__(self, plan: Plan, setting: list[Callable[[], None]], *, sees: bool) -> None:
        """Keep the plan, what is set when a run begins, and whether it may see its account."""
        self.plan = plan
        self.setting = setting
        self.sees = sees

    def functions(self) -> Mapping[str, Any]:
        """Return the functions that the host takes."""
        made = {"initialize": self.initialize, "handle_data": partial(self.act, "bar")}
        if any(when == "morning" for when, _ in self.plan):
            made["before_trading_start"] = partial(self.act, "morning")
        return made

    def initialize(self, context: Any) -> None:
        """Begin a run anew."""
        context.assets = symbols("GOOG", "XYZ", "THIN")
        context.bars = {"bar": 0, "morning": 0, "scheduled": 0}
        context.placed = []
        for setting in self.setting:
            setting()
        if any(when == "scheduled" for when, _ in self.plan):
            schedule_function(
                partial(self.act, "scheduled"), date_rules.every_day(), time_rules.market_open()
            )

    def act(self, when: str, context: Any, data: Any) -> None:
        """Do what is planned; what the host refuses, a strategy gets over."""
        context.bars[when] += 1
        for name, words in self.plan.get((when, context.bars[when]), ()):
            with suppress(Exception):
                getattr(self, f"_{name}")(context, data, **words)

    def _order(
        self, context: Any, data: Any, verb: str, asset: int, size: float, **style: float
    ) -> None:
        traded = context.assets[asset]
        price = data.current(traded, "price")
        asked = {f"{name}_price": price * share for name, share in style.items()}
        made = getattr(api, verb)(traded, size, **asked)
        # Whether anything is ordered for a share of the account or for a target, the account
        # decides; a strategy that cancels what came of it has looked at it.
        if self.sees or verb in {"order", "order_value"}:
            context.placed.append(made)

    def _styled(self, context: Any, data: Any, asset: int, size: float, kind: str) -> None:
        traded = context.assets[asset]
        price = data.current(traded, "price")
        style = {
            "limit": LimitOrder(price * 1.01, asset=traded),
            "stop": StopOrder(price * 0.99),
            "both": StopLimitOrder(price * 1.02, price * 0.99),
        }[kind]
        context.placed.append(api.order(traded, size, style=style))

    def _batch(self, context: Any, _data: Any, sizes: list[int]) -> None:
        pairs = zip(context.assets, sizes, strict=False)
        context.placed.extend(batch_market_order(pd.Series(dict(pairs), dtype="int64")))

    def _cancel(self, context: Any, _data: Any, which: int) -> None:
        if context.placed:
            cancel_order(context.placed[which % len(context.placed)])

    def _record(self, _context: Any, _data: Any, value: float) -> None:
        record(price=value)

    def _cancel_listed(self, context: Any, _data: Any, asset: int, which: int) -> None:
        waiting = get_open_orders(context.assets[asset])
        cancel_order(waiting[which % len(waiting)])

    def _halve(self, context: Any, _data: Any, asset: int) -> None:
        held = context.portfolio.positions[context.assets[asset]].amount
        context.placed.append(api.order(context.assets[asset], -held // 2))

    def _follow(self, context: Any, _data: Any, which: int) -> None:
        order = get_order(context.placed[which % len(context.placed)])
        context.placed.append(api.order(order.sid, -order.filled))

    def _look(self, context: Any, _data: Any, at: str) -> None:
        getattr(context, at)


# --- what is done --------------------------------------------------------------------------------


def _acting(name: str, **words: st.SearchStrategy[Any]) -> st.SearchStrategy[Act]:
    return st.tuples(st.just(name), st.fixed_dictionaries(words))


_ASSETS, _WHICH = st.integers(0, 2), st.integers(0, 5)
_SHARES = st.sampled_from([0.97, 0.995, 1.005, 1.03])
_UNITS = st.sampled_from([1, -1, 10, -10, 300, -300, 0, 0.4, 2.7, 100_000])
_VALUES = st.sampled_from([1_000.0, -2_000.0, 0.0, 50.0, 90_000.0])
_PORTIONS = st.sampled_from([0.1, 0.5, -0.2, 0.0, 0.9])
_SIZES = {
    "order": _UNITS,
    "order_target": _UNITS,
    "order_value": _VALUES,
    "order_target_value": _VALUES,
    "order_percent": _PORTIONS,
    "order_target_percent": _PORTIONS,
}


@st.composite
def _orders(draw: st.DrawFn) -> Act:
    verb = draw(st.sampled_from(list(_SIZES)))
    style = draw(st.sampled_from([(), (), ("limit",), ("stop",), ("limit", "stop")]))
    prices = {name: draw(_SHARES) for name in style}
    return "order", {"verb": verb, "asset": draw(_ASSETS), "size": draw(_SIZES[verb]), **prices}


_BLIND = st.one_of(
    _orders(),
    _orders(),
    _acting("cancel", which=_WHICH),
    _acting("styled", asset=_ASSETS, size=_UNITS, kind=st.sampled_from(["limit", "stop", "both"])),
    _acting("batch", sizes=st.lists(st.sampled_from([3, -2, 0, 40]), min_size=1, max_size=3)),
    _acting("record", value=st.sampled_from([1.0, 2.5])),
)
_SEEING = st.one_of(
    _BLIND,
    _BLIND,
    _acting("cancel_listed", asset=_ASSETS, which=_WHICH),
    _acting("halve", asset=_ASSETS),
    _acting("follow", which=_WHICH),
    _acting("look", at=st.sampled_from(["portfolio", "account", "blotter"])),
)


# --- settings ------------------------------------------------------------------------------------

_COMMISSIONS: list[Callable[[], Any]] = [
    partial(commission.PerTrade, cost=1.5),
    partial(commission.PerShare, cost=0.01, min_trade_cost=1.0),
    partial(commission.PerDollar, cost=0.002),
]
_SLIPPAGES: list[Callable[[], Any]] = [
    partial(slippage.FixedSlippage, spread=0.02),
    partial(slippage.VolumeShareSlippage, volume_limit=0.025, price_impact=0.1),
    partial(slippage.FixedBasisPointsSlippage, basis_points=5, volume_limit=0.1),
]
_SETTING: list[Callable[[], None]] = [
    lambda: set_commission(_COMMISSIONS[0]()),
    lambda: set_slippage(_SLIPPAGES[0]()),
    lambda: set_slippage(_SLIPPAGES[1]()),
    lambda: set_cancel_policy(EODCancel(warn_on_cancel=False)),
]
_LIMITING: list[Callable[[], None]] = [
    set_long_only,
    lambda: set_max_order_size(max_shares=200),
    lambda: set_max_position_size(max_shares=250),
]


@st.composite
def _settings(draw: st.DrawFn) -> dict[str, Any]:
    costs = draw(st.sampled_from(_COMMISSIONS)), draw(st.sampled_from(_SLIPPAGES))
    ends = draw(st.booleans())

    def blotter() -> SimulationBlotter:
        policy = EODCancel(warn_on_cancel=False) if ends else None
        charged, slipped = (make() for make in costs)
        return SimulationBlotter(slipped, None, charged, None, policy)

    settings = {"capital_base": draw(st.sampled_from([100_000.0, 5_000.0, 2_000_000.0]))}
    return {**settings, **draw(st.sampled_from([{}, {"blotter": blotter}]))}


@st.composite
def any_run(draw: st.DrawFn) -> tuple[Case, Case]:
    """Draw a run, and the same under other settings."""
    sees = draw(st.booleans())
    when = st.tuples(
        st.sampled_from(["bar", "bar", "bar", "scheduled", "morning"]), st.integers(1, _BARS)
    )
    acts = st.lists(_SEEING if sees else _BLIND, min_size=1, max_size=4)
    plan = draw(st.dictionaries(when, acts, max_size=20))
    # Whether a limit is met may depend on the account: under other settings a strategy that gets
    # over the refusals would meet others.
    known = _SETTING + _LIMITING if sees else _SETTING
    setting = draw(st.lists(st.sampled_from(known), max_size=3, unique=True))
    start = draw(st.sampled_from(list(_SPANS)))
    case = Case(
        Planned(plan, setting, sees=sees).functions(), start, _SPANS[start], draw(_settings())
    )
    return case, replace(case, settings=draw(_settings()))
