"""What may be captured, in which forms, and what is said of the rest."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture import SignalContext
from capture.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture import Recording, SignalCaptureEngine

Make = "Callable[..., SignalCaptureEngine]"
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)

BAD = [
    ({"strength": math.nan}, {}, "strength", "nan"),
    ({"strength": math.inf}, {}, "strength", "inf"),
    ({"strength": "strong"}, {}, "strength", "'strong'"),
    ({"strength": True}, {}, "strength", "True"),
    ({"value": -math.inf}, {}, "strength", "-inf"),
    ({"direction": "sideways"}, {}, "direction", "'sideways'"),
    ({"direction": 2}, {}, "direction", "2"),
    ({"direction": 0.5}, {}, "direction", "0.5"),
    ({"direction": math.nan}, {}, "direction", "nan"),
    ({"direction": None}, {}, "direction", "None"),
    ({"direction": pd.NA}, {}, "direction", "<NA>"),
    ({"direction": True}, {}, "direction", "True"),
    ({"symbol": None}, {}, "symbol", "None"),
    ({"symbol": ""}, {}, "symbol", "''"),
    ({"symbol": "../../etc/passwd"}, {}, "symbol", "'../../etc/passwd'"),
    ({"symbol": "a\x1b[31m"}, {}, "symbol", r"'a\x1b[31m'"),
    ({"symbol": 17}, {}, "symbol", "17"),
    ({"symbol": "\ud800"}, {}, "symbol", r"'\ud800'"),
    ({"signal_type": "entri"}, {}, "signal_type", "'entri'"),
    ({"bar_index": -1}, {}, "bar_index", "-1"),
    ({"bar_index": 1.5}, {}, "bar_index", "1.5"),
    ({"signal_id": "../x"}, {}, "signal_id", "'../x'"),
    ({"references": 5}, {}, "references", "5"),
    ({"references": [("GOOG", "1d")]}, {}, "references", "[('GOOG', '1d')]"),
    ({"order": {"side": "up or down"}}, {}, "direction", "'up or down'"),
    ({"order": {"size": "much"}}, {}, "size", "'much'"),
    ({"order": 3}, {}, "orders", "3"),
    ({}, {"timestamp": None}, "timestamp", "None"),
    ({}, {"timestamp": datetime(2024, 1, 1)}, "timestamp", "datetime.datetime"),
    ({}, {"timestamp": pd.Timestamp("2024-01-01")}, "timestamp", "Timestamp"),
    ({}, {"timestamp": pd.NaT}, "timestamp", "NaT"),
    ({}, {"timestamp": "2024-01-01T00:00Z"}, "timestamp", "'2024-01-01T00:00Z'"),
    ({}, {"timestamp": datetime(9999, 1, 1, tzinfo=UTC)}, "timestamp", "9999"),
    ({}, {"timestamp": 2**63}, "timestamp", str(2**63)),
    ({}, {"timestamp": True}, "timestamp", "True"),
    ({}, {"available_time": datetime(2024, 1, 1)}, "available_time", "datetime"),
    ({}, {"strategy_id": None}, "strategy_id", "None"),
    ({}, {"strategy_id": "/root"}, "strategy_id", "'/root'"),
    ({}, {"current_position": "long"}, "current_position", "'long'"),
    ({}, {"available_capital": [1]}, "available_capital", "[1]"),
    ({}, {"best_bid": "1"}, "best_bid", "'1'"),
    ({}, {"liquidity_score": object}, "liquidity_score", "object"),
    ({}, {"current_regime": 3}, "current_regime", "3"),
    ({}, {"regime_confidence": "sure"}, "regime_confidence", "'sure'"),
    ({}, {"indicators": 5}, "indicators", "5"),
    ({}, {"indicators": {"a\nb": 1}}, "indicator", r"'a\nb'"),
    ({}, {"indicators": {"n": 2**63}}, "indicator_n", str(2**63)),
    ({}, {"indicators": {"n": -(2**63)}}, "indicator_n", str(-(2**63))),
    ({}, {"indicators": {"text": "\ud800"}}, "indicator_text", r"'\ud800'"),
    ({}, {"strategy_params": 5}, "strategy_params", "5"),
]


@pytest.mark.parametrize(("wrong", "in_context", "field", "value"), BAD)
def test_bad_input_is_refused_by_field_and_value(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    wrong: dict[str, Any],
    in_context: dict[str, Any],
    field: str,
    value: str,
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    with pytest.raises(InvalidEvent) as refused:
        recorder.capture_signal(signal(**wrong), context(**in_context))
    assert refused.value.field == field
    assert value in str(refused.value)
    identity = recorder.capture_signal(signal(), context(1))
    recorder.close()
    assert list(latest().signals()["signal_id"]) == [identity]
    assert latest().orders().empty


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from([None, None, *range(len(BAD))]), max_size=30))
def test_bad_signals_are_put_aside_and_nothing_else_is_lost(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    offered: list[int | None],
) -> None:
    recorder = engine(invalid="quarantine", buffer_size=7)
    told = []
    for second, bad in enumerate(offered):
        wrong, in_context, _, _ = ({}, {}, "", "") if bad is None else BAD[bad]
        identity = recorder.capture_signal(signal(**wrong), {**context(second), **in_context})
        assert (identity is None) == (bad is not None)
        told += [identity] * (bad is None)
    recorder.close()
    recording = recorder.recording
    assert list(recording.signals()["signal_id"]) == told
    put_aside = recording.quarantine()
    expected = [BAD[bad] for bad in offered if bad is not None]
    assert list(put_aside["field"]) == [field for _, _, field, _ in expected]
    assert set(put_aside["kind"]) <= {"signals"}
    assert all(put_aside["problem"].str.len() > 5)
    assert all("signal" in json.loads(payload) for payload in put_aside["payload"])
    assert recorder.statistics.quarantined == len(expected)


def test_a_signal_that_cannot_even_be_looked_at_is_put_aside(
    engine: Callable[..., SignalCaptureEngine], context: Callable[..., Any]
) -> None:
    class Hostile:
        symbol = "GOOG"

        @property
        def direction(self) -> int:
            raise RuntimeError("boom")

        def __repr__(self) -> str:
            raise RuntimeError("no")

    endless: list[Any] = []
    endless.append(endless)
    recorder = engine(invalid="quarantine")
    for hostile in (Hostile(), None, 5, "buy", {"symbol": endless}, {1: 2, (3,): 4}):
        assert recorder.capture_signal(hostile, context()) is None
    recorder.close()
    assert len(recorder.recording.quarantine()) == 6


def test_time_runs_forward_for_each_strategy_and_symbol(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
) -> None:
    recorder = engine()
    recorder.capture_signal(signal(), context(10))
    recorder.capture_signal(signal(), context(10))
    recorder.capture_signal(signal(symbol="MSFT"), context(5))
    recorder.capture_signal(signal(), context(5, strategy_id="other"))
    with pytest.raises(InvalidEvent, match="is before the last signal of cross for GOOG"):
        recorder.capture_signal(signal(), context(9))
    assert recorder.statistics.captured == 4


def test_an_own_identity_is_kept_and_can_be_used_once(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    assert recorder.capture_signal(signal(signal_id="mine-1"), context()) == "mine-1"
    given = recorder.capture_signal(signal(), context())
    with pytest.raises(InvalidEvent, match="was used before"):
        recorder.capture_signal(signal(signal_id="mine-1"), context())
    with pytest.raises(InvalidEvent, match="the recorder gives out itself"):
        recorder.capture_signal(signal(signal_id=f"{recorder.run_id}.0.77"), context())
    recorder.capture_status("mine-1", "rejected", "risk_limit", actor="risk", detail="too much")
    recorder.capture_status(given, "submitted")
    recorder.close()
    found = latest().signals()
    assert list(found["signal_id"]) == ["mine-1", given]
    assert list(found["disposition"]) == ["rejected", "submitted"]
    assert found["reason"].iloc[0] == "risk_limit"
    assert list(latest().statuses()["strategy_id"]) == ["cross", "cross"]


@dataclass
class Breakout:
    symbol: str
    direction: int
    strength: float
    signal_type: str


@dataclass
class Portfolio:
    cash: float
    exposure: float


def test_mappings_and_objects_say_the_same(
    engine: Callable[..., SignalCaptureEngine], latest: Callable[[], Recording]
) -> None:
    said = {"symbol": "GOOG", "direction": -1, "strength": 0.5, "signal_type": "entry"}
    full = {
        "timestamp": MOMENT,
        "strategy_id": "s",
        "current_bar": {"Open": 1.0, "close": 2.0},
        "best_bid": 1.9,
        "best_ask": 2.1,
        "liquidity_score": 0.7,
        "indicators": {"sma": 1.5},
        "indicator_metadata": {"sma": {"period": 10}},
        "portfolio_state": {"cash": 100.0, "exposure": 0.1},
        "current_position": 3,
        "available_capital": 50,
        "risk_metrics": {"var": 0.01},
        "active_risk_limits": {"max_position": 10},
        "current_regime": "bull",
        "regime_confidence": 0.9,
        "strategy_params": {"fast": 10},
    }
    recorder = engine()
    recorder.capture_signal(said, full)
    recorder.capture_signal(Breakout(**said), SignalContext(**full))
    recorder.capture_signal(SimpleNamespace(**said), SimpleNamespace(**full))
    recorder.capture_signal(
        pd.Series(said), {**full, "portfolio_state": Portfolio(100.0, 0.1), "current_position": 3.0}
    )
    recorder.capture_signal({**said, **full})
    recorder.close()
    found = latest().signals()
    unlike = ["seq", "signal_id", "recorded_time", "processing_ns"]
    rows = found.drop(columns=unlike).to_dict("records")
    assert all(str(row) == str(rows[0]) for row in rows)
    first = found.iloc[0]
    assert (first["direction"], first["strength"], first["signal_type"]) == (-1, 0.5, "entry")
    assert first["timestamp"] == pd.Timestamp(MOMENT)
    assert (first["market_open"], first["market_close"]) == (1.0, 2.0)
    assert (first["market_bid"], first["market_ask"], first["market_mid"]) == (1.9, 2.1, 2.0)
    assert first["spread"] == pytest.approx(0.2)
    assert (first["position_before"], first["capital_available"]) == (3.0, 50.0)
    assert (first["regime"], first["regime_confidence"]) == ("bull", 0.9)
    assert (first["portfolio_cash"], first["risk_var"], first["limit_max_position"]) == (
        100,
        0.01,
        10,
    )
    assert first["param_fast"] == 10
    segments = latest().parts[0].segments
    assert [s["indicators"] for s in segments] == [{"sma": {"period": 10}}], "once, not per signal"


@pytest.mark.parametrize(
    "moment",
    [
        MOMENT,
        pd.Timestamp(MOMENT),
        pd.Timestamp("2023-12-31 19:00", tz="America/New_York"),
        int(pd.Timestamp(MOMENT).value),
        np.int64(pd.Timestamp(MOMENT).value),
    ],
)
def test_a_moment_may_be_given_in_any_unmistakable_form(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    latest: Callable[[], Recording],
    moment: Any,
) -> None:
    recorder = engine()
    recorder.capture_signal(signal(), {"timestamp": moment, "strategy_id": "s"})
    recorder.close()
    assert latest().signals()["timestamp"].iloc[0] == pd.Timestamp(MOMENT)


@pytest.mark.parametrize(
    ("direction", "kept"),
    [(1, 1), (-1.0, -1), (np.int64(0), 0), ("long", 1), ("SELL", -1), ("flat", 0)],
)
def test_a_direction_may_be_a_number_or_a_word(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
    direction: Any,
    kept: int,
) -> None:
    recorder = engine()
    recorder.capture_signal(signal(direction=direction), context())
    recorder.close()
    found = latest().signals().iloc[0]
    assert found["direction"] == kept
    assert found["signal_type"] == ("entry" if kept else "exit")


def test_an_order_goes_with_its_signal_and_a_fill_with_its_order(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    order = {"side": 1, "order_type": "limit", "size": 5, "limit_price": 9.5, "venue": "X"}
    identity = recorder.capture_signal(signal(order=order), context(3))
    order_id = latest_open(recorder).orders()["order_id"].iloc[0]
    recorder.capture_fill(
        {"signal_id": identity, "order_id": order_id, "side": 1, "size": 5, "price": 9.4}
    )
    recorder.close()
    placed, filled = latest().orders().iloc[0], latest().fills().iloc[0]
    assert (placed["signal_id"], placed["signal_seq"], placed["order_id"]) == (identity, 0, "o1")
    assert (placed["action"], placed["symbol"], placed["strategy_id"]) == ("new", "GOOG", "cross")
    assert (placed["limit_price"], placed["extra_venue"]) == (9.5, "X")
    assert (filled["signal_id"], filled["signal_seq"]) == (identity, 0)
    assert (filled["order_id"], filled["order_seq"], filled["strategy_id"]) == ("o1", 1, "cross")


def latest_open(recorder: SignalCaptureEngine) -> Recording:
    return recorder.recording


@pytest.mark.parametrize("wrong", [{"price": math.nan}, {"size": math.inf}, {"size": None}])
def test_a_fill_without_a_price_or_a_size_is_refused(
    engine: Callable[..., SignalCaptureEngine], wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidEvent) as refused:
        engine().capture_fill({"side": 1, "size": 1.0, "price": 2.0, **wrong})
    assert refused.value.field == next(iter(wrong))


def test_unknown_fields_are_kept(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    recorder.capture_signal(
        signal(confidence=0.3, tags=["a", np.int64(2)]), context(session="asia")
    )
    recorder.close()
    found = latest().signals().iloc[0]
    assert (found["extra_confidence"], found["extra_session"]) == (0.3, "asia")
    assert json.loads(found["extra_tags"]) == ["a", 2]


def test_references_to_other_bars_are_kept(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    recorder.capture_signal(signal(references=[("MSFT", "1h", 7), ("GOOG", "1d", 3)]), context())
    recorder.close()
    assert json.loads(latest().signals()["references"].iloc[0]) == [
        ["MSFT", "1h", 7],
        ["GOOG", "1d", 3],
    ]


def test_whole_numbers_give_way_to_reals_and_texts_do_not(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(buffer_size=2)
    for n, value in enumerate([1, 2.5, None, 3, np.float32(0.5), np.int64(4)]):
        recorder.capture_signal(signal(), context(n, indicators={"x": value}))
    with pytest.raises(InvalidEvent, match="was a number before; give it another name") as refused:
        recorder.capture_signal(signal(), context(9, indicators={"x": "high"}))
    assert (refused.value.field, refused.value.value) == ("indicator_x", "high")
    with pytest.raises(InvalidEvent, match="was a number before"):
        recorder.capture_signal(signal(), context(9, strategy_id="other", indicators={"x": True}))
    recorder.close()
    found = latest().signals()["indicator_x"]
    assert list(found.dropna()) == [1.0, 2.5, 3.0, 0.5, 4.0]
    assert found.isna().tolist() == [False, False, True, False, False, False]


def test_a_whole_number_that_no_real_can_hold_is_never_rounded(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    large = 2**60 + 1
    recorder.capture_signal(signal(), context(0, indicators={"a": large, "b": 1.5}))
    with pytest.raises(InvalidEvent, match="a whole number that no real can hold"):
        recorder.capture_signal(signal(), context(1, indicators={"a": 0.5}))
    with pytest.raises(InvalidEvent, match="too large a whole number for a column of reals"):
        recorder.capture_signal(signal(), context(1, indicators={"b": large}))
    recorder.close()
    assert latest().table("signals").column("indicator_a").to_pylist() == [large]


def test_indicators_may_come_later(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(buffer_size=3)
    for n in range(10):
        recorder.capture_signal(signal(), context(n, indicators={f"x{k}": k for k in range(n)}))
    recorder.close()
    found = latest().signals()
    for k in range(9):
        assert found[f"indicator_x{k}"].notna().tolist() == [n > k for n in range(10)]


def test_parameters_that_change_are_followed(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine(buffer_size=3)
    nested = {"levels": [1, 2]}
    for n in range(9):
        nested["levels"] = [n // 3] if n < 6 else nested["levels"]
        if n == 7:
            nested["levels"].append(99)  # in place
        params = {"fast": n // 3, "same": np.arange(3), "nan": float("nan"), "nested": nested}
        recorder.capture_signal(signal(), context(n, strategy_params=params))
    recorder.close()
    assert list(latest().signals()["param_fast"]) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(latest().parts[0].segments) == 4


def test_a_thousand_changes_of_parameters_need_no_thousand_layouts(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    for n in range(1000):
        recorder.capture_signal(signal(), context(n, strategy_params={"n": n}))
    assert len(recorder.journal.layouts) == 1
    recorder.close()
    assert list(latest().signals()["param_n"]) == list(range(1000))


def test_notes_keep_any_value(
    engine: Callable[..., SignalCaptureEngine],
    signal: Callable[..., Any],
    context: Callable[..., Any],
    latest: Callable[[], Recording],
) -> None:
    recorder = engine()
    identity = recorder.capture_signal(signal(), context())
    values = [None, 1, 0.5, "text", True, ["a", {"b": None}], {"x": np.float64(2)}, np.arange(2)]
    for n, value in enumerate(values):
        recorder.note(f"n{n}", value, signal_id=identity)
    recorder.note("on a bar", 7, symbol="GOOG", bar_index=3)
    recorder.close()
    kept = list(latest().notes()["value"])
    assert kept == [None, 1, 0.5, "text", True, ["a", {"b": None}], {"x": 2.0}, [0, 1], 7]
    found = latest().signals().iloc[0]
    assert found["note_n3"] == "text"


@pytest.mark.parametrize(
    ("table", "event", "field"),
    [
        ("status", {"status": "rejectd"}, "status"),
        ("regime", {"classifier": "trend"}, "new"),
        ("bar", {"symbol": "GOOG"}, "timestamp"),
        ("order", {"side": 7}, "direction"),
        ("fill", {"side": 1, "size": 1, "price": "x"}, "price"),
        ("fill", {"side": 1, "size": 1, "price": 1, "trade_number": 2**63}, "trade_number"),
        ("note", {"name": "a/../b"}, "name"),
        ("note", {"name": "x", "value": "\ud800"}, "value"),
    ],
)
def test_other_events_are_checked_too(
    engine: Callable[..., SignalCaptureEngine], table: str, event: dict[str, Any], field: str
) -> None:
    recorder = engine()
    capture = {
        "status": lambda e: recorder.capture_status(None, **e),
        "regime": recorder.capture_regime_change,
        "bar": recorder.capture_bar,
        "order": recorder.capture_order,
        "fill": recorder.capture_fill,
        "note": lambda e: recorder.note(**e),
    }[table]
    with pytest.raises(InvalidEvent) as refused:
        capture(event)
    assert refused.value.field == field
