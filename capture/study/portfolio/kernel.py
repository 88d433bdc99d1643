"""One portfolio after the other over a schedule of signals: plain loops, which numba compiles.

Nothing here but numbers and arrays. Without numba these functions still run, and tests run them so;
`lockstep` does the same for many portfolios at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from capture.study.portfolio import arithmetic
from capture.study.portfolio import coding as c
from capture.study.portfolio.arithmetic import (
    CLOSE,
    NOTHING,
    OPEN,
    RESIZE,
    STAY,
    cash_after,
    commission_of,
    drawdown_too_deep,
    exposure_too_high,
    fill_price,
    gross_with,
    intention_of,
    lost_too_much,
    position_too_large,
    size_of,
    too_many_positions,
    too_many_trades,
    unaffordable,
    worth,
    worth_with,
)
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["PIECES", "trade_all"]

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


def trade_all(
    settings: NDArray[np.float64],
    plan: c.Schedule,
    desk: c.Desk,
    totals: NDArray[np.float64],
    verdicts: NDArray[np.int64],
    days: NDArray[np.float64],
) -> None:
    """Let each portfolio trade; fill a row of totals, of counts and of days for each."""
    for row in range(settings.shape[0]):
        desk.totals[:] = 0.0
        trade(settings[row], plan, desk)
        totals[row] = desk.totals
        days[row] = desk.days
        for signal in range(desk.verdicts.shape[0]):
            verdicts[row, desk.verdicts[signal]] += 1


def trade(p: Any, plan: c.Schedule, desk: c.Desk) -> None:  # noqa: C901, PLR0912, PLR0915
    """Let one portfolio trade, from its beginning to the end of the data.

    One loop, so that numbers stay in registers: handing all of this to functions costs twenty
    times as much as what they would do.
    """
    kinds, steps, begins, symbols = plan.kinds, plan.steps, plan.begins, plan.symbols
    last, lows, highs = plan.last, plan.lows, plan.highs
    held, wanted, profits = desk.held, desk.wanted, desk.profits
    entries, entries_wanted = desk.entries, desk.entries_wanted
    orders, units_of, verdicts, totals = desk.orders, desk.units, desk.verdicts, desk.totals
    for book in (held, wanted, entries, entries_wanted, profits):
        book[:] = 0.0
    orders[:] = NOTHING
    verdicts[:] = c.UNDECIDED
    cash = peak = day_before = p[c.CASH]
    worst = today = 0.0
    day = logged = 0
    allow_short = p[c.ALLOW_SHORT] != 0.0
    for place in range(kinds.shape[0]):
        kind, step, begin = kinds[place], steps[place], begins[place]
        # --- the steps since the last look -------------------------------------------------------
        if begin < step:
            # Rounding keeps order: of what one position is worth at many prices, the most is what
            # it is worth at the highest price. Where the extremes of the prices can change nothing,
            # neither can the steps between them, and only the others are walked over.
            low, high, several = cash, cash, 0
            for symbol in range(held.shape[0]):
                if held[symbol] > 0.0:
                    low = low + held[symbol] * lows[place, symbol]
                    high = high + held[symbol] * highs[place, symbol]
                    several += 1
                elif held[symbol] < 0.0:
                    low = low + held[symbol] * highs[place, symbol]
                    high = high + held[symbol] * lows[place, symbol]
                    several += 1
            top = max(high, peak)
            if 1.0 - low / top > worst or (several > 1 and high > peak):
                peak, worst = walk(cash, peak, worst, held, last, begin, step)
            else:
                peak = top
        if kind == c.DAY_END:
            day_before = worth(cash, held, last[step])
            desk.days[day] = day_before
            day += 1
            today = 0.0
            continue
        if kind == c.END:
            continue
        signal, symbol = plan.signals[place], symbols[place]
        # --- a decision --------------------------------------------------------------------------
        if kind != c.FILL:
            direction, now = plan.directions[signal], wanted[symbol]
            intention = intention_of(
                plan.types[signal],
                direction,
                now,
                entries_wanted[symbol],
                p[c.PYRAMIDING],
                allow_short,
            )
            if intention == NOTHING:
                verdicts[signal] = _NOTHING
            elif intention == STAY:
                verdicts[signal] = _ALREADY
            elif intention == CLOSE:
                orders[signal] = CLOSE
                wanted[symbol] = entries_wanted[symbol] = 0.0
            else:
                prices = last[step]
                equity = worth(cash, held, prices)
                strength = plan.strengths[signal] if p[c.BY_STRENGTH] != 0.0 else 1.0
                price = prices[symbol]
                units = size_of(int(p[c.SIZER]), p[c.SIZE], p[c.LOT], strength, equity, price)
                more = now * direction > 0.0
                after = abs(now) + units if more and intention == OPEN else units
                verdict = _FILLED
                if units == 0.0:
                    verdict = _ZERO
                elif intention == RESIZE and units == abs(now):
                    verdict = _ALREADY
                elif intention == OPEN or units > abs(now):
                    verdict = checked(
                        p, wanted, prices, symbol, after, equity, peak, day_before, today
                    )
                    today += 1.0 if verdict == _FILLED else 0.0
                if verdict == _FILLED:
                    orders[signal] = intention
                    units_of[signal] = units * direction
                    if intention == OPEN:
                        entries_wanted[symbol] = (entries_wanted[symbol] if more else 0.0) + 1.0
                    wanted[symbol] = after * direction
                else:
                    verdicts[signal] = verdict
                    if now * direction < 0.0:  # of a reversal, the closing half
                        orders[signal] = CLOSE
                        wanted[symbol] = entries_wanted[symbol] = 0.0
        # --- fills -------------------------------------------------------------------------------
        if kind == c.DECIDE or orders[signal] == NOTHING:
            continue
        order, own, verdict = orders[signal], held[symbol], _FILLED
        closing = opening = 0.0
        if own == 0.0 and order != OPEN:
            verdict = _NOTHING
        elif order == CLOSE:
            closing = -own
        elif order == OPEN:
            opening = units_of[signal]
            closing = -own if own * opening < 0.0 else 0.0
        else:
            change = units_of[signal] - own
            opening = change if change * own > 0.0 else 0.0
            closing = change if change * own < 0.0 else 0.0
        for half in range(2):
            units = opening if half else closing
            if units == 0.0:
                continue
            side = 1.0 if units > 0.0 else -1.0
            price = fill_price(
                plan.prices[place], side, p[c.SLIPPAGE_FRACTION], p[c.SLIPPAGE_FIXED]
            )
            cost = commission_of(
                abs(units), price, p[c.PER_ORDER], p[c.PER_UNIT], p[c.RATE], p[c.MINIMUM]
            )
            if half:
                # At an open, the other bars of the step have not closed yet.
                prices = last[step - 1 if kind == c.FILL else step]
                equity = worth_with(cash - cost, held, prices, symbol, price)
                gross = gross_with(held, prices, symbol, abs(held[symbol] + units), price)
                if unaffordable(gross, equity, p[c.LEVERAGE]):
                    verdict = _CASH
                    continue
                if order == OPEN:
                    entries[symbol] += 1.0
            cash = cash_after(cash, units, price, cost)
            held[symbol] += units
            profits[symbol] = cash_after(profits[symbol], units, price, cost)
            totals[c.COSTS] += cost
            totals[c.FILLS] += 1.0
            if desk.log.shape[0] > 0:
                line = desk.log[logged]
                line[c.LOG_SIGNAL], line[c.LOG_STEP], line[c.LOG_SYMBOL] = signal, step, symbol
                line[c.LOG_UNITS], line[c.LOG_PRICE] = units, price
                line[c.LOG_COST], line[c.LOG_HELD] = cost, held[symbol]
                logged += 1
            if held[symbol] == 0.0:
                totals[c.TRADES] += 1.0
                totals[c.WINS] += 1.0 if profits[symbol] > 0.0 else 0.0
                totals[c.WON] += max(profits[symbol], 0.0)
                totals[c.LOST] -= min(profits[symbol], 0.0)
                profits[symbol] = entries[symbol] = 0.0
        if verdicts[signal] == c.UNDECIDED:
            verdicts[signal] = verdict
        wanted[symbol] = held[symbol]
        entries_wanted[symbol] = entries[symbol]
    totals[c.FINAL] = worth(cash, held, last[last.shape[0] - 1])
    totals[c.DEEPEST] = worst


def walk(
    cash: float, peak: float, worst: float, held: Any, last: Any, begin: int, end: int
) -> tuple[float, float]:
    """Follow equity step by step; return its peak and its deepest drawdown so far."""
    for step in range(begin, end):
        equity = cash
        for symbol in range(held.shape[0]):
            if held[symbol] != 0.0:
                equity = equity + held[symbol] * last[step, symbol]
        if equity > peak:
            peak = equity
        else:
            worst = max(worst, 1.0 - equity / peak)
    return peak, worst


def checked(  # noqa: PLR0913, PLR0917 - what limits look at
    p: Any,
    wanted: Any,
    prices: Any,
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
        if other != symbol and wanted[other] != 0.0:
            others = others + 1.0
    if too_many_positions(others, p[c.MAX_OPEN]):
        return _POSITIONS
    if too_many_trades(today, p[c.MAX_TRADES]):
        return _TRADES
    price = prices[symbol]
    if position_too_large(units, price, p[c.MAX_UNITS], p[c.MAX_VALUE]):
        return _POSITION
    gross = gross_with(wanted, prices, symbol, units, price)
    if exposure_too_high(gross, equity, p[c.MAX_GROSS]):
        return _GROSS
    if drawdown_too_deep(equity, peak, p[c.MAX_DRAWDOWN]):
        return _DRAWDOWN
    if lost_too_much(equity, day_before, p[c.MAX_DAILY_LOSS]):
        return _DAILY_LOSS
    return _FILLED


PIECES = (
    *(getattr(arithmetic, name) for name in arithmetic.__all__ if name.islower()),
    trade,
    walk,
    checked,
)
"""What `trade_all` is made of, for numba to compile with it."""
