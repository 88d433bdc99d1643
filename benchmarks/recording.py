"""Recorders as the benchmarks use them: made in a folder of their own, fed with made signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from benchmarks.market import BAR_NS, FIELDS, rows_of
from capture.config import SignalCaptureConfig
from capture.journal import Field
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import StrategyFacts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa

    from capture.recorder.channel import Channel

__all__ = ["Fed", "context_of", "contexts", "opened"]

_FACTS: Final = StrategyFacts("bench", {"fast": 10, "slow": 30})


@dataclass(frozen=True)
class Fed:
    """A recorder, its channel of signals, and rows in the form that the channel takes."""

    engine: SignalCaptureEngine
    channel: Channel
    rows: Sequence[tuple[Any, ...]]


def opened(
    folder: Path,
    signals: pa.Table,
    *,
    fields: Sequence[Field] = FIELDS,
    **settings: Any,
) -> Fed:
    """Begin to record, with these settings of `SignalCaptureConfig`."""
    config = SignalCaptureConfig(storage_path=folder, **settings)
    engine = SignalCaptureEngine(config)
    channel = engine.channel("signals", fields, strategy=_FACTS, constants={"timeframe": "5min"})
    words = {
        text: engine.word(text)
        for name, kind in fields
        if kind == "word"
        for text in signals.column(name).unique().to_pylist()
    }
    return Fed(engine, channel, rows_of(signals, fields, words))


def contexts(signals: pa.Table) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each row as the signal and the context that a user hands to `capture_signal`."""
    return [context_of(row) for row in signals.to_pylist()]


def context_of(row: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a row as a signal and its context, 47 fields in all."""
    signal = {
        "symbol": row["symbol"],
        "direction": row["direction"],
        "strength": row["strength"],
        "signal_type": row["signal_type"],
    }
    moment = row["timestamp"].value
    context = {
        "timestamp": moment,
        "available_time": moment + BAR_NS,
        "strategy_id": "bench",
        "timeframe": "5min",
        "bar_index": row["bar_index"],
        "current_bar": _group(row, "market_", without=("market_bid", "market_ask")),
        "best_bid": row["market_bid"],
        "best_ask": row["market_ask"],
        "liquidity_score": row["liquidity_score"],
        "indicators": _group(row, "indicator_"),
        "portfolio_state": _group(row, "portfolio_"),
        "risk_metrics": _group(row, "risk_"),
        "active_risk_limits": _group(row, "limit_"),
        "current_position": row["position_before"],
        "available_capital": row["capital_available"],
        "current_regime": row["regime"],
        "regime_confidence": row["regime_confidence"],
    }
    return signal, context


def _group(row: Mapping[str, Any], prefix: str, without: Sequence[str] = ()) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in row.items()
        if name.startswith(prefix) and name not in without
    }
