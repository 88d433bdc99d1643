"""vectorbt keeps what every adapter promises: in each of its constructors, with every setting."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import capture
from capture.schema import TABLES
from capture.testing import laws
from capture.testing.adapter import identical
from capture.testing.traces import traces_of
from tests.adapters.vectorbt.cases import CASES, plain
from tests.adapters.vectorbt.results import assert_same, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]

_OWN = {"signal_id", "recorded_time", "processing_ns"}
each_case = pytest.mark.parametrize("name", CASES)


@each_case
def test_a_captured_portfolio_equals_an_uncaptured_one(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    assert type(portfolio) is CASES[name].host
    assert_same(plain(name), portfolio)
    assert recording.manifest["host"] == "vectorbt"


@each_case
def test_the_recording_is_complete(name: str, recorded: Recorded) -> None:
    _, recording = recorded(name)
    laws.assert_complete(recording)
    assert recording.table("quarantine").num_rows == 0


@each_case
def test_every_order_record_is_a_fill(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    records = portfolio.order_records
    sides = np.where(records["side"] == 0, 1, -1)
    columns = [records[field].tolist() for field in ("idx", "size", "price", "fees")]
    expected = Counter(zip(records["col"].tolist(), sides.tolist(), *columns, strict=True))
    fills = recording.fills()
    if not expected:
        assert fills.empty
        return
    got = fills[["extra_column", "side", "bar_index", "size", "price", "commission"]]
    assert Counter(got.itertuples(index=False, name=None)) == expected


@each_case
def test_every_signal_says_what_became_of_it(name: str, recorded: Recorded) -> None:
    _, recording = recorded(name)
    laws.assert_fates(recording)
    assert set(recording.signals()["disposition"]) <= {
        "executed",
        "partially_filled",
        "rejected",
        "cancelled",
    }


@each_case
def test_orders_and_fills_point_at_signals(name: str, recorded: Recorded) -> None:
    _, recording = recorded(name)
    laws.assert_linked(recording)
    signals, orders, fills = recording.signals(), recording.orders(), recording.fills()
    assert orders["signal_seq"].tolist() == signals["seq"].tolist()
    assert orders["signal_id"].tolist() == signals["signal_id"].tolist()
    assert set(fills["signal_seq"].dropna()) <= set(signals["seq"])
    filled = set(fills.loc[fills["order_seq"].notna(), "signal_seq"])
    traded = signals["disposition"].isin(["executed", "partially_filled"])
    assert filled <= set(signals.loc[traded, "seq"])


@each_case
def test_the_prices_are_kept_once_for_each_symbol(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    symbols = set(recording.signals()["symbol"]) | set(recording.fills()["symbol"])
    [part] = recording.parts
    known = {ref["symbol"] for ref in part.base}
    assert symbols <= known
    assert len(list((recording.store.root / "base").iterdir())) == len(part.base)
    close = np.asarray(portfolio.close).reshape(len(portfolio.wrapper.index), -1)
    for symbol in known:
        bars = recording.bars(["close"], [("symbol", "=", symbol)])["close"].to_numpy()
        assert any(bars.tobytes() == np.ascontiguousarray(c, float).tobytes() for c in close.T)


REPEATED = ("SMA cross, GOOG", "everything of each column", "rebalancing", "a stop that is moved")


@pytest.mark.parametrize("name", REPEATED)
def test_two_runs_leave_two_equal_recordings(name: str, tmp_path: Path) -> None:
    (_, first), (_, second) = (captured(CASES[name], tmp_path) for _ in range(2))
    assert first.run_id != second.run_id
    for table in TABLES:
        one, two = (
            recording.table(table).drop_columns(
                [c for c in recording.table(table).column_names if c in _OWN]
            )
            for recording in (first, second)
        )
        assert identical(one.to_pandas(), two.to_pandas()), table
    assert len(list((tmp_path / "base").iterdir())) == len(first.parts[0].base)


@pytest.mark.parametrize("name", REPEATED)
def test_a_captured_portfolio_carries_nothing_more(name: str, tmp_path: Path) -> None:
    # What vectorbt caches in a portfolio belongs to the user's own calls.
    fresh, (portfolio, _) = CASES[name](), captured(CASES[name], tmp_path)
    assert vars(portfolio).keys() == vars(fresh).keys()


@pytest.mark.parametrize("name", ["SMA cross, GOOG", "random signals", "an order function"])
def test_nothing_of_the_host_stays_changed(name: str, tmp_path: Path) -> None:
    plain(name)
    before = traces_of(("vectorbt",))
    captured(CASES[name], tmp_path)
    assert traces_of(("vectorbt",)) == before


def test_the_adapter_has_nothing_to_wrap(tmp_path: Path) -> None:
    import vectorbt as vbt

    with pytest.raises(capture.errors.UnsupportedStrategy):
        capture.wrap(vbt.Portfolio, store=tmp_path)
    adapter = capture.get_host().adapters()["vectorbt"].get()
    config = capture.SignalCaptureConfig(storage_path=tmp_path)
    with pytest.raises(capture.errors.UnsupportedStrategy, match=r"capture\.record"):
        adapter.wrap(vbt.Portfolio, config)
    assert not list(tmp_path.iterdir())
