"""What is written when a run has ended: equity by session, and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture_zipline.bars import Market
    from capture_zipline.placed import Traded

__all__ = ["equity_table", "trade_table"]

_TIME = pa.timestamp("ns", tz="UTC")


def equity_table(
    market: Market, account: Sequence[tuple[float, float, Mapping[int, int]]], strategy_id: str
) -> pa.Table:
    """Return what the account was worth at the close of each session.

    A row names the first asset that has a bar then, and tells of its position.

    Args:
        market: the clock of the run.
        account: of each session the cash, what all is worth, and the units held by asset.
        strategy_id: whose account it is.
    """
    ends = market.ends[: len(account)].tolist()
    feeds = [
        next((f for f in market.feeds.values() if f.first <= end < f.first + len(f)), None)
        for end in ends
    ]
    bars = [None if f is None else end - f.first for f, end in zip(feeds, ends, strict=True)]
    cash, worth, positions = (list(column) for column in zip(*account, strict=True))
    held = [
        0.0 if f is None else float(mine.get(f.asset.sid, 0))
        for f, mine in zip(feeds, positions, strict=True)
    ]
    return pa.table(
        {
            "symbol": pa.array([None if f is None else f.symbol for f in feeds], pa.string()),
            "timeframe": pa.repeat(pa.scalar(market.timeframe), len(ends)),
            "strategy_id": pa.repeat(pa.scalar(strategy_id), len(ends)),
            "bar_index": pa.array(bars, pa.int64()),
            "timestamp": pa.array(market.labels[ends]).cast(_TIME),
            "equity": pa.array(worth, pa.float64()),
            "cash": pa.array(cash, pa.float64()),
            "position": pa.array(held, pa.float64()),
        }
    )


def trade_table(trades: Sequence[Traded], strategy_id: str) -> pa.Table:
    """Return the trades, those that are open last."""
    ordered = sorted(trades, key=lambda trade: trade.exit_bar is None)
    reals = {
        "size": [t.units for t in ordered],
        "entry_price": [t.paid / abs(t.units) if t.units else None for t in ordered],
        "exit_price": [
            t.proceeds / t.left if t.exit_bar is not None and t.left else None for t in ordered
        ],
        "commission": [t.commission for t in ordered],
        "profit": [t.profit for t in ordered],
    }
    return pa.table(
        {
            "symbol": pa.array([t.feed.symbol for t in ordered], pa.string()),
            "strategy_id": pa.repeat(pa.scalar(strategy_id), len(ordered)),
            "trade_number": pa.array([t.number for t in ordered], pa.int64()),
            "entry_bar": pa.array([t.entry_bar for t in ordered], pa.int64()),
            "exit_bar": pa.array([t.exit_bar for t in ordered], pa.int64()),
            "entry_time": _times(ordered, [t.entry_bar for t in ordered]),
            "exit_time": _times(ordered, [t.exit_bar for t in ordered]),
            **{name: pa.array(values, pa.float64()) for name, values in reals.items()},
        }
    )


def _times(trades: Sequence[Traded], bars: Sequence[int | None]) -> pa.Array:
    times = [
        None if bar is None else trade.feed.time_ns(bar)
        for trade, bar in zip(trades, bars, strict=True)
    ]
    return pa.array(times, pa.int64()).cast(_TIME)
