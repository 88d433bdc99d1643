"""Strategies that come with the backtester: examples to run, to read, and to derive from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from capture.errors import ConfigError
from capture_builtin.needs import Feature, Needs
from capture_builtin.signals import Signal
from capture_builtin.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from capture_builtin.market import Market

__all__ = ["Breakout", "Pair", "PatientCross", "RsiReversal", "SmaCross"]


class SmaCross(Strategy):
    """Turns round when a fast average crosses a slow one; per symbol, if it sees several."""

    fast = 10
    slow = 30

    def needs(self) -> Needs:
        """Return two averages."""
        if not 0 < self.fast < self.slow:
            raise ConfigError("fast", self.fast, f"must be between 0 and slow={self.slow}")
        averages = {
            "fast_sma": Feature("sma", window=self.fast),
            "slow_sma": Feature("sma", window=self.slow),
        }
        return Needs(features=averages, lookback=self.slow + 1)

    def generate_signal(self, market: Market) -> Iterable[Signal] | None:
        """Return a signal for each symbol whose averages crossed."""
        found = []
        for symbol in market.symbols:
            now = market.feature("fast_sma", symbol) - market.feature("slow_sma", symbol)
            before = market.feature("fast_sma", symbol, 1) - market.feature("slow_sma", symbol, 1)
            if now > 0.0 >= before:
                found.append(Signal(direction=1, symbol=symbol))
            elif now < 0.0 <= before:
                found.append(Signal(direction=-1, symbol=symbol))
        return found or None


class PatientCross(SmaCross):
    """Leaves when the averages cross, and turns round at a better price than the last one.

    Not every such order is filled: some prices never come, and at times the account cannot pay
    for so many shares. A recording says of each which it was.
    """

    shares = 25.0
    edge = 0.01
    patience = 10

    def generate_signal(self, market: Market) -> None:
        """Leave, and wait for a better price."""
        for cross in super().generate_signal(market) or ():
            price, side = market[str(cross.symbol)].close, cross.direction
            self.close(cross.symbol)
            how = {"limit": price * (1.0 - side * self.edge), "size": self.shares}
            enter = self.buy if side > 0 else self.sell
            enter(cross.symbol, valid_bars=self.patience, **how)


class RsiReversal(Strategy):
    """Buys when the relative strength leaves the lower bound upwards, and sells at the upper one.

    Its signals have a strength: how far beyond the bound it had been, of what is possible.
    """

    window = 14
    lower = 30.0
    upper = 70.0

    def needs(self) -> Needs:
        """Return the relative strength index."""
        if not 0 < self.lower < self.upper < 100:
            raise ConfigError("lower", self.lower, f"must be between 0 and upper={self.upper}")
        return Needs(features={"rsi": Feature("rsi", window=self.window)}, lookback=self.window + 2)

    def generate_signal(self, market: Market) -> Signal | None:
        """Return a signal where the index comes back from beyond a bound."""
        now, before = market.feature("rsi"), market.feature("rsi", ago=1)
        if before < self.lower <= now:
            return Signal(direction=1, strength=min(1.0, (self.lower - before) / self.lower))
        if before > self.upper >= now:
            depth = (before - self.upper) / (100.0 - self.upper)
            return Signal(direction=-1, strength=min(1.0, depth))
        return None


class Breakout(Strategy):
    """Buys above the highest high of so many bars, leaves below the lowest low of fewer."""

    entry = 20
    exit = 10
    stop_atr = 2.0

    def needs(self) -> Needs:
        """Return both channels, and the range for the stop."""
        channels = {
            "highest": Feature("highest", window=self.entry),
            "lowest": Feature("lowest", window=self.exit),
            "atr": Feature("atr", window=self.entry),
        }
        return Needs(features=channels, lookback=max(self.entry, self.exit) + 1)

    def generate_signal(self, market: Market) -> Signal | None:
        """Return an entry with a stop at a distance of the range, or an exit."""
        close = market.close
        if close > market.feature("highest"):
            stop = close - self.stop_atr * market.feature("atr")
            return Signal(direction=1, stop_loss=stop if stop > 0.0 else None)
        if close < market.feature("lowest"):
            return Signal(direction=0)
        return None


class Pair(Strategy):
    """Sells what is dear and buys what is cheap of two symbols; leaves when they are even."""

    one = ""
    other = ""
    window = 50
    entry = 2.0
    exit = 0.5

    def needs(self) -> Needs:
        """Return the spread and the correlation of both."""
        if not self.one or not self.other or self.one == self.other:
            raise ConfigError("one", self.one, "name two symbols: one and other")
        of = (self.one, self.other)
        features = {
            "spread": Feature("spread", of=of, window=self.window),
            "correlation": Feature("correlation", of=of, window=self.window),
        }
        return Needs(symbols=of, features=features, lookback=self.window + 1, mode="all")

    def generate_signal(self, market: Market) -> tuple[Signal, Signal] | None:
        """Return a signal for each of the two."""
        spread = market.feature("spread")
        if spread != spread:
            return None
        if abs(spread) < self.exit:
            return self._both(0)
        if abs(spread) > self.entry and market.feature("correlation") > 0.0:
            return self._both(-1 if spread > 0.0 else 1)
        return None

    def _both(self, direction: int) -> tuple[Signal, Signal]:
        return (
            Signal(direction=direction, symbol=self.one),
            Signal(direction=-direction, symbol=self.other),
        )
