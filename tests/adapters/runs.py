"""Real runs of Backtesting.py: a strategy, bars and settings each, captured or not."""

from __future__ import annotations

import random
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from backtesting import Backtest
from backtesting.lib import FractionalBacktest
from backtesting.test import BTCUSD, EURUSD, GOOG

import capture
from capture.testing.adapter import identical
from capture.testing.running import HostRuns
from tests.adapters import strategies as s

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording


@dataclass(frozen=True)
class Case:
    """One run, made anew each time that it is asked for."""

    strategy: type
    data: Callable[[], pd.DataFrame]
    settings: dict[str, Any] = field(default_factory=dict)
    host: type = Backtest
    params: dict[str, Any] = field(default_factory=dict)

    def backtest(self, wrap: Callable[[Any], Any] = lambda strategy: strategy) -> Any:
        """Return the backtest, with settings that remember made anew."""
        settings = {k: v() if isinstance(v, Fresh) else v for k, v in self.settings.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return self.host(self.data(), wrap(self.strategy), **settings)

    def __call__(self, wrap: Callable[[Any], Any] = lambda strategy: strategy) -> Any:
        return run(self.backtest(wrap), **self.params)


def run(backtest: Any, **params: Any) -> Any:
    """Run a backtest; the host's own warnings, of open trades and margin, are not ours to judge."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module="backtesting")
        warnings.filterwarnings("ignore", message=r"(time=|Some trades|\(.*contingent SL/TP)")
        return backtest.run(**params)


def captured(case: Case, folder: Path, **options: Any) -> tuple[Any, Recording]:
    """Run it captured; return the host's results and the recording."""
    results = case(lambda strategy: capture.wrap(strategy, store=folder, **options))
    return results, capture.open(folder).latest()


def recordings(folder: Path) -> list[Recording]:
    """Return every recording in a store, oldest first."""
    store = capture.open(folder)
    return [store[run_id] for run_id in store]


def in_threads(*actions: Callable[[], Any]) -> list[Any]:
    """Return what the actions return, each run in a thread of its own."""
    with warnings.catch_warnings():  # which is the process's, so no thread may do it
        warnings.simplefilter("ignore", UserWarning)
        with ThreadPoolExecutor(len(actions)) as pool:
            return [future.result() for future in [pool.submit(action) for action in actions]]


def assert_same_results(expected: Any, got: Any) -> None:
    """Assert that two results of the host are the same to the last bit."""
    for name in expected.index:
        one, other = expected[name], got[name]
        if name == "_strategy":
            assert str(one) == str(other)
            assert len(one._indicators) == len(other._indicators)
            for mine, theirs in zip(one._indicators, other._indicators, strict=True):
                assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f")
        else:
            assert identical(one, other), f"{name}: {one} is not {other}"
    assert list(expected.index) == list(got.index)


class Backtesting(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "backtesting"

    def compare(self, expected: Any, got: Any) -> None:
        assert_same_results(expected, got)

    def compare_replay(self, expected: Any, got: Any) -> None:
        # A replay has no indicators to show beside its trades, and tags are recorded as text.
        mine, theirs = expected._trades, got._trades
        columns = [name for name in mine.columns if name in theirs.columns and name != "Tag"]
        assert {"Size", "EntryBar", "ExitBar", "EntryPrice", "ExitPrice", "PnL"} <= set(columns)
        assert identical(mine[columns], theirs[columns])
        assert identical(expected._equity_curve, got._equity_curve)

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        broker = results._strategy._broker
        fills: Counter[tuple[int, int, float]] = Counter()
        for trade in (*broker.trades, *broker.closed_trades):
            side = 1 if trade.is_long else -1
            fills[(trade.entry_bar, side, trade.entry_price)] += abs(trade.size)
            if trade.exit_bar is not None:
                fills[(trade.exit_bar, -side, trade.exit_price)] += abs(trade.size)
        return fills


class Fresh:
    """A setting that is made anew for each run."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __call__(self) -> Any:
        return self._make()


class RandomCommission:
    """Costs something else each time it is asked, and remembers what it was asked."""

    def __init__(self) -> None:
        self.random = random.Random(3)
        self.asked: list[tuple[float, float]] = []

    def __call__(self, size: float, price: float) -> float:
        self.asked.append((size, price))
        return self.random.random() + abs(size) * price * 0.001


@cache
def _moody() -> pd.DataFrame:
    frame = GOOG.copy()
    frame["Mood"] = np.sin(np.arange(len(frame)))
    frame["Note"] = ["a" if i % 2 else None for i in range(len(frame))]
    frame["open"] = range(len(frame))
    return frame


@cache
def _numbered() -> pd.DataFrame:
    return GOOG.reset_index(drop=True)


@cache
def _zoned() -> pd.DataFrame:
    return EURUSD.tz_localize("America/New_York", nonexistent="shift_forward", ambiguous="NaT")[
        lambda frame: frame.index.notna()
    ]


@cache
def _shuffled() -> pd.DataFrame:
    twice = pd.concat([GOOG.iloc[:900], GOOG.iloc[880:900], GOOG.iloc[900:1200]])
    return twice.sample(frac=1, random_state=1)


def goog() -> pd.DataFrame:
    """Return 2148 daily bars."""
    return GOOG


def eurusd() -> pd.DataFrame:
    """Return 5000 hourly bars."""
    return EURUSD


_FREE = {"cash": 10_000}
_COSTLY = {"cash": 10_000, "commission": 0.002, "spread": 0.0005}

CASES = {
    "SMA cross, GOOG": Case(s.SmaCross, goog, _COSTLY),
    "SMA cross, EURUSD": Case(s.SmaCross, eurusd, _FREE),
    "SMA cross, other parameters": Case(s.SmaCross, goog, _FREE, params={"fast": 5, "slow": 40}),
    "SMA cross, finalized": Case(s.SmaCross, goog, {**_COSTLY, "finalize_trades": True}),
    "SMA cross, exclusive": Case(
        s.Reversing, eurusd, {**_FREE, "exclusive_orders": True, "margin": 0.1}
    ),
    "reversing": Case(s.Reversing, goog, _COSTLY),
    "reversing, hedging": Case(s.Reversing, eurusd, {**_COSTLY, "hedging": True, "margin": 0.5}),
    "vector signals, GOOG": Case(s.VectorSignals, goog, _FREE),
    "vector signals, EURUSD": Case(s.VectorSignals, eurusd, _FREE),
    "trailing, GOOG": Case(s.Trailing, goog, _FREE),
    "trailing, EURUSD": Case(s.Trailing, eurusd, {**_FREE, "finalize_trades": True}),
    "nasty, GOOG": Case(s.Nasty, goog, {"cash": 50_000}),
    "nasty, EURUSD": Case(s.Nasty, eurusd, _COSTLY),
    "nasty, hedging": Case(s.Nasty, goog, {"cash": 50_000, "hedging": True}),
    "nasty, exclusive": Case(s.Nasty, goog, {"cash": 50_000, "exclusive_orders": True}),
    "nasty, exclusive and finalized": Case(
        s.Nasty, goog, {"cash": 50_000, "exclusive_orders": True, "finalize_trades": True}
    ),
    "nasty, on close": Case(
        s.Nasty, goog, {"cash": 50_000, "trade_on_close": True, "finalize_trades": True}
    ),
    "nasty, fixed commission": Case(s.Nasty, goog, {"cash": 50_000, "commission": (2.0, 0.001)}),
    "nasty, random commission": Case(
        s.Nasty, goog, {"cash": 50_000, "commission": Fresh(RandomCommission)}
    ),
    "nasty, at every bar": Case(s.Nasty, eurusd, {"cash": 50_000}, params={"pace": 1}),
    "an order at every bar": Case(s.AlwaysTrading, eurusd, _FREE),
    "an order at every bar, margin": Case(s.AlwaysTrading, goog, {"cash": 1000, "margin": 0.2}),
    "out of money": Case(s.Spendthrift, goog, {"cash": 10_000, "margin": 0.02}),
    "out of money, with commission": Case(
        s.Spendthrift, goog, {"cash": 10_000, "margin": 0.05, "commission": 0.01}
    ),
    "no signals": Case(s.Silent, goog, _FREE),
    "orders before the first bar": Case(s.EarlyBird, goog, _FREE),
    "orders before the first bar, exclusive": Case(
        s.EarlyBird, goog, {**_FREE, "exclusive_orders": True}
    ),
    "own verbs": Case(s.OwnVerbs, goog, _FREE),
    "fractional": Case(
        s.SmaCross, lambda: BTCUSD, {"cash": 10_000, "finalize_trades": True}, FractionalBacktest
    ),
    "numbered bars": Case(s.SmaCross, _numbered, _COSTLY),
    "bars with a time zone": Case(s.SmaCross, _zoned, _FREE),
    "unsorted bars, some twice": Case(s.SmaCross, _shuffled, _FREE),
    "further columns": Case(s.ManyIndicators, _moody, _FREE),
    "many indicators": Case(s.ManyIndicators, eurusd, _FREE),
    "orders that are refused": Case(s.Wrong, goog, _FREE),
    "notes": Case(s.Noting, goog, _FREE),
}
