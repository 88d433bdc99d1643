"""Portfolios over a schedule of signals, in plain loops, which numba compiles.

Nothing here but numbers and arrays. The portfolios are the inner loop: most of them do the same at
a signal, which is what a processor likes. Without numba these functions still run, and tests run
them so; `lockstep` does the same with NumPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.study.portfolio import arithmetic
from capture.study.portfolio import coding as c
from capture.study.portfolio.arithmetic import (
    CLOSE,
    NOBODY,
    NOTHING,
    OPEN,
    RESIZE,
    STAY,
    cash_after,
    commission_of,
    drawdown_too_deep,
    exposure_too_high,
    fill_price,
    intention_of,
    lost_too_much,
    position_too_large,
    size_of,
    too_many_positions,
    too_many_trades,
    unaffordable,
)
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PIECES", "trade"]

# Numbers, for what is compiled knows no enumerations of ours.
_FILLED = int(Verdict.FILLED)
_ALREADY = int(Verdict.ALREADY_IN_POSITION)
_NOTHING = int(Verdict.NOTHING_TO_CLOSE)
_ZERO = int(Verdict.SIZED_TO_ZERO)
_POSITIONS = int(Verdict.MAX_OPEN_POSITIONS)
_TRADES = int(Verdict.MAX_TRADES_PER_DAY)
_POSITION = int(Verdict.MAX_POSITION)
_GROSS = int(Verdict.MAX_GROSS_EXPOSURE)
_DRAWDOWN = int(Verdict.MAX_DRAWDOWN)
_DAILY_LOSS = int(Verdict.MAX_DAILY_LOSS)
_CASH = int(Verdict.INSUFFICIENT_CASH)


def trade(p: NDArray[np.float64], plan: c.Schedule, desk: c.Desk) -> None:
    """Let portfolios trade, from the beginning to the end of the data.

    Args:
        p: a column of settings per portfolio.
        plan: what happens when.
        desk: what changes; it says at the end what they came to.
    """
    logged = 0
    for place in range(plan.kinds.shape[0]):
        kind = plan.kinds[place]
        if plan.begins[place] < plan.steps[place]:
            mark(plan, desk, place)
        if kind == c.DAY_END:
            end_day(plan, desk, place)
        elif kind == c.DECIDE:
            decide(p, plan, desk, place)
        elif kind == c.FILL:
            logged = fill(p, plan, desk, place, logged)
        elif kind == c.DECIDE_AND_FILL:
            decide(p, plan, desk, place)
            logged = fill(p, plan, desk, place, logged)
    last = plan.last[plan.last.shape[0] - 1]
    for i in range(p.shape[1]):
        desk.totals[c.FINAL, i] = worth_of(desk.cash[i], desk.held, i, last, NOBODY, 0.0)
        desk.totals[c.DEEPEST, i] = desk.worst[i]


# --- the steps between operations ----------------------------------------------------------------


def mark(plan: c.Schedule, desk: c.Desk, place: int) -> None:
    """Follow equity over the steps since the last look: its peak, and its deepest drawdown.

    Rounding keeps order: of what one position is worth at many prices, the most is what it is
    worth at the highest price. Where the extremes of the prices can change nothing, neither can the
    steps between them, and only the others are walked over.
    """
    cash, peak, worst, held = desk.cash, desk.peak, desk.worst, desk.held
    lows, highs = plan.lows[place], plan.highs[place]
    for i in range(cash.shape[0]):
        low = high = cash[i]
        several = 0
        for symbol in range(held.shape[0]):
            units = held[symbol, i]
            if units > 0.0:
                low = low + units * lows[symbol]
                high = high + units * highs[symbol]
                several += 1
            elif units < 0.0:
                low = low + units * highs[symbol]
                high = high + units * lows[symbol]
                several += 1
        top = max(high, peak[i])
        if 1.0 - low / top > worst[i] or (several > 1 and high > peak[i]):
            walk(plan, desk, place, i)
        else:
            peak[i] = top


def walk(plan: c.Schedule, desk: c.Desk, place: int, i: int) -> None:
    """Follow the equity of one portfolio step by step."""
    cash, peak, worst = desk.cash[i], desk.peak[i], desk.worst[i]
    held, last = desk.held, plan.last
    for step in range(plan.begins[place], plan.steps[place]):
        equity = cash
        for symbol in range(held.shape[0]):
            if held[symbol, i] != 0.0:
                equity = equity + held[symbol, i] * last[step, symbol]
        if equity > peak:
            peak = equity
        else:
            worst = max(worst, 1.0 - equity / peak)
    desk.peak[i] = peak
    desk.worst[i] = worst


def end_day(plan: c.Schedule, desk: c.Desk, place: int) -> None:
    """Keep the equity of a day's last step, and count its entries no more."""
    prices, day = plan.last[plan.steps[place]], plan.signals[place]
    cash, held, day_before, today, days = (
        desk.cash,
        desk.held,
        desk.day_before,
        desk.today,
        desk.days[day],
    )
    for i in range(cash.shape[0]):
        equity = worth_of(cash[i], held, i, prices, NOBODY, 0.0)
        days[i] = equity
        day_before[i] = equity
        today[i] = 0.0


