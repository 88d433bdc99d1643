"""Strategies of NautilusTrader: easy ones, and ones that are hard on whoever records them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
from nautilus_trader.config import StrategyConfig
from nautilus_trader.indicators import (
    AverageTrueRange,
    BollingerBands,
    Indicator,
    SimpleMovingAverage,
)
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide, TimeInForce, TrailingOffsetType
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

import capture

__all__ = ["USD"]

BUY, SELL = OrderSide.BUY, OrderSide.SELL


class Config(StrategyConfig, frozen=True):
    """Which bars, how fast, how much."""

    bar_types: tuple[str, ...] = ("GOOG.XNAS-1-DAY-LAST-EXTERNAL",)
    fast: int = 5
    slow: int = 15
    size: int = 100
    pace: int = 10


class Counting(Strategy):
    """Subscribes, counts its bars, and has short words for orders."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.types = [BarType.from_str(text) for text in config.bar_types]
        self.count = 0

    @property
    def instrument_id(self) -> Any:
        return self.types[0].instrument_id

    def on_start(self) -> None:
        self.instrument = self.cache.instrument(self.instrument_id)
        for kind in self.types:
            self.subscribe_bars(kind)

    def on_stop(self) -> None:
        self.cancel_all_orders(self.instrument_id)
        self.close_all_positions(self.instrument_id)

    def on_reset(self) -> None:
        self.count = 0

    def size(self, times: int = 1) -> Quantity:
        return self.instrument.make_qty(self.config.size * times)

    def market(self, side: OrderSide, times: int = 1, **more: Any) -> Any:
        order = self.order_factory.market(self.instrument_id, side, self.size(times), **more)
        self.submit_order(order)
        return order

    def price(self, bar: Any, share: float) -> Any:
        return self.instrument.make_price(bar.close.as_double() * share)


class SmaCross(Counting):
    """Turns round at a cross."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(config.fast)
        self.slow = SimpleMovingAverage(config.slow)
        self.above: bool | None = None

    def on_start(self) -> None:
        super().on_start()
        self.register_indicator_for_bars(self.types[0], self.fast)
        self.register_indicator_for_bars(self.types[0], self.slow)

    def on_bar(self, bar: Any) -> None:
        if not self.slow.initialized:
            return
        above = self.fast.value > self.slow.value
        if self.above is not None and above != self.above:
            self.close_all_positions(self.instrument_id)
            self.market(BUY if above else SELL)
        self.above = above


class Momentum(Indicator):
    """An indicator of the user's own, in Python."""

    def __init__(self, period: int) -> None:
        super().__init__([period])
        self.period = period
        self.value = 0.0
        self.closes: list[float] = []

    def handle_bar(self, bar: Any) -> None:
        self.closes.append(bar.close.as_double())
        if len(self.closes) > self.period:
            self.value = self.closes[-1] - self.closes[-1 - self.period]
            self._set_initialized(True)


class Banded(Counting):
    """Has indicators with several values, one of its own, and registers one late."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.bands = BollingerBands(config.slow, 1.5)
        self.range = AverageTrueRange(config.fast)
        self.own = Momentum(3)

    def on_start(self) -> None:
        super().on_start()
        self.register_indicator_for_bars(self.types[0], self.bands)
        self.register_indicator_for_bars(self.types[0], self.own)

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 60:
            self.register_indicator_for_bars(self.types[0], self.range)
        if not self.bands.initialized:
            return
        close = bar.close.as_double()
        if close > self.bands.upper and self.own.value > 0:
            self.market(SELL, tags=["above"])
        elif close < self.bands.lower:
            self.market(BUY, tags=["below", "band"])


class Brackets(Counting):
    """An entry with a stop and a target, as one list; some entries wait at a limit."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count % self.config.pace:
            return
        turn = self.count // self.config.pace
        side = BUY if turn % 2 else SELL
        above, below = self.price(bar, 1.04), self.price(bar, 0.96)
        given: dict[str, Any] = {
            "sl_trigger_price": below if side == BUY else above,
            "tp_price": above if side == BUY else below,
        }
        if turn % 3 == 0:
            given |= {
                "entry_price": self.price(bar, 0.99 if side == BUY else 1.01),
                "entry_order_type": 2,
            }
        orders = self.order_factory.bracket(self.instrument_id, side, self.size(), **given)
        self.submit_order_list(orders)
        if turn % 4 == 0:
            self.cancel_all_orders(self.instrument_id)


