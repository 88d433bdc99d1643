"""What is written when a run has ended: equity by bar, trades, and what a replay must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from capture_nautilus.amounts import real
from capture_nautilus.facts import own_config
from capture_nautilus.worth import Worth

if TYPE_CHECKING:
    from capture_nautilus.ear import Ear
    from capture_nautilus.placed import Traded
    from capture_nautilus.session import Session

__all__ = ["equity_table", "strategy_facts", "trade_table"]

_TIME = pa.timestamp("ns", tz="UTC")


def strategy_facts(ear: Ear) -> dict[str, Any]:
    """Return what a replay must know of a strategy."""
    from capture_nautilus.driving import callbacks_of

    return {
        "callbacks": callbacks_of(ear.original),
        "setup": ear.setup,
        "config": own_config(ear.strategy),
        "closed_loop": sorted(ear.reads),
    }


def equity_table(session: Session) -> pa.Table | None:
    """Return what the accounts were worth at each bar of the first series, and the position in it.

    It is null where they are kept in several currencies.
    """
    if not session.market.series:
        return None
    series = session.market.series[0]
    times = np.array(series.known_ns, dtype=np.int64)
    ends = max(ear.clock.timestamp_ns() for ear in session.ears)
    times = times[: int(np.searchsorted(times, ends, side="right"))]
    worth = Worth(session, times)
    return pa.table(
        {
            "symbol": pa.repeat(pa.scalar(series.symbol), len(times)),
            "timeframe": pa.repeat(pa.scalar(series.timeframe), len(times)),
            "strategy_id": pa.repeat(pa.scalar(session.ears[0].strategy_id), len(times)),
            "bar_index": np.arange(len(times)),
            "timestamp": pa.array(series.labels_ns[: len(times)]).cast(_TIME),
            "equity": worth.equity(),
            "cash": worth.cash(),
            "position": worth.held(series.instrument_id),
        }
    )


def trade_table(session: Session) -> pa.Table | None:
    """Return the host's own account of the positions, those that are open last."""
    every = [traded for ear in session.ears for traded in ear.outcomes.trades]
    every.sort(key=lambda traded: (traded.closed is None, traded.number))
    cache = session.ears[0].cache
    rows = [_trade(cache, traded) for traded in every]

    def column(name: str, kind: Any) -> pa.Array:
        return pa.array([row[name] for row in rows], kind)

    whole = ("trade_number", "entry_bar", "exit_bar")
    reals = ("size", "entry_price", "exit_price", "commission", "profit")
    texts = ("symbol", "strategy_id", "extra_position_id")
    return pa.table(
        {
            **{name: column(name, pa.string()) for name in texts},
            **{name: column(name, pa.int64()) for name in whole},
            **{name: column(name, pa.int64()).cast(_TIME) for name in ("entry_time", "exit_time")},
            **{name: column(name, pa.float64()) for name in reals},
        }
    )


def _trade(cache: Any, traded: Traded) -> dict[str, Any]:
    closed, series = traded.closed, traded.series
    told = closed if closed is not None else cache.position(traded.position_id)
    ended = None if closed is None else closed.ts_closed
    exit_price = None if closed is None else float(closed.avg_px_close)
    profit = None if closed is None else real(closed.realized_pnl)
    return {
        "symbol": None if series is None else series.symbol,
        "strategy_id": traded.strategy_id,
        "extra_position_id": traded.position_id.value,
        "trade_number": traded.number,
        "entry_bar": None if series is None else series.at(traded.opened_ns),
        "exit_bar": None if series is None or ended is None else series.at(ended),
        "entry_time": traded.opened_ns,
        "exit_time": ended,
        "size": traded.units,
        "entry_price": None if told is None else float(told.avg_px_open),
        "exit_price": exit_price,
        "commission": traded.commission,
        "profit": profit,
    }
