"""The same settings in Backtesting.py, in vectorbt, and event by event; in a processor's time."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.hosts import quiet
from capture.study.portfolio import coding as c
from capture_builtin import Backtest as EventBacktest
from capture_builtin import Strategy as EventStrategy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sweep_world import World
    from capture.study.objectives.observing import Performance
    from capture.study.portfolio.settings import PortfolioSettings
    from capture.study.portfolio.sparse import SparseReplay

__all__ = ["backtesting_seconds", "events_seconds", "vectorbt_seconds"]


def backtesting_seconds(
    made: World,
    settings: Sequence[PortfolioSettings],
    rows: Sequence[int],
    performance: Performance,
) -> float:
    """Return seconds of a full backtest of each of these settings."""
    import backtesting.backtesting
    from backtesting import Backtest, Strategy

    backtesting.backtesting._tqdm = lambda steps, **_said: steps  # it costs more than the steps
    wanted = dict(zip(made.bars.tolist(), made.directions.tolist(), strict=True))

    class Stored(Strategy):  # type: ignore[misc, unused-ignore]
        size = 0

        def init(self) -> None:
            self.place = 0

        def next(self) -> None:
            direction = wanted.get(len(self.data) - 1, 0)
            if direction * self.position.size > 0 or not direction:
                return
            self.position.close()
            (self.buy if direction > 0 else self.sell)(size=self.size)

    taken = 0.0
    for row in rows:
        one = settings[row]
        test = Backtest(made.frame, Stored, cash=one.cash, commission=one.commission_rate)
        with quiet():
            started = process_time()
            stats = test.run(size=int(one.size))
            taken += process_time() - started
        equity = stats["_equity_curve"]["Equity"]
        _agree("Backtesting.py", float(equity.iloc[-1]), performance.final[row])
        _agree("Backtesting.py", -stats["Max. Drawdown [%]"] / 100, performance.deepest[row], 1e-4)
    return taken


def events_seconds(
    made: World,
    settings: Sequence[PortfolioSettings],
    rows: Sequence[int],
    performance: Performance,
) -> float:
    """Return seconds of an event-driven replay of each of these settings."""
    wanted = dict(zip(made.bars.tolist(), made.directions.tolist(), strict=True))

    class Stored(EventStrategy):
        def generate_signal(self, market: Any) -> int | None:
            return wanted.get(market.index)

    taken = 0.0
    for row in rows:
        told = settings[row].to_mapping(every=False)
        test = EventBacktest(made.frame, Stored, symbol="S", **told)
        started = process_time()
        results = test.run()
        taken += process_time() - started
        _agree("the built-in backtester", results.final, performance.final[row], 0.0)
        _agree("the built-in backtester", results.max_drawdown, performance.deepest[row], 0.0)
    return taken


def vectorbt_seconds(
    made: World,
    settings: Sequence[PortfolioSettings],
    rows: Sequence[int],
    prepared: SparseReplay,
    performance: Performance,
    *,
    sparse: bool,
) -> dict[str, float]:
    """Return seconds of vectorbt for the same orders, on all bars or on those of orders alone."""
    import vectorbt as vbt

    targets = _targets(prepared, [settings[row] for row in rows], len(made.frame))
    bars = np.arange(len(made.frame))
    if sparse:
        bars = np.flatnonzero(~np.isnan(targets).all(axis=1))
        bars = np.union1d(bars, [len(made.frame) - 1])
    index = made.frame.index[bars]
    orders = pd.DataFrame(targets[bars], index=index)
    opens = pd.Series(made.frame["Open"].to_numpy()[bars], index=index)
    closes = pd.Series(made.frame["Close"].to_numpy()[bars], index=index)
    fees = np.array([settings[row].commission_rate for row in rows])
    slippage = np.array([settings[row].slippage_fraction for row in rows])
    parts: dict[str, float] = {}
    for warm in (True, False):  # the first round compiles
        chosen = orders.iloc[:50] if warm else orders
        started = process_time()
        portfolio = vbt.Portfolio.from_orders(
            closes.iloc[: len(chosen)],
            chosen,
            size_type="targetamount",
            price=opens.iloc[: len(chosen)],
            fees=fees,
            slippage=slippage,
            init_cash=settings[0].cash,
            freq="1min",
        )
        simulated = process_time()
        final = portfolio.final_value()
        valued = process_time()
        deepest = portfolio.max_drawdown()
        parts = {
            "orders": simulated - started,
            "value": valued - simulated,
            "drawdown": process_time() - valued,
        }
    for place, row in enumerate(rows):
        _agree("vectorbt", float(final.iloc[place]), performance.final[row])
        if not sparse:
            _agree("vectorbt", -float(deepest.iloc[place]), performance.deepest[row], 1e-6)
    return parts


def _targets(
    prepared: SparseReplay, settings: Sequence[PortfolioSettings], bars: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the position wanted at each bar with a fill, a column per portfolio."""
    targets = np.full((bars, len(settings)), np.nan)
    for place, one in enumerate(settings):
        log = prepared.log(one)
        targets[log[:, c.LOG_STEP].astype(int), place] = log[:, c.LOG_HELD]
    return targets


def _agree(who: str, theirs: float, mine: float, tolerance: float = 1e-9) -> None:
    """Refuse to time two things that are not the same."""
    if not abs(theirs - mine) <= tolerance * max(abs(mine), 1.0):
        raise AssertionError(f"{who} comes to {theirs!r}, the sparse replay to {mine!r}")
