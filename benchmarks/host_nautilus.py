"""Runs of NautilusTrader."""

from __future__ import annotations

from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

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
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy
from capture_nautilus.deferring import Deferring

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

__all__ = ["Nautilus"]

_mark = CLOCK.marks.append
_TYPE: Final = "EUR/USD.SIM-1-HOUR-MID-EXTERNAL"


class Config(StrategyConfig, frozen=True):
    """How long the averages are, and how long the strategy thinks."""

    fast: int = 12
    slow: int = 36
    cost_us: float = 0.0


class SmaCross(Strategy):  # type: ignore[misc]
    """Turns round when a fast average crosses a slow one."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.fast = SimpleMovingAverage(config.fast)
        self.slow = SimpleMovingAverage(config.slow)
        self.above: bool | None = None
        self.cost = config.cost_us / 1e6

    def on_start(self) -> None:
        """Subscribe."""
        kind = BarType.from_str(_TYPE)
        self.instrument = self.cache.instrument(kind.instrument_id)
        self.size = self.instrument.make_qty(1_000)
        self.register_indicator_for_bars(kind, self.fast)
        self.register_indicator_for_bars(kind, self.slow)
        self.subscribe_bars(kind)

    def on_bar(self, bar: Any) -> None:
        """Turn round at a cross."""
        _mark(perf_counter())
        if self.cost:
            busy(self.cost)
        above = self.fast.value > self.slow.value
        if self.slow.initialized and self.above is not None and above != self.above:
            self.close_all_positions(self.instrument.id)
            self.order(OrderSide.BUY if above else OrderSide.SELL)
        self.above = above

    def order(self, side: OrderSide) -> None:
        """Give a market order."""
        self.submit_order(self.order_factory.market(self.instrument.id, side, self.size))

    def on_stop(self) -> None:
        """Leave what is held."""


class EveryBar(SmaCross):
    """Opens on even bars and closes on odd ones."""

    held = False

    def on_bar(self, bar: Any) -> None:
        """Give one signal."""
        _mark(perf_counter())
        if self.held:
            self.close_all_positions(self.instrument.id)
        else:
            self.order(OrderSide.BUY)
        self.held = not self.held


class Nautilus:
    """NautilusTrader."""

    name = "nautilus"
    share = 0.04
    repeats = 4
    has_bars = True

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        kind = SmaCross if density == "5%" else EveryBar
        return CLOCK.run(self._engine(kind, bars, store).run, Deferring)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        return self._engine(SmaCross, bars, store, cost_us=cost_us).run()

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        engine = _prepared(bars)
        engine.add_strategy(capture.replay(recording).into("nautilus"))
        return engine.run()

    def _engine(self, strategy: type, bars: pd.DataFrame, store: Path | None, **params: Any) -> Any:
        own = strategy if store is None else capture.wrap(strategy, store=store, **OPTIONS)
        engine = _prepared(bars)
        engine.add_strategy(own(Config(**params)))
        return engine


def _prepared(bars: pd.DataFrame) -> Any:
    """Return an engine with its venue and bars, made as in the host's own examples."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(log_level="ERROR")))
    engine.add_venue(
        Venue("SIM"),
        OmsType.NETTING,
        AccountType.MARGIN,
        [Money(1_000_000, USD)],
        base_currency=USD,
    )
    engine.add_instrument(_instrument())
    engine.add_data(_wrangled(len(bars)))
    return engine


@cache
def _instrument() -> Any:
    return TestInstrumentProvider.default_fx_ccy("EUR/USD", Venue("SIM"))


@cache
def _wrangled(count: int) -> Any:
    """Return the bars as the host wants them, made once."""
    from benchmarks.hosts import market

    frame = market(count).rename(columns=str.lower).tz_localize("UTC")
    return BarDataWrangler(BarType.from_str(_TYPE), _instrument()).process(frame)
