"""Strategies of zipline as its users write them: some easy, some hard on whoever records them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pandas as pd
from zipline.api import (
    EODCancel,
    batch_market_order,
    cancel_order,
    commission,
    date_rules,
    get_open_orders,
    get_order,
    order,
    order_percent,
    order_target,
    order_target_percent,
    order_target_value,
    order_value,
    record,
    schedule_function,
    set_cancel_policy,
    set_commission,
    set_long_only,
    set_max_order_size,
    set_max_position_size,
    set_slippage,
    sid,
    slippage,
    symbol,
    symbols,
    time_rules,
)
from zipline.errors import OrderInBeforeTradingStart, TradingControlViolation
from zipline.finance.execution import LimitOrder, StopLimitOrder, StopOrder

import capture


def made(initialize: Any, handle_data: Any, before_trading_start: Any = None) -> dict[str, Any]:
    """Return functions under the names by which the host takes them."""
    functions = {
        "initialize": initialize,
        "handle_data": handle_data,
        "before_trading_start": before_trading_start,
    }
    return {name: function for name, function in functions.items() if function is not None}


# --- an SMA cross that does not look at its portfolio ------------------------------------------


def sma(context: Any) -> None:
    context.asset = symbol("GOOG")
    context.fast, context.slow, context.bars = 5, 20, 0
    context.long = False


def sma_eurusd(context: Any) -> None:
    sma(context)
    context.asset = symbol("EURUSD")


def cross(context: Any, data: Any) -> None:
    context.bars += 1
    if context.bars < context.slow:
        return
    prices = data.history(context.asset, "price", context.slow, "1d")
    fast, slow = prices.iloc[-context.fast :].mean(), prices.mean()
    if fast > slow and not context.long:
        order(context.asset, 100)
        context.long = True
    elif fast < slow and context.long:
        order_target(context.asset, 0)
        context.long = False
    record(fast=fast, slow=slow)


def nothing(_context: Any, _data: Any) -> None:
    """Do nothing."""


# --- every verb, every style, cancels, orders where none are allowed ---------------------------


def nasty_start(context: Any, amount: int = 10) -> None:
    context.goog, context.xyz = symbols("GOOG", "XYZ")
    context.amount, context.bars, context.stops = amount, 0, []
    set_commission(us_equities=commission.PerTrade(cost=1.5))
    set_slippage(us_equities=slippage.VolumeShareSlippage(volume_limit=0.025, price_impact=0.1))
    schedule_function(weekly, date_rules.week_start(), time_rules.market_open())


def weekly(context: Any, data: Any) -> None:
    price = data.current(context.xyz, "price")
    order_value(context.xyz, 1000.0)
    context.stops.append(order(context.xyz, -5, stop_price=price * 0.97))
    if len(context.stops) > 2:
        cancel_order(context.stops.pop(0))


def nasty_morning(context: Any, _data: Any) -> None:
    context.stops = context.stops[-3:]
    if context.bars == 12:
        with suppress(OrderInBeforeTradingStart):
            order(context.goog, 1)
    if context.bars % 9 == 8:
        batch_market_order(pd.Series({context.goog: 3, context.xyz: -2}))
    if context.bars == 30 and context.stops:
        cancel_order(context.stops[-1])


def nasty(context: Any, data: Any) -> None:
    context.bars += 1
    bar, goog, price = context.bars, context.goog, data.current(context.goog, "price")
    if bar % 7 == 1:
        order(goog, context.amount, limit_price=price * 0.99)
        order(goog, context.amount, style=StopLimitOrder(price * 1.03, price * 1.01))
    elif bar % 7 == 3:
        order_percent(goog, 0.05, style=LimitOrder(price * 1.001, asset=goog))
        order(goog, -context.amount, style=StopOrder(price * 0.98))
    elif bar % 11 == 5:
        order_target_value(goog, 5000)
        order_target_percent(context.xyz, -0.02)
    elif bar % 13 == 6:
        order_target(goog, -15)  # through zero
    elif bar % 17 == 8:
        order_target(goog, 0)
        order(goog, 0.3)  # nothing is left of it
        order(goog, 2.9)
        capture.note("why", "because", signal=order(goog, 1))
    if bar == 25:
        capture.note("trend", 0.5, direction=1, reason="too weak")
    record("price", price, bar=bar)


# --- a schedule, and targets over several assets -----------------------------------------------


def rebalancing(context: Any) -> None:
    context.assets = symbols("GOOG", "XYZ", "THIN")
    set_commission(commission.PerShare(cost=0.01, min_trade_cost=1.0))
    set_slippage(slippage.FixedSlippage(spread=0.02))
    schedule_function(rebalance, date_rules.month_start(), time_rules.market_open(minutes=30))
    schedule_function(halve, date_rules.month_end())


def rebalance(context: Any, data: Any) -> None:
    alive = [asset for asset in context.assets if data.can_trade(asset)]
    means = data.history(alive, "close", 5, "1d").mean()
    for asset in alive:
        order_target_percent(asset, (0.5 if means[asset] > 100 else 0.9) / len(alive))
    record(alive=len(alive))


def halve(context: Any, data: Any) -> None:
    for asset in context.assets:
        if data.can_trade(asset):
            order_target_percent(asset, 0.1)


# --- fills that come bit by bit, and end with the day or not -----------------------------------


def thin_start(context: Any) -> None:
    context.asset, context.bars, context.last = symbol("THIN"), 0, None
    set_slippage(slippage.VolumeShareSlippage(volume_limit=0.05, price_impact=0.2))
    set_cancel_policy(EODCancel(warn_on_cancel=False))


def thin(context: Any, data: Any) -> None:
    context.bars += 1
    if context.bars % 15 == 2:
        context.last = order(context.asset, 120)
        order(context.asset, 30)
    elif context.bars % 15 == 5:
        cancel_order(context.last)
    elif context.bars % 15 == 9:
        order(context.asset, -90)
        order(context.asset, -40, limit_price=data.current(context.asset, "price"))


# --- what it does depends on what it has -------------------------------------------------------


def looking_start(context: Any) -> None:
    context.asset, context.bars, context.last = symbol("GOOG"), 0, None


def looking(context: Any, data: Any) -> None:
    context.bars += 1
    held = context.portfolio.positions[context.asset].amount
    if context.bars % 5 == 0 and not get_open_orders(context.asset):
        units = int(context.portfolio.cash * 0.3 / data.current(context.asset, "price"))
        context.last = order(context.asset, units if held <= 0 else -held)
    elif context.last is not None and get_order(context.last).filled and held > 100:
        order(context.asset, -(held // 2))
    if context.account.leverage > 0.9:
        order_target(context.asset, 0)
    record(cash=context.portfolio.cash)


# --- splits, dividends, and an asset that stops trading ----------------------------------------


def ending_start(context: Any) -> None:
    context.asset, context.other, context.bars = symbol("XYZ"), sid(1), 0


def ending(context: Any, data: Any) -> None:
    context.bars += 1
    price = data.current(context.asset, "price")
    if context.bars == 3:
        order(context.asset, 101)
    elif context.bars in {128, 129}:
        order(context.asset, 7, limit_price=price * 0.5)  # waits through the split
    elif context.bars == 290:
        order(context.asset, 5)  # it trades no more
    elif context.bars == 300:
        order(context.other, 5)
        order(context.other, 5, limit_price=1.0)


# --- limits that the host enforces ------------------------------------------------------------


def controls_start(context: Any) -> None:
    context.asset, context.bars = symbol("GOOG"), 0
    set_long_only()
    set_max_order_size(asset=context.asset, max_shares=50)
    set_max_position_size(max_shares=80)


def controlled(context: Any, data: Any) -> None:
    context.bars += 1
    with suppress(TradingControlViolation):
        if context.bars % 6 == 1:
            order(context.asset, 30)
        elif context.bars % 6 == 3:
            order(context.asset, 60)
        elif context.bars % 6 == 5:
            order(context.asset, -40)
    if context.bars == 20:
        with suppress(TypeError):
            order(context.asset, None)


# --- minute by minute -------------------------------------------------------------------------


def minutes_start(context: Any) -> None:
    context.asset, context.minutes = symbol("MIN"), 0
    set_cancel_policy(EODCancel(warn_on_cancel=False))
    schedule_function(late, date_rules.every_day(), time_rules.market_close(minutes=5))


def minutely(context: Any, data: Any) -> None:
    context.minutes += 1
    if context.minutes % 60 == 1:
        order(context.asset, 5)
    elif context.minutes % 60 == 31:
        order(context.asset, -5, limit_price=data.current(context.asset, "price") + 0.2)


def late(context: Any, data: Any) -> None:
    order_target(context.asset, 0)
    order(context.asset, 3, limit_price=1.0)  # ends with the day


# --- one that fails ----------------------------------------------------------------------------


def failing(context: Any, data: Any) -> None:
    cross(context, data)
    if context.bars == 60:
        raise RuntimeError("nothing works")
