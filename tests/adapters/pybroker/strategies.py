"""Executions of pybroker: easy ones, and ones that are hard on whoever records them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pybroker import PriceType, StopType, indicator

import capture


def _mean(data: Any, length: int) -> Any:
    return pd.Series(data.close).rolling(length).mean().to_numpy()


fast = indicator("fast", _mean, length=10)
slow = indicator("slow", _mean, length=30)


def _crossed(ctx: Any) -> int:
    one, other = ctx.indicator("fast"), ctx.indicator("slow")
    if len(one) < 2:
        return 0
    above, before = one[-1] > other[-1], one[-2] > other[-2]
    return 0 if above == before or np.isnan(other[-2]) else 1 if above else -1


def sma_cross(ctx: Any, shares: int = 50) -> None:
    """Turn round at a cross, and look at nothing else."""
    way = _crossed(ctx)
    if way > 0:
        ctx.buy_shares = shares
    elif way < 0:
        ctx.sell_shares = shares


def sized_cross(ctx: Any) -> None:
    """Buy a part of the capital at a cross, and sell it after some bars."""
    if _crossed(ctx) > 0:
        ctx.buy_shares = ctx.calc_target_shares(0.4)
        ctx.buy_fill_price = PriceType.CLOSE
        ctx.hold_bars = 7


def aiming(ctx: Any) -> None:
    """Say what is to be held, and leave the rest to the host."""
    way = _crossed(ctx)
    if way:
        ctx.set_target_shares(0.5 if way > 0 else 0.0, dir="long")


def flipping(ctx: Any) -> None:
    """Close what is held before anything is opened."""
    way = _crossed(ctx)
    if way > 0:
        if ctx.short_pos():
            ctx.cover_all_shares()
        else:
            ctx.buy_shares = 30
    elif way < 0:
        if ctx.long_pos():
            ctx.sell_all_shares()
        else:
            ctx.sell_shares = 30


def nasty(ctx: Any) -> None:
    """Use everything that an order can say, by turns."""
    turn = ctx.bars % 17
    price = ctx.close_price
    if turn == 3:
        ctx.buy_shares = ctx.calc_target_shares(0.1)
        ctx.buy_limit_price = round(price * 0.995, 2)
        ctx.buy_timeout_bars = 4
        ctx.stop_loss_pct = 3
        ctx.stop_profit_pct = 4
        ctx.stop_trailing_pct = 5
        capture.note("why", {"turn": turn}, signal=ctx)
    elif turn == 5:
        ctx.sell_shares = 7.9
        ctx.sell_limit_price = price * 1.002
        ctx.hold_bars = 6
        ctx.buy_fill_price = PriceType.OPEN
        ctx.stop_loss = round(price * 0.05, 2)
        ctx.stop_loss_exit_price = PriceType.CLOSE
    elif turn == 8:
        ctx.buy_shares = 10_000_000
        ctx.buy_fill_price = PriceType.HIGH
    elif turn == 9 and ctx.long_pos() is not None:
        ctx.sell_shares = max(1, int(ctx.long_pos().shares) // 2)
        ctx.sell_fill_price = price
    elif turn == 11:
        ctx.cancel_stops(ctx.symbol, StopType.PROFIT)
        if list(ctx.pending_orders(ctx.symbol)):
            ctx.cancel_all_pending_orders(ctx.symbol)
    elif turn == 13 and ctx.short_pos() is not None:
        ctx.cover_shares = ctx.short_pos().shares
        ctx.cover_fill_price = PriceType.AVERAGE
    elif turn == 15 and ctx.long_pos() is not None:
        ctx.sell_all_shares()
    elif turn == 16:
        ctx.buy_shares = 0
        capture.note("nothing", 1)
        capture.note("quiet", direction=1, reason="too late in the round")


def patient(ctx: Any) -> None:
    """Place limits that wait for long, and take some of them back by their number."""
    if ctx.bars % 20 == 1:
        ctx.buy_shares = 5
        ctx.buy_limit_price = round(ctx.close_price * 0.9, 2)
        ctx.buy_timeout_bars = -1
        ctx.stop_loss_limit = 1.0
        ctx.stop_loss_pct = 2
    elif ctx.bars % 60 == 50:
        for order in list(ctx.pending_orders(ctx.symbol)):
            ctx.cancel_pending_order(order.id)
    elif ctx.bars % 90 == 80:
        for pos in list(ctx.positions()):
            for lot in pos.entries:
                for stop in list(lot.stops):
                    ctx.cancel_stop(stop.id)
            ctx.cancel_stops(pos)


def ranked(ctx: Any) -> None:
    """Want many symbols at once, so that the host must choose by score."""
    if ctx.bars % 9 == 2:
        ctx.buy_shares = 20
        ctx.long_score = float(ctx.close[-1] / ctx.close[0])
        ctx.hold_bars = 5
    elif ctx.bars % 9 == 6:
        ctx.sell_shares = 15
        ctx.short_score = -float(ctx.close[-1] / ctx.close[0])
        ctx.hold_bars = 3


def momentum(ctx: Any) -> None:
    """Score every bar, and let the host rotate."""
    if ctx.bars > 20:
        ctx.long_score = float(ctx.close[-1] / ctx.close[-20])
        ctx.stop_loss_pct = 9


def foreign(ctx: Any) -> None:
    """Look at another symbol."""
    other = ctx.foreign("AAA", "close")
    if len(other) > 3 and other[-1] > other[-2] > other[-3]:
        ctx.buy_shares = 3
        ctx.hold_bars = 2


def failing(ctx: Any) -> None:
    """Raise after some signals."""
    sma_cross(ctx)
    if ctx.bars == 400:
        raise ArithmeticError("at bar 400")


def silent(ctx: Any) -> None:
    """Want nothing."""
    assert ctx.close_price > 0