class Nasty(Counting):
    """Limits, stops, trailing stops, edits, cancels, partial closes, orders whose time runs out."""

    def on_start(self) -> None:
        super().on_start()
        self.resting: list[Any] = []

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        act = getattr(self, f"step_{self.count % 23}", None)
        if act is not None:
            act(bar)

    def step_1(self, _: Any) -> None:
        self.market(BUY, 3)

    def step_3(self, bar: Any) -> None:
        stop = self.order_factory.stop_market(
            self.instrument_id, SELL, self.size(), self.price(bar, 0.97), reduce_only=True
        )
        self.resting.append(stop)
        self.submit_order(stop)

    def step_4(self, bar: Any) -> None:
        self.modify_order(self.resting[-1], trigger_price=self.price(bar, 0.985))

    def step_5(self, bar: Any) -> None:
        self.submit_order(
            self.order_factory.trailing_stop_market(
                self.instrument_id,
                SELL,
                self.size(),
                trigger_price=self.price(bar, 0.95),
                trailing_offset=Decimal("3.0"),
                trailing_offset_type=TrailingOffsetType.PRICE,
                reduce_only=True,
            )
        )

    def step_7(self, _: Any) -> None:
        self.market(SELL, reduce_only=True)

    def step_9(self, bar: Any) -> None:
        now = pd.Timestamp(self.clock.timestamp_ns(), unit="ns", tz="UTC")
        self.submit_order(
            self.order_factory.limit(
                self.instrument_id,
                BUY,
                self.size(),
                self.price(bar, 0.9),
                time_in_force=TimeInForce.GTD,
                expire_time=now + timedelta(days=6),
            )
        )

    def step_11(self, bar: Any) -> None:
        factory, mine = self.order_factory, self.instrument_id
        near = factory.limit(mine, BUY, self.size(2), self.price(bar, 0.98))
        trigger = self.price(bar, 1.03)
        far = factory.stop_limit(mine, BUY, self.size(), self.price(bar, 1.05), trigger)
        for order in (near, far):
            self.resting.append(order)
            self.submit_order(order)

    def step_13(self, bar: Any) -> None:
        self.modify_order(self.resting[-2], quantity=self.size(3), price=self.price(bar, 0.99))

    def step_15(self, _: Any) -> None:
        self.cancel_order(self.resting[-2])

    def step_16(self, bar: Any) -> None:
        for share in (1.2, 1.3):
            price = self.price(bar, share)
            order = self.order_factory.limit(self.instrument_id, SELL, self.size(), price)
            self.resting.append(order)
            self.submit_order(order)

    def step_18(self, _: Any) -> None:
        self.cancel_orders(self.resting[-2:])

    def step_20(self, _: Any) -> None:
        self.cancel_all_orders(self.instrument_id)
        self.close_all_positions(self.instrument_id)


