"""Strategies that are hard on an adapter, each against a corner of Backtesting.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import SignalStrategy, TrailingStrategy, crossover
from backtesting.test import SMA

import capture


class SmaCross(Strategy):
    """The strategy of every tutorial."""

    fast = 10
    slow = 20

    def init(self) -> None:
        self.sma1 = self.I(SMA, self.data.Close, self.fast)
        self.sma2 = self.I(SMA, self.data.Close, self.slow)

    def next(self) -> None:
        if crossover(self.sma1, self.sma2):
            self.position.close()
            self.buy()
        elif crossover(self.sma2, self.sma1):
            self.position.close()
            self.sell()


class Reversing(SmaCross):
    """Turns around without closing first."""

    def next(self) -> None:
        if crossover(self.sma1, self.sma2):
            self.buy(size=0.6)
        elif crossover(self.sma2, self.sma1):
            self.sell(size=0.7)


class VectorSignals(SignalStrategy):
    """Built on the host's own helper, whose indicators are full of NaN."""

    def init(self) -> None:
        super().init()
        fast = self.I(SMA, self.data.Close, 8)
        slow = self.I(SMA, self.data.Close, 21)
        turned = pd.Series(np.where(fast > slow, 1, -1)).diff().fillna(0)
        # A scatter indicator in the host's warm-up must not be all NaN at the first bars.
        self.set_signal(turned.replace(2, 0.4).replace(-2, -0.3), (turned < 0) * 0.5)


class Trailing(TrailingStrategy):
    """Moves its stop-loss at every bar."""

    def init(self) -> None:
        super().init()
        self.set_trailing_sl(4)
        self.sma = self.I(SMA, self.data.Close, 30)

    def next(self) -> None:
        super().next()
        if not self.position and self.data.Close[-1] > self.sma[-1]:
            self.buy(size=0.5)


class Nasty(Strategy):
    """Brackets, stops, limits, partial closes, cancels, edits and tags, by turns."""

    pace = 5

    def init(self) -> None:
        self.sma = self.I(SMA, self.data.Close, 15)
        self.waiting: list[Any] = []
        self.bars = 0

    def next(self) -> None:
        self.bars += 1
        turn, rest = divmod(self.bars, self.pace)
        if rest:
            return
        price = self.data.Close[-1]
        step = _STEPS[turn % len(_STEPS)]
        step(self, price)


def _bracket(it: Nasty, price: float) -> None:
    it.buy(size=3, sl=price * 0.97, tp=price * 1.04, tag="bracket")


def _short_bracket(it: Nasty, price: float) -> None:
    it.sell(size=0.2, sl=price * 1.03, tp=price * 0.96, tag=7)


def _limit(it: Nasty, price: float) -> None:
    it.waiting.append(it.buy(size=0.1, limit=price * 0.99, tag={"kind": "limit"}))


def _stop(it: Nasty, price: float) -> None:
    it.waiting.append(it.sell(size=2, stop=price * 0.985))


def _stop_limit(it: Nasty, price: float) -> None:
    it.waiting.append(it.buy(size=2, stop=price * 1.01, limit=price * 1.02))


def _cancel(it: Nasty, _price: float) -> None:
    for order in it.waiting:
        if order in it.orders:
            order.cancel()
    it.waiting.clear()


def _cancel_bracket(it: Nasty, _price: float) -> None:
    for order in it.orders:
        if order.is_contingent:
            order.cancel()
            break


def _part(it: Nasty, _price: float) -> None:
    it.position.close(0.3)


def _half(it: Nasty, _price: float) -> None:
    for trade in it.trades[:2]:
        trade.close(0.5)


def _edit(it: Nasty, price: float) -> None:
    for trade in it.trades:
        if trade.is_long:
            trade.sl = price * 0.95
            trade.tp = None
        else:
            trade.tp = price * 0.9


def _everything(it: Nasty, _price: float) -> None:
    it.position.close()
    it.position.close()


def _plain(it: Nasty, _price: float) -> None:
    it.buy(size=4)
    it.sell(size=1)


_STEPS = (
    _bracket,
    _limit,
    _part,
    _stop,
    _plain,
    _edit,
    _half,
    _short_bracket,
    _cancel_bracket,
    _stop_limit,
    _cancel,
    _plain,
    _edit,
    _bracket,
    _half,
    _everything,
)


class AlwaysTrading(Strategy):
    """An order at every bar."""

    def init(self) -> None:
        self.bars = 0

    def next(self) -> None:
        self.bars += 1
        if self.bars % 2:
            self.buy(size=1)
        else:
            self.sell(size=1)


class Spendthrift(Strategy):
    """Buys with all it has, again and again, on margin."""

    def init(self) -> None:
        self.sma = self.I(SMA, self.data.Close, 5)

    def next(self) -> None:
        if self.data.Close[-1] > self.sma[-1]:
            self.buy(size=0.9)


class Silent(Strategy):
    """Never trades."""

    def init(self) -> None:
        self.sma = self.I(SMA, self.data.Close, 5)

    def next(self) -> None:
        pass


