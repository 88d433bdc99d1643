"""The certificate finds one fill, one value, one row; and says where."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import capture
from capture.replaying.parity import differ

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

NAN = float("nan")
BARS = range(5)


def _rows(rows: list[dict[str, Any]]) -> pa.Table:
    times = [datetime(2024, 1, 1 + row["bar_index"], tzinfo=UTC) for row in rows]
    kind = pa.timestamp("ns", tz="UTC")
    return pa.Table.from_pylist(rows).append_column("timestamp", pa.array(times, kind))


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Recording]:
    """Record a run of two trades, with changes: a function of a table's rows by its name."""

    def record(**changes: Callable[[list[dict[str, Any]]], Any]) -> Recording:
        trades: list[dict[str, Any]] = [
            {"symbol": "GOOG", "size": 2.0, "entry_bar": 1, "exit_bar": 2, "profit": 0.1},
            {"symbol": "GOOG", "size": -1.0, "entry_bar": 3, "exit_bar": None, "profit": None},
        ]
        fills: list[dict[str, Any]] = [
            {"symbol": "GOOG", "bar_index": bar, "side": side, "size": 2.0, "price": price}
            for bar, side, price in ((1, 1, 10.0), (2, -1, 10.05), (3, -1, NAN))
        ]
        equity: list[dict[str, Any]] = [
            {"symbol": "GOOG", "bar_index": bar, "equity": 100.0 + bar / 10} for bar in BARS
        ]
        equity[0]["equity"] = NAN
        tables = {"trades": trades, "fills": fills, "equity": equity}
        for name, change in changes.items():
            change(tables[name])
        config = capture.SignalCaptureConfig(storage_path=tmp_path)
        with capture.SignalCaptureEngine(config) as engine:
            engine.append_table("trades", pa.Table.from_pylist(trades))
            engine.append_table("fills", _rows(fills))
            engine.append_table("equity", _rows(equity))
        return engine.recording

    return record


def test_equal_runs_are_exact_and_a_nan_equals_a_nan(record: Callable[..., Recording]) -> None:
    certificate = capture.parity(record(), record())
    assert certificate.exact
    assert certificate.first_difference is None
    assert [(c.table, c.original_rows, c.replayed_rows) for c in certificate.comparisons] == [
        ("trades", 2, 2),
        ("fills", 3, 3),
        ("equity", 5, 5),
    ]
    assert str(certificate).splitlines()[1:] == [
        "  trades: 2 equal",
        "  fills: 3 equal",
        "  equity: 5 equal",
    ]


def test_one_price_that_differs_by_one_bit_is_named(record: Callable[..., Recording]) -> None:
    moved = math.nextafter(10.05, 11)
    certificate = capture.parity(
        record(), record(fills=lambda rows: rows[1].update(price=moved, size=3.0))
    )
    assert not certificate.exact
    difference = certificate.first_difference
    assert difference is not None
    assert (difference.table, difference.row) == ("fills", 1)
    assert difference.columns == ("size", "price")
    assert str(difference) == f"fills row 1: size 2.0 became 3.0, price 10.05 became {moved!r}"
    fills = certificate.comparisons[1]
    assert (fills.exact, fills.equal_rows) == (False, 1)
    assert "  fills: 1 equal before, then fills row 1: size" in str(certificate)
    assert str(certificate).splitlines()[0].endswith(": differs")


def test_one_value_of_the_equity_is_named(record: Callable[..., Recording]) -> None:
    certificate = capture.parity(record(), record(equity=lambda rows: rows[4].update(equity=0.0)))
    difference = certificate.first_difference
    assert str(difference) == "equity row 4: equity 100.4 became 0.0"
    assert [c.exact for c in certificate.comparisons] == [True, True, False]


def test_a_value_where_there_was_none_differs(record: Callable[..., Recording]) -> None:
    certificate = capture.parity(record(), record(equity=lambda rows: rows[0].update(equity=1.0)))
    assert str(certificate.first_difference) == "equity row 0: equity nan became 1.0"


@pytest.mark.parametrize(("first", "where"), [(True, "the original"), (False, "the replay")])
def test_a_missing_trade_is_named(
    first: bool, where: str, record: Callable[..., Recording]
) -> None:
    whole, less = record(), record(trades=lambda rows: rows.pop())
    certificate = capture.parity(whole, less) if first else capture.parity(less, whole)
    difference = certificate.first_difference
    assert difference is not None
    assert (difference.table, difference.row) == ("trades", 1)
    assert (difference.original is None) is not first
    assert (difference.replayed is None) is first
    assert str(difference).startswith(f"trades row 1 is only in {where}: ")
    assert certificate.comparisons[0].equal_rows == 1


def test_the_first_row_that_differs_counts_whichever_column_it_is_in(
    record: Callable[..., Recording],
) -> None:
    def change(rows: list[dict[str, Any]]) -> None:
        rows[2]["side"] = 1
        rows[0]["price"] = 11.0

    difference = capture.parity(record(), record(fills=change)).first_difference
    assert difference is not None
    assert (difference.row, difference.columns) == (0, ("price",))


def test_the_certificate_is_plain_values(record: Callable[..., Recording]) -> None:
    one, other = record(), record(equity=lambda rows: rows[2].update(equity=5.5))
    said = json.loads(json.dumps(capture.parity(one, other).to_dict()))
    assert (said["original"], said["replayed"]) == (one.run_id, other.run_id)
    assert said["exact"] is False
    trades, _, equity = said["comparisons"]
    assert trades == {
        "table": "trades",
        "original_rows": 2,
        "replayed_rows": 2,
        "equal_rows": 2,
        "difference": None,
    }
    assert equity["difference"]["columns"] == ["equity"]
    assert equity["difference"]["replayed"]["equity"] == 5.5


def test_runs_without_any_rows_are_exact(tmp_path: Path) -> None:
    config = capture.SignalCaptureConfig(storage_path=tmp_path)
    runs = []
    for _ in range(2):
        with capture.SignalCaptureEngine(config) as engine:
            pass
        runs.append(engine.recording)
    assert capture.parity(*runs).exact


@given(st.floats() | st.none() | st.text(), st.floats() | st.none() | st.text())
def test_values_differ_unless_they_are_equal_or_both_nan(one: Any, other: Any) -> None:
    assert not differ(one, one)
    assert differ(one, other) == differ(other, one)
    if differ(one, other):
        assert one != other
