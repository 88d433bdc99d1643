"""Real runs of vectorbt: a constructor, what it is called with, and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import vectorbt as vbt
from vectorbt.portfolio import enums

from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CASES", "REPLAYABLE", "Case", "MyPortfolio", "plain"]


class MyPortfolio(vbt.Portfolio):  # type: ignore[misc]
    """A user's own portfolio class."""


@dataclass(frozen=True)
class Case:
    """One run, made anew each time, its indicators too.

    Attributes:
        call: the constructor.
        arguments: computes what it is called with; `close` and `args` are positional.
        settings: what the user says besides.
        host: the class whose constructor it is.
        replayable: whether its decisions are made outside compiled callbacks.
        handed: what a recording cannot keep, so that a replay must be handed it again.
        others: what it is called with instead, where it is the same run under other settings.
    """

    call: str
    arguments: Callable[[], dict[str, Any]]
    settings: dict[str, Any] = field(default_factory=dict)
    host: type = vbt.Portfolio
    replayable: bool = True
    handed: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)

    def under(self, **others: Any) -> Case:
        """Return the same run under other settings."""
        return replace(self, others=others)

    def __call__(self, _wrap: Any = None, /, **changed: Any) -> Any:
        """Return the portfolio, under changed settings if there are any."""
        words = {**self.arguments(), **self.settings, **self.others, **changed}
        return getattr(self.host, self.call)(words.pop("close"), *words.pop("args", ()), **words)


_SIGNALS, _ORDERS, _FUNC = "from_signals", "from_orders", "from_order_func"
_COSTLY = {"init_cash": 10_000, "fees": 0.002, "slippage": 0.0005}
_SHARED = {"cash_sharing": True, "group_by": True, "init_cash": 30_000}
_BOTH = {"direction": "both", "freq": "1h", "init_cash": 1_000}


def _signals(arguments: Callable[[], dict[str, Any]], **settings: Any) -> Case:
    # vectorbt compiles its simulation anew for other types, even for an account that is no whole
    # number; so the cases have the same types where types are not what they are about.
    return Case(_SIGNALS, arguments, {"init_cash": 100, **settings})


def _orders(arguments: Callable[[], dict[str, Any]], **settings: Any) -> Case:
    return Case(_ORDERS, arguments, {"init_cash": 100, **settings})


def _random(close: Callable[[], Any], **settings: Any) -> Case:
    return Case("from_random_signals", lambda: {"close": close()}, {"init_cash": 100, **settings})