class EarlyBird(Strategy):
    """Places orders before the first bar, and takes one of them back."""

    def init(self) -> None:
        last = float(self.data.Close[-1])
        self.kept = self.buy(size=2, tag="early")
        self.sell(size=1, limit=last * 3)
        self.sell(size=1, limit=last * 2).cancel()
        self.sma = self.I(SMA, self.data.Close, 10)
        capture.note("prepared", True)

    def next(self) -> None:
        if len(self.data) == 60:
            self.position.close()


class OwnVerbs(SmaCross):
    """Has its own `buy`, with other arguments, and calls the host's beneath."""

    def buy(self, units: int = 2, **more: Any) -> Any:  # type: ignore[override]
        self.sell(size=1, limit=self.data.Close[-1] * 2)
        return super().buy(size=units, **more)


def macd(values: Any, fast: int, slow: int) -> tuple[Any, Any]:
    """Return two lines."""
    series = pd.Series(values)
    line = series.ewm(span=fast).mean() - series.ewm(span=slow).mean()
    return line.to_numpy(), line.ewm(span=9).mean().to_numpy()


def rare(values: Any) -> Any:
    """Return a value at every tenth bar."""
    found = np.full(len(values), np.nan)
    found[::10] = np.asarray(values)[::10]
    return found


class ManyIndicators(Strategy):
    """Indicators with several lines, equal names, in lists, with gaps, of other types."""

    def init(self) -> None:
        close = self.data.Close
        self.macd = self.I(macd, close, 12, 26, name=["line", "signal"])
        self.pair = self.I(macd, close, fast=3, slow=8)
        self.twins = [self.I(SMA, close, n, name="twin") for n in (3, 4)]
        self.gaps = self.I(rare, close, scatter=True)
        self.above = self.I(lambda x: np.asarray(x) > np.mean(x), close, name="above")
        self.count = self.I(lambda x: np.arange(len(x)), close, name="count")
        self.extra = self.I(lambda: self.data.Mood, name="mood") if self._moody else None

    @property
    def _moody(self) -> bool:
        return "Mood" in self.data.df.columns

    def next(self) -> None:
        if self.macd[0][-1] > self.macd[1][-1]:
            if not self.position.is_long:
                self.buy(size=2)
        elif self.position:
            self.position.close()


class Snapshots(SmaCross):
    """Keeps what it sees at each signal, to compare with what was recorded."""

    def init(self) -> None:
        super().init()
        self.lines = self.I(macd, self.data.Close, 12, 26)
        self.seen: list[dict[str, Any]] = []

    def next(self) -> None:
        if crossover(self.sma1, self.sma2):
            self._see(1)
            self.buy(size=3)
        elif crossover(self.sma2, self.sma1):
            self._see(-1)
            self.sell(size=3)

    def _see(self, direction: int) -> None:
        data = self.data
        self.seen.append(
            {
                "bar_index": len(data) - 1,
                "direction": direction,
                "timestamp": data.index[-1].tz_localize("UTC"),
                "market_open": float(data.Open[-1]),
                "market_high": float(data.High[-1]),
                "market_low": float(data.Low[-1]),
                "market_close": float(data.Close[-1]),
                "market_volume": float(data.Volume[-1]),
                "indicator_sma1": float(self.sma1[-1]),
                "indicator_sma2": float(self.sma2[-1]),
                "indicator_lines_0": float(self.lines[0][-1]),
                "indicator_lines_1": float(self.lines[1][-1]),
                "portfolio_equity": float(self.equity),
                "position_before": float(self.position.size),
                "capital_available": float(self._broker._cash),
                "portfolio_open_trades": len(self.trades),
                "portfolio_pending_orders": len(self.orders),
            }
        )


class Noting(SmaCross):
    """Uses every form of `capture.note`."""

    def next(self) -> None:
        bar = len(self.data) - 1
        if crossover(self.sma1, self.sma2):
            self.position.close()
            order = self.buy(size=2)
            capture.note("confidence", 0.25, signal=order)
            capture.note("mood", "calm")
        elif crossover(self.sma2, self.sma1):
            capture.note("volume_filter", bar, direction=-1, reason="too quiet")


class Failing(SmaCross):
    """Raises after it has traded."""

    raises: Any = None

    def next(self) -> None:
        super().next()
        if len(self.data) == 400:
            raise self.raises or RuntimeError("the strategy's own fault")


class Broken(Strategy):
    """Cannot even begin."""

    def init(self) -> None:
        raise LookupError("no model")

    def next(self) -> None:
        raise AssertionError("never reached")


class Wrong(Strategy):
    """Gives orders that the host refuses, and goes on."""

    def init(self) -> None:
        self.refused: list[str] = []

    def next(self) -> None:
        if len(self.data) % 50:
            return
        price = self.data.Close[-1]
        for call in (
            lambda: self.buy(size=1.5),
            lambda: self.buy(sl=price * 2),
            lambda: self.sell(tp=price * 2, size=1),
            lambda: self.position.close(7) if self.trades else self.buy(size=-1),
        ):
            try:
                call()
            except (AssertionError, ValueError) as exc:
                self.refused.append(type(exc).__name__)
        self.buy(size=1)


def is_equal(one: Any, other: Any) -> bool:
    """Compare scalars; a NaN equals a NaN."""
    both_nan = isinstance(one, float) and isinstance(other, float)
    return bool(one == other or (both_nan and math.isnan(one) and math.isnan(other)))
