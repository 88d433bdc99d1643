"""What many plain orders came to, all at once: each opens a position, closes or turns all of it.

Where shares are whole numbers and one lot is held at a time, what a fill does follows from sums.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from operator import is_
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.journal import NULL_INT
from capture_pybroker.lots import Fills, Lot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from capture_pybroker.ledger import Ledger, Placed

__all__ = ["Filled", "settle"]

_EXACT: Final = 2.0**53
"""Whole numbers below it are the same as floats."""

_UNKNOWN: Final[Placed] = (NULL_INT, True, 0)
"""Stands for the intent of a fill for which none was recorded."""


class Filled:
    """What the host has filled, with a column for each field of its orders.

    Attributes:
        orders: as the host has them.
        said: one such order, whose fields are columns.
        places: by symbol, which of them are its own.
        now: on which bar each was filled; -1 where the symbol is not recorded.
        made: on which bar each was asked for; -1 also where nobody did.
        asked: whether somebody did.
        units: shares, negative where they were sold.
    """

    def __init__(self, orders: Sequence[Any], labels: Mapping[str, NDArray[Any]]) -> None:
        """Read the orders.

        Args:
            orders: at least one.
            labels: of each symbol that is recorded, the dates of its bars.
        """
        self.orders = orders
        self.said = said = type(orders[0])(*zip(*orders, strict=True))
        self.places = _by_symbol(said.symbol)
        count = len(orders)
        dates = np.fromiter(said.date, "datetime64[ns]", count)
        created = np.array(said.created, "datetime64[ns]")
        self.asked = ~np.isnat(created)
        self.now, self.made = np.full(count, -1), np.full(count, -1)
        for symbol in self.places.keys() & labels.keys():
            at, known = self.places[symbol], labels[symbol]
            self.now[at] = np.searchsorted(known, dates[at])
            at = at[self.asked[at]]
            self.made[at] = np.searchsorted(known, created[at])
        shares = _numbers(said.shares)
        buys = np.fromiter(map("buy".__eq__, said.type), np.bool_, count)
        self.units = np.where(buys, shares, -shares)

    def priced(self, word: Callable[[str], int]) -> tuple[NDArray[Any], ...]:
        """Return prices, fees, market prices and the words for the types of the orders."""
        said = self.said
        prices = _numbers(said.fill_price)
        same = all(map(is_, said.market_price, said.fill_price))
        fees = _numbers(said.fees) if any(said.fees) else np.zeros(len(prices))
        market = prices if same else _numbers(said.market_price)
        return prices, fees, market, np.array(list(map(word, said.order_type)))


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    return np.fromiter(map(float, values), np.float64, len(values))


def _by_symbol(symbols: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return the places of each symbol, in the order in which they come first."""
    numbers = {symbol: number for number, symbol in enumerate(dict.fromkeys(symbols))}
    codes = np.fromiter(map(numbers.__getitem__, symbols), np.int64, len(symbols))
    ends = np.cumsum(np.bincount(codes, minlength=len(numbers))).tolist()
    places = np.argsort(codes, kind="stable")
    return {
        symbol: places[begin:end]
        for symbol, (begin, end) in zip(numbers, pairwise((0, *ends)), strict=True)
    }


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
    trades: NDArray[np.int64]

    @property
    def after(self) -> NDArray[np.float64]:
        """What was held after each."""
        return self.before + self.units

    @property
    def opens(self) -> NDArray[np.bool_]:
        """Whether each opened a lot."""
        found: NDArray[np.bool_] = np.abs(self.units) > np.abs(self.before)
        return found


