"""One line around a strategy of NautilusTrader, brackets, and what became of them."""

from __future__ import annotations

from typing import Any

from backtesting.test import GOOG
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import SimpleMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

import capture

DAYS = BarType.from_str("GOOG.XNAS-1-DAY-LAST-EXTERNAL")


class CrossConfig(StrategyConfig, frozen=True):
    """How long the averages are, and how far away the bracket."""

    fast: int = 10
    slow: int = 20
    away: float = 0.05


class SmaCross(Strategy):
    """Enters at a cross, with a stop and a target; a quiet market it leaves alone."""

    def __init__(self, config: CrossConfig) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(config.fast)
        self.slow = SimpleMovingAverage(config.slow)
        self.above = False

    def on_start(self) -> None:
        """Subscribe."""
        self.instrument = self.cache.instrument(DAYS.instrument_id)
        self.register_indicator_for_bars(DAYS, self.fast)
        self.register_indicator_for_bars(DAYS, self.slow)
        self.subscribe_bars(DAYS)

    def on_bar(self, bar: Any) -> None:
        """Enter at a cross."""
        above = self.fast.value > self.slow.value
        crossed, self.above = above != self.above, above
        if not self.slow.initialized or not crossed:
            return
        if bar.volume.as_double() < 3_000_000:
            side = 1 if above else -1
            capture.note("volume", bar.volume.as_double(), direction=side, reason="quiet")
            return
        close, away = bar.close.as_double(), self.config.away
        low = self.instrument.make_price(close * (1 - away))
        high = self.instrument.make_price(close * (1 + away))
        self.submit_order_list(
            self.order_factory.bracket(
                self.instrument.id,
                OrderSide.BUY if above else OrderSide.SELL,
                self.instrument.make_qty(100),
                sl_trigger_price=low if above else high,
                tp_price=high if above else low,
            )
        )

    def on_stop(self) -> None:
        """Leave the market."""
        self.cancel_all_orders(self.instrument.id)
        self.close_all_positions(self.instrument.id)


def run(strategy: Strategy) -> str:
    """Run it on GOOG and return what the account has at the end."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    venue = Venue("XNAS")
    engine.add_venue(
        venue, OmsType.NETTING, AccountType.MARGIN, [Money(100_000, USD)], base_currency=USD
    )
    instrument = TestInstrumentProvider.equity("GOOG", "XNAS")
    engine.add_instrument(instrument)
    bars = GOOG.rename(columns=str.lower).tz_localize("UTC")
    engine.add_data(BarDataWrangler(DAYS, instrument).process(bars))
    engine.add_strategy(strategy)
    engine.run()
    balance = engine.portfolio.account(venue).balance_total(USD)
    engine.dispose()
    return str(balance)


def main() -> None:
    """Record it, ask the recording, and replay it without the strategy."""
    balance = run(capture.wrap(SmaCross, store="signals")(CrossConfig()))
    recording = capture.open("signals").latest()
    signals = recording.signals()
    print(f"{len(signals)} signals in {recording.run_id}; {balance} at the end")
    print(signals.groupby(["signal_type", "disposition", "reason"]).size().to_string())

    orders = recording.orders(where=[("action", "=", "new")])
    print("\nThe orders of the first bracket:")
    columns = ["order_id", "parent_id", "oco_id", "side", "order_type", "limit_price", "stop_price"]
    print(orders[columns].head(3).to_string(index=False))

    again = run(capture.replay(recording).into("nautilus"))
    print(f"\nThe same from the recording, without the strategy: {again}")
    if again != balance:
        raise SystemExit("the replay is not the run")


if __name__ == "__main__":
    main()
