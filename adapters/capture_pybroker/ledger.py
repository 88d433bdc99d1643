"""What became of orders, read where the host keeps it: fills, refusals, and what still waits."""

from __future__ import annotations

from collections import defaultdict, deque
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
from pybroker.common import PositionIntent, PositionMode, to_decimal

from capture.journal import NULL_INT
from capture_pybroker import rows
from capture_pybroker.lots import Fills, Lot
from capture_pybroker.settling import Filled, settle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Fate", "Ledger", "Placed", "Refused", "signed_position"]


def signed_position(portfolio: Any, symbol: str) -> float:
    """Return what is held of a symbol; the host holds it on one side alone."""
    held = portfolio.long_positions.get(symbol)
    if held is not None:
        return float(held.shares)
    held = portfolio.short_positions.get(symbol)
    return 0.0 if held is None else -float(held.shares)


_OPENS: Final = frozenset({PositionIntent.BUY_TO_OPEN.value, PositionIntent.SELL_TO_OPEN.value})

_ROUNDED: Final = Decimal("1e-20")
"""Shares that are so small a part of others are what was lost when those were reckoned."""

_MOST_RESTS: Final = 16
"""Lots of which nothing but a rounded rest may be held; the host closes such rests first."""

Placed: TypeAlias = tuple[int, bool, Any]
"""An intent that was recorded: its number, whether it only closes, and how many shares."""


class Fate(NamedTuple):
    """What became of a signal: the place of it in `rows.OUTCOMES`, and the bar.

    `ordered` says whether there is an order of it. A fill that is whole says it of its signal.
    """

    symbol: str
    signal_seq: int
    bar: int
    outcome: int
    ordered: bool = True


class Refused(NamedTuple):
    """An order that the portfolio was offered and did not take, at a date and a price."""

    symbol: str
    created: Any
    date: Any
    shares: Any
    fill_price: Any
    limit_price: Any


