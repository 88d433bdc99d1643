"""What stands in a recording of vectorbt is what vectorbt had, value by value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

import capture
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]


def cells(array: Any) -> list[tuple[int, int]]:
    """Return bar and column of each true cell."""
    values = np.asarray(array)
    rows, columns = np.nonzero(values[:, None] if values.ndim == 1 else values)
    return sorted(zip(rows.tolist(), columns.tolist(), strict=True))


def said(recording: Recording, call: str) -> list[tuple[int, int]]:
    """Return bar and column of each signal that came from one argument."""
    orders = recording.orders(columns=["call", "bar_index", "extra_column"])
    mine = orders[orders["call"] == call]
    return list(zip(mine["bar_index"].tolist(), mine["extra_column"].tolist(), strict=True))


# --- signals -------------------------------------------------------------------------------------

SIGNALS = [
    "SMA cross, GOOG",
    "signals as arrays",
    "signals as lists",
    "long and short entries",
    "everything of each bar",
    "several assets",
    "a grid over assets",
    "conflicts of direction",
]


@pytest.mark.parametrize("name", SIGNALS)
def test_every_true_cell_is_a_signal_and_nothing_else(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    words = CASES[name].arguments()
    shape = portfolio.wrapper.shape_2d
    kinds = [k for k in ("entries", "exits", "short_entries", "short_exits") if k in words]
    for kind in kinds:
        array = np.asarray(words[kind])
        array = np.broadcast_to(array[:, None] if array.ndim == 1 else array, shape)
        assert said(recording, kind) == cells(array), kind
    signals = recording.signals()
    assert len(signals) == len(recording.orders())
    assert set(recording.orders()["call"]) == set(kinds)
    places = list(
        zip(signals["bar_index"].tolist(), recording.orders()["extra_column"], strict=True)
    )
    assert places == sorted(places)


def test_directions_are_what_is_wanted(recorded: Recorded) -> None:
    _, recording = recorded("long and short entries")
    calls, signals = recording.orders()["call"], recording.signals()
    wanted = {"entries": 1, "exits": 0, "short_entries": -1, "short_exits": 0}
    assert signals["direction"].tolist() == [wanted[call] for call in calls]
    kinds = ["exit" if call.endswith("exits") else "entry" for call in calls]
    assert signals["signal_type"].tolist() == kinds


def test_with_both_directions_an_exit_is_an_entry_of_the_other_side(recorded: Recorded) -> None:
    _, recording = recorded("SMA cross, EURUSD")
    calls = recording.orders()["call"]
    wanted = [1 if call == "entries" else -1 for call in calls]
    assert recording.signals()["direction"].tolist() == wanted


def test_of_orders_each_that_has_a_size_is_a_signal(recorded: Recorded) -> None:
    for name in ("orders of an amount", "orders for a target"):
        _, recording = recorded(name)
        size = CASES[name].arguments()["size"]
        kept = size.notna() & ((size != 0) | (name == "orders for a target"))
        signals, orders = recording.signals(), recording.orders()
        assert signals["bar_index"].tolist() == np.flatnonzero(kept).tolist()
        assert signals["direction"].tolist() == np.sign(size[kept]).tolist()
        assert orders["size"].abs().tolist() == size[kept].abs().tolist()


def test_random_signals_are_those_that_were_drawn(recorded: Recorded) -> None:
    _, recording = recorded("a grid of random signals")
    drawn = vbt.RANDNX.run(
        n=[3, 10, 30],
        input_shape=p.close_of(p.goog()).shape,
        input_index=p.goog().index,
        input_columns=pd.RangeIndex(1),
        seed=42,
    )
    assert said(recording, "entries") == cells(drawn.entries)
    assert said(recording, "exits") == cells(drawn.exits)


def test_times_are_those_of_the_bars(recorded: Recorded) -> None:
    for name, bars in (("SMA cross, GOOG", p.goog()), ("bars with a time zone", p.zoned())):
        signals = recorded(name)[1].signals()
        index = bars.index if bars.index.tz is not None else bars.index.tz_localize("UTC")
        expected = index.tz_convert("UTC")[signals["bar_index"].to_numpy()]
        assert (signals["timestamp"].to_numpy() == expected.to_numpy()).all()
        if bars is not p.goog():
            assert (signals["available_time"] > signals["timestamp"]).all()


def test_bars_without_times_have_numbers(recorded: Recorded) -> None:
    _, recording = recorded("numbered bars")
    _, dated = recorded("SMA cross, GOOG")
    assert recording.signals()["bar_index"].tolist() == dated.signals()["bar_index"].tolist()
    assert recording.fills()["price"].tolist() == dated.fills()["price"].tolist()
    assert recording.bars()["close"].tolist() == p.goog()["Close"].tolist()


@pytest.mark.parametrize("name", ["SMA cross, GOOG", "long and short entries", "several assets"])
def test_position_and_cash_are_those_before_the_bar(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    signals = recording.signals()
    bar = signals["bar_index"].to_numpy()
    column = recording.orders()["extra_column"].to_numpy(dtype=int)
    cash = np.asarray(portfolio.cash()).reshape(len(portfolio.wrapper.index), -1)
    assets = np.asarray(portfolio.assets()).reshape(cash.shape)
    start = np.broadcast_to(np.asarray(portfolio.init_cash), cash.shape[1])
    first = bar == 0
    expected = np.where(first, start[column], cash[bar - 1, column])
    assert signals["capital_available"].tolist() == expected.tolist()
    held = np.where(first, 0.0, assets[bar - 1, column])
    assert signals["position_before"].tolist() == held.tolist()


def test_the_market_of_a_signal_is_its_bar(recorded: Recorded) -> None:
    _, recording = recorded("stop-loss")
    signals = recording.signals()
    bars = p.goog().iloc[signals["bar_index"].to_numpy()]
    for name in ("Open", "High", "Low", "Close"):
        assert signals[f"market_{name.lower()}"].tolist() == bars[name].tolist()


# --- indicators ----------------------------------------------------------------------------------


def test_indicators_that_were_made_inside_are_kept_at_the_signals(tmp_path: Path) -> None:
    _, recording = captured(CASES["SMA cross, GOOG"], tmp_path)
    signals = recording.signals()
    close = p.close_of(p.goog())
    bar = signals["bar_index"].to_numpy()
    for column, window in (("indicator_ma", 10), ("indicator_ma_2", 20)):
        expected = vbt.MA.run(close, window).ma.to_numpy()[bar]
        assert signals[column].tolist() == expected.tolist()


def test_of_a_grid_each_signal_has_the_indicators_of_its_parameters(recorded: Recorded) -> None:
    _, recording = recorded("a grid")
    signals = recording.signals()
    close = p.goog()["Close"]
    for name in ("fast", "slow"):
        lines = {w: vbt.MA.run(close, w).ma.to_numpy() for w in (5, 10, 20, 40)}
        windows = signals[f"param_{name}_window"].tolist()
        expected = [
            lines[w][bar] for w, bar in zip(windows, signals["bar_index"].tolist(), strict=True)
        ]
        assert signals[f"indicator_{name}"].tolist() == expected


def test_an_indicator_of_ones_own_says_what_it_is(recorded: Recorded) -> None:
    _, recording = recorded("a grid of an indicator of one's own")
    signals = recording.signals()
    bar = signals["bar_index"].tolist()
    close = p.close_of(p.goog())
    lines = {
        (window, share): c.middle(close, window, share)[:, 0]
        for window in (10, 30)
        for share in (0.99, 1.01)
    }
    chosen = zip(signals["param_middle_window"], signals["param_middle_share"], bar, strict=True)
    assert signals["indicator_middle"].tolist() == [lines[w, s][b] for w, s, b in chosen]
    [part] = recording.parts
    described = [segment["indicators"] for segment in part.segments]
    assert {said["middle"]["params"]["window"] for said in described} == {10, 30}


def test_indicators_that_were_made_before_are_unknown(tmp_path: Path) -> None:
    words = c.sma_goog()
    with capture.record(tmp_path) as recorded:
        vbt.Portfolio.from_signals(**words, init_cash=100)
    [recording] = recorded.recordings
    assert not [name for name in recording.signals().columns if name.startswith("indicator_")]


# --- orders, trades, equity ----------------------------------------------------------------------


def test_stops_stand_in_the_row_of_the_order(recorded: Recorded) -> None:
    orders = recorded("both stops, at the stop's price")[1].orders()
    entries = orders[orders["call"] == "entries"]
    assert set(entries["stop_loss"]) == {0.02}
    assert set(entries["take_profit"]) == {0.04}
    trailing = recorded("trailing stop")[1].orders()
    assert set(trailing.loc[trailing["call"] == "entries", "trail"]) == {0.05}


def test_what_differs_from_bar_to_bar_is_that_of_the_signals_bar(recorded: Recorded) -> None:
    _, recording = recorded("everything of each bar")
    orders, words = recording.orders(), c.own_bars()
    entries = orders[orders["call"] == "entries"]
    bar = entries["bar_index"].to_numpy()
    assert entries["size"].tolist() == np.asarray(words["size"])[bar].tolist()
    stop = np.asarray(words["sl_stop"])[bar]
    assert entries["stop_loss"].fillna(np.inf).tolist() == stop.tolist()


TRADES = ["SMA cross, GOOG", "long and short entries", "accumulating", "several assets", "a grid"]


@pytest.mark.parametrize("name", TRADES)
def test_trades_are_the_hosts(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    records = portfolio.trades.values
    table = recording.trades().sort_values("extra_column", kind="stable")
    sign = np.where(records["direction"] == 0, 1, -1)
    assert table["size"].tolist() == (records["size"] * sign).tolist()
    assert table["entry_bar"].tolist() == records["entry_idx"].tolist()
    assert table["entry_price"].tolist() == records["entry_price"].tolist()
    closed = records["status"] == 1
    assert table["exit_bar"].notna().tolist() == closed.tolist()
    table, records = table[closed], records[closed]
    assert table["exit_bar"].tolist() == records["exit_idx"].tolist()
    assert table["exit_price"].tolist() == records["exit_price"].tolist()
    assert table["profit"].tolist() == records["pnl"].tolist()
    costs = records["entry_fees"] + records["exit_fees"]
    assert table["commission"].tolist() == costs.tolist()


@pytest.mark.parametrize("name", [*TRADES, "stop-loss", "opposite entries", "rebalancing"])
def test_every_fill_names_its_trade(name: str, recorded: Recorded) -> None:
    _, recording = recorded(name)
    fills, trades = recording.fills(), recording.trades()
    column = dict(zip(trades["trade_number"], trades["extra_column"], strict=True))
    assert fills["trade_number"].notna().all()
    assert fills["extra_column"].tolist() == [column[n] for n in fills["trade_number"]]
    for number, trade in trades.set_index("trade_number").iterrows():
        mine = fills[fills["trade_number"] == number]
        assert mine["bar_index"].ge(trade["entry_bar"]).all()
        if not pd.isna(trade["exit_bar"]):
            closing = mine[mine["bar_index"] == trade["exit_bar"]]
            assert closing["price"].tolist() == [trade["exit_price"]]
            assert mine["bar_index"].le(trade["exit_bar"]).all()


@pytest.mark.parametrize("name", [*TRADES, "several assets, one account", "holding"])
def test_the_account_is_the_hosts_bar_by_bar(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    equity = recording.equity().sort_values(["bar_index", "seq"], kind="stable")
    value = np.asarray(portfolio.value()).reshape(len(portfolio.wrapper.index), -1)
    cash = np.asarray(portfolio.cash()).reshape(value.shape)
    assert equity["equity"].tolist() == value.ravel().tolist()
    assert equity["cash"].tolist() == cash.ravel().tolist()
    if not portfolio.cash_sharing:
        assert equity["position"].tolist() == np.asarray(portfolio.assets()).ravel().tolist()


@pytest.mark.parametrize("name", ["SMA cross, EURUSD", "accumulating", "rebalancing"])
def test_the_position_after_each_fill_is_the_hosts(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    fills = recording.fills()
    assets = np.asarray(portfolio.assets()).reshape(portfolio.wrapper.shape_2d)
    expected = assets[fills["bar_index"], fills["extra_column"].astype(int)]
    assert fills["position_after"].tolist() == expected.tolist()
