"""What many plain orders came to, all at once: each opens a position, closes or turns all of it.

Where shares are whole numbers and one lot is held at a time, what a fill does follows from sums.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.journal import NULL_INT
from capture_pybroker.lots import Fills, Lot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from capture_pybroker.ledger import Ledger, Placed

__all__ = ["settle"]

_EXACT: Final = 2.0**53
"""Whole numbers below it are the same as floats."""


class _Course(NamedTuple):
    """The fills of one symbol.

    Attributes:
        symbol: theirs.
        at: their places among all fills.
        units: shares, negative where they were sold.
        before: what was held before each.
        trades: places of the trades that they closed, among all.
    """

    symbol: str
    at: NDArray[np.int64]
    units: NDArray[np.float64]
    before: NDArray[np.float64]
    trades: list[int]

    @property
    def after(self) -> NDArray[np.float64]:
        """What was held after each."""
        return self.before + self.units

    @property
    def opens(self) -> NDArray[np.bool_]:
        """Whether each opened a lot."""
        found: NDArray[np.bool_] = np.abs(self.units) > np.abs(self.before)
        return found


def settle(
    ledger: Ledger,
    orders: Sequence[Any],
    trades: Sequence[Any],
    bars: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    fractional: bool,
) -> bool:
    """Read fills into the ledger as it would read each; False, and nothing read, if some is odd.

    Args:
        ledger: follows the host's lists.
        orders: what was filled, in order.
        trades: what was closed, in order.
        bars: on which bar each was filled, and on which it was asked for.
        fractional: whether parts of a share are traded.
    """
    courses = _courses(ledger, orders, trades)
    if courses is None:
        return False
    opened = np.zeros(len(orders), bool)
    for course in courses:
        opened[course.at] = course.opens
    numbers = ledger.number + np.cumsum(opened)
    ledger.number = int(numbers[-1])
    closed, read = np.zeros(len(trades), np.int64), []
    for course in courses:
        mine = [orders[place] for place in course.at.tolist()]
        now, made = bars[0][course.at], bars[1][course.at]
        closed[course.trades], fills = _read(
            ledger, course, mine, numbers[course.at], now, made, fractional=fractional
        )
        if fills is not None:
            read.append((course, *fills))
    ledger.closed_by.extend(closed.tolist())
    if read:
        ledger.fills.extend(_in_order(read))
    return True


def _in_order(read: list[tuple[_Course, NDArray[np.bool_], list[Any]]]) -> Iterator[Fills]:
    """Yield the fills of all symbols as they happened, as many at once as are of one kind."""
    kinds = np.concatenate([2 * n + whole for n, (_, whole, _) in enumerate(read)])
    columns = [np.concatenate(each) for each in zip(*(own for *_, own in read), strict=True)]
    if len(read) > 1:
        order = np.argsort(np.concatenate([course.at for course, *_ in read]))
        kinds, columns = kinds[order], [column[order] for column in columns]
    begins = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    for first, end in pairwise(begins):
        course, whole = read[int(kinds[first]) // 2][0], bool(kinds[first] % 2)
        yield Fills(course.symbol, whole, [column[first:end] for column in columns])


def _courses(ledger: Ledger, orders: Sequence[Any], trades: Sequence[Any]) -> list[_Course] | None:
    """Return the fills of each symbol; None if some is not plain."""
    places, closings = defaultdict(list), defaultdict(list)
    for place, order in enumerate(orders):
        places[order.symbol].append(place)
    for place, trade in enumerate(trades):
        closings[trade.symbol].append(place)
    courses = []
    for symbol, at in places.items():
        mine = [orders[place] for place in at]
        shares = np.fromiter((float(order.shares) for order in mine), np.float64, len(mine))
        units = np.where([order.type == "buy" for order in mine], shares, -shares)
        held, lots = float(ledger.held.get(symbol, 0)), ledger.lots[symbol]
        after = held + np.cumsum(units)
        course = _Course(symbol, np.array(at), units, after - units, closings[symbol])
        against = course.before * units
        whole = held == int(held) and (shares == np.floor(shares)).all() and abs(held) < _EXACT
        one = len(lots) == bool(held) and np.abs(shares).sum() < _EXACT
        plain = (against <= 0).all() and (shares >= np.abs(course.before)).all()
        closes = np.count_nonzero(course.before) == len(course.trades)
        if not (whole and one and plain and closes) or any(
            order.created is None and opens for order, opens in zip(mine, course.opens, strict=True)
        ):
            return None
        courses.append(course)
    return courses


def _read(
    ledger: Ledger,
    course: _Course,
    orders: list[Any],
    numbers: NDArray[np.int64],
    now: NDArray[np.int64],
    made: NDArray[np.int64],
    *,
    fractional: bool,
) -> tuple[NDArray[np.int64], tuple[NDArray[np.bool_], list[Any]] | None]:
    """Read the fills of one symbol.

    Returns:
        The lots that were closed; which fills are all that was wanted, and the fills' columns, or
        None if the symbol is not recorded.
    """
    symbol, before, after, opens = course.symbol, course.before, course.after, course.opens
    lots = ledger.lots[symbol]
    lot = lots[0] if lots else Lot(0, None, 0, NULL_INT)
    placed = list(map(ledger.placed[symbol].get, made.tolist()))
    signals = np.array([NULL_INT if each is None else each[0] for each in placed])
    known = np.array([each is not None for each in placed])
    decided = np.where(known, made, NULL_INT)
    # The lot that a fill leaves is of the last order that opened one, and so is that which it met.
    last = np.maximum.accumulate(np.where(opens, np.arange(len(orders)), -1))
    met = np.append(-1, last[:-1])
    left_number = np.where(last >= 0, numbers[last], lot.number)
    met_number = np.where(met >= 0, numbers[met], lot.number)
    stops = made < 0  # of nobody's asking, or of one that is not recorded
    if stops.any():
        stops &= [order.order_type != "market" for order in orders]
    signals = np.where(stops & (before != 0), np.where(met >= 0, signals[met], lot.signal), signals)
    ledger.held[symbol] = held = Decimal(int(after[-1]))
    lots.clear()
    if held:
        date, signal = orders[last[-1]].date if last[-1] >= 0 else lot.date, lot.signal
        signal = int(signals[last[-1]]) if last[-1] >= 0 else signal
        lots.append(Lot(int(left_number[-1]), date, abs(held), signal))
    closed = met_number[before != 0]
    if symbol not in ledger.labels:
        return closed, None
    whole = known & (np.abs(course.units) >= _wanted(placed))
    if ledger.short:
        whole &= [order.id not in ledger.short for order in orders]
    ledger.settled[symbol].update(made[whole].tolist())
    for place in np.flatnonzero(known & ~whole).tolist():
        at, each = (int(made[place]), int(now[place])), placed[place]
        assert each is not None
        whole[place] = ledger.whole(each, at[0], orders[place], at[1], fractional=fractional)
    ledger.positions[symbol].extend(
        zip([order.date for order in orders], after.tolist(), strict=True)
    )
    opening, _, closing = ledger.effects
    prices = [float(order.fill_price) for order in orders]
    columns = [
        signals, np.where(signals < 0, NULL_INT, signals + 1), now, decided,
        np.sign(course.units).astype(np.int64), np.abs(course.units), prices,
        [float(order.fees) if order.fees else 0.0 for order in orders], after, left_number,
        np.where(opens, opening, closing),
        [price if order.market_price is order.fill_price else float(order.market_price)
         for order, price in zip(orders, prices, strict=True)],
        [ledger.words[order.order_type] for order in orders],
    ]  # fmt: skip
    return closed, (whole, columns)


def _wanted(placed: Sequence[Placed | None]) -> NDArray[np.float64]:
    """Return from how many shares on a fill is all that was wanted, where numbers alone say it."""
    return np.array(
        [0 if p is None or p[1] else p[2] if type(p[2]) is int else np.inf for p in placed],
        np.float64,
    )
