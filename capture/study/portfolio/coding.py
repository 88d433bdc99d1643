"""How settings, orders and books of the sparse replay are laid out as numbers."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

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
) = range(len(_COLUMNS))
"""The columns of a row of settings."""

FILL, DECIDE, DECIDE_AND_FILL, DAY_END, END = range(5)
"""What an operation of a schedule does; in this order within a step."""

FINAL, DEEPEST, COSTS, FILLS, TRADES, WINS, WON, LOST = range(8)
"""The columns of a row of totals."""

LOG_SIGNAL, LOG_STEP, LOG_SYMBOL, LOG_UNITS, LOG_PRICE, LOG_COST, LOG_HELD = range(7)
"""The columns of a row per fill."""

UNDECIDED: Final = int(Verdict.END_OF_DATA)
"""The verdict of a signal until it has another."""


class Schedule(NamedTuple):
    """What happens when, whatever the settings: a row per operation, in order.

    Attributes:
        kinds: FILL, DECIDE, DECIDE_AND_FILL, DAY_END or END.
        steps: the step of each.
        begins: from this step up to its own, an operation finds what is held unchanged; the same
            step where it does not look.
        signals: the signal.
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
    symbols: NDArray[np.int64]
    prices: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    last: NDArray[np.float64]
    directions: NDArray[np.float64]
    types: NDArray[np.int64]
    strengths: NDArray[np.float64]


class Desk(NamedTuple):
    """What changes while portfolios trade; in the replay of one after the other, that of one.

    Attributes:
        held: units of each symbol.
        wanted: the same when the orders that wait are filled.
        entries: of how many entries that is made.
        entries_wanted: the same when the orders that wait are filled.
        profits: what the fills of the open trade brought in so far.
        orders: per signal, what kind of order waits.
        units: per signal, of how much.
        verdicts: per signal, its verdict.
        totals: what it comes to.
        days: equity at the end of each day.
        log: a row per fill; without rows, none is kept.
    """

    held: Any
    wanted: Any
    entries: Any
    entries_wanted: Any
    profits: Any
    orders: Any
    units: Any
    verdicts: Any
    totals: Any
    days: Any
    log: Any


def desk(schedule: Schedule, *many: int, logged: bool = False) -> Desk:
    """Return an empty desk for one portfolio, or for `many` in a last dimension."""
    symbols, signals = schedule.last.shape[1], len(schedule.directions)
    days = int(np.count_nonzero(schedule.kinds == DAY_END))
    return Desk(
        held=np.zeros((symbols, *many)),
        wanted=np.zeros((symbols, *many)),
        entries=np.zeros((symbols, *many)),
        entries_wanted=np.zeros((symbols, *many)),
        profits=np.zeros((symbols, *many)),
        orders=np.zeros((signals, *many), np.int64),
        units=np.zeros((signals, *many)),
        verdicts=np.zeros((signals, *many), np.int64),
        totals=np.zeros((LOST + 1, *many)),
        days=np.zeros((days, *many)),
        log=np.zeros((2 * signals if logged else 0, LOG_HELD + 1)),
    )


def coded(settings: Sequence[PortfolioSettings]) -> NDArray[np.float64]:
    """Return a row of numbers per portfolio; a limit that is not set is infinite."""
    rows = [[_number(one, name) for name in _COLUMNS] for one in settings]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(_COLUMNS))


def _number(settings: PortfolioSettings, name: str) -> float:
    value = getattr(settings, name)
    if name == "sizer":
        return float(SIZERS[value])
    return inf if value is None else float(value)
