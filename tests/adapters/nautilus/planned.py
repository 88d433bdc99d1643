"""Strategies of NautilusTrader that do what a plan says, and at which callback."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from msgspec import field
from nautilus_trader.model.data import Bar
from nautilus_trader.model.enums import OrderType, TimeInForce, TrailingOffsetType

from tests.adapters.nautilus.strategies import BUY, SELL, Config, Counting

__all__ = ["Act", "Looking", "Plan", "Planned", "PlannedConfig", "Told"]

Act = tuple[str, dict[str, Any]]
Plan = dict[str, list[Act]]
"""What is done at which call of which callback, such as "bar 3"."""

_FIRST: Final = {"GOOG": 100.0, "EUR/USD": 1.07}
"""About what is paid before the first bar."""


class PlannedConfig(Config, frozen=True):
    """What is done when."""

    plan: Plan = field(default_factory=dict)


class Planned(Counting):
    """Does in each callback what its plan says, and never looks at its portfolio."""

    def __init__(self, config: PlannedConfig) -> None:
        super().__init__(config)
        self.on_reset()

    def on_reset(self) -> None:
        self.times: dict[str, int] = {}
        self.placed: list[Any] = []
        self.here = self.instrument_id
        self.close: float | None = None

    def on_start(self) -> None:
        super().on_start()
        self.act("start")

    def on_stop(self) -> None:
        self.act("stop")

    def on_bar(self, bar: Bar) -> None:
        self.here, self.close = bar.bar_type.instrument_id, bar.close.as_double()
        self.act("bar")

    def on_ring(self, _: Any) -> None:
        self.act("ring")

    def act(self, callback: str) -> None:
        """Do what is planned."""
        number = self.times[callback] = self.times.get(callback, 0) + 1
        for name, words in self.config.plan.get(f"{callback} {number}", ()):
            getattr(self, f"do_{name}")(**words)

    # --- what the words of a plan are in this run ----------------------------------------------

    def near(self, share: float) -> Any:
        close = _FIRST[self.here.symbol.value] if self.close is None else self.close
        return self.cache.instrument(self.here).make_price(close * share)

    def units(self, size: int) -> Any:
        return self.cache.instrument(self.here).make_qty(size)

    def side(self, side: str) -> Any:
        return BUY if side == "buy" else SELL

    def later(self, hours: int) -> Any:
        return self.clock.utc_now() + timedelta(hours=hours)

    def mine(self, which: int) -> Any:
        return self.placed[which % len(self.placed)] if self.placed else None

    def made(self, kind: str, side: str, size: int, **words: Any) -> Any:
        given = {
            name: self.near(share)
            for name in ("price", "trigger_price", "activation_price")
            if (share := words.pop(name, None)) is not None
        }
        if (offset := words.pop("trailing_offset", None)) is not None:
            given["trailing_offset"] = Decimal(str(offset))
            given["trailing_offset_type"] = TrailingOffsetType.PRICE
            if kind.endswith("limit"):
                given["limit_offset"] = Decimal(str(offset))
        if (hours := words.pop("expires", None)) is not None:
            given |= {"time_in_force": TimeInForce.GTD, "expire_time": self.later(hours)}
        make = getattr(self.order_factory, kind)
        return make(self.here, self.side(side), self.units(size), **given, **words)

    # --- acts ----------------------------------------------------------------------------------

    def do_order(self, kind: str, side: str, size: int, **words: Any) -> None:
        order = self.made(kind, side, size, **words)
        self.placed.append(order)
        self.submit_order(order)

    def do_list(self, orders: list[dict[str, Any]]) -> None:
        made = [self.made(**words) for words in orders]
        self.placed.extend(made)
        self.submit_order_list(self.order_factory.create_list(made))

    def do_bracket(self, side: str, size: int, entry: str, near: float, width: float) -> None:
        up = 1 if side == "buy" else -1
        given: dict[str, Any] = {
            "sl_trigger_price": self.near(near - up * width),
            "tp_price": self.near(near + up * width),
            "entry_order_type": OrderType[entry],
        }
        if entry in {"LIMIT", "LIMIT_IF_TOUCHED"}:
            given["entry_price"] = self.near(near)
        if entry in {"MARKET_IF_TOUCHED", "LIMIT_IF_TOUCHED"}:
            given["entry_trigger_price"] = self.near(near)
        factory = self.order_factory
        orders = factory.bracket(self.here, self.side(side), self.units(size), **given)
        self.placed.extend(orders.orders)
        self.submit_order_list(orders)

    def do_again(self, which: int) -> None:
        if order := self.mine(which):
            try:
                self.submit_order(order)
            except ValueError:
                self.log.info("the host refuses to be given an order twice")

    def do_twin(self, which: int, side: str, size: int) -> None:
        if order := self.mine(which):
            # It is not kept: calls name orders in the recording, and two would have this name.
            name = order.client_order_id
            self.submit_order(self.made("market", side, size, client_order_id=name))

    def do_cancel(self, which: int) -> None:
        if order := self.mine(which):
            self.cancel_order(order)

    def do_cancel_some(self, which: int) -> None:
        orders = [each for each in self.placed if each.instrument_id == self.here][which:]
        if orders:
            self.cancel_orders(orders)

    def do_cancel_all(self, side: str | None) -> None:
        given = {} if side is None else {"order_side": self.side(side)}
        self.cancel_all_orders(self.here, **given)

    def do_edit(self, which: int, size: int | None, **shares: float) -> None:
        if order := self.mine(which):
            given = {name: self.near(share) for name, share in shares.items()}
            if size is not None:
                given["quantity"] = self.units(size)
            try:
                self.modify_order(order, **given)
            except ValueError:
                self.log.info("the host refuses an edit of what the order has not")

    def do_close_all(self, **words: Any) -> None:
        self.close_all_positions(self.here, **words)

    def do_timer(self, name: str, hours: int) -> None:
        if name not in self.clock.timer_names:
            self.clock.set_timer(name, timedelta(hours=hours), callback=self.on_ring)

    def do_alert(self, name: str, hours: int) -> None:
        if name not in self.clock.timer_names:
            self.clock.set_time_alert(name, self.later(hours), callback=self.on_ring)

    def do_stop_timer(self, name: str) -> None:
        if name in self.clock.timer_names:
            self.clock.cancel_timer(name)


class Looking(Planned):
    """Looks at its portfolio, too."""

    def do_look(self, at: str) -> None:
        if at == "portfolio":
            self.portfolio.account(self.here.venue).balances_free()
            self.portfolio.net_position(self.here)
        else:
            getattr(self.cache, at)()

    def do_if_flat(self, side: str, size: int) -> None:
        if self.portfolio.is_flat(self.here):
            self.do_order("market", side, size)

    def do_if_open(self, which: int) -> None:
        if (order := self.mine(which)) and order.is_open:
            self.cancel_order(order)

    def do_cancel_open(self, which: int) -> None:
        if orders := self.cache.orders_open(instrument_id=self.here, strategy_id=self.id):
            orders.sort(key=lambda order: order.client_order_id.value)
            self.cancel_order(orders[which % len(orders)])

    def do_close_one(self, which: int, **words: Any) -> None:
        if held := self.cache.positions_open(strategy_id=self.id):
            held.sort(key=lambda position: position.id.value)
            self.close_position(held[which % len(held)], **words)

    def do_reduce(self, which: int, size: int) -> None:
        if held := self.cache.positions_open(instrument_id=self.here, strategy_id=self.id):
            held.sort(key=lambda position: position.id.value)
            position = held[which % len(held)]
            order = self.order_factory.market(
                self.here, SELL if position.is_long else BUY, self.units(size), reduce_only=True
            )
            self.placed.append(order)
            self.submit_order(order, position_id=position.id)


class Told(Looking):
    """Acts on what it is told of its orders and positions, too."""

    def on_order_accepted(self, _: Any) -> None:
        self.act("accepted")

    def on_order_canceled(self, _: Any) -> None:
        self.act("cancelled")

    def on_order_rejected(self, _: Any) -> None:
        self.act("rejected")

    def on_order_denied(self, _: Any) -> None:
        self.act("denied")

    def on_order_filled(self, _: Any) -> None:
        self.act("filled")

    def on_position_opened(self, _: Any) -> None:
        self.act("opened")

    def on_position_closed(self, _: Any) -> None:
        self.act("closed")

    def on_event(self, _: Any) -> None:
        self.act("event")