CASES: dict[str, Case] = {
    # --- entries and exits
    "SMA cross, GOOG": _signals(c.sma_goog, **_COSTLY, freq="1D"),
    "SMA cross, EURUSD": _signals(c.sma_eurusd, **_BOTH),
    "long and short entries": _signals(c.rsi, **_COSTLY, freq="1h"),
    "no signals": _signals(c.silent),
    "signals at every bar": _signals(c.every_bar, size=1.0, accumulate=True, direction="both"),
    "one entry for all": _signals(c.scalar, init_cash=500),
    "neither entries nor exits": _signals(lambda: {"close": p.close_of(p.goog())}),
    "signals as arrays": _signals(c.arrays, fees=0.001),
    "signals as lists": _signals(c.lists),
    "signals as a frame of one column": _signals(c.frame_of_one, init_cash=500),
    "one series of signals for several assets": _signals(c.broadcast, fees=0.001, init_cash=900),
    "numbered bars": _signals(lambda: p.crossing(p.close_of(p.numbered())), **_COSTLY),
    "bars with a time zone": _signals(lambda: p.crossing(p.close_of(p.zoned())), **_BOTH),
    "bars without a price": _signals(c.gappy, ffill_val_price=False),
    "closes as an array": _signals(c.bare, init_cash=5_000),
    "named closes": _signals(lambda: p.crossing(p.goog()["Close"]), freq="1D"),
    # --- stops
    "stop-loss": _signals(c.sma_bars, sl_stop=0.03, **_COSTLY),
    "take-profit": _signals(c.sma_bars, tp_stop=0.05, **_COSTLY),
    "trailing stop": _signals(c.sma_bars, sl_stop=0.05, sl_trail=True, **_COSTLY),
    "both stops, at the stop's price": _signals(
        c.sma_bars, sl_stop=0.02, tp_stop=0.04, stop_exit_price="stopmarket", **_COSTLY
    ),
    "stops at the close": _signals(
        c.sma_bars,
        **_COSTLY,
        sl_stop=0.02,
        tp_stop=0.04,
        stop_exit_price="close",
        stop_entry_price="price",
    ),
    "stops that reverse": _signals(c.rsi, sl_stop=0.002, upon_stop_exit="reverse"),
    # --- sizes
    "accumulating": _signals(c.rsi, accumulate=True, size=100.0, init_cash=1_000),
    "adding only": _signals(c.sma_eurusd, accumulate="addonly", size=50.0, **_BOTH),
    "removing only": _signals(c.sma_eurusd, accumulate="removeonly", size=50.0, **_BOTH),
    "size as a value": _signals(c.sma_goog, size=2_000.0, size_type="value", **_COSTLY),
    "size as a share": _signals(c.sma_goog, size=0.5, size_type="percent", **_COSTLY),
    "grains of size": _signals(
        c.sma_goog, size_granularity=1, min_size=10, max_size=40, fixed_fees=3, init_cash=9_000
    ),
    "cash that runs out": _signals(
        c.rsi, size=2_000.0, accumulate=True, allow_partial=False, init_cash=1_000
    ),
    "locked cash": _signals(c.rsi, size=500.0, lock_cash=True, init_cash=1_000, accumulate=True),
    "rejected at random": _signals(c.sma_eurusd, reject_prob=0.3, seed=42, **_BOTH),
    # --- conflicts and directions
    "conflicts of entry and exit": _signals(
        c.conflicting, upon_long_conflict=[list(enums.ConflictMode)], size=1.0
    ),
    "conflicts of direction": _signals(
        c.conflicting_directions,
        upon_dir_conflict=[list(enums.DirectionConflictMode)],
        upon_short_conflict="entry",
        size=1.0,
    ),
    "opposite entries": _signals(
        c.sma_goog, direction="both", upon_opposite_entry="reversereduce", size=3.0, init_cash=9_000
    ),
    "a direction as a number": _signals(
        c.sma_goog, direction=enums.Direction.ShortOnly, init_cash=9_000
    ),
    # --- other values at every bar, or in every column
    "everything of each bar": _signals(
        c.own_bars, accumulate=True, upon_stop_update="override", init_cash=100_000
    ),
    "prices of each bar": _signals(c.own_bars, val_price=float("-inf"), init_cash=50_000),
    "everything of each column": _signals(
        c.sma_goog,
        direction=[list(enums.Direction)],
        fees=[[0.0, 0.001, 0.01]],
        sl_stop=[[0.01, 0.05, float("nan")]],
        upon_opposite_entry=[["close", "reverse", "ignore"]],
        broadcast_kwargs={"columns_from": enums.Direction._fields},
        init_cash=9_000,
    ),
    # --- columns
    "logged": _signals(c.sma_goog, log=True, max_orders=500, max_logs=500, init_cash=500),
    "several assets": _signals(c.sma_assets, **_COSTLY),
    "several assets, one account": _signals(c.sma_assets, size=0.4, size_type="percent", **_SHARED),
    "several assets, two accounts": _signals(
        c.sma_assets,
        group_by=["x", "x", "y"],
        cash_sharing=True,
        call_seq="auto",
        size=8_000.0,
        size_type="value",
        init_cash=[9_000, 5_000],
        attach_call_seq=True,
    ),
    "several assets, grouped only": _signals(
        c.sma_assets, group_by=["x", "x", "y"], init_cash=9_000
    ),
    "called in random order": _signals(c.sma_assets, call_seq="random", seed=7, **_SHARED),
    "columns with numbers": _signals(c.numbered_columns, init_cash=900),
    "a grid": _signals(c.grid, **_COSTLY, freq="1D"),
    "a grid over assets": _signals(c.grid_of_assets, fees=0.001, init_cash=900),
    "a grid grouped by parameter": _signals(
        c.grid_of_assets, group_by="ma_window", cash_sharing=True, init_cash=20_000
    ),
    "a grid of an indicator of one's own": _signals(c.own_indicator, init_cash=900),
    "cash that is enough": _signals(c.sma_assets, init_cash="auto", size=10.0),
    "cash that is enough for all": _signals(c.sma_assets, init_cash="autoalign", size=10.0),
    "a class of one's own": Case(_SIGNALS, c.sma_goog, _COSTLY, MyPortfolio),
    # --- orders
    "orders of an amount": _orders(c.amounts, fees=0.001),
    "orders at the open": _orders(c.at_open, fixed_fees=1.0),
    "orders for a target": _orders(c.targets, size_type="targetpercent", fees=0.001),
    "orders for a target amount": _orders(c.targets, size_type="targetamount"),
    "orders that are short": _orders(c.amounts, direction="shortonly", init_cash=50_000),
    "orders of a value": _orders(c.values, size_type="value", init_cash=20_000),
    "orders that are refused": _orders(c.too_much, allow_partial=False, log=True),
    "the same order at every bar": _orders(lambda: {"close": p.close_of(p.goog())}, size=1),
    "all in at once": _orders(lambda: {"close": p.close_of(p.goog())}),
    "rebalancing": _orders(
        c.weights, size_type="targetpercent", call_seq="auto", **_SHARED, fees=0.001, fixed_fees=1
    ),
    "rebalancing, with types of each column": _orders(
        c.amounts_of_assets, size_type=[["amount", "value", "targetvalue"]], update_value=True
    ),
    "orders on numbered bars": _orders(c.numbered_orders, slippage=0.001),
    # --- the other constructors
    "holding": Case("from_holding", lambda: {"close": p.close_of(p.goog())}, _COSTLY),
    "holding assets": Case(
        "from_holding", lambda: {"close": p.assets()}, {"size": 10.0, "init_cash": 900}
    ),
    "random signals": _random(lambda: p.close_of(p.goog()), n=20, seed=42),
    "random signals of some probability": _random(p.assets, prob=0.05, seed=1, fees=0.001),
    "a grid of random signals": _random(lambda: p.close_of(p.goog()), n=[3, 10, 30], seed=42),
    # --- decisions in compiled callbacks
    "an order function": Case(_FUNC, c.order_func, {"init_cash": 10_000}, replayable=False),
    "an uncompiled order function": Case(
        _FUNC, c.python_order_func, {"use_numba": False}, replayable=False
    ),
    "a signal function": Case(_SIGNALS, c.signal_func, replayable=False),
    "a stop that is moved": Case(_SIGNALS, c.moved_stop, {"sl_stop": 0.1}, replayable=False),
}

REPLAYABLE = [name for name, case in CASES.items() if case.replayable]


@cache
def plain(name: str) -> Any:
    """Return the portfolio as its user has it without capture."""
    return CASES[name]()
