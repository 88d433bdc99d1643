"""What the broker filled, and the trades that fills begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np

from capture.journal import NULL_INT
from capture_backtrader.placed import Placed, Traded
from capture_backtrader.settling import read

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from capture.recorder.channel import Channel
    from capture_backtrader.ear import Ear
    from capture_backtrader.feeds import Feed
    from capture_backtrader.settling import Fills

__all__ = ["Trading"]

_NOBODY: Final[Any] = Placed(None, cast("Feed", None), NULL_INT, NULL_INT, NULL_INT)
"""Stands where no call of the strategy's led to a fill."""


class _Account(NamedTuple):
    """What fills of a feed and of one of the host's trade numbers need.

    Attributes:
        feed: the data feed.
        key: the feed's number, and that of the trade.
        channel: takes fills.
        moves: takes bar and position, where somebody wants the position at every bar.
        effects: the words for what a fill does to a trade: opens, reduces, closes it.
        data: the host's own.
    """

    feed: Feed
    key: tuple[int, Any]
    channel: Channel
    moves: array[float] | None
    effects: tuple[int, int, int]
    data: Any


class Trading:
    """Records the fills of one strategy."""

    def __init__(self, ear: Ear) -> None:
        """Record for an ear."""
        self._ear = ear
        self._accounts: dict[tuple[int, Any], _Account] = {}
        self._trades: dict[tuple[int, Any], Traded] = {}
        self._counts: dict[tuple[int, Any], int] = {}

    def heard(self, order: Any, placed: Placed | None) -> None:
        """Record what a notification says was filled."""
        account = self._account_of(order)
        bar, write = account.feed.clock.lencount - 1, account.channel.append
        known = placed or _NOBODY
        said = known.signal_seq, known.order_seq, bar, known.bar
        for bit in order.executed.iterpending():
            self._piece(account, said, bit, write)

    def settle(
        self,
        pieces: Sequence[Any],
        signals: NDArray[np.int64],
        orders: NDArray[np.int64],
        bars: NDArray[np.int64],
        decided: NDArray[np.int64],
    ) -> None:
        """Record many pieces of fills, in order; all orders are of one feed and trade number.

        Args:
            pieces: what the host says of each.
            signals: number of the signal of each.
            orders: number of the order of each.
            bars: bar of each.
            decided: bar of the intent of each.
        """
        account = self._account_of(next(iter(self._ear.outcomes.placed.values())).order)
        open_ = self._trades.get(account.key)
        numbers = signals, orders, bars, decided
        fills = read(pieces, numbers, 0.0 if open_ is None else open_.held)
        if fills is not None:
            self._write(account, fills, bars)
            return
        rows: list[tuple[Any, ...]] = []
        for piece, *said in zip(pieces, *(column.tolist() for column in numbers), strict=True):
            self._piece(account, said, piece, lambda *values: rows.append(values))
        if rows:
            account.channel.extend(list(zip(*rows, strict=True)))

    def _write(self, account: _Account, fills: Fills, bars: NDArray[np.int64]) -> None:
        """Record fills that were read, and the trades that they begin and end."""
        open_ = self._trades.get(account.key)
        trades = [open_] if open_ is not None and open_.held else []
        if len(fills.trade):
            trades += self._begun(account, int(fills.trade[-1]) + 1 - len(trades))
            fills.put(trades)
            self._trades[account.key] = trades[-1]
            numbers = np.array([traded.number for traded in trades])[fills.trade]
            opens, reduces, shuts = account.effects
            effects = np.where(fills.closes, np.where(fills.held != 0, reduces, shuts), opens)
            account.channel.extend([*fills.columns, numbers, effects])
        if account.moves is not None:
            account.moves.frombytes(np.stack((bars, fills.positions), 1).tobytes())

    def _account_of(self, order: Any) -> _Account:
        """Return what fills of an order need: it is looked up but once per feed."""
        given = order.p
        data, trade_id = given.data, given.tradeid
        if data._compensate is not None:
            data = data._compensate
        account = self._accounts.get((id(data), trade_id))
        if account is None:
            account = self._accounts[id(data), trade_id] = self._account(data, trade_id)
        return account

    def _piece(
        self, account: _Account, said: Sequence[int], bit: Any, write: Callable[..., Any]
    ) -> None:
        """Record a piece of a fill, of signal and order with these numbers, and its bars."""
        signal, number, bar, decided = said
        opens, reduces, closes = account.effects
        # The host reckons before it looks for the cash: where it closed and had none to open
        # the rest, it says a position on the other side that it never had.
        closed, opened, price, position = bit.closed, bit.opened, bit.price, float(bit.psize)
        if closed:
            if not opened and position * bit.size > 0:
                position = 0.0
            traded = self._held(account)
            units = abs(closed)
            traded.held += closed
            traded.left += units
            traded.proceeds += units * price
            traded.ended = bar
            write(
                signal, number, bar, decided, 1 if closed > 0 else -1, units, price,
                bit.closedcomm, position - opened, traded.number,
                reduces if traded.held else closes,
            )  # fmt: skip
        if opened:
            traded = self._held(account)
            traded.held += opened
            traded.units += opened
            if traded.began < 0:
                traded.began = bar
            write(
                signal, number, bar, decided, 1 if opened > 0 else -1, abs(opened), price,
                bit.openedcomm, position, traded.number, opens,
            )  # fmt: skip
        if account.moves is not None:
            account.moves.extend((bar, position))

    def _held(self, account: _Account) -> Traded:
        """Return the trade that is open; a new one if there is none."""
        traded = self._trades.get(account.key)
        if traded is None or not traded.held:
            [traded] = self._begun(account)
            self._trades[account.key] = traded
        return traded

    def _account(self, data: Any, trade_id: Any) -> _Account:
        """Return what fills of a feed need, by the host's number of a trade."""
        session, writer = self._ear.session, self._ear.writer
        assert session is not None and writer is not None
        feed = session.feed_of(data)
        moves = None if feed.index else session.moves
        key = (feed.index, trade_id)
        return _Account(feed, key, writer.channels(feed).fill, moves, writer.effects, data)

    def _begun(self, account: _Account, count: int = 1) -> list[Traded]:
        """Return the first trades of the host's that are not known yet."""
        ear, session, key = self._ear, self._ear.session, account.key
        assert session is not None
        trades, of_host = session.trades, ear.strategy._trades[account.data][key[1]]
        place, feed, begun = self._counts.get(key, 0), account.feed, []
        for number in range(len(trades) + 1, len(trades) + 1 + count):
            while place < len(of_host) and of_host[place].ref in trades:
                place += 1
            trade = of_host[place] if place < len(of_host) else None
            traded = Traded(trade, number, feed, ear.strategy_id)
            trades[-number if trade is None else trade.ref] = traded
            begun.append(traded)
        self._counts[key] = place
        return begun
