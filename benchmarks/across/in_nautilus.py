"""The scenarios in NautilusTrader, which chooses no sizes: its strategies name them."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import BestPriceFillModel
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import EUR, USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import CurrencyPair, Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]

_VENUE: Final = Venue("SIM")
_UNITS: Final = {"GOOG": 10.0, "EURUSD": 1_000.0}
"""Size of an entry, and of what is replayed and has none recorded."""


class Config(StrategyConfig, frozen=True):
    """On which bars, and how much."""

    bars: str
    units: float


class _Crossing(Strategy):
    """Knows when two averages cross."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(FAST)
        self.slow = SimpleMovingAverage(SLOW)
        self.before: float | None = None

    def on_start(self) -> None:
        """Subscribe."""
        kind = BarType.from_str(self.config.bars)
        self.instrument = self.cache.instrument(kind.instrument_id)
        self.size = self.instrument.make_qty(self.config.units)
        self.register_indicator_for_bars(kind, self.fast)
        self.register_indicator_for_bars(kind, self.slow)
        self.subscribe_bars(kind)

    def on_bar(self, bar: Any) -> None:
        """Act at a cross."""
        if not self.slow.initialized:
            return
        now, before = self.fast.value - self.slow.value, self.before
        self.before = now
        if before is not None and now > 0.0 >= before:
            self.up(bar.close.as_double())
        elif before is not None and now < 0.0 <= before:
            self.down(bar.close.as_double())

    def up(self, close: float) -> None:
        """The fast average came from below."""

    def down(self, close: float) -> None:
        """The fast average came from above."""

    def order(self, side: OrderSide, size: Any) -> None:
        """Give a market order."""
        self.submit_order(self.order_factory.market(self.instrument.id, side, size))

    def on_stop(self) -> None:
        """Leave what is held."""


class Cross(_Crossing):
    def up(self, close: float) -> None:
        self.close_all_positions(self.instrument.id)
        self.order(OrderSide.BUY, self.size)

    def down(self, close: float) -> None:
        self.close_all_positions(self.instrument.id)
        self.order(OrderSide.SELL, self.size)


class Brackets(_Crossing):
    def up(self, close: float) -> None:
        price = self.instrument.make_price
        bracket = self.order_factory.bracket(
            self.instrument.id,
            OrderSide.BUY,
            self.size,
            sl_trigger_price=price(close * (1 - STOP)),
            tp_price=price(close * (1 + TAKE)),
        )
        self.submit_order_list(bracket)

    def down(self, close: float) -> None:
        self.cancel_all_orders(self.instrument.id)
        self.close_all_positions(self.instrument.id)


class Reversals(_Crossing):
    turning = False

    def up(self, close: float) -> None:
        self.turn(OrderSide.BUY)

    def down(self, close: float) -> None:
        self.turn(OrderSide.SELL)

    def turn(self, side: OrderSide) -> None:
        """Order what is held on the other side, and as much again."""
        self.order(side, self.instrument.make_qty(self.config.units * (2 if self.turning else 1)))
        self.turning = True


_STRATEGIES = {"cross": Cross, "brackets": Brackets, "reversals": Reversals}


class _Nautilus:
    name = "nautilus"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        strategy = capture.wrap(_STRATEGIES[scenario.kind], store=store)
        units = scenario.units or _UNITS[scenario.market]
        self._run(strategy(Config(bars=str(_kind(scenario)), units=units)), scenario)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        words = {} if replay.mode == "intent" else {"size": _UNITS[scenario.market]}
        self._run(replay.into(self.name, store=store, force=True, **words), scenario)

    def _run(self, strategy: Any, scenario: Scenario) -> None:
        logging = LoggingConfig(bypass_logging=True)
        engine = BacktestEngine(BacktestEngineConfig(logging=logging, run_analysis=False))
        engine.add_venue(
            _VENUE,
            OmsType.NETTING,
            AccountType.MARGIN,
            [Money(CASH, USD)],
            base_currency=USD,
            # Without it, what exceeds a quarter of a bar's volume is filled a tick further.
            fill_model=BestPriceFillModel(),
        )
        engine.add_instrument(_instrument(scenario.market))
        frame = scenario.bars.rename(columns=str.lower).tz_localize("UTC")
        wrangler = BarDataWrangler(_kind(scenario), _instrument(scenario.market))
        engine.add_data(wrangler.process(frame))
        engine.add_strategy(strategy)
        engine.run()
        engine.dispose()


def _kind(scenario: Scenario) -> Any:
    step = "1-DAY" if scenario.timeframe == "1d" else "1-HOUR"
    return BarType.from_str(f"{_instrument(scenario.market).id}-{step}-LAST-EXTERNAL")


@cache
def _instrument(market: str) -> Any:
    """Return what is traded: it costs what it costs in the other backtesters."""
    given = {
        "instrument_id": InstrumentId(Symbol(market), _VENUE),
        "raw_symbol": Symbol(market),
        "lot_size": Quantity.from_int(1),
        "maker_fee": Decimal(str(COMMISSION)),
        "taker_fee": Decimal(str(COMMISSION)),
        "margin_init": Decimal(0),
        "margin_maint": Decimal(0),
        "ts_event": 0,
        "ts_init": 0,
    }
    if market == "GOOG":
        return Equity(
            currency=USD, price_precision=2, price_increment=Price.from_str("0.01"), **given
        )
    return CurrencyPair(
        base_currency=EUR,
        quote_currency=USD,
        price_precision=5,
        price_increment=Price.from_str("0.00001"),
        size_precision=0,
        size_increment=Quantity.from_int(1),
        **given,
    )


HOST = _Nautilus()
