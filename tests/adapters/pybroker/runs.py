"""Real runs of pybroker: executions, bars and settings each, captured or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pybroker
from backtesting.test import EURUSD, GOOG
from pybroker import FeeMode, FixedSlippageModel, Strategy, StrategyConfig

import capture
from capture.testing.adapter import identical
from capture.testing.running import HostRuns
from tests.adapters.pybroker import strategies as s

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.recording import Recording

pybroker.disable_logging()
pybroker.disable_progress_bar()


def _frame(bars: pd.DataFrame, symbol: str) -> pd.DataFrame:
    named = bars.rename(columns=str.lower).rename_axis("date").reset_index()
    return named.assign(symbol=symbol)


@cache
def goog() -> pd.DataFrame:
    """Daily bars of GOOG: five years."""
    return _frame(GOOG.iloc[:1250], "GOOG")


@cache
def eurusd() -> pd.DataFrame:
    """Hourly bars of EURUSD, in a unit of which an account holds many."""
    prices = EURUSD.iloc[:1500].copy()
    prices[["Open", "High", "Low", "Close"]] *= 100
    return _frame(prices, "EURUSD")


@cache
def several() -> pd.DataFrame:
    """Five symbols made of GOOG, with calendars of their own."""
    frames = []
    for number, symbol in enumerate(("AAA", "BBB", "CCC", "DDD", "EEE")):
        bars = GOOG.iloc[number * 150 : number * 150 + 500].copy()
        bars.index = GOOG.index[: len(bars)]
        bars = bars.drop(bars.index[number * 7 :: 41]) if number % 2 else bars
        frames.append(_frame(bars, symbol))
    return pd.concat(frames, ignore_index=True)


@dataclass(frozen=True)
class Execution:
    """One execution of a strategy."""

    function: Callable[..., None]
    symbols: tuple[str, ...]
    words: Mapping[str, Any] = field(default_factory=dict)


CROSS = {"indicators": (s.fast, s.slow)}


@dataclass(frozen=True)
class Case:
    """One run, made anew each time that it is asked for."""

    executions: tuple[Execution, ...]
    data: Callable[[], pd.DataFrame]
    config: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Strategy], None] = lambda _strategy: None
    words: Mapping[str, Any] = field(default_factory=dict)

    def strategy(self, wrap: Callable[[Any], Any] = lambda function: function) -> Strategy:
        """Return the strategy."""
        data = self.data()
        config = StrategyConfig(**{"round_test_result": False, **self.config})
        made = Strategy(data, data["date"].min(), data["date"].max(), config)
        for execution in self.executions:
            made.add_execution(wrap(execution.function), execution.symbols, **execution.words)
        self.prepare(made)
        return made

    def __call__(self, wrap: Callable[[Any], Any] = lambda function: function) -> Any:
        words = {"windows": 1, "train_size": 0, **self.words}
        results = self.strategy(wrap).walkforward(**words)
        vars(results)["case"] = self  # which is frozen
        return results


def one(function: Callable[..., None], symbol: str, **words: Any) -> tuple[Execution, ...]:
    """Return the one execution of a strategy that trades one symbol."""
    return (Execution(function, (symbol,), words),)


def _slips(strategy: Strategy) -> None:
    strategy.set_slippage_model(FixedSlippageModel(bps=12))
    strategy.set_max_long_positions(2)
    strategy.set_max_short_positions(1)


def _rotates(strategy: Strategy) -> None:
    strategy.set_max_long_positions(2)
    strategy.enable_rotation(worst_rank_held=3)


def halve(contexts: Mapping[str, Any]) -> None:
    """Halve what executions want to buy."""
    for ctx in contexts.values():
        if ctx.buy_shares is not None:
            ctx.buy_shares = ctx.buy_shares // 2


COSTLY = {"fee_mode": FeeMode.ORDER_PERCENT, "fee_amount": 0.2, "initial_cash": 20_000}
CASES: dict[str, Case] = {
    "SMA cross": Case(one(s.sma_cross, "GOOG", **CROSS), goog, COSTLY),
    "SMA cross, EURUSD hours": Case(
        one(s.sma_cross, "EURUSD", **CROSS, shares=20),
        eurusd,
        {"round_fill_price": False, "buy_delay": 2, "exit_on_last_bar": True},
    ),
    "a part of the capital, walkforward": Case(
        one(s.sized_cross, "GOOG", **CROSS), goog, words={"windows": 3, "train_size": 0.5}
    ),
    "targets, fractional": Case(
        one(s.aiming, "GOOG", **CROSS), goog, {"enable_fractional_shares": True}
    ),
    "flipping": Case(one(s.flipping, "EURUSD", **CROSS), eurusd, COSTLY),
    "nasty": Case(one(s.nasty, "GOOG"), goog, {**COSTLY, "fee_mode": FeeMode.PER_SHARE}),
    "nasty, EURUSD on margin": Case(
        one(s.nasty, "EURUSD"), eurusd, {"leverage": 2.0, "initial_cash": 5_000}
    ),
    "patient, in windows": Case(
        (Execution(s.patient, ("AAA", "BBB", "CCC")),),
        several,
        words={"windows": 3, "train_size": 0.3, "warmup": 2},
    ),
    "ranked, several executions": Case(
        (
            Execution(s.ranked, ("AAA", "BBB", "CCC")),
            Execution(s.foreign, ("DDD",)),
            Execution(s.sma_cross, ("EEE",), {**CROSS, "shares": 4}),
        ),
        several,
        COSTLY,
        _slips,
    ),
    "rotation": Case((Execution(s.momentum, ("AAA", "BBB", "CCC", "DDD")),), several, {}, _rotates),
    "changed after the executions": Case(
        one(s.sized_cross, "GOOG", **CROSS), goog, {}, lambda made: made.set_after_exec(halve)
    ),
    "no signals": Case(one(s.silent, "GOOG"), goog),
}

FRAMES = ("orders", "trades", "portfolio", "positions", "metrics_df")


def assert_same_results(expected: Any, got: Any) -> None:
    """Assert that two results of the host are the same to the last bit."""
    for name in FRAMES:
        assert identical(getattr(expected, name), getattr(got, name)), name


class Pybroker(HostRuns):
    """How results of the host are compared, and what they say was traded."""

    adapter = "pybroker"

    def compare(self, expected: Any, got: Any) -> None:
        assert_same_results(expected, got)

    def fills(self, results: Any) -> Counter[tuple[int, int, float]]:
        data = results.case.data()
        fills: Counter[tuple[int, int, float]] = Counter()
        for symbol, orders in results.orders.groupby("symbol"):
            dates = data.loc[data["symbol"] == symbol, "date"].to_numpy()
            for order in orders.itertuples():
                bar = int(np.searchsorted(dates, np.datetime64(order.date)))
                side = 1 if order.type == "buy" else -1
                fills[(bar, side, float(order.fill_price))] += order.shares
        return fills


def captured(case: Case, folder: Path, **options: Any) -> tuple[Any, Recording]:
    """Run it captured; return the host's results and the recording."""
    results = case(lambda function: capture.wrap(function, store=folder, **options))
    return results, capture.open(folder).latest()
