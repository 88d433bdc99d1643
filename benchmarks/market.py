"""A made market with what makes real ones hard to compress, and the signals given in it.

Prices move in ticks of 0.01. The indicators are computed from them, as an indicator library would,
and so use all the digits of a double. Each signal has 47 fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from capture.journal import Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

__all__ = ["FIELDS", "MARKET", "STRATEGIES", "Universe", "rows_of", "universe"]

BAR_NS: Final = 300 * 10**9
FIRST_BAR_NS: Final = 1_704_067_200 * 10**9
"""The first of January 2024, UTC."""

STRATEGIES: Final = ("sma_cross", "breakout", "mean_reversion", "momentum")
MARKET: Final = ("open", "high", "low", "close", "volume", "vwap")
"""What a bar holds, and so can be looked up by bar index instead of being kept with a signal."""

_INDICATORS: Final = (
    "sma_fast",
    "sma_slow",
    "ema_12",
    "ema_26",
    "macd",
    "macd_signal",
    "macd_histogram",
    "rsi_14",
    "atr_14",
    "band_middle",
    "band_upper",
    "band_lower",
    "zscore_20",
    "momentum_10",
    "volatility_20",
)
FIELDS: Final = (
    Field("symbol", "word"),
    Field("bar_index", "int"),
    Field("timestamp", "time"),
    Field("available_time", "time"),
    Field("direction", "small"),
    Field("strength", "float"),
    Field("signal_type", "word"),
    Field("position_before", "float"),
    Field("capital_available", "float"),
    Field("spread", "float"),
    Field("liquidity_score", "float"),
    Field("regime", "word"),
    Field("regime_confidence", "float"),
    Field("processing_ns", "int"),
    *(Field(f"market_{name}", "float") for name in MARKET),
    Field("market_bid", "float"),
    Field("market_ask", "float"),
    *(Field(f"indicator_{name}", "float") for name in _INDICATORS),
    Field("portfolio_equity", "float"),
    Field("portfolio_cash", "float"),
    Field("portfolio_exposure", "float"),
    Field("portfolio_open_trades", "int"),
    Field("risk_drawdown", "float"),
    Field("risk_value_at_risk", "float"),
    Field("risk_leverage", "float"),
    Field("limit_max_position", "float"),
    Field("limit_max_drawdown", "float"),
    Field("limit_max_leverage", "float"),
)
"""The 47 fields of a signal that holds all of its context."""


@dataclass(frozen=True)
class Universe:
    """Signals in the order in which they were given, and the bars of each instrument."""

    signals: pa.Table
    bars: Mapping[str, pa.Table]


def universe(signals: int, *, symbols: int = 50, bars_per_signal: int = 4) -> Universe:
    """Return a market of so many signals; equal arguments give equal data."""
    each = max(signals // symbols, 1)
    bars: dict[str, pa.Table] = {}
    pieces = []
    for number in range(symbols):
        rng = np.random.default_rng(number)
        symbol = f"SYM{number:02d}"
        market = _bars(rng, each * bars_per_signal)
        bars[symbol] = pa.table({**_times(np.arange(each * bars_per_signal)), **market})
        pieces.append(_signals(rng, symbol, market, each))
    table = pa.concat_tables(pieces).sort_by([("timestamp", "ascending"), ("symbol", "ascending")])
    return Universe(table.combine_chunks(), bars)


def rows_of(table: pa.Table, fields: Sequence[Field], codes: Mapping[str, int]) -> list[Any]:
    """Return the rows as tuples of journal values: texts as their numbers, times in ns."""
    columns = []
    for name, kind in fields:
        column = table.column(name)
        if kind == "word":
            columns.append([codes[text] for text in column.to_pylist()])
        elif kind == "time":
            columns.append(column.cast(pa.int64()).to_pylist())
        else:
            columns.append(column.to_pylist())
    return list(zip(*columns, strict=True))


def _times(at: NDArray[Any]) -> dict[str, pa.Array]:
    """Return when a bar began, and when it was complete."""
    utc = pa.timestamp("ns", tz="UTC")
    began = FIRST_BAR_NS + at * BAR_NS
    return {
        "timestamp": pa.array(began).cast(utc),
        "available_time": pa.array(began + BAR_NS).cast(utc),
    }


def _bars(rng: np.random.Generator, count: int) -> Columns:
    """Return a random walk in ticks."""
    ticks = 10_000 + np.cumsum(rng.normal(0, 6, count).round())
    close = np.maximum(ticks, 500)
    opened = np.concatenate(([close[0]], close[:-1]))
    high = np.maximum(opened, close) + rng.integers(0, 8, count)
    low = np.minimum(opened, close) - rng.integers(0, 8, count)
    volume = rng.integers(1, 5_000, count) * 100.0
    prices = {"open": opened, "high": high, "low": low, "close": close}
    typical = (high + low + close) / 3
    return {
        **{name: ticks_ / 100 for name, ticks_ in prices.items()},
        "volume": volume,
        "vwap": (typical / 100).round(4),
    }


def _indicators(market: Columns) -> Columns:
    """Return the usual indicators over all bars."""
    close = pd.Series(market["close"])
    change = close.diff().fillna(0.0)
    gain = change.clip(lower=0).ewm(alpha=1 / 14).mean()
    loss = (-change.clip(upper=0)).ewm(alpha=1 / 14).mean()
    before = close.shift(fill_value=close[0])
    widest = np.maximum(market["high"], before) - np.minimum(market["low"], before)
    fast, slow = close.ewm(span=12).mean(), close.ewm(span=26).mean()
    macd = fast - slow
    macd_signal = macd.ewm(span=9).mean()
    middle = close.rolling(20, min_periods=1).mean()
    deviation = close.rolling(20, min_periods=1).std().fillna(0.0)
    lines = (
        close.rolling(10, min_periods=1).mean(),
        close.rolling(30, min_periods=1).mean(),
        fast,
        slow,
        macd,
        macd_signal,
        macd - macd_signal,
        100 - 100 / (1 + gain / (loss + 1e-12)),
        pd.Series(widest).ewm(alpha=1 / 14).mean(),
        middle,
        middle + 2 * deviation,
        middle - 2 * deviation,
        (close - middle) / (deviation + 1e-12),
        close - close.shift(10).fillna(close[0]),
        close.pct_change().fillna(0.0).rolling(20, min_periods=1).std().fillna(0.0),
    )
    return {
        f"indicator_{name}": line.to_numpy() for name, line in zip(_INDICATORS, lines, strict=True)
    }


def _signals(rng: np.random.Generator, symbol: str, market: Columns, count: int) -> pa.Table:
    at = np.sort(rng.choice(len(market["close"]), count, replace=False))
    seen = {f"market_{name}": values[at] for name, values in market.items()}
    lines = {name: values[at] for name, values in _indicators(market).items()}
    direction = np.where(lines["indicator_macd_histogram"] > 0, 1, -1).astype(np.int8)
    regime = np.array(["calm", "trending", "volatile"])[np.arange(count) * 9 // count % 3]
    half_spread = rng.integers(1, 4, count) / 100
    own = {
        "symbol": pa.array([symbol] * count),
        "bar_index": at,
        **_times(at),
        "direction": direction,
        "strength": np.tanh(lines["indicator_zscore_20"]),
        "signal_type": np.where(direction > 0, "entry", "exit"),
        "spread": 2 * half_spread,
        "liquidity_score": np.log1p(seen["market_volume"]) / half_spread,
        "regime": regime,
        "regime_confidence": rng.beta(8, 2, count),
        "processing_ns": rng.integers(800, 1_400, count),
        "market_bid": seen["market_close"] - half_spread,
        "market_ask": seen["market_close"] + half_spread,
        "strategy_id": np.array(STRATEGIES)[rng.integers(0, len(STRATEGIES), count)],
    }
    account = _account(rng, direction, seen["market_close"])
    columns = {**own, **seen, **lines, **account}
    return pa.table({name: columns[name] for name in ("strategy_id", *(f.name for f in FIELDS))})


def _account(rng: np.random.Generator, direction: NDArray[Any], close: NDArray[Any]) -> Columns:
    """Return what a portfolio that follows the signals looks like; it pays 0.02% a trade."""
    count = len(close)
    position = np.concatenate(([0.0], direction[:-1] * 100.0))
    paid = np.abs(np.diff(position, prepend=0.0)) * close * 0.0002
    equity = 100_000 + np.cumsum(position * np.diff(close, prepend=close[0]) - paid)
    cash = equity - position * close
    peak = np.maximum.accumulate(equity)
    return {
        "position_before": position,
        "capital_available": cash,
        "portfolio_equity": equity,
        "portfolio_cash": cash,
        "portfolio_exposure": np.abs(position * close) / equity,
        "portfolio_open_trades": rng.integers(0, 3, count),
        "risk_drawdown": equity / peak - 1,
        "risk_value_at_risk": np.abs(position * close) * 0.0164,
        "risk_leverage": np.abs(position * close) / cash,
        "limit_max_position": np.full(count, 1_000.0),
        "limit_max_drawdown": np.full(count, 0.2),
        "limit_max_leverage": np.full(count, 2.0),
    }
