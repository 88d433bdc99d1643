"""Many portfolios at once over a schedule of signals: NumPy over portfolios, signal by signal.

Line by line it does what `kernel` does for one portfolio; what is an `if` there is a mask here. A
number is computed for every portfolio and kept for those that it is meant for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from capture.study.portfolio import coding as c
from capture.study.portfolio.arithmetic import (
    ADJUSTMENT,
    CLOSE,
    EQUITY_FRACTION,
    EXIT,
    NOTHING,
    OPEN,
    RESIZE,
    SLACK,
    VALUE,
)
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.study.portfolio.coding import Desk, Schedule

    Reals = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["trade_together"]


def trade_together(settings: Reals, plan: Schedule, desk: Desk) -> None:
    """Let portfolios trade; the arguments are those of `kernel.trade`."""
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        _Traders(settings, plan, desk).run()


class _Traders:
    """All portfolios, a column each."""

    def __init__(self, settings: Reals, plan: Schedule, desk: Desk) -> None:
        self.p = settings
        self.plan = plan
        self.desk = desk
        self.cash = desk.cash
        self.peak = desk.peak
        self.day_before = desk.day_before
        self.worst = desk.worst
        self.short = settings[c.ALLOW_SHORT] != 0.0
        self.limited = bool(settings[c.LIMITED].any())

    def run(self) -> None:
        plan = self.plan
        operations = zip(
            plan.kinds.tolist(), plan.steps.tolist(), plan.begins.tolist(), plan.signals.tolist(),
            plan.symbols.tolist(), plan.slots.tolist(), strict=True,
        )  # fmt: skip
        for place, (kind, step, begin, signal, symbol, slot) in enumerate(operations):
            if begin < step:
                self.mark(place, begin, step)
            if kind == c.DAY_END:
                self.end_day(step, signal)
            elif kind != c.END:
                if kind != c.FILL:
                    self.decide(step, signal, symbol, slot)
                if kind != c.DECIDE:
                    prices = plan.last[step - 1 if kind == c.FILL else step]
                    self.fill(float(plan.prices[place]), prices, symbol, slot)
        self.desk.totals[c.FINAL] = self.worth(plan.last[-1])
        self.desk.totals[c.DEEPEST] = self.worst

    def settle(self, verdict: Any, rows: Flags) -> None:
        """Count a verdict of some portfolios, or for each its own."""
        if isinstance(verdict, Verdict):
            self.desk.verdicts[verdict] += rows
        else:
            places = np.flatnonzero(rows)
            self.desk.verdicts[verdict[places], places] += 1

    def worth(self, prices: Reals, own: int = -1, price: Any = 0.0, cash: Any = None) -> Reals:
        """Return equity, with a price of its own for one symbol."""
        total: Reals = self.cash if cash is None else cash
        for symbol, held in enumerate(self.desk.held):
            worth = total + held * (price if symbol == own else prices[symbol])
            total = np.where(held != 0.0, worth, total)
        return total

    # --- the steps between operations --------------------------------------------------------

    def mark(self, place: int, begin: int, step: int) -> None:
        low, high = self.cash, self.cash
        several = np.zeros(len(self.cash), np.int64)
        for symbol, held in enumerate(self.desk.held):
            least, most = self.plan.lows[place, symbol], self.plan.highs[place, symbol]
            long, there = held > 0.0, held != 0.0
            low = np.where(there, low + held * np.where(long, least, most), low)
            high = np.where(there, high + held * np.where(long, most, least), high)
            several = several + there
        top = np.maximum(high, self.peak)
        walked = (1.0 - low / top > self.worst) | ((several > 1) & (high > self.peak))
        self.peak = np.where(walked, self.peak, top)
        if walked.any():
            self.walk(np.flatnonzero(walked), begin, step)

    def walk(self, rows: NDArray[np.int64], begin: int, end: int) -> None:
        """Follow the equity of some portfolios step by step."""
        equity = np.repeat(self.cash[rows, None], end - begin, axis=1)
        for symbol, held in enumerate(self.desk.held):
            mine = held[rows, None]
            worth = equity + mine * self.plan.last[begin:end, symbol]
            equity = np.where(mine != 0.0, worth, equity)
        peaks = np.maximum.accumulate(
            np.concatenate([self.peak[rows, None], equity], axis=1), axis=1
        )[:, 1:]
        self.peak[rows] = peaks[:, -1]
        self.worst[rows] = np.maximum(self.worst[rows], (1.0 - equity / peaks).max(axis=1))

    def end_day(self, step: int, day: int) -> None:
        self.day_before = self.worth(self.plan.last[step])
        self.desk.days[day] = self.day_before
        self.desk.today[:] = 0.0

    # --- decisions ---------------------------------------------------------------------------

    def decide(self, step: int, signal: int, symbol: int, slot: int) -> None:
        desk, plan, p = self.desk, self.plan, self.p
        kind, direction = int(plan.types[signal]), float(plan.directions[signal])
        now = desk.wanted[symbol].copy()
        same, flat = now * direction > 0.0, now == 0.0
        desk.orders[slot] = NOTHING
        desk.settled[slot] = False
        if kind == EXIT or direction == 0.0:
            self.close(symbol, slot, ~flat)
            self.settle(Verdict.NOTHING_TO_CLOSE, flat)
            return
        if kind == ADJUSTMENT:
            self.close(symbol, slot, ~same & ~flat)
            self.settle(Verdict.NOTHING_TO_CLOSE, flat)
            sent = same
        else:
            barred = (direction < 0.0) & ~self.short
            self.close(symbol, slot, barred & (now > 0.0))
            self.settle(Verdict.NOTHING_TO_CLOSE, barred & ~(now > 0.0))
            stays = ~barred & same & (desk.entries_wanted[symbol] >= p[c.PYRAMIDING])
            self.settle(Verdict.ALREADY_IN_POSITION, stays)
            sent = ~barred & ~stays
        if sent.any():
            self.send(step, signal, symbol, slot, sent)

    def close(self, symbol: int, slot: int, rows: Flags) -> None:
        self.desk.orders[slot][rows] = CLOSE
        self.desk.wanted[symbol][rows] = 0.0
        self.desk.entries_wanted[symbol][rows] = 0.0

    def size(self, equity: Reals, price: float, strength: float) -> Reals:
        p = self.p
        units = np.where(p[c.SIZER] == VALUE, p[c.SIZE] / price, p[c.SIZE])
        fraction = p[c.SIZE] * equity / price
        units = np.where(p[c.SIZER] == EQUITY_FRACTION, fraction, units)
        units = units * np.where(p[c.BY_STRENGTH] != 0.0, strength, 1.0)
        lots = units / p[c.LOT] + SLACK
        lots = np.where(lots < 2.0**52, np.floor(lots), lots)
        units = np.where(p[c.LOT] > 0.0, lots * p[c.LOT], units)
        return np.where(units > 0.0, units, 0.0)

    def send(self, step: int, signal: int, symbol: int, slot: int, sent: Flags) -> None:
        """Size, check and order what opens, adds or resizes."""
        desk, plan = self.desk, self.plan
        direction, opens = plan.directions[signal], plan.types[signal] != ADJUSTMENT
        prices, now = plan.last[step], desk.wanted[symbol]
        equity = self.worth(prices)
        units = self.size(equity, prices[symbol], plan.strengths[signal])
        more = now * direction > 0.0
        after = np.where(more, np.abs(now) + units, units) if opens else units
        verdict = np.full(len(units), int(Verdict.FILLED))
        grows = np.ones(len(units), bool) if opens else units > np.abs(now)
        if self.limited:
            checked = self.checked(prices, symbol, after, equity)
            verdict = np.where(grows, checked, verdict)
        if not opens:
            verdict = np.where(units == np.abs(now), int(Verdict.ALREADY_IN_POSITION), verdict)
        verdict = np.where(units == 0.0, int(Verdict.SIZED_TO_ZERO), verdict)
        well = sent & (verdict == int(Verdict.FILLED))
        refused = sent & ~well
        self.settle(verdict, refused)
        reversed_ = refused & (now * direction < 0.0)
        desk.settled[slot] |= reversed_
        self.close(symbol, slot, reversed_)
        desk.today[:] += well & grows
        desk.orders[slot][well] = OPEN if opens else RESIZE
        desk.units[slot][well] = (units * direction)[well]
        if opens:
            entries = np.where(more, desk.entries_wanted[symbol], 0.0) + 1.0
            desk.entries_wanted[symbol][well] = entries[well]
        desk.wanted[symbol][well] = (after * direction)[well]

    def checked(self, prices: Reals, symbol: int, units: Reals, equity: Reals) -> NDArray[np.int64]:
        """Return the first limit that each position is beyond; the last one is set first."""
        p, wanted, price = self.p, self.desk.wanted, prices[symbol]
        others = np.count_nonzero(wanted, axis=0) - (wanted[symbol] != 0.0)
        gross = self.gross(wanted, prices, symbol, units, price)
        large = units > p[c.MAX_UNITS] * (1.0 + SLACK)
        large |= units * price > p[c.MAX_VALUE] * (1.0 + SLACK)
        most = p[c.MAX_GROSS] * equity * (1.0 + SLACK)
        found = np.full(len(units), int(Verdict.FILLED))
        for beyond, verdict in (
            (equity < self.day_before * (1.0 - p[c.MAX_DAILY_LOSS]), Verdict.MAX_DAILY_LOSS),
            (equity < self.peak * (1.0 - p[c.MAX_DRAWDOWN]), Verdict.MAX_DRAWDOWN),
            (np.isfinite(p[c.MAX_GROSS]) & (gross > most), Verdict.MAX_GROSS_EXPOSURE),
            (large, Verdict.MAX_POSITION),
            (self.desk.today + 1.0 > p[c.MAX_TRADES], Verdict.MAX_TRADES_PER_DAY),
            (others + 1.0 > p[c.MAX_OPEN], Verdict.MAX_OPEN_POSITIONS),
        ):
            found = np.where(beyond, int(verdict), found)
        return found

    def gross(self, held: Reals, prices: Reals, own: int, units: Reals, price: Any) -> Reals:
        total = np.zeros(len(units))
        for symbol, mine in enumerate(held):
            if symbol == own:
                total = total + units * price
            else:
                total = np.where(mine != 0.0, total + np.abs(mine) * prices[symbol], total)
        return total

    # --- fills -------------------------------------------------------------------------------

    def fill(self, raw: float, prices: Reals, symbol: int, slot: int) -> None:
        desk = self.desk
        order = desk.orders[slot]
        busy = order != NOTHING
        if not busy.any():
            return
        own, units = desk.held[symbol], desk.units[slot]
        change = units - own
        opens, resizes = order == OPEN, (order == RESIZE) & (own != 0.0)
        closing = np.where(
            (order == CLOSE) | (opens & (own * units < 0.0)),
            -own,
            np.where(resizes & (change * own < 0.0), change, 0.0),
        )
        opening = np.where(opens, units, np.where(resizes & (change * own > 0.0), change, 0.0))
        nothing = busy & (own == 0.0) & ~opens
        verdict = np.where(nothing, int(Verdict.NOTHING_TO_CLOSE), int(Verdict.FILLED))
        self.exchange(raw, symbol, closing, closing != 0.0)
        wanted = opening != 0.0
        carried = wanted & self.carried(raw, prices, symbol, opening)
        verdict = np.where(wanted & ~carried, int(Verdict.INSUFFICIENT_CASH), verdict)
        desk.entries[symbol] += carried & opens
        self.exchange(raw, symbol, opening, carried)
        self.settle(verdict, busy & ~desk.settled[slot])
        desk.wanted[symbol][busy] = desk.held[symbol][busy]
        desk.entries_wanted[symbol][busy] = desk.entries[symbol][busy]

    def paid(self, raw: float, units: Reals) -> tuple[Reals, Reals]:
        """Return the price of a fill, and what it costs."""
        p = self.p
        side = np.where(units > 0.0, 1.0, -1.0)
        price = raw * (1.0 + side * p[c.SLIPPAGE_FRACTION]) + side * p[c.SLIPPAGE_FIXED]
        price = np.where(price > 0.0, price, 0.0)
        size = np.abs(units)
        cost = p[c.PER_ORDER] + p[c.PER_UNIT] * size + p[c.RATE] * size * price
        return price, np.where(cost > p[c.MINIMUM], cost, p[c.MINIMUM])

    def carried(self, raw: float, prices: Reals, symbol: int, units: Reals) -> Flags:
        price, cost = self.paid(raw, units)
        held = self.desk.held
        equity = self.worth(prices, symbol, price, self.cash - cost)
        gross = self.gross(held, prices, symbol, np.abs(held[symbol] + units), price)
        carried: Flags = ~(gross > self.p[c.LEVERAGE] * equity * (1.0 + SLACK))
        return carried

    def exchange(self, raw: float, symbol: int, units: Reals, rows: Flags) -> None:
        if not rows.any():
            return
        price, cost = self.paid(raw, units)
        desk, totals = self.desk, self.desk.totals
        self.cash = np.where(rows, self.cash - units * price - cost, self.cash)
        held, profit = desk.held[symbol], desk.profits[symbol]
        held[rows] += units[rows]
        profit[rows] = (profit - units * price - cost)[rows]
        totals[c.COSTS] += np.where(rows, cost, 0.0)
        totals[c.FILLS] += rows
        over = rows & (held == 0.0)
        if over.any():
            totals[c.TRADES] += over
            totals[c.WINS] += over & (profit > 0.0)
            totals[c.WON] += np.where(over, np.maximum(profit, 0.0), 0.0)
            totals[c.LOST] -= np.where(over, np.minimum(profit, 0.0), 0.0)
            profit[over] = 0.0
            desk.entries[symbol][over] = 0.0
