"""What became of orders, read where the host keeps it: fills, refusals, and what still waits."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pybroker.common import PositionMode

from capture.journal import NULL_INT
from capture_pybroker import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Fate", "Fill", "Ledger", "Placed", "signed_position"]


def signed_position(portfolio: Any, symbol: str) -> float:
    """Return what is held of a symbol; the host holds it on one side alone."""
    held = portfolio.long_positions.get(symbol)
    if held is not None:
        return float(held.shares)
    held = portfolio.short_positions.get(symbol)
    return 0.0 if held is None else -float(held.shares)


class Placed(NamedTuple):
    """An intent that was recorded: its number, whether it only closes, and how many shares."""

    signal_seq: int
    exits: bool
    shares: Any


class Fill(NamedTuple):
    """A fill, as its row in the journal says it."""

    symbol: str
    row: tuple[Any, ...]


class Fate(NamedTuple):
    """What became of a signal: the place of it in `rows.OUTCOMES`, and the bar.

    `ordered` says whether there is an order of it.
    """

    symbol: str
    signal_seq: int
    bar: int
    outcome: int
    ordered: bool = True


class _Lot:
    """Shares that were bought or sold short at once, as far as they are held."""

    __slots__ = ("date", "number", "shares", "signal")

    def __init__(self, number: int, date: Any, shares: Any, signal: int) -> None:
        self.number = number
        self.date = date
        self.shares = shares
        self.signal = signal


class Ledger:
    """Follows the host's lists of orders and trades, in which it finds the signals again.

    An order knows on which bar it was asked for; there is one order at most for a symbol and a bar.

    Attributes:
        placed: by symbol and bar, the intents that were recorded.
        short: numbers of orders that were filled in part.
        closed_by: the lot that each trade of the run closed, in the order of the trades.
        positions: by symbol, each date with a fill and the position after it.
        fills: fills that are not written yet.
        fates: what became of signals, and is not written yet.
    """

    def __init__(
        self, portfolio: Any, labels: Mapping[str, NDArray[Any]], words: Any, *, at_once: bool
    ) -> None:
        """Begin where the portfolio stands.

        Args:
            portfolio: the host's.
            labels: of each symbol, the dates of its bars.
            words: the numbers that stand for words.
            at_once: whether each order is read when it is filled, and not all of them together.
        """
        self._places: dict[str, dict[Any, int]] | None = {} if at_once else None
        self.placed: dict[str, dict[int, Placed]] = defaultdict(dict)
        self.short: set[int] = set()
        self.closed_by: list[int] = []
        self.positions: dict[str, list[tuple[Any, float]]] = defaultdict(list)
        self.fills: list[Fill] = []
        self.fates: list[Fate] = []
        self._labels = labels
        self._words = words
        self._effects = (words["open"], words["reduce"], words["close"])
        self._refusals: dict[tuple[str, Any], tuple[int, Any]] = {}
        self._cancelled: dict[tuple[str, int], int] = {}
        self._settled: dict[str, set[int]] = defaultdict(set)
        self._orders, self._trades = len(portfolio.orders), len(portfolio.trades)
        self._number = portfolio._entry_id
        self._lots: dict[str, deque[_Lot]] = defaultdict(deque)
        self._held: dict[str, Any] = {}
        for side, sign in ((portfolio.long_positions, 1), (portfolio.short_positions, -1)):
            for symbol, position in side.items():
                self._held[symbol] = position.shares * sign
                self._lots[symbol].extend(
                    _Lot(entry.id, entry.date, entry.shares, NULL_INT) for entry in position.entries
                )

    # --- what is heard -----------------------------------------------------------------------

    def refused(self, portfolio: Any, buys: bool, said: Mapping[str, Any]) -> None:
        """Take note of why the portfolio filled nothing."""
        price, limit, symbol = said["fill_price"], said.get("limit_price"), said["symbol"]
        if limit is not None and (limit < price if buys else limit > price):
            verdict = rows.EXPIRED
        elif said["shares"] == 0:
            verdict = rows.SIZED_TO_ZERO
        elif _may_not_open(portfolio, symbol, buys):
            verdict = rows.LIMITED
        else:
            margin = portfolio._leverage > 1
            verdict = rows.INSUFFICIENT_MARGIN if margin else rows.INSUFFICIENT_CASH
        self._refusals[symbol, said["created"]] = (verdict, said["date"])
        if limit is None and symbol in self._labels:  # it is tried but once
            bar = self._bar(symbol, said["created"])
            placed = self.placed[symbol].get(bar)
            if placed is not None:
                self._settle(symbol, bar, placed, self._bar(symbol, said["date"]), verdict)

    def cancelled(self, symbol: str, created: Any, bar: int) -> None:
        """Take note that the strategy took an order back."""
        self._cancelled[symbol, self._bar(symbol, created)] = bar

    # --- what is read ------------------------------------------------------------------------

    def attend(self, portfolio: Any) -> None:
        """Read what the host has filled since the last time."""
        orders, trades = portfolio.orders, portfolio.trades
        new = len(orders) - self._orders
        closed = iter(_last(trades, len(trades) - self._trades))
        self._orders, self._trades = len(orders), len(trades)
        filled = _last(orders, new)
        fractional = portfolio._enable_fractional_shares
        for order, (now, made) in zip(filled, self._bars(filled), strict=True):
            self._fill(order, now, made, closed, fractional=fractional)

    def _bars(self, orders: list[Any]) -> list[tuple[int, int]]:
        """Return on which bar each order was filled, and on which it was asked for; else -1."""
        if self._places is not None:
            return [
                (
                    self._bar(order.symbol, order.date),
                    -1 if order.created is None else self._bar(order.symbol, order.created),
                )
                if order.symbol in self._labels
                else (-1, -1)
                for order in orders
            ]
        found = [(-1, -1)] * len(orders)
        of: dict[str, list[int]] = defaultdict(list)
        for place, order in enumerate(orders):
            of[order.symbol].append(place)
        for symbol in of.keys() & self._labels.keys():
            labels, mine = self._labels[symbol], [orders[place] for place in of[symbol]]
            now = np.array([order.date for order in mine], dtype="datetime64[ns]")
            made = np.array([order.created for order in mine], dtype="datetime64[ns]")
            asked = np.where(np.isnat(made), -1, np.searchsorted(labels, made))
            pairs = zip(np.searchsorted(labels, now).tolist(), asked.tolist(), strict=True)
            for place, pair in zip(of[symbol], pairs, strict=True):
                found[place] = pair
        return found

    def _fill(
        self, order: Any, now: int, made: int, closed: Iterator[Any], *, fractional: bool
    ) -> None:
        symbol, shares = order.symbol, order.shares
        buys = order.type == "buy"
        held = self._held.get(symbol, 0)
        against = -held if buys else held
        closing = min(shares, against) if against > 0 else 0
        lots, lot = self._lots[symbol], None
        remaining = closing
        while remaining > 0:
            trade = next(closed)
            lot = self._closed(lots, trade)
            remaining -= trade.shares
        opens = shares > closing
        position = self._held[symbol] = held + shares if buys else held - shares
        signal = decided = NULL_INT
        if order.created is not None:
            placed = self.placed[symbol].get(made) if made >= 0 else None
            if placed is not None:
                signal, decided = placed.signal_seq, made
        elif lot is not None and order.order_type != "market":  # a stop of that lot
            signal = lot.signal
        if opens:
            self._number += 1
            lot = _Lot(self._number, order.date, shares - closing, signal)
            lots.append(lot)
        if now < 0:  # of an execution that is not recorded
            return
        assert lot is not None
        after = float(position)
        self.positions[symbol].append((order.date, after))
        effect = self._effects[0 if opens else 1 if lot.shares > 0 else 2]
        price = float(order.fill_price)
        market = price if order.market_price is order.fill_price else float(order.market_price)
        fees = float(order.fees) if order.fees else 0.0
        row = (
            signal, NULL_INT if signal < 0 else signal + 1, now, decided, 1 if buys else -1,
            float(shares), price, fees, after, lot.number, effect, market,
            self._words[order.order_type],
        )  # fmt: skip
        self.fills.append(Fill(symbol, row))
        if decided >= 0:
            outcome = self._outcome(self.placed[symbol][decided], order, fractional=fractional)
            self._settle(symbol, decided, self.placed[symbol][decided], now, outcome)

    def _closed(self, lots: deque[_Lot], trade: Any) -> _Lot:
        """Return the lot that a trade closed, or a part of it."""
        same = (lot for lot in lots if lot.date == trade.entry_date)
        lot = next(same, lots[0])
        if lot.shares < trade.shares:
            lot = next((other for other in same if other.shares >= trade.shares), lot)
        lot.shares -= trade.shares
        if lot.shares <= 0:
            lots.remove(lot)
        self.closed_by.append(lot.number)
        return lot

    def _outcome(self, placed: Placed, order: Any, *, fractional: bool) -> int:
        if order.id in self.short:
            return rows.SHORT_OF_CASH
        if placed.exits:
            return rows.FILLED
        wanted = placed.shares if fractional else int(placed.shares)
        return rows.FILLED if order.shares >= wanted else rows.PARTIALLY_FILLED

    # --- what became of signals --------------------------------------------------------------

    def _settle(self, symbol: str, placed_at: int, placed: Placed, bar: int, outcome: int) -> None:
        self._settled[symbol].add(placed_at)
        self.fates.append(Fate(symbol, placed.signal_seq, bar, outcome))

    def close(self, waiting: Any, delays: tuple[int, int]) -> None:
        """Say what became of all other signals, as the run has ended.

        Args:
            waiting: orders that still wait.
            delays: after how many bars the host buys, and sells.
        """
        pending = {(order.symbol, order.created) for order in waiting}
        for symbol, own in self.placed.items():
            for bar in own.keys() - self._settled[symbol]:
                key = (symbol, self._labels[symbol][bar])
                now, outcome = self._late(key, bar, own[bar], pending, max(delays))
                self._settle(symbol, bar, own[bar], now, outcome)
        self.fates.sort(key=lambda fate: fate.bar)

    def _late(
        self, key: tuple[str, Any], bar: int, placed: Placed, pending: Any, delay: int
    ) -> tuple[int, int]:
        symbol, last = key[0], len(self._labels[key[0]]) - 1
        if not placed.shares:
            return bar, rows.SIZED_TO_ZERO
        if (symbol, bar) in self._cancelled:
            return self._cancelled[symbol, bar], rows.CANCELLED
        if key in pending or bar + delay > last:
            return last, rows.END_OF_DATA
        if key in self._refusals:
            verdict, date = self._refusals[key]
            return self._bar(symbol, date), verdict
        return bar + delay, rows.NOTHING_TO_CLOSE if placed.exits else rows.UNPRICED

    def _bar(self, symbol: str, date: Any) -> int:
        if self._places is None:
            return int(np.searchsorted(self._labels[symbol], date))
        known = self._places.get(symbol)
        if known is None:
            known = {label: place for place, label in enumerate(self._labels[symbol])}
            self._places[symbol] = known
        return known[date]


def _last(found: Any, count: int) -> list[Any]:
    """Return the last items of a deque, in their order."""
    if count < 8:
        return [found[-number] for number in range(count, 0, -1)]
    return list(found)[-count:]


def _may_not_open(portfolio: Any, symbol: str, buys: bool) -> bool:
    """Say whether as many positions are open as may be, or none may be on this side."""
    mode, most, held = (
        (PositionMode.SHORT_ONLY, portfolio._max_long_positions, portfolio.long_positions)
        if buys
        else (PositionMode.LONG_ONLY, portfolio._max_short_positions, portfolio.short_positions)
    )
    full = most is not None and symbol not in held and len(held) >= most
    return bool(portfolio._position_mode == mode or full)
