"""Recordings that a report is made of: of a real strategy, by hand, with hostile names, empty."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from backtesting import Backtest, Strategy
from backtesting.test import GOOG, SMA

import capture
from capture.store.run import RunStart

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

STARTED = datetime(2024, 1, 1, tzinfo=UTC)
HOSTILE = (
    """</script><script>window.owned=1</script><img src=x onerror="window.owned=2">'%{x}$x$ ü漢"""
)
"""A strategy's name that tries to become part of the page."""
HOSTILE_NAME = """<script>window.owned=3<!-- "'&amp; %{y} `ü`"""
"""The same without a slash, which names of symbols may not have."""


class Busy(Strategy):
    """Buys below its average, sells above it, and often has no margin left for it."""

    bars = 20

    def init(self) -> None:
        self.average = self.I(SMA, self.data.Close, self.bars, name="average")

    def next(self) -> None:
        apart = self.data.Close[-1] / self.average[-1] - 1
        if apart < -0.03:
            self.buy(size=0.4)
        elif apart > 0.03:
            self.sell(size=0.4)
        elif abs(apart) < 0.003:
            self.position.close()


class Never(Strategy):
    """Gives no signal."""

    def init(self) -> None:
        pass

    def next(self) -> None:
        pass


def ran(store: Path, strategy: Any = Busy, *, data: Any = GOOG, **options: Any) -> Recording:
    """Record a strategy of Backtesting.py."""
    wrapped = capture.wrap(strategy, store=store, symbol="GOOG", **options)
    account = {"cash": 10_000, "commission": 0.002, "finalize_trades": True}
    quietly(lambda: Backtest(data, wrapped, **account).run())
    return capture.open(store).latest()


def tuned(store: Path) -> Recording:
    """Record a grid of three parameter sets as one run."""
    wrapped = capture.wrap(Busy, store=store, symbol="GOOG")
    backtest = Backtest(GOOG.iloc[:600], wrapped, cash=10_000, finalize_trades=True)
    quietly(lambda: backtest.optimize(bars=[10, 20, 40]))
    return capture.open(store).latest()


def replayed(original: Recording, store: Path) -> Recording:
    """Record the replay of a recording."""
    again = capture.replay(original).into("backtesting", store=store)
    quietly(Backtest(GOOG, again, cash=10_000, commission=0.002, finalize_trades=True).run)
    return capture.open(store).latest(kind="replay")


def quietly(run: Any) -> None:
    """Run a backtest that says aloud that orders were refused, or that its bars have no times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run()


def by_hand(
    store: Path,
    *,
    signals: int = 60,
    strategy: str = "breakout",
    symbol: str = "ACME",
    bars: bool = False,
    strength: bool = True,
) -> Recording:
    """Record signals without a backtester: no fills, no equity, bars only if they are wanted."""
    config = capture.SignalCaptureConfig(storage_path=store)
    start = RunStart(host="engine", strategy=strategy, params={strategy: symbol})
    name = strategy if "/" not in strategy else symbol
    with capture.SignalCaptureEngine(config, run=start) as engine:
        if bars:
            engine.add_base_data(_bars(signals + 30), symbol=symbol, timeframe="1d")
        for number in range(signals):
            _signal(engine, number, name, symbol, strength=strength, timed=bars)
    return capture.open(store).latest()


def _signal(
    engine: Any, number: int, name: str, symbol: str, *, strength: bool, timed: bool
) -> None:
    signal_id = engine.capture_signal(
        {
            "symbol": symbol,
            "timeframe": "1d" if timed else None,
            "bar_index": number,
            "direction": (1, -1, 0)[number % 3],
            "strength": 0.1 * (number % 10) if strength else None,
        },
        {
            "timestamp": STARTED + timedelta(days=number),
            "strategy_id": name,
            "current_bar": {"close": 100.0 + np.sin(number / 5)},
            "current_regime": ("bull", name)[number // 7 % 2],
            "indicators": {name: float(number)},
            "strategy_params": {"of": name},
        },
    )
    if number % 4 == 0:
        engine.capture_status(signal_id, "rejected", "risk_limit", actor="risk", detail=name)
    elif number % 4 == 1:
        engine.capture_status(signal_id, "executed", "filled", actor="broker")


def _bars(count: int) -> pa.Table:
    close = 100.0 + np.sin(np.arange(count) / 5)
    times = [STARTED + timedelta(days=number) for number in range(count)]
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    return pa.table({"timestamp": pa.array(times, pa.timestamp("ns", tz="UTC")), **columns})