class Reacting(Counting):
    """Orders from what it is told of its orders and positions."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        self.last = bar
        if self.count % self.config.pace == 0:
            self.market(BUY if self.count % 3 else SELL)

    def on_order_filled(self, event: Any) -> None:
        if self.count % 4 == 0:
            away = self.last.close.as_double()
            stop = 0.97 if event.order_side == BUY else 1.03
            other = SELL if event.order_side == BUY else BUY
            self.submit_order(
                self.order_factory.stop_market(
                    self.instrument_id, other, self.size(), self.instrument.make_price(away * stop)
                )
            )

    def on_position_changed(self, event: Any) -> None:
        if event.quantity.as_double() > 2 * self.config.size:
            self.close_position(self.cache.position(event.position_id))

    def on_event(self, event: Any) -> None:
        if type(event).__name__ == "PositionClosed" and self.count % 2:
            self.market(SELL)


class Timed(Counting):
    """Orders from timers: with a callback of its own, and without one."""

    def on_start(self) -> None:
        super().on_start()
        self.clock.set_timer("weekly", timedelta(days=7), callback=self.on_week)
        self.clock.set_timer("monthly", timedelta(days=30))
        self.clock.set_time_alert(
            "once", self.clock.utc_now() + timedelta(days=40), callback=self.on_week
        )

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 150:
            self.clock.cancel_timer("weekly")

    def on_week(self, event: Any) -> None:
        self.market(BUY)

    def on_event(self, event: Any) -> None:
        if type(event).__name__ == "TimeEvent":
            self.close_all_positions(self.instrument_id)


class Pair(Counting):
    """Two instruments, each with its own pace, and one account."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        here = bar.bar_type.instrument_id
        size = self.cache.instrument(here).make_qty(self.config.size)
        if self.count % 7 == 0:
            self.submit_order(self.order_factory.market(here, BUY, size))
        elif self.count % 11 == 0:
            self.submit_order(self.order_factory.market(here, SELL, size))
        elif self.count % 13 == 0:
            self.close_all_positions(here)

    def on_stop(self) -> None:
        for kind in self.types:
            self.close_all_positions(kind.instrument_id)


class Hedged(Counting):
    """Several positions at once, closed one by one."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count % 6 == 0:
            self.market(BUY if self.count % 4 else SELL)
        if self.count % 25 == 0:
            oldest = self.cache.positions_open(strategy_id=self.id)
            if oldest:
                self.close_position(oldest[0], tags=["oldest"])


class Holding(Counting):
    """Looks at its portfolio before it trades."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count % self.config.pace:
            return
        account = self.portfolio.account(bar.bar_type.instrument_id.venue)
        if account.balance_free(account.base_currency).as_double() < 999_000:
            self.close_all_positions(self.instrument_id)
        elif self.portfolio.is_flat(self.instrument_id):
            self.market(BUY, 2)
        else:
            self.market(BUY)


class Refused(Counting):
    """Gives orders that the host refuses, each for another reason."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        mine = self.instrument_id
        if self.count == 5:
            first = self.market(BUY)
            try:
                self.submit_order(first)
            except ValueError:
                self.log.info("refused")
        elif self.count == 7:
            self.submit_order(self.order_factory.market(mine, SELL, self.size(), reduce_only=True))
        elif self.count == 9:
            self.close_all_positions(mine)
        elif self.count == 11:
            self.market(SELL, reduce_only=True)
        elif self.count == 12:
            self.market(BUY, 1_000_000)
        elif self.count == 13:
            post = self.order_factory.limit(
                mine, BUY, self.size(), self.price(bar, 1.05), post_only=True
            )
            self.submit_order(post)
        elif self.count == 15:
            twin = self.order_factory.market(
                mine, BUY, self.size(), client_order_id=self.cache.client_order_ids().pop()
            )
            self.submit_order(twin)


class Filtering(SmaCross):
    """Says why it did not act."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        capture.note("count", self.count)
        if self.count == 20:
            capture.note("quiet", 0.5, direction=1, reason="too quiet")
        if self.count % 40 == 0:
            order = self.market(BUY)
            capture.note("why", "fortieth", signal=order)


class Silent(Counting):
    """Gives no signal."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1

    def on_stop(self) -> None:
        return


class Failing(SmaCross):
    """Raises in the middle."""

    def on_bar(self, bar: Any) -> None:
        self.count += 1
        if self.count == 3:
            self.market(BUY)
        if self.count == 120:
            raise ZeroDivisionError("as every strategy does at last")
