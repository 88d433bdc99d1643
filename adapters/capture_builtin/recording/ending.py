"""What is written when a run has ended: equity by step, and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture_builtin.engine import Engine
    from capture_builtin.portfolio import Portfolio

__all__ = ["equity_table", "trade_table"]


def equity_table(engine: Engine, portfolio: Portfolio, strategy_id: str) -> pa.Table:
    """Return what the portfolio was worth at each step.

    A row names the first symbol, in order of name, whose bar closed at the step, and what was held
    of it.
    """
    ledger = portfolio.ledger
    times = np.array(engine.times[: len(ledger.equity)], dtype=np.int64)
    traded = engine.feeds[: len(engine.symbols)]
    place = np.full(len(times), -1)
    bar = np.zeros(len(times), np.int64)
    label = times.copy()
    for number in reversed(range(len(traded))):
        feed = traded[number]
        known = np.searchsorted(feed.available_ns, times, side="right") - 1
        here = (known >= 0) & (feed.available_ns[np.maximum(known, 0)] == times)
        place[here], bar[here] = number, known[here]
        label[here] = feed.labels_ns[known[here]]
    kept = place >= 0
    names = pa.array([feed.symbol for feed in traded])
    frames = pa.array([feed.timeframe for feed in traded])
    which = pa.array(place[kept])
    return pa.table(
        {
            "symbol": names.take(which),
            "timeframe": frames.take(which),
            "strategy_id": pa.repeat(pa.scalar(strategy_id), int(kept.sum())),
            "bar_index": bar[kept],
            "timestamp": pa.array(label[kept]).cast(pa.timestamp("ns", tz="UTC")),
            "equity": np.array(ledger.equity, dtype=np.float64)[kept],
            "cash": np.array(ledger.cash, dtype=np.float64)[kept],
            "position": _held(portfolio, len(traded), len(times))[np.arange(len(times)), place][
                kept
            ],
        }
    )


def _held(
    portfolio: Portfolio, symbols: int, steps: int
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return what was held of each symbol at the end of each step."""
    found = np.zeros((steps, symbols))
    changes: list[list[tuple[int, float]]] = [[] for _ in range(symbols)]
    for step, place, held in portfolio.ledger.held:
        changes[place].append((step, held))
    for place, mine in enumerate(changes):
        for number, (step, held) in enumerate(mine):
            stop = mine[number + 1][0] if number + 1 < len(mine) else steps
            found[step:stop, place] = held
    return found


def trade_table(engine: Engine, portfolio: Portfolio) -> pa.Table:
    """Return the trades, those that are open last."""
    trades = sorted(portfolio.ledger.trades, key=lambda trade: trade.exit_bar is None)
    found = [trade.to_dict() for trade in trades]
    feeds = {feed.symbol: feed for feed in engine.feeds[: len(engine.symbols)]}

    def reals(name: str) -> pa.Array:
        return pa.array([row[name] for row in found], pa.float64())

    def times(name: str) -> pa.Array:
        said = [None if (bar := row[name]) is None else int(feeds[row["symbol"]].labels_ns[bar])
                for row in found]  # fmt: skip
        return pa.array(said, pa.int64()).cast(pa.timestamp("ns", tz="UTC"))

    def texts(name: str) -> pa.Array:
        return pa.array([row[name] for row in found], pa.string())

    def whole(name: str) -> pa.Array:
        return pa.array([row[name] for row in found], pa.int64())

    columns: Sequence[str] = ("size", "entry_price", "exit_price", "commission", "profit")
    return pa.table(
        {
            "symbol": texts("symbol"),
            "strategy_id": texts("strategy_id"),
            **{name: whole(name) for name in ("trade_number", "entry_bar", "exit_bar")},
            "entry_time": times("entry_bar"),
            "exit_time": times("exit_bar"),
            **{name: reals(name) for name in columns},
        }
    )
