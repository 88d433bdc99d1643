"""The execution stage: what the bars do to the orders that wait, and to positions."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

from capture.errors import ConfigError
from capture.study.portfolio.arithmetic import SLACK
from capture_builtin.matching import left_at, reached
from capture_builtin.orders import Does

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture_builtin.bus import Event
    from capture_builtin.feeds import Feed
    from capture_builtin.orders import Order
    from capture_builtin.portfolio import Portfolio

__all__ = ["Execution"]


class Execution:
    """Carries out the orders of one portfolio on the bars of every symbol.

    On a bar it goes in this order: what is filled where the bar begins; protections of positions;
    what is filled when the price comes; protections of what came to be inside the bar. A bar that
    lacks a price fills nothing that needs it.
    """

    def __init__(self, portfolio: Portfolio, feeds: Sequence[Feed]) -> None:
        """Execute on these feeds, one per symbol in order of name."""
        self._portfolio = portfolio
        settings = portfolio.settings
        self._share = settings.participation
        self._lot = settings.lot
        self._on_close = settings.fill == "close"
        self._open = [feed.columns["open"].tolist() for feed in feeds]
        self._high = [feed.columns["high"].tolist() for feed in feeds]
        self._low = [feed.columns["low"].tolist() for feed in feeds]
        self._close = [feed.columns["close"].tolist() for feed in feeds]
        self._volume = []
        if self._share is not None:
            for feed in feeds:
                if "volume" not in feed.columns:
                    raise ConfigError(
                        "participation", self._share, f"the bars of {feed.symbol} have no volume"
                    )
                self._volume.append(np.nan_to_num(feed.columns["volume"]).tolist())
        self._used: dict[int, tuple[int, float]] = {}

    def busy(self, place: int) -> bool:
        """Say whether a bar of this symbol can do anything."""
        portfolio = self._portfolio
        return bool(portfolio.waiting[place]) or portfolio.protections.active(place)

    def on_order(self, event: Event) -> None:
        """Fill an order at the close of the bar that it was given on, if that is when it fills."""
        order: Order = event.payload
        order.event = event
        if not self._on_close or order.waits_for_price:
            return
        bar = order.intent.bar_index
        price = self._close[order.intent.place][bar]
        if price == price:  # otherwise it waits for one
            assert event.cause is not None and event.cause.cause is not None
            self._fill(order, event.cause.cause, bar, price)

    # --- on a bar ----------------------------------------------------------------------------

    def on_bar(self, place: int, bar: int, event_of: Callable[[], Event]) -> None:
        """Do what a bar does to the orders and the position of its symbol."""
        portfolio = self._portfolio
        event = event_of()
        self._expire(place, bar, event)
        waiting = portfolio.waiting[place]
        if waiting:
            self._at_beginning(list(waiting), place, bar, event)
        self._protect(place, bar, event, begun=True)
        held = portfolio.held[place]
        if waiting:
            self._when_reached(list(waiting), place, bar, event)
            if held == 0.0 and portfolio.held[place] != 0.0:
                self._protect(place, bar, event, begun=False)
            self._expire(place, bar + 1, event)
        high, low = self._high[place][bar], self._low[place][bar]
        if high == high and low == low:
            portfolio.protections.passed(place, high, low)

    def _expire(self, place: int, bar: int, event: Event) -> None:
        for order in list(self._portfolio.waiting[place]):
            if order.last_bar is not None and bar > order.last_bar:
                self._portfolio.expire(event, order)

    def _at_beginning(self, orders: Sequence[Order], place: int, bar: int, event: Event) -> None:
        opened = self._open[place][bar]
        for order in orders:
            if bar < order.first_bar or order not in self._portfolio.waiting[place]:
                continue
            if not order.waits_for_price:
                price = self._close[place][bar] if self._on_close else opened
                if price == price:
                    self._fill(order, event, bar, price)
                continue
            if opened == opened:
                price_at, triggered = reached(
                    self._side(order, place), opened, opened, opened, order.limit, order.stop
                )
                if triggered:
                    order.stop = None
                if price_at is not None:
                    self._fill(order, event, bar, price_at)

    def _when_reached(self, orders: Sequence[Order], place: int, bar: int, event: Event) -> None:
        opened, high, low = self._open[place][bar], self._high[place][bar], self._low[place][bar]
        if not (opened == opened and high == high and low == low):
            return
        for order in orders:
            if bar < order.first_bar or order not in self._portfolio.waiting[place]:
                continue
            if not order.waits_for_price:
                continue
            side = self._side(order, place)
            price, triggered = reached(side, opened, high, low, order.limit, order.stop)
            if triggered:
                order.stop = None  # from now on it is a market order, or a limit
            if price is not None:
                self._fill(order, event, bar, price)

    def _side(self, order: Order, place: int) -> float:
        portfolio = self._portfolio
        held = portfolio.held[place]
        if order.does is Does.OPEN:
            return 1.0 if order.units > 0.0 else -1.0
        if order.does is Does.CLOSE:
            return -1.0 if held > 0.0 else 1.0
        grows = order.units > abs(held)
        return (1.0 if held > 0.0 else -1.0) * (1.0 if grows else -1.0)

    def _protect(self, place: int, bar: int, event: Event, *, begun: bool) -> None:
        portfolio = self._portfolio
        held = portfolio.held[place]
        if held == 0.0 or not portfolio.protections.active(place):
            return
        opened, high, low = self._open[place][bar], self._high[place][bar], self._low[place][bar]
        if not (opened == opened and high == high and low == low):
            return
        side = 1.0 if held > 0.0 else -1.0
        found = left_at(side, opened, high, low, portfolio.protections.prices(place), begun=begun)
        if found is not None:
            portfolio.leave(place, event, bar, *found)

    # --- volume ------------------------------------------------------------------------------

    def _fill(self, order: Order, event: Event, bar: int, price: float) -> None:
        place = order.intent.place
        if self._share is None:
            self._portfolio.fill(order, event, bar, price, inf)
            return
        used = self._used.get(place, (-1, 0.0))
        taken = used[1] if used[0] == bar else 0.0
        most = self._volume[place][bar] * self._share - taken
        if self._lot > 0.0:
            most = float(np.floor(most / self._lot + SLACK)) * self._lot
        if most > 0.0:
            traded = self._portfolio.fill(order, event, bar, price, most)
            self._used[place] = (bar, taken + traded)