# --- decisions -----------------------------------------------------------------------------------


def decide(  # noqa: C901, PLR0912, PLR0915 - one loop: handing arrays on costs more than it does
    p: NDArray[np.float64], plan: c.Schedule, desk: c.Desk, place: int
) -> None:
    """Turn a signal into orders, or refuse it."""
    signal, symbol, slot = plan.signals[place], plan.symbols[place], plan.slots[place]
    kind, direction, said = plan.types[signal], plan.directions[signal], plan.strengths[signal]
    prices = plan.last[plan.steps[place]]
    price = prices[symbol]
    cash, held, every = desk.cash, desk.held, desk.wanted
    wanted, entries = desk.wanted[symbol], desk.entries_wanted[symbol]
    orders, units_of, settled = desk.orders[slot], desk.units[slot], desk.settled[slot]
    verdicts, today, peak, day_before = desk.verdicts, desk.today, desk.peak, desk.day_before
    for i in range(wanted.shape[0]):
        now, verdict = wanted[i], _FILLED
        orders[i] = NOTHING
        settled[i] = False
        intention = intention_of(
            kind, direction, now, entries[i], p[c.PYRAMIDING, i], p[c.ALLOW_SHORT, i] != 0.0
        )
        if intention == NOTHING:
            verdict = _NOTHING
        elif intention == STAY:
            verdict = _ALREADY
        elif intention == CLOSE:
            orders[i] = CLOSE
            wanted[i] = 0.0
            entries[i] = 0.0
        else:
            equity = worth_of(cash[i], held, i, prices, NOBODY, 0.0)
            strength = said if p[c.BY_STRENGTH, i] != 0.0 else 1.0
            units = size_of(int(p[c.SIZER, i]), p[c.SIZE, i], p[c.LOT, i], strength, equity, price)
            more = now * direction > 0.0
            after = abs(now) + units if more and intention == OPEN else units
            if units == 0.0:
                verdict = _ZERO
            elif intention == RESIZE and units == abs(now):
                verdict = _ALREADY
            elif intention == OPEN or units > abs(now):
                if p[c.LIMITED, i] != 0.0:
                    verdict = checked(
                        p, i, every, prices, symbol, after, equity, peak[i], day_before[i], today[i]
                    )
                if verdict == _FILLED:
                    today[i] += 1.0
            if verdict == _FILLED:
                orders[i] = intention
                units_of[i] = units * direction
                wanted[i] = after * direction
                if intention == OPEN:
                    entries[i] = (entries[i] if more else 0.0) + 1.0
            elif now * direction < 0.0:  # of a reversal, the closing half
                orders[i] = CLOSE
                settled[i] = True
                wanted[i] = 0.0
                entries[i] = 0.0
        if verdict != _FILLED:
            verdicts[verdict, i] += 1


def checked(  # noqa: PLR0913, PLR0917 - what limits look at
    p: NDArray[np.float64],
    i: int,
    wanted: NDArray[np.float64],
    prices: NDArray[np.float64],
    symbol: int,
    units: float,
    equity: float,
    peak: float,
    day_before: float,
    today: float,
) -> int:
    """Return the first limit that a position of so many units is beyond, or that all is well."""
    others = 0.0
    for other in range(wanted.shape[0]):
        if other != symbol and wanted[other, i] != 0.0:
            others = others + 1.0
    if too_many_positions(others, p[c.MAX_OPEN, i]):
        return _POSITIONS
    if too_many_trades(today, p[c.MAX_TRADES, i]):
        return _TRADES
    price = prices[symbol]
    if position_too_large(units, price, p[c.MAX_UNITS, i], p[c.MAX_VALUE, i]):
        return _POSITION
    gross = gross_of(wanted, i, prices, symbol, units, price)
    if exposure_too_high(gross, equity, p[c.MAX_GROSS, i]):
        return _GROSS
    if drawdown_too_deep(equity, peak, p[c.MAX_DRAWDOWN, i]):
        return _DRAWDOWN
    if lost_too_much(equity, day_before, p[c.MAX_DAILY_LOSS, i]):
        return _DAILY_LOSS
    return _FILLED


# --- fills ---------------------------------------------------------------------------------------


