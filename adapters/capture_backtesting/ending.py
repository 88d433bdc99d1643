"""What is written when a run has ended: equity by bar, and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from capture_backtesting.opening import Opened

__all__ = ["equity_table", "trade_table"]


def equity_table(results: Any, opened: Opened, broker: Any) -> pa.Table:
    """Return the host's equity curve, and the position at the close of every bar."""
    equity = results["_equity_curve"]["Equity"].to_numpy()
    bars = np.arange(len(equity))
    return pa.table(
        {
            **_constants(opened, len(bars)),
            "bar_index": bars,
            "timestamp": opened.timeline.labels(bars),
            "equity": equity,
            "position": _position_by_bar(len(bars), broker),
        }
    )


def _position_by_bar(count: int, broker: Any) -> np.ndarray[Any, Any]:
    """Return the position after the last fill at or before each bar."""
    changes = np.zeros(count)
    for trade in (*broker.closed_trades, *broker.trades):
        changes[trade.entry_bar] += trade.size
        if trade.exit_bar is not None:
            changes[trade.exit_bar] -= trade.size
    return np.cumsum(changes)


def trade_table(opened: Opened, broker: Any) -> pa.Table:
    """Return the host's own account of the trades, those that are open last."""
    trades = (*broker.closed_trades, *broker.trades)
    bars = {
        "entry": pa.array([trade.entry_bar for trade in trades], pa.int64()),
        "exit": pa.array([trade.exit_bar for trade in trades], pa.int64()),
    }
    reals = {
        "size": [trade.size for trade in trades],
        "entry_price": [trade.entry_price for trade in trades],
        "exit_price": [trade.exit_price for trade in trades],
        "commission": [trade._commissions for trade in trades],
        "profit": [trade.pl if trade.exit_bar is not None else None for trade in trades],
    }
    return pa.table(
        {
            "symbol": pa.repeat(pa.scalar(opened.labels["symbol"]), len(trades)),
            "strategy_id": pa.repeat(pa.scalar(opened.strategy_id), len(trades)),
            "trade_number": pa.array(range(1, len(trades) + 1), pa.int64()),
            **{f"{word}_bar": column for word, column in bars.items()},
            **{f"{word}_time": _times(opened, column) for word, column in bars.items()},
            **{name: pa.array(values, pa.float64()) for name, values in reals.items()},
        }
    )


def _times(opened: Opened, bars: pa.Array) -> pa.Array:
    known = bars.fill_null(0).to_numpy(zero_copy_only=False)
    return pc.if_else(bars.is_valid(), opened.timeline.labels(known), None)


def _constants(opened: Opened, count: int) -> dict[str, pa.Array]:
    words = {**opened.labels, "strategy_id": opened.strategy_id}
    return {name: pa.repeat(pa.scalar(text), count) for name, text in words.items()}