def settle(ledger: Ledger, filled: Filled, trades: Sequence[Any], *, fractional: bool) -> bool:
    """Read fills into the ledger as it would read each; False, and nothing read, if some is odd.

    Args:
        ledger: follows the host's lists.
        filled: what was filled, in order.
        trades: what was closed, in order.
        fractional: whether parts of a share are traded.
    """
    courses = _courses(ledger, filled, trades)
    if courses is None:
        return False
    opened = np.zeros(len(filled.orders), bool)
    for course in courses:
        opened[course.at] = course.opens
    numbers = ledger.number + np.cumsum(opened)
    ledger.number = int(numbers[-1])
    closed, read = np.zeros(len(trades), np.int64), []
    priced = filled.priced(ledger.words.__getitem__)
    for course in courses:
        closed[course.trades], fills = _read(
            ledger, course, filled, numbers[course.at], priced, fractional=fractional
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


def _courses(ledger: Ledger, filled: Filled, trades: Sequence[Any]) -> list[_Course] | None:
    """Return the fills of each symbol; None if some is not plain."""
    closings, none = _by_symbol([trade.symbol for trade in trades]), np.zeros(0, np.int64)
    courses = []
    for symbol, at in filled.places.items():
        units, lots = filled.units[at], ledger.lots[symbol]
        shares, held = np.abs(units), float(ledger.held.get(symbol, 0))
        before = held + np.cumsum(units) - units
        course = _Course(symbol, at, units, before, closings.get(symbol, none))
        whole = held == int(held) and (shares == np.floor(shares)).all() and abs(held) < _EXACT
        one = len(lots) == bool(held) and shares.sum() < _EXACT
        plain = (before * units <= 0).all() and (shares >= np.abs(before)).all()
        closes = np.count_nonzero(before) == len(course.trades)
        wanted = filled.asked[at] | ~course.opens
        if not (whole and one and plain and closes and wanted.all()):
            return None
        courses.append(course)
    return courses


def _read(
    ledger: Ledger,
    course: _Course,
    filled: Filled,
    numbers: NDArray[np.int64],
    priced: Sequence[NDArray[Any]],
    *,
    fractional: bool,
) -> tuple[NDArray[np.int64], tuple[NDArray[np.bool_], list[Any]] | None]:
    """Read the fills of one symbol.

    Returns:
        The lots that were closed; which fills are all that was wanted, and the fills' columns, or
        None if the symbol is not recorded.
    """
    symbol, before, after, opens = course.symbol, course.before, course.after, course.opens
    now, made, places = filled.now[course.at], filled.made[course.at], course.at.tolist()
    lots, own, dates = ledger.lots[symbol], ledger.placed[symbol], filled.said.date
    lot = lots[0] if lots else Lot(0, None, 0, NULL_INT)
    placed = [own.get(bar, _UNKNOWN) for bar in made.tolist()]
    known = np.array([each is not _UNKNOWN for each in placed])
    signals = np.array([each[0] for each in placed])
    # The lot that a fill leaves is of the last order that opened one, and so is that which it met.
    last = np.maximum.accumulate(np.where(opens, np.arange(len(places)), -1))
    met = np.append(-1, last[:-1])
    left_number = np.where(last >= 0, numbers[last], lot.number)
    met_number = np.where(met >= 0, numbers[met], lot.number)
    stops = made < 0  # of nobody's asking, or of one that is not recorded
    if stops.any():
        stops &= [filled.said.order_type[place] != "market" for place in places]
        met_signal = np.where(met >= 0, signals[met], lot.signal)
        signals = np.where(stops & (before != 0), met_signal, signals)
    ledger.held[symbol] = held = Decimal(int(after[-1]))
    lots.clear()
    if held:
        opener = int(last[-1])
        date, signal = (
            (dates[places[opener]], int(signals[opener])) if opener >= 0 else (lot.date, lot.signal)
        )
        lots.append(Lot(int(left_number[-1]), date, abs(held), signal))
    closed = met_number[before != 0]
    if symbol not in ledger.labels:
        return closed, None
    whole = known & (np.abs(course.units) >= _wanted(placed))
    if ledger.short:
        whole &= [filled.orders[place].id not in ledger.short for place in places]
    ledger.settled[symbol].update(made[whole].tolist())
    for place in np.flatnonzero(known & ~whole).tolist():
        order, at = filled.orders[places[place]], (int(made[place]), int(now[place]))
        whole[place] = ledger.whole(placed[place], at[0], order, at[1], fractional=fractional)
    ledger.positions[symbol].extend(
        zip([dates[place] for place in places], after.tolist(), strict=True)
    )
    opening, _, closing = ledger.effects
    prices, fees, market, kinds = (column[course.at] for column in priced)
    columns = [
        signals, np.where(signals < 0, NULL_INT, signals + 1), now, np.where(known, made, NULL_INT),
        np.sign(course.units).astype(np.int64), np.abs(course.units), prices, fees, after,
        left_number, np.where(opens, opening, closing), market, kinds,
    ]  # fmt: skip
    return closed, (whole, columns)


def _wanted(placed: Sequence[Placed]) -> NDArray[np.float64]:
    """Return from how many shares on a fill is all that was wanted, where numbers alone say it."""
    return np.array(
        [0 if exits else shares if type(shares) is int else np.inf for _, exits, shares in placed],
        np.float64,
    )
