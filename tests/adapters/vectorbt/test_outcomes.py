"""What became of each signal, held against what vectorbt's own log says of its orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt
from vectorbt.portfolio.enums import OrderStatus, OrderStatusInfo

import capture
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]

TRADED = ("executed", "partially_filled")
# What vectorbt's log calls the reason, and the reasons that may be given for it.
MEANING = {
    "NoCashLong": "insufficient_cash",
    "NoCashShort": "insufficient_cash",
    "SizeZero": "sized_to_zero",
    "MinSizeNotReached": "sized_to_zero",
    "NoOpenPosition": "nothing_to_close",
    "CantCoverFees": "insufficient_cash",
    "MaxSizeExceeded": "risk_limit",
    "PartialFill": "insufficient_cash",
    "SizeNaN": "invalid_order",
    "PriceNaN": "invalid_order",
}
# No stops: a stop's order stands in the log as well.
LOGGED = [
    "SMA cross, GOOG",
    "SMA cross, EURUSD",
    "long and short entries",
    "signals at every bar",
    "bars without a price",
    "accumulating",
    "adding only",
    "removing only",
    "size as a share",
    "grains of size",
    "cash that runs out",
    "locked cash",
    "rejected at random",
    "conflicts of direction",
    "conflicts of entry and exit",
    "opposite entries",
    "several assets, one account",
    "several assets, two accounts",
    "a grid",
    "orders of an amount",
    "orders for a target",
    "orders that are refused",
    "rebalancing",
    "rebalancing, with types of each column",
]


def joined(recording: Recording) -> pd.DataFrame:
    """Return the signals with what the orders say of them."""
    signals, orders = recording.signals(), recording.orders()
    signals["column"] = orders["extra_column"].astype(int)
    signals["call"] = orders["call"]
    return signals


@pytest.mark.parametrize("name", LOGGED)
def test_a_signal_traded_where_the_hosts_log_has_a_filled_order(
    name: str, recorded: Recorded
) -> None:
    signals = joined(recorded(name)[1])
    logs = CASES[name](log=True).log_records
    keys = zip(logs["idx"].tolist(), logs["col"].tolist(), strict=True)
    status = dict(zip(keys, logs["res_status"].tolist(), strict=True))
    by_cell = signals.groupby(["bar_index", "column"])["disposition"].agg(list)
    for cell, became in by_cell.items():
        filled = status.get(cell) == OrderStatus.Filled
        assert any(one in TRADED for one in became) == filled, (cell, became)
    assert signals["disposition"].isin(TRADED).any()


@pytest.mark.parametrize("name", LOGGED)
def test_a_reason_is_never_another_than_the_hosts(name: str, recorded: Recorded) -> None:
    signals = joined(recorded(name)[1])
    logs = CASES[name](log=True).log_records
    keys = zip(logs["idx"].tolist(), logs["col"].tolist(), strict=True)
    info = dict(zip(keys, logs["res_status_info"].tolist(), strict=True))
    every = dict(enumerate(OrderStatusInfo._fields))
    alone = ~signals.duplicated(["bar_index", "column"], keep=False)
    refused = signals[alone & ~signals["disposition"].isin(TRADED)]
    for row in refused.itertuples():
        said = info.get((row.bar_index, row.column))
        if said is None:  # it never became an order
            assert row.reason in {"already_in_position", "nothing_to_close"}, row
        else:
            meant = MEANING.get(every[said])
            assert row.reason in {meant, "rejected_by_broker"}, (row, every[said])


REFUSED = {
    "fees that nobody can pay": {"fixed_fees": 200.0},
    "more than there is cash for": {"size": 0.9, "allow_partial": False},
    "more than is allowed": {"size": 50.0, "max_size": 1.0, "allow_partial": False},
    "more than is allowed, both ways": {
        "size": 50.0, "max_size": 1.0, "allow_partial": False, "direction": "both",
    },
    "more and more, until the cash is gone": {
        "size": 0.1, "accumulate": True, "allow_partial": False, "slippage": 0.01, "fees": 0.01,
        "fixed_fees": 0.5,
    },
    "little cash, and large grains": {"size_granularity": 5.0, "size": 7.0},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_why_an_order_was_refused_is_told_without_a_log_where_it_follows(
    name: str, tmp_path: Path
) -> None:
    def run() -> Any:
        return CASES["SMA cross, GOOG"].host.from_signals(
            **c.sma_goog(), init_cash=100.0, **REFUSED[name]
        )

    settings = REFUSED[name]
    _, recording = captured(run, tmp_path)
    logs = (
        CASES["SMA cross, GOOG"]
        .host.from_signals(**c.sma_goog(), init_cash=100.0, log=True, **settings)
        .log_records
    )
    info = dict(zip(logs["idx"].tolist(), logs["res_status_info"].tolist(), strict=True))
    statuses = recording.statuses().set_index("bar_index")
    told = statuses[statuses["status"] == "rejected"]
    assert len(told)
    known = 0
    for bar, row in told.iterrows():
        if bar not in info or info[bar] < 0:
            assert row["reason"] in {"already_in_position", "nothing_to_close"}
            continue
        word = OrderStatusInfo._fields[info[bar]]
        if row["reason"] == "rejected_by_broker":
            continue
        known += 1
        assert row["reason"] == MEANING[word], (bar, word)
        assert row["detail"] in {None, word}
    assert known or name == "little cash, and large grains"


def test_prices_that_are_missing_are_told_without_a_log(recorded: Recorded) -> None:
    _, recording = recorded("bars without a price")
    statuses = recording.statuses()
    assert "rejected_by_broker" not in set(statuses["reason"])
    assert "PriceNaN" in set(statuses["detail"])


def test_an_entry_while_in_position_and_an_exit_without_are_told_apart(tmp_path: Path) -> None:
    def run() -> Any:
        close = c.sma_goog()["close"].iloc[:60]
        wanted = {"entries": {5, 8, 20}, "exits": {2, 12, 15, 30}}
        arrays = {name: np.isin(np.arange(60), sorted(bars)) for name, bars in wanted.items()}
        return CASES["SMA cross, GOOG"].host.from_signals(close, **arrays, init_cash=100)

    _, recording = captured(run, tmp_path)
    signals = recording.signals().set_index("bar_index")
    assert signals["reason"].to_dict() == {
        2: "nothing_to_close",
        5: "filled",
        8: "already_in_position",
        12: "filled",
        15: "nothing_to_close",
        20: "filled",
        30: "filled",
    }


def test_an_order_that_is_larger_than_its_most_is_filled_in_part(recorded: Recorded) -> None:
    _, recording = recorded("grains of size")
    fills = recording.fills()
    assert fills["size"].max() == 40
    # A size of "all that there is" is not partly filled by being limited; 40 is what it came to.
    assert set(recording.signals()["disposition"]) <= {"executed", "partially_filled", "rejected"}


@pytest.mark.parametrize("name", ["stop-loss", "take-profit", "trailing stop"])
def test_a_stop_is_a_fill_of_the_entry_and_no_signal(name: str, recorded: Recorded) -> None:
    _, recording = recorded(name)
    signals, fills = recording.signals(), recording.fills()
    stopped = fills[fills["order_seq"].isna()]
    assert len(stopped) > 10
    entries = set(signals.loc[signals["direction"] == 1, "seq"])
    assert set(stopped["signal_seq"]) <= entries
    opened = fills[fills["order_seq"].notna() & (fills["side"] == 1)]
    entry_bar = dict(zip(opened["signal_seq"], opened["bar_index"], strict=True))
    last = opened["bar_index"].to_numpy()
    for row in stopped.itertuples():
        before = last[last < row.bar_index].max()
        assert entry_bar[row.signal_seq] == before


def test_with_the_hosts_log_its_words_are_kept(recorded: Recorded) -> None:
    portfolio, recording = recorded("orders that are refused")
    logs = portfolio.log_records
    refused = logs[(logs["res_status"] != OrderStatus.Filled) & (logs["req_size"] > 0)]
    words = {OrderStatusInfo._fields[i] for i in refused["res_status_info"]}
    details = set(recording.statuses()["detail"].dropna())
    assert words & details


@pytest.mark.parametrize("held", [False, True])
def test_an_exit_of_nothing_is_no_part_of_what_fills_on_its_bar(held: bool, tmp_path: Path) -> None:
    close = pd.Series([10.0, 11, 12, 13], index=pd.date_range("2020-01-01", periods=4))
    on = [pd.Series(np.arange(4) == bar, index=close.index) for bar in range(4)]
    words = {"short_entries": on[0] & held, "short_exits": on[1]}
    with capture.record(tmp_path) as recorded:
        portfolio = vbt.Portfolio.from_signals(
            close, on[1], on[0] & False, **words, size=1.0, init_cash=100, upon_opposite_entry=4
        )
    signals = recorded.recordings[0].signals()
    exits = signals[signals["direction"] == 0]
    wanted = ("executed", "filled") if held else ("rejected", "nothing_to_close")
    assert list(zip(exits["disposition"], exits["reason"], strict=True)) == [wanted]
    entry = signals[(signals["direction"] == 1)].iloc[0]
    assert (entry["disposition"], entry["reason"]) == ("executed", "filled")
    assert len(recorded.recordings[0].fills()) == len(portfolio.order_records)
