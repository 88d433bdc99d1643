"""Strategies of the built-in backtester, easy ones and those that are hard on the recorder."""

from __future__ import annotations

import random
from typing import Any

import capture
from capture_builtin import Feature, Needs, Signal, Strategy


class Cross(Strategy):
    """Turns round when the close crosses an average."""

    window = 12

    def needs(self) -> Needs:
        return Needs(features={"sma": Feature("sma", window=self.window)}, lookback=self.window + 1)

    def generate_signal(self, market: Any) -> Signal | None:
        above = market.close > market.feature("sma")
        before = market._first.value("close", 1) > market.feature("sma", ago=1)
        if above != before:
            return Signal(direction=1 if above else -1, strength=0.5)
        return None


class Orders(Strategy):
    """Places limits and stops with protections, and takes some of them back."""

    seed = 5

    def needs(self) -> Needs:
        return Needs(features={"atr": Feature("atr", window=10)}, lookback=12)

    def start(self) -> None:
        self._random = random.Random(self.seed)

    def generate_signal(self, market: Any) -> None:
        dice, close, atr = self._random.random(), market.close, market.feature("atr")
        if dice < 0.08:
            self.buy(limit=close - 0.3 * atr, valid_bars=3, stop_loss=close - 2 * atr, size=7.0)
        elif dice < 0.16:
            self.sell(stop=close - 0.5 * atr, take_profit=close - 3 * atr, tag="down")
        elif dice < 0.22:
            self.buy(stop=close + 0.2 * atr, limit=close + 0.4 * atr, trail=2 * atr)
        elif dice < 0.26:
            self.cancel()
        elif dice < 0.32:
            self._leave(close, atr)
        elif dice < 0.34:
            self.buy(kind="adjustment", size=3.0)
        elif dice < 0.36:
            capture.note("mood", "gloomy", direction=-1, reason="no mood for it")
        elif dice < 0.38:
            capture.note("size", 3, signal=self.sell(size=2.0))

    def _leave(self, close: float, atr: float) -> None:
        dice = self._random.random()
        if dice < 0.4:
            self.close()
        elif dice < 0.7:
            self.close(stop=close - 0.6 * atr, valid_bars=4)
        else:
            self.close(limit=close + 0.7 * atr)


class Reads(Strategy):
    """Looks at its position and at its equity before it decides."""

    def generate_signal(self, market: Any) -> Signal | None:
        if market.index % 7 == 0 and self.portfolio.equity > 9_000:
            return Signal(direction=0 if self.portfolio.position() > 0 else 1)
        return None


class Rotation(Strategy):
    """Holds whatever of three symbols rose most, and sells what fell most."""

    every = 5

    def needs(self) -> Needs:
        return Needs(features={"roc": Feature("roc", window=10)}, lookback=12)

    def generate_signal(self, market: Any) -> list[Signal]:
        if market.step % self.every:
            return []
        ranked = sorted(market.symbols, key=lambda symbol: market.feature("roc", symbol))
        wanted = {ranked[-1]: 1, ranked[0]: -1}
        return [Signal(direction=wanted.get(symbol, 0), symbol=symbol) for symbol in ranked]


class Frames(Strategy):
    """Trades on bars of a minute in the direction of those of five."""

    def needs(self) -> Needs:
        slow = Feature("ema", window=6, timeframe="5min")
        return Needs(symbols=("A",), timeframes=("5min",), features={"slow": slow}, lookback=8)

    def generate_signal(self, market: Any) -> Signal | None:
        if market.step % 9 == 0:
            up = market["A", "5min"].close > market.feature("slow")
            return Signal(direction=1 if up else -1, symbol="A")
        return None


class Failing(Cross):
    """Raises in the middle."""

    def generate_signal(self, market: Any) -> Signal | None:
        if market.index > 150:
            raise ZeroDivisionError("as it happens")
        return super().generate_signal(market)
