"""How settings, orders and books of the sparse replay are laid out as numbers."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from capture.study.portfolio.arithmetic import SIZERS
from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from capture.study.portfolio.settings import PortfolioSettings

__all__ = ["Desk", "Schedule", "coded", "desk"]

_COLUMNS: Final = (
    "cash",
    "sizer",
    "size",
    "by_strength",
    "lot",
    "pyramiding",
    "allow_short",
    "slippage_fraction",
    "slippage_fixed",
    "commission_per_order",
    "commission_per_unit",
    "commission_rate",
    "commission_minimum",
    "leverage",
    "max_open_positions",
    "max_trades_per_day",
    "max_position_units",
    "max_position_value",
    "max_gross_exposure",
    "max_drawdown",
    "max_daily_loss",
    "limited",
)
(
    CASH,
    SIZER,
    SIZE,
    BY_STRENGTH,
    LOT,
    PYRAMIDING,
    ALLOW_SHORT,
    SLIPPAGE_FRACTION,
    SLIPPAGE_FIXED,
    PER_ORDER,
    PER_UNIT,
    RATE,
    MINIMUM,
    LEVERAGE,
    MAX_OPEN,
    MAX_TRADES,
    MAX_UNITS,
    MAX_VALUE,
    MAX_GROSS,
    MAX_DRAWDOWN,
    MAX_DAILY_LOSS,
    LIMITED,
) = range(len(_COLUMNS))
"""The rows of settings, which have a column per portfolio."""

_LIMITS: Final = _COLUMNS[MAX_OPEN:LIMITED]

FILL, DECIDE, DECIDE_AND_FILL, DAY_END, END = range(5)
"""What an operation of a schedule does; in this order within a step."""

FINAL, DEEPEST, COSTS, FILLS, TRADES, WINS, WON, LOST = range(8)
"""The rows of totals."""

LOG_SIGNAL, LOG_STEP, LOG_SYMBOL, LOG_UNITS, LOG_PRICE, LOG_COST, LOG_HELD = range(7)
"""The columns of a row per fill."""


class Schedule(NamedTuple):
    """What happens when, whatever the settings: a row per operation, in order.

    Attributes:
        kinds: FILL, DECIDE, DECIDE_AND_FILL, DAY_END or END.
        steps: the step of each.
        begins: from this step up to its own, an operation finds what is held unchanged; the same
            step where it does not look.
        signals: the signal, or of the end of a day its number.
        slots: where its order waits.
        symbols: its symbol.
        prices: what a fill takes: an open or a close.
        lows: the lowest last price of each symbol on the steps from `begins` on.
        highs: the highest.
        last: the last price of each symbol at each step, a row per step.
        directions: per signal, what it wants.
        types: per signal, ENTRY, EXIT or ADJUSTMENT.
        strengths: per signal, the factor of its size, without a sign.
    """

    kinds: NDArray[np.int64]
    steps: NDArray[np.int64]
    begins: NDArray[np.int64]
    signals: NDArray[np.int64]
    slots: NDArray[np.int64]
    symbols: NDArray[np.int64]
    prices: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    last: NDArray[np.float64]
    directions: NDArray[np.float64]
    types: NDArray[np.int64]
    strengths: NDArray[np.float64]


class Desk(NamedTuple):
    """What changes while portfolios trade: a column per portfolio.

    Attributes:
        cash: what is left.
        peak: the highest equity so far.
        worst: the deepest drawdown so far.
        day_before: equity at the end of the day before.
        today: entries that were sent on this day.
        held: units of each symbol.
        wanted: the same when the orders that wait are filled.
        entries: of how many entries that is made.
        entries_wanted: the same when the orders that wait are filled.
        profits: what the fills of the open trade brought in so far.
        orders: per slot, what kind of order waits.
        units: per slot, of how much.
        settled: per slot, whether its signal has a verdict already.
        verdicts: how often each verdict was given.
        totals: what it comes to.
        days: equity at the end of each day.
        log: a row per fill; without rows, none is kept.
    """

    cash: NDArray[np.float64]
    peak: NDArray[np.float64]
    worst: NDArray[np.float64]
    day_before: NDArray[np.float64]
    today: NDArray[np.float64]
    held: NDArray[np.float64]
    wanted: NDArray[np.float64]
    entries: NDArray[np.float64]
    entries_wanted: NDArray[np.float64]
    profits: NDArray[np.float64]
    orders: NDArray[np.int64]
    units: NDArray[np.float64]
    settled: NDArray[np.bool_]
    verdicts: NDArray[np.int64]
    totals: NDArray[np.float64]
    days: NDArray[np.float64]
    log: NDArray[np.float64]


def desk(plan: Schedule, settings: NDArray[np.float64], *, logged: bool = False) -> Desk:
    """Return the desk of portfolios that have their cash and nothing else.

    Args:
        plan: what they will do.
        settings: a column of numbers per portfolio.
        logged: keep a log of fills, of a single portfolio.
    """
    symbols, many = plan.last.shape[1], settings.shape[1]
    slots = int(plan.slots.max(initial=0)) + 1
    verdicts = np.zeros((len(Verdict), many), np.int64)
    sent = int(np.count_nonzero((plan.kinds == DECIDE) | (plan.kinds == DECIDE_AND_FILL)))
    verdicts[Verdict.END_OF_DATA] = len(plan.directions) - sent
    return Desk(
        cash=settings[CASH].copy(),
        peak=settings[CASH].copy(),
        worst=np.zeros(many),
        day_before=settings[CASH].copy(),
        today=np.zeros(many),
        held=np.zeros((symbols, many)),
        wanted=np.zeros((symbols, many)),
        entries=np.zeros((symbols, many)),
        entries_wanted=np.zeros((symbols, many)),
        profits=np.zeros((symbols, many)),
        orders=np.zeros((slots, many), np.int64),
        units=np.zeros((slots, many)),
        settled=np.zeros((slots, many), np.bool_),
        verdicts=verdicts,
        totals=np.zeros((LOST + 1, many)),
        days=np.zeros((int(np.count_nonzero(plan.kinds == DAY_END)), many)),
        log=np.zeros((2 * sent if logged else 0, LOG_HELD + 1)),
    )


def coded(settings: Sequence[PortfolioSettings]) -> NDArray[np.float64]:
    """Return a column of numbers per portfolio; a limit that is not set is infinite."""
    rows = [[_number(one, name) for one in settings] for name in _COLUMNS]
    return np.array(rows, dtype=np.float64).reshape(len(_COLUMNS), len(settings))


def _number(settings: PortfolioSettings, name: str) -> float:
    if name == "limited":
        return float(any(getattr(settings, limit) is not None for limit in _LIMITS))
    value = getattr(settings, name)
    if name == "sizer":
        return float(SIZERS[value])
    return inf if value is None else float(value)