class Ledger:
    """Follows the host's lists of orders and trades, in which it finds the signals again.

    An order knows on which bar it was asked for; there is one order at most for a symbol and a bar.

    Attributes:
        placed: by symbol and bar, the intents that were recorded.
        short: numbers of orders that were filled in part.
        closed_by: the lot that each trade of the run closed, in the order of the trades.
        positions: by symbol, each date with a fill and the position after it.
        held: by symbol, what is held by now.
        lots: by symbol, of which lots.
        number: of the last lot.
        labels: of each symbol, the dates of its bars.
        words: the numbers that stand for words.
        effects: the words for a fill that opens, reduces or closes.
        settled: by symbol, bars of intents of which it is known what became of them.
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
        self.fills: list[Fills] = []
        self.fates: list[Fate] = []
        self.labels = labels
        self.words = words
        self.effects = (words["open"], words["reduce"], words["close"])
        self._refusals: dict[tuple[str, Any], tuple[int, Any]] = {}
        self._cancelled: dict[tuple[str, int], int] = {}
        self.settled: dict[str, set[int]] = defaultdict(set)
        self._orders, self._trades = len(portfolio.orders), len(portfolio.trades)
        self.number = portfolio._entry_id
        self.lots: dict[str, deque[Lot]] = defaultdict(deque)
        self._rests: dict[str, deque[Lot]] = defaultdict(lambda: deque(maxlen=_MOST_RESTS))
        self.held: dict[str, Any] = {}
        for side, sign in ((portfolio.long_positions, 1), (portfolio.short_positions, -1)):
            for symbol, position in side.items():
                self.held[symbol] = position.shares * sign
                self.lots[symbol].extend(
                    Lot(entry.id, entry.date, entry.shares, NULL_INT) for entry in position.entries
                )

    # --- what is heard -----------------------------------------------------------------------

    def refused(self, portfolio: Any, buys: bool, order: Refused) -> None:
        """Take note of why the portfolio filled nothing."""
        price, limit, symbol = order.fill_price, order.limit_price, order.symbol
        if limit is not None and (limit < price if buys else limit > price):
            verdict = rows.EXPIRED
        elif order.shares == 0:
            verdict = rows.SIZED_TO_ZERO
        elif _may_not_open(portfolio, symbol, buys):
            verdict = rows.LIMITED
        else:
            margin = portfolio._leverage > 1
            verdict = rows.INSUFFICIENT_MARGIN if margin else rows.INSUFFICIENT_CASH
        self._refusals[symbol, order.created] = (verdict, order.date)
        if limit is None and symbol in self.labels:  # it is tried but once
            bar = self._bar(symbol, order.created)
            placed = self.placed[symbol].get(bar)
            if placed is not None:
                self._settle(symbol, bar, placed, self._bar(symbol, order.date), verdict)

    def cancelled(self, symbol: str, created: Any, bar: int) -> None:
        """Take note that the strategy took an order back."""
        self._cancelled[symbol, self._bar(symbol, created)] = bar

    # --- what is read ------------------------------------------------------------------------

    def attend(self, portfolio: Any) -> None:
        """Read what the host has filled since the last time."""
        orders, trades = portfolio.orders, portfolio.trades
        new = len(orders) - self._orders
        if not new:
            return
        filled, shut = _last(orders, new), _last(trades, len(trades) - self._trades)
        self._orders, self._trades = len(orders), len(trades)
        fractional, closed = portfolio._enable_fractional_shares, deque(shut)
        bars: Iterator[tuple[int, int]]
        if self._places is None:
            read = Filled(filled, self.labels)
            if settle(self, read, shut, fractional=fractional):
                return
            bars = zip(read.now.tolist(), read.made.tolist(), strict=True)
        else:
            bars = ((self._bar(o.symbol, o.date), self._bar(o.symbol, o.created)) for o in filled)
        for order, (now, made) in zip(filled, bars, strict=True):
            self._fill(order, now, made, closed, fractional=fractional)

    def _fill(
        self, order: Any, now: int, made: int, closed: deque[Any], *, fractional: bool
    ) -> None:
        """Read a fill on a bar, of an order that was made on another."""
        symbol, buys = order.symbol, order.type == "buy"
        lot, covered = self._closing(order, closed)
        opened = order.shares - covered if order.intent in _OPENS else 0
        # What is left of a position whose last lot was closed is what was rounded.
        held = self.held.get(symbol, 0) if self.lots[symbol] else 0
        if held:
            held += covered if buys else -covered
        self.held[symbol] = position = held + opened if buys else held - opened
        placed = self.placed[symbol].get(made) if made >= 0 else None
        signal = NULL_INT
        if placed is not None:
            signal = placed[0]
        elif lot is not None and order.created is None and order.order_type != "market":
            signal = lot.signal  # a stop of that lot
        if opened > 0:
            self.number += 1
            lot = Lot(self.number, order.date, opened, signal)
            self.lots[symbol].append(lot)
        if now < 0:  # of an execution that is not recorded
            return
        assert lot is not None
        after = float(position)
        self.positions[symbol].append((order.date, after))
        whole = placed is not None and self.whole(placed, made, order, now, fractional=fractional)
        price, fees = float(order.fill_price), order.fees
        market = price if order.market_price is order.fill_price else float(order.market_price)
        row = (
            signal, NULL_INT if signal < 0 else signal + 1, now,
            NULL_INT if placed is None else made, 1 if buys else -1, float(order.shares), price,
            float(fees) if fees else 0.0, after, lot.number,
            self.effects[0 if opened > 0 else 1 if lot.shares > 0 else 2], market,
            self.words[order.order_type],
        )  # fmt: skip
        self.fills.append(Fills(symbol, whole, row))

    def _closing(self, order: Any, closed: deque[Any]) -> tuple[Lot | None, Any]:
        """Return the last lot that an order closed, and how many of its shares closed one.

        Shares have 28 digits, so that parts of them need not add up to what was wanted; the host
        keeps what is left over, and closes it some time later.
        """
        lot, covered, least = None, Decimal(), order.shares * _ROUNDED
        while closed and _closed_by(closed[0], order):
            shares = closed[0].shares
            if shares > least and order.shares - covered <= least:  # of the next order
                break
            found, covered = self._closed(order.symbol, closed.popleft()), covered + shares
            if lot is None or shares > least:
                lot = found
        return lot, covered

    def _closed(self, symbol: str, trade: Any) -> Lot:
        """Return the lot that a trade closed, or a part of it."""
        lots, rests = self.lots[symbol], self._rests[symbol]
        shares, date = trade.shares, trade.entry_date
        lot = lots[0] if lots else None
        # Dates are slow to compare.
        same = lot is not None and (lot.date is date or lot.date == date)
        if lot is None or not same or lot.shares < shares:
            mine = [each for each in (*lots, *rests) if each.date == date]
            every = (*mine, *lots, Lot(self.number, date, shares, NULL_INT))
            lot = next((each for each in mine if each.shares >= shares), every[0])
        lot.shares -= shares
        if lot.shares <= shares * _ROUNDED:
            if lot in lots:
                lots.remove(lot)
                rests.append(lot)
            elif lot in rests:
                rests.remove(lot)
        self.closed_by.append(lot.number)
        return lot

    def whole(self, placed: Placed, made: int, order: Any, bar: int, *, fractional: bool) -> bool:
        """Say whether a fill is all that was wanted; else keep what became of the signal."""
        _, exits, shares = placed
        if order.id in self.short:
            outcome = rows.SHORT_OF_CASH
        elif exits or order.shares >= to_decimal(shares if fractional else int(shares)):
            self.settled[order.symbol].add(made)
            return True
        else:
            outcome = rows.PARTIALLY_FILLED
        self._settle(order.symbol, made, placed, bar, outcome)
        return False

    # --- what became of signals --------------------------------------------------------------

    def _settle(self, symbol: str, placed_at: int, placed: Placed, bar: int, outcome: int) -> None:
        self.settled[symbol].add(placed_at)
        self.fates.append(Fate(symbol, placed[0], bar, outcome))

    def close(self, waiting: Any, delays: tuple[int, int]) -> None:
        """Say what became of all other signals, as the run has ended.

        Args:
            waiting: orders that still wait.
            delays: after how many bars the host buys, and sells.
        """
        pending = {(order.symbol, order.created) for order in waiting}
        for symbol, own in self.placed.items():
            for bar in own.keys() - self.settled[symbol]:
                key = (symbol, self.labels[symbol][bar])
                now, outcome = self._late(key, bar, own[bar], pending, max(delays))
                self._settle(symbol, bar, own[bar], now, outcome)
        self.fates.sort(key=lambda fate: fate.bar)

    def _late(
        self, key: tuple[str, Any], bar: int, placed: Placed, pending: Any, delay: int
    ) -> tuple[int, int]:
        symbol, last = key[0], len(self.labels[key[0]]) - 1
        _, exits, shares = placed
        if not shares:
            return bar, rows.SIZED_TO_ZERO
        if (symbol, bar) in self._cancelled:
            return self._cancelled[symbol, bar], rows.CANCELLED
        if key in pending or bar + delay > last:
            return last, rows.END_OF_DATA
        if key in self._refusals:
            verdict, date = self._refusals[key]
            return self._bar(symbol, date), verdict
        return bar + delay, rows.NOTHING_TO_CLOSE if exits else rows.UNPRICED

    def _bar(self, symbol: str, date: Any) -> int:
        """Return the bar of a date; -1 where there is none, or the symbol is not recorded."""
        if date is None or symbol not in self.labels:
            return -1
        if self._places is None:
            return int(np.searchsorted(self.labels[symbol], date))
        known = self._places.get(symbol)
        if known is None:
            known = {label: place for place, label in enumerate(self.labels[symbol])}
            self._places[symbol] = known
        return known[date]


def _last(found: Any, count: int) -> list[Any]:
    """Return the last items of a deque, in their order."""
    if count < 8:
        return [found[-number] for number in range(count, 0, -1)]
    return list(found)[-count:]


def _closed_by(trade: Any, order: Any) -> bool:
    """Say whether an order may have closed a trade, which stand in the order of their closing."""
    return bool(
        trade.symbol == order.symbol
        and (trade.exit_date is order.date or trade.exit_date == order.date)
        and trade.exit == order.fill_price
        and trade.type == ("short" if order.type == "buy" else "long")
    )


def _may_not_open(portfolio: Any, symbol: str, buys: bool) -> bool:
    """Say whether as many positions are open as may be, or none may be on this side."""
    mode, most, held = (
        (PositionMode.SHORT_ONLY, portfolio._max_long_positions, portfolio.long_positions)
        if buys
        else (PositionMode.LONG_ONLY, portfolio._max_short_positions, portfolio.short_positions)
    )
    full = most is not None and symbol not in held and len(held) >= most
    return bool(portfolio._position_mode == mode or full)
