"""Any signal that the schema allows comes back from every backend as it was captured."""

from __future__ import annotations

import json
import math
import struct
import tempfile
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import capture
from capture import SignalCaptureConfig, SignalCaptureEngine

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LABEL = st.sampled_from(["GOOG", "^GSPC", "EUR/USD", "ES=F", "π", "a b", "'; --"])
REAL = st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324, 1e308]) | st.floats()
FINITE = st.floats(allow_nan=False, allow_infinity=False)
NAME = st.sampled_from(["sma", "SMA", "a.b", "a/b", "a b", '"', "%", "#", "π", "rsi 14"])
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1)
TYPES = {"real": REAL, "whole": WHOLE, "flag": st.booleans(), "text": TEXT}
GROUPS = {
    "indicators": "indicator_",
    "portfolio_state": "portfolio_",
    "risk_metrics": "risk_",
    "active_risk_limits": "limit_",
}


@st.composite
def histories(draw: DrawFn) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Signals with contexts; a name has one type throughout, and may be absent or None."""
    columns = {
        group: draw(st.dictionaries(NAME, st.sampled_from(list(TYPES)), max_size=3))
        for group in GROUPS
    }
    moments = sorted(draw(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=12)))
    return [(draw(_signals()), draw(_contexts(moment, columns))) for moment in moments]


def _signals() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"symbol": LABEL, "direction": st.sampled_from([-1, 0, 1])},
        optional={
            "strength": st.none() | FINITE,
            "signal_type": st.sampled_from(["entry", "exit", "adjustment"]),
            "timeframe": st.sampled_from(["1d", "5min"]),
            "bar_index": st.integers(0, 2**63 - 1),
            "references": st.lists(st.tuples(LABEL, st.just("1d"), st.integers(0, 2**40))),
        },
    )


@st.composite
def _contexts(draw: DrawFn, moment: int, columns: dict[str, dict[str, str]]) -> dict[str, Any]:
    context: dict[str, Any] = {"timestamp": moment, "strategy_id": draw(st.sampled_from("ab"))}
    for name in ("current_position", "available_capital", "liquidity_score", "regime_confidence"):
        if draw(st.booleans()):
            context[name] = draw(st.none() | REAL)
    context["current_regime"] = draw(st.none() | LABEL)
    for group, kinds in columns.items():
        names = [name for name in kinds if draw(st.booleans())]
        context[group] = {n: draw(st.none() | TYPES[kinds[n]]) for n in names} or None
    return context


def expected(signal: dict[str, Any], context: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that a signal must have, by what was said; the plain way."""
    row = {
        "symbol": signal["symbol"],
        "direction": signal["direction"],
        "strength": signal.get("strength"),
        "signal_type": signal.get("signal_type", "entry" if signal["direction"] else "exit"),
        "timeframe": signal.get("timeframe"),
        "bar_index": signal.get("bar_index"),
        "timestamp": context["timestamp"],
        "strategy_id": context["strategy_id"],
        "position_before": context.get("current_position"),
        "capital_available": context.get("available_capital"),
        "liquidity_score": context.get("liquidity_score"),
        "regime": context.get("current_regime"),
        "regime_confidence": context.get("regime_confidence"),
    }
    if "references" in signal:
        row["references"] = json.dumps([list(r) for r in signal["references"]], ensure_ascii=False)
    for group, prefix in GROUPS.items():
        row |= {f"{prefix}{name}": value for name, value in (context[group] or {}).items()}
    return {name: bits(value) for name, value in row.items()}


def bits(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return value


@pytest.mark.parametrize("backend", ["parquet", "json", "sql", "hdf5"])
@settings(max_examples=25)
@given(history=histories(), buffer_size=st.integers(1, 8), durability=st.sampled_from("jm"))
def test_any_signal_comes_back(
    backend: str,
    history: list[tuple[dict[str, Any], dict[str, Any]]],
    buffer_size: int,
    durability: str,
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = SignalCaptureConfig(
            storage_path=folder,
            backend=backend,
            buffer_size=buffer_size,
            durability="journal" if durability == "j" else "memory",
        )
        with SignalCaptureEngine(config) as engine:
            told = [engine.capture_signal(*said) for said in history]
        store = capture.open(folder)
        recording = store.latest()
        assert list(recording.signals()["signal_id"]) == told
        rows = recording.table("signals").to_pylist()
        assert capture.verify(store).ok
    for row, said in zip(rows, history, strict=True):
        wanted = expected(*said)
        absent = {name for name, value in wanted.items() if value is None}
        assert {n: bits(row.get(n)) for n in wanted} == {**wanted, **dict.fromkeys(absent)}
