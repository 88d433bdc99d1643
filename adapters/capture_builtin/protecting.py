"""Where positions are left without a signal: stop-loss, take-profit, and what trails the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture_builtin.matching import Protection

if TYPE_CHECKING:
    from capture.study.portfolio.settings import PortfolioSettings
    from capture_builtin.orders import Order

__all__ = ["Protections"]


class _Position:
    """What protects one position."""

    __slots__ = ("best", "order", "price", "side", "stop_loss", "take_profit", "trail", "units")

    def __init__(self, side: float, price: float, units: float) -> None:
        self.side = side
        self.price = price
        self.units = units
        self.best = price
        self.order: Order | None = None
        self.stop_loss: float | None = None
        self.take_profit: float | None = None
        self.trail: float | None = None


class Protections:
    """Knows the protections of every symbol: the portfolio's own, and those of signals.

    Where both say one, the nearer counts. The portfolio's are fractions of the mean entry price.
    """

    def __init__(self, settings: PortfolioSettings, symbols: int) -> None:
        """Protect nothing yet."""
        self._loss = settings.stop_loss
        self._profit = settings.take_profit
        self._trailing = settings.trailing_stop
        self._always = any(v is not None for v in (self._loss, self._profit, self._trailing))
        self._positions: list[_Position | None] = [None] * symbols

    def order(self, place: int) -> Order:
        """Return the order that opened the position."""
        position = self._positions[place]
        assert position is not None and position.order is not None
        return position.order

    def active(self, place: int) -> bool:
        """Say whether there is a position to be watched."""
        return self._positions[place] is not None

    def traded(
        self,
        place: int,
        before: float,
        units: float,
        price: float,
        held: float,
        order: Order | None,
    ) -> None:
        """Take a fill: a position begins, grows, or shrinks.

        Args:
            place: number of the symbol.
            before: units held before it.
            units: what was traded.
            price: at what price.
            held: units held now.
            order: whose prices count; None where those of signals do not.
        """
        if held == 0.0:
            return
        side = 1.0 if held > 0.0 else -1.0
        position = self._positions[place]
        signal = None if order is None else order.intent.signal
        own = signal is not None and not (
            signal.stop_loss is None and signal.take_profit is None and signal.trail is None
        )
        if position is None or position.side != side:
            if not (self._always or own):
                self._positions[place] = None
                return
            position = self._positions[place] = _Position(side, price, abs(held))
        elif before * units > 0.0:
            total = position.units + abs(units)
            position.price = (position.price * position.units + price * abs(units)) / total
            position.units = total
        if signal is not None and own and units * side > 0.0:
            position.stop_loss = signal.stop_loss
            position.take_profit = signal.take_profit
            position.trail = signal.trail

    def entered(self, place: int, order: Order, held: float) -> None:
        """Remember the order that opened a position; forget one that is over."""
        position = self._positions[place]
        if held == 0.0:
            self._positions[place] = None
        elif position is not None and position.order is None:
            position.order = order

    def prices(self, place: int) -> Protection:
        """Return where the position is left."""
        position = self._positions[place]
        assert position is not None
        side, price = position.side, position.price
        stop, take, trail = position.stop_loss, position.take_profit, None
        if self._loss is not None:
            own = price * (1.0 - side * self._loss)
            stop = own if stop is None or (own - stop) * side > 0.0 else stop
        if self._profit is not None:
            own = price * (1.0 + side * self._profit)
            take = own if take is None or (take - own) * side > 0.0 else take
        if position.trail is not None:
            trail = position.best - side * position.trail
        if self._trailing is not None:
            own = position.best * (1.0 - side * self._trailing)
            trail = own if trail is None or (own - trail) * side > 0.0 else trail
        return Protection(stop, take, trail)

    def passed(self, place: int, high: float, low: float) -> None:
        """Take the best price of a bar that is over."""
        position = self._positions[place]
        if position is None:
            return
        if position.side > 0.0:
            position.best = max(position.best, high)
        else:
            position.best = min(position.best, low)