def fill(  # noqa: C901, PLR0912, PLR0915 - one loop: handing arrays on costs more than it does
    p: NDArray[np.float64], plan: c.Schedule, desk: c.Desk, place: int, logged: int
) -> int:
    """Carry out the orders that a signal became; return how many fills are logged by then."""
    symbol, slot, step, raw = (
        plan.symbols[place],
        plan.slots[place],
        plan.steps[place],
        plan.prices[place],
    )
    # At an open, the other bars of the step have not closed yet.
    prices = plan.last[step - 1 if plan.kinds[place] == c.FILL else step]
    cash, held, totals, log = desk.cash, desk.held, desk.totals, desk.log
    wanted, entries_wanted = desk.wanted[symbol], desk.entries_wanted[symbol]
    entries, profits = desk.entries[symbol], desk.profits[symbol]
    orders, units_of, settled = desk.orders[slot], desk.units[slot], desk.settled[slot]
    verdicts = desk.verdicts
    for i in range(orders.shape[0]):
        order, own, verdict = orders[i], held[symbol, i], _FILLED
        if order == NOTHING:
            continue
        closing = opening = 0.0
        if own == 0.0 and order != OPEN:
            verdict = _NOTHING
        elif order == CLOSE:
            closing = -own
        elif order == OPEN:
            opening = units_of[i]
            closing = -own if own * opening < 0.0 else 0.0
        else:
            change = units_of[i] - own
            opening = change if change * own > 0.0 else 0.0
            closing = change if change * own < 0.0 else 0.0
        for half in range(2):
            units = opening if half else closing
            if units == 0.0:
                continue
            side = 1.0 if units > 0.0 else -1.0
            price = fill_price(raw, side, p[c.SLIPPAGE_FRACTION, i], p[c.SLIPPAGE_FIXED, i])
            cost = commission_of(
                abs(units),
                price,
                p[c.PER_ORDER, i],
                p[c.PER_UNIT, i],
                p[c.RATE, i],
                p[c.MINIMUM, i],
            )
            if half:
                equity = worth_of(cash[i] - cost, held, i, prices, symbol, price)
                gross = gross_of(held, i, prices, symbol, abs(held[symbol, i] + units), price)
                if unaffordable(gross, equity, p[c.LEVERAGE, i]):
                    verdict = _CASH
                    continue
                if order == OPEN:
                    entries[i] += 1.0
            cash[i] = cash_after(cash[i], units, price, cost)
            held[symbol, i] += units
            profit = cash_after(profits[i], units, price, cost)
            profits[i] = profit
            totals[c.COSTS, i] += cost
            totals[c.FILLS, i] += 1.0
            if held[symbol, i] == 0.0:
                totals[c.TRADES, i] += 1.0
                totals[c.WINS, i] += 1.0 if profit > 0.0 else 0.0
                totals[c.WON, i] += max(profit, 0.0)
                totals[c.LOST, i] -= min(profit, 0.0)
                profits[i] = entries[i] = 0.0
            if log.shape[0] > 0:
                log[logged, c.LOG_SIGNAL] = plan.signals[place]
                log[logged, c.LOG_STEP] = step
                log[logged, c.LOG_SYMBOL] = symbol
                log[logged, c.LOG_UNITS] = units
                log[logged, c.LOG_PRICE] = price
                log[logged, c.LOG_COST] = cost
                log[logged, c.LOG_HELD] = held[symbol, i]
                logged += 1
        if not settled[i]:
            verdicts[verdict, i] += 1
        wanted[i] = held[symbol, i]
        entries_wanted[i] = entries[i]
    return logged


# --- sums over what one portfolio holds, as `arithmetic.worth_with` and `gross_with` have them ---


def worth_of(
    cash: float, held: NDArray[np.float64], i: int, prices: NDArray[np.float64], own: int,
    price: float,
) -> float:  # fmt: skip
    """Return equity where one of the symbols has a price of its own."""
    total = cash
    for place in range(held.shape[0]):
        if held[place, i] != 0.0:
            total = total + held[place, i] * (price if place == own else prices[place])
    return total


def gross_of(
    held: NDArray[np.float64], i: int, prices: NDArray[np.float64], own: int, units: float,
    price: float,
) -> float:  # fmt: skip
    """Return the worth of everything held, without signs, if of one symbol so much were held."""
    gross = 0.0
    for place in range(held.shape[0]):
        if place == own:
            gross = gross + units * price
        elif held[place, i] != 0.0:
            gross = gross + abs(held[place, i]) * prices[place]
    return gross


PIECES = (
    *(getattr(arithmetic, name) for name in arithmetic.__all__ if name.islower()),
    mark,
    walk,
    end_day,
    decide,
    checked,
    fill,
    worth_of,
    gross_of,
)
"""What `trade` is made of, for numba to compile with it."""
