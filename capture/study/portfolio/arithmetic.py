"""The arithmetic of sizes, prices, costs and checks: plain functions of numbers.

Whoever executes a portfolio calls these, one number at a time; the replay over signals alone
compiles them. What stands here is therefore no more than numbers and comparisons. A limit that is
not set is infinite.
"""

from __future__ import annotations

from math import floor, inf
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ADJUSTMENT",
    "CLOSE",
    "ENTRY",
    "EQUITY_FRACTION",
    "EXIT",
    "NOBODY",
    "NOTHING",
    "OPEN",
    "RESIZE",
    "SIZERS",
    "SLACK",
    "STAY",
    "UNITS",
    "VALUE",
    "cash_after",
    "commission_of",
    "drawdown_too_deep",
    "exposure_too_high",
    "fill_price",
    "gross_with",
    "intention_of",
    "lost_too_much",
    "position_too_large",
    "size_of",
    "too_many_positions",
    "too_many_trades",
    "unaffordable",
    "worth",
    "worth_with",
]

UNITS: Final = 0
VALUE: Final = 1
EQUITY_FRACTION: Final = 2
SIZERS: Final = {"units": UNITS, "value": VALUE, "equity_fraction": EQUITY_FRACTION}
"""The number of each way to size."""

ENTRY, EXIT, ADJUSTMENT = range(3)
"""What a signal does to the position."""

NOTHING, CLOSE, OPEN, RESIZE, STAY = range(5)
"""What comes of it: nothing to do, close what is held, open or add, resize, or stay as it is."""

SLACK: Final = 1e-9
"""What rounding may lack of a lot, or exceed of a limit, before it counts."""

NOBODY: Final = -1
"""Stands for no symbol, where all are taken at their last price."""

_ALL_WHOLE: Final = 2.0**52
"""From here on every real number is whole."""


def intention_of(
    kind: int,
    direction: float,
    wanted: float,
    entries: float,
    pyramiding: float,
    allow_short: bool,
) -> int:
    """Return what a signal comes to: NOTHING, CLOSE, OPEN, RESIZE or STAY.

    Args:
        kind: ENTRY, EXIT or ADJUSTMENT.
        direction: 1, -1, or 0 for "go flat".
        wanted: what will be held of the symbol when the orders that wait are filled.
        entries: of how many entries that will be made.
        pyramiding: how many there may be.
        allow_short: whether an entry may sell what is not held.
    """
    same = wanted * direction
    if kind == EXIT or direction == 0.0:
        return NOTHING if wanted == 0.0 else CLOSE
    if kind == ADJUSTMENT:
        if same > 0.0:
            return RESIZE
        return NOTHING if wanted == 0.0 else CLOSE
    if direction < 0.0 and not allow_short:
        return CLOSE if wanted > 0.0 else NOTHING
    if same > 0.0 and entries >= pyramiding:
        return STAY
    return OPEN


def size_of(
    sizer: int,
    size: float,
    lot: float,
    strength: float,
    equity: float,
    price: float,
) -> float:
    """Return how many units an entry trades; 0 where nothing is left.

    Args:
        sizer: UNITS, VALUE or EQUITY_FRACTION.
        size: how much of it.
        lot: multiple to round down to, or 0.
        strength: factor, not negative; 1 where strength does not count.
        equity: worth of the portfolio at the decision.
        price: close of the decision's bar.
    """
    units = size
    if sizer == VALUE:
        units = size / price
    elif sizer == EQUITY_FRACTION:
        units = size * equity / price
    units = units * strength
    if lot > 0.0:
        lots = units / lot + SLACK
        if lots < _ALL_WHOLE:
            lots = float(floor(lots))
        units = lots * lot
    return units if units > 0.0 else 0.0


def fill_price(price: float, side: float, fraction: float, fixed: float) -> float:
    """Return what a fill pays; side is 1 for what buys and -1 for what sells."""
    paid = price * (1.0 + side * fraction) + side * fixed
    return paid if paid > 0.0 else 0.0


def commission_of(
    units: float, price: float, per_order: float, per_unit: float, rate: float, minimum: float
) -> float:
    """Return what a fill costs; units have no sign."""
    cost = per_order + per_unit * units + rate * units * price
    return cost if cost > minimum else minimum


def cash_after(cash: float, units: float, price: float, commission: float) -> float:
    """Return the cash after a fill; units are negative for what sells."""
    return cash - units * price - commission


def too_many_positions(others: float, limit: float) -> bool:
    """Say whether a position beside those in other symbols is one too many."""
    return others + 1.0 > limit


def too_many_trades(today: float, limit: float) -> bool:
    """Say whether an entry after those of the day is one too many."""
    return today + 1.0 > limit


def position_too_large(units: float, price: float, max_units: float, max_value: float) -> bool:
    """Say whether a position, counted without its sign, is too large."""
    return units > max_units * (1.0 + SLACK) or units * price > max_value * (1.0 + SLACK)


def exposure_too_high(gross: float, equity: float, limit: float) -> bool:
    """Say whether everything held is worth more than a multiple of equity."""
    return limit < inf and gross > limit * equity * (1.0 + SLACK)


def drawdown_too_deep(equity: float, peak: float, limit: float) -> bool:
    """Say whether equity is further below its peak than a fraction."""
    return equity < peak * (1.0 - limit)


def lost_too_much(equity: float, day_before: float, limit: float) -> bool:
    """Say whether equity is further below the last of the day before than a fraction."""
    return equity < day_before * (1.0 - limit)


def unaffordable(gross: float, equity: float, leverage: float) -> bool:
    """Say whether everything held after a fill is worth more than equity carries."""
    return gross > leverage * equity * (1.0 + SLACK)


def worth(cash: float, held: Sequence[float], prices: Sequence[float]) -> float:
    """Return equity: cash, and what is held at these prices, added in order."""
    return worth_with(cash, held, prices, NOBODY, 0.0)


def worth_with(
    cash: float, held: Sequence[float], prices: Sequence[float], own: int, price: float
) -> float:
    """Return equity where one of the symbols has a price of its own.

    Args:
        cash: cash.
        held: units held of each symbol, in order of name; negative where they are owed.
        prices: last price of each symbol; of one in which nothing is held it may be missing.
        own: place of the symbol.
        price: its price.
    """
    total = cash
    for place in range(len(held)):
        if held[place] != 0.0:
            total = total + held[place] * (price if place == own else prices[place])
    return total


def gross_with(
    held: Sequence[float], prices: Sequence[float], own: int, units: float, price: float
) -> float:
    """Return the worth of everything held, without signs, if of one symbol so much were held.

    Args:
        held: units held of each symbol, in order of name.
        prices: last price of each symbol.
        own: place of the symbol.
        units: what would be held of it, without a sign.
        price: its price.
    """
    gross = 0.0
    for place in range(len(held)):
        if place == own:
            gross = gross + units * price
        elif held[place] != 0.0:
            gross = gross + abs(held[place]) * prices[place]
    return gross
