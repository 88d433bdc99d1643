"""What is written when a run has ended: equity by bar, and round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bt.core import SecurityBase

if TYPE_CHECKING:
    from capture_bt.fills import Fills, Trip
    from capture_bt.opening import Opened
    from capture_bt.session import Session

__all__ = ["equity_table", "trade_table"]


def equity_table(session: Session, opened: Opened) -> pa.Table:
    """Return what the strategy was worth at each bar, its cash, and what it held of one symbol.

    The symbol is the first column of the data; what is held of it in all nested strategies counts.
    """
    root, symbol = session.root, opened.symbols[0]
    equity = root._values_arr[1:]
    bars = np.arange(len(equity))
    labels = {**opened.labels, "symbol": opened.called(symbol)}
    return pa.table(
        {
            **{name: pa.repeat(pa.scalar(text), len(bars)) for name, text in labels.items()},
            "bar_index": bars,
            "timestamp": opened.timeline.labels(bars),
            "equity": equity.copy(),
            "cash": root._cash_arr[1:].copy(),
            "position": _position(root, symbol, len(bars)),
        }
    )


def _position(root: Any, symbol: str, count: int) -> np.ndarray[Any, Any]:
    found = np.zeros(count)
    waiting = list(root._childrenv)
    while waiting:
        node = waiting.pop()
        if isinstance(node, SecurityBase):
            if str(node.name) == symbol:
                found += np.nan_to_num(node._positions_arr[1:])
        else:
            waiting += node._childrenv
    return found


def trade_table(fills: Fills, opened: Opened) -> pa.Table:
    """Return the round trips, those that are open last, at average prices."""
    trips = sorted(fills.trips, key=lambda trip: trip.exit_bar is None)
    bars = {
        "entry": pa.array([trip.entry_bar for trip in trips], pa.int64()),
        "exit": pa.array([trip.exit_bar for trip in trips], pa.int64()),
    }
    reals = {
        "size": [trip.size for trip in trips],
        "entry_price": [trip.paid / trip.size if trip.size else None for trip in trips],
        "exit_price": [-trip.got / trip.closed if trip.closed else None for trip in trips],
        "commission": [trip.commission for trip in trips],
        "profit": [_profit(trip) for trip in trips],
    }
    return pa.table(
        {
            "symbol": pa.array([opened.called(trip.symbol) for trip in trips], pa.string()),
            "strategy_id": pa.repeat(pa.scalar(opened.strategy_id), len(trips)),
            "trade_number": pa.array([trip.number for trip in trips], pa.int64()),
            **{f"{word}_bar": column for word, column in bars.items()},
            **{f"{word}_time": _times(opened, column) for word, column in bars.items()},
            **{name: pa.array(values, pa.float64()) for name, values in reals.items()},
            "extra_node": pa.array([trip.node for trip in trips], pa.string()),
        }
    )


def _profit(trip: Trip) -> float | None:
    return None if trip.exit_bar is None else trip.got - trip.paid - trip.commission


def _times(opened: Opened, bars: pa.Array) -> pa.Array:
    known = bars.fill_null(0).to_numpy(zero_copy_only=False)
    return pc.if_else(bars.is_valid(), opened.timeline.labels(known), None)
