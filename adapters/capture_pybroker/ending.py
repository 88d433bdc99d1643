"""What is written when a run has ended: equity by bar, and trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from capture_pybroker.opening import Lines

__all__ = ["equity_table", "trade_table"]


def equity_table(
    bars: Sequence[Any],
    held: Mapping[str, Sequence[tuple[Any, float]]],
    lines: Mapping[str, Lines],
    strategies: Mapping[str, str],
) -> pa.Table:
    """Return what the portfolio was worth at each date.

    A row names the first symbol, in order of name, that has a bar on the date, and what was held of
    it.

    Args:
        bars: the host's account of the portfolio, by date.
        held: by symbol, the dates on which its position changed, and what it was from then on.
        lines: the series of each symbol.
        strategies: who trades each symbol.
    """
    dates = np.array([bar.date for bar in bars], dtype="datetime64[ns]")
    symbols = sorted(lines)
    chosen = np.full(len(dates), -1)
    places = np.zeros(len(dates), np.int64)
    position = np.zeros(len(dates))
    for number, symbol in reversed(list(enumerate(symbols))):
        own = lines[symbol].dates
        at = np.minimum(np.searchsorted(own, dates), len(own) - 1)
        here = own[at] == dates
        chosen[here], places[here] = number, at[here]
        position[here] = _positions(dates, held.get(symbol, ()))[here]
    kept = chosen >= 0
    names = pa.array([*symbols, None], pa.string())
    frames = pa.array([*(lines[s].timeline.timeframe for s in symbols), None], pa.string())
    owners = pa.array([*(strategies[s] for s in symbols), None], pa.string())
    which = pa.array(np.where(kept, chosen, len(symbols)))
    table = pa.table(
        {
            "symbol": names.take(which),
            "timeframe": frames.take(which),
            "strategy_id": owners.take(which),
            "bar_index": places,
            "timestamp": _times(dates),
            "equity": np.array([float(bar.market_value) for bar in bars], dtype=np.float64),
            "cash": np.array([float(bar.cash) for bar in bars], dtype=np.float64),
            "position": position,
        }
    )
    return table.filter(pa.array(kept))


def _positions(dates: NDArray[Any], changes: Sequence[tuple[Any, float]]) -> NDArray[np.float64]:
    """Return the position after the last fill at or before each date."""
    when = np.array([date for date, _ in changes], dtype="datetime64[ns]")
    then = np.array([0.0, *(position for _, position in changes)])
    found: NDArray[np.float64] = then[np.searchsorted(when, dates, side="right")]
    return found


def trade_table(
    portfolio: Any,
    closed: Sequence[tuple[Any, int]],
    lines: Mapping[str, Lines],
    strategies: Mapping[str, str],
) -> pa.Table:
    """Return the host's own account of the trades, those that are open last.

    Args:
        portfolio: what still is open.
        closed: the host's trades, each with the number of the lot that it closed.
        lines: the series of each symbol.
        strategies: who trades each symbol.
    """
    rows = [_closed(trade, lot) for trade, lot in closed if trade.symbol in lines]
    for side in (portfolio.long_positions, portfolio.short_positions):
        for symbol, held in side.items():
            if symbol in lines:
                rows += [_open(symbol, lot) for lot in held.entries]
    columns = {
        name: [row[name] for row in rows]
        for name in ("symbol", "number", "size", "entry", "exit", "paid", "got", "profit", "stop")
    }

    def bars(name: str) -> list[int | None]:
        return [
            None if date is None else int(np.searchsorted(lines[symbol].dates, date))
            for symbol, date in zip(columns["symbol"], columns[name], strict=True)
        ]

    return pa.table(
        {
            "symbol": pa.array(columns["symbol"], pa.string()),
            "strategy_id": pa.array([strategies[s] for s in columns["symbol"]], pa.string()),
            "trade_number": pa.array(columns["number"], pa.int64()),
            "entry_bar": pa.array(bars("entry"), pa.int64()),
            "exit_bar": pa.array(bars("exit"), pa.int64()),
            "entry_time": _times(np.array(columns["entry"], dtype="datetime64[ns]")),
            "exit_time": _times(np.array(columns["exit"], dtype="datetime64[ns]")),
            "size": pa.array(columns["size"], pa.float64()),
            "entry_price": pa.array(columns["paid"], pa.float64()),
            "exit_price": pa.array(columns["got"], pa.float64()),
            "profit": pa.array(columns["profit"], pa.float64()),
            "extra_stop": pa.array(columns["stop"], pa.string()),
        }
    )


def _closed(trade: Any, lot: int) -> dict[str, Any]:
    sign = 1 if trade.type == "long" else -1
    return {
        "symbol": trade.symbol,
        "number": lot,
        "size": float(trade.shares) * sign,
        "entry": trade.entry_date,
        "exit": trade.exit_date,
        "paid": float(trade.entry),
        "got": float(trade.exit),
        "profit": float(trade.pnl),
        "stop": trade.stop,
    }


def _open(symbol: str, lot: Any) -> dict[str, Any]:
    sign = 1 if lot.type == "long" else -1
    said = {"symbol": symbol, "number": lot.id, "size": float(lot.shares) * sign}
    nothing = dict.fromkeys(("exit", "got", "profit", "stop"))
    return {**said, **nothing, "entry": lot.date, "paid": float(lot.price)}


def _times(dates: NDArray[Any]) -> pa.Array:
    return pa.array(dates.astype("datetime64[ns]")).cast(pa.timestamp("ns", tz="UTC"))
