"""A replay that brings positions to what was wanted, with market orders of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide

from capture_nautilus.amounts import real

if TYPE_CHECKING:
    from capture.contracts.replay import ReplaySource, Target
    from capture_nautilus.market import Series

__all__ = ["Targets"]


class Targets:
    """Brings each instrument to the targets of its bars."""

    def __init__(self, source: ReplaySource, strategy: Any, size: float | None) -> None:
        """Sort the targets by bar.

        Args:
            source: the recording.
            strategy: gives the orders.
            size: units of every order that has none recorded.
        """
        self._strategy = strategy
        self._size = size
        self._waiting: list[Any] = []
        self._due: dict[tuple[str, int], list[Target]] = {}
        for target in source.targets:
            place = (self._series(target.symbol).bar_type, int(target.bar_index or 0))
            self._due.setdefault(place, []).append(target)

    def _series(self, symbol: str | None) -> Series:
        found: dict[tuple[str, str], Series] = self._strategy.series
        for (name, _), series in found.items():
            if name == symbol:
                return series
        return next(iter(found.values()))

    def begin(self) -> None:
        """Subscribe to the bars that decide when something is wanted."""
        for bar_type in dict.fromkeys(kind for kind, _ in self._due):
            self._strategy.subscribe_bars(BarType.from_str(bar_type))

    def play(self, phase: str, bar: Any = None) -> None:
        """Bring an instrument that has a new bar to the targets of that bar."""
        if phase != "on_bar":
            return
        kind = str(bar.bar_type)
        series = self._strategy.market.of_type(kind)
        if series is None:
            return
        at = series.at(bar.ts_init)
        for target in self._due.get((kind, at), ()):
            self._strategy.reach(target.signal_seq, at, series.instrument_id)
            self._bring_to(target, series.instrument_id, real(bar.close))

    def _bring_to(self, target: Target, instrument_id: Any, price: float) -> None:
        coming, size, wanted = self._coming(instrument_id), target.size, target.direction
        unit = target.size_kind
        if unit == "target":
            goal = float(size or 0.0)
        elif unit == "value":
            goal = float(size or 0.0) / price
        elif unit == "target_fraction" or (unit == "fraction" and size is not None):
            share = float(size or 0.0) * (wanted if unit == "fraction" else 1)
            goal = share * self._worth(instrument_id) / price
        elif unit == "portion" and wanted:
            goal = coming * (size or 0.0)
        elif coming * wanted > 0:
            return
        else:
            self._turn(target, instrument_id, coming)
            return
        self._order(target, instrument_id, goal - coming)

    def _turn(self, target: Target, instrument_id: Any, coming: float) -> None:
        """Leave what is held on the other side, and enter on the wanted one."""
        if coming:
            self._order(target, instrument_id, -coming)
        if target.direction:
            units = target.size if target.size is not None else self._size
            self._order(target, instrument_id, target.direction * float(units or 0.0))

    def _order(self, target: Target, instrument_id: Any, units: float) -> None:
        strategy = self._strategy
        instrument = strategy.real_cache.instrument(instrument_id)
        if round(abs(units), instrument.size_precision) <= 0.0:
            return
        side = OrderSide.BUY if units > 0 else OrderSide.SELL
        quantity = instrument.make_qty(abs(units))
        order = strategy.order_factory.market(instrument_id, side, quantity)
        self._waiting.append(order)
        strategy.repeat(target.signal_seq)
        strategy.submit_order(order)

    def _coming(self, instrument_id: Any) -> float:
        """Return what will be held once the orders that wait are carried out."""
        self._waiting = [order for order in self._waiting if not order.is_closed]
        coming: float = self._strategy.holdings.of(instrument_id)
        for order in self._waiting:
            if order.instrument_id == instrument_id:
                left = real(order.leaves_qty)
                coming += left if order.side == OrderSide.BUY else -left
        return coming

    def _worth(self, instrument_id: Any) -> float:
        """Return what the account is worth that trades an instrument."""
        portfolio = self._strategy.real_portfolio
        instrument = self._strategy.real_cache.instrument(instrument_id)
        account = portfolio.account(instrument_id.venue)
        currency = account.base_currency or instrument.quote_currency
        balance = account.balance_total(currency)
        gained = portfolio.unrealized_pnl(instrument_id)
        worth: float = 0.0 if balance is None else real(balance)
        return worth + (0.0 if gained is None else real(gained))
