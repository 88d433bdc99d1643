"""Directions instead of calls, recordings of other backtesters, and parts of a recording."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import vectorbt as vbt

import capture
from capture.errors import NotReplayable
from tests.adapters import runs, strategies
from tests.adapters.vectorbt import calls as c
from tests.adapters.vectorbt import prices as p
from tests.adapters.vectorbt.cases import CASES
from tests.adapters.vectorbt.results import assert_same, captured

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.recording import Recording

    Recorded = Callable[[str], tuple[Any, Recording]]

pytestmark = [pytest.mark.host, pytest.mark.slow]

COSTLY = {"init_cash": 10_000, "fees": 0.002, "slippage": 0.0005}
BEGIN, END = datetime(2007, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC)


# --- modes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_entries_and_exits_by_turns_are_the_same_in_every_mode(
    mode: Any, recorded: Recorded
) -> None:
    portfolio, recording = recorded("SMA cross, GOOG")
    replayed = capture.replay(recording, mode).into("vectorbt", **COSTLY)
    assert len(portfolio.order_records) > 50
    assert replayed.order_records.tobytes() == portfolio.order_records.tobytes()
    assert np.asarray(replayed.value()).tolist() == np.asarray(portfolio.value()).tolist()


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_turning_from_side_to_side_is_the_same_in_every_mode(mode: Any, recorded: Recorded) -> None:
    portfolio, recording = recorded("SMA cross, EURUSD")
    replayed = capture.replay(recording, mode).into("vectorbt", init_cash=1_000)
    assert replayed.order_records.tobytes() == portfolio.order_records.tobytes()


@pytest.mark.parametrize("mode", ["target", "signal"])
def test_a_recording_of_another_backtester_becomes_a_portfolio(mode: Any, tmp_path: Path) -> None:
    case = runs.Case(strategies.SmaCross, runs.goog, {"cash": 10_000})
    results, recording = runs.captured(case, tmp_path)
    with pytest.raises(NotReplayable, match="not of vectorbt"):
        capture.replay(recording).into("vectorbt")
    replayed = capture.replay(recording, mode).into(
        "vectorbt", size=1.0, price="next_open", init_cash=10_000
    )
    trades = results._trades
    records = replayed.trades.records_readable
    closed = records[records["Status"] == "Closed"]
    # Its orders are filled at the open of the next bar; here that is the price at the signal's bar.
    assert closed["Avg Entry Price"].tolist() == trades["EntryPrice"].tolist()
    assert closed["Avg Exit Price"].tolist() == trades["ExitPrice"].tolist()
    assert (closed["Direction"] == "Long").tolist() == (trades["Size"] > 0).tolist()
    at_close = capture.replay(recording, mode).into("vectorbt", size=1.0, init_cash=10_000)
    bars = at_close.order_records["idx"]
    assert at_close.order_records["price"].tolist() == p.goog()["Close"].iloc[bars].tolist()
    assert bars.tolist() == replayed.order_records["idx"].tolist()


def test_a_replay_of_another_backtester_is_recorded_with_its_parent(tmp_path: Path) -> None:
    case = runs.Case(strategies.SmaCross, runs.goog, {"cash": 10_000})
    _, recording = runs.captured(case, tmp_path)
    capture.replay(recording, "target").into("vectorbt", init_cash=10_000, store=tmp_path)
    again = capture.open(tmp_path).latest("replay")
    assert again.manifest["host"] == "vectorbt"
    assert again.manifest["parent"] == recording.run_id
    assert set(again.signals()["source_signal_id"]) <= set(recording.signals()["signal_id"])
    assert capture.verify(tmp_path).ok


def test_a_portfolio_becomes_a_strategy_of_another_backtester(recorded: Recorded) -> None:
    from backtesting import Backtest

    portfolio, recording = recorded("stop-loss")  # the one with whole bars
    replay = capture.replay(recording, "signal").into("backtesting", size=1)
    bars = p.goog()[["Open", "High", "Low", "Close"]]
    trades = runs.run(Backtest(bars, replay, cash=10_000, trade_on_close=True))._trades
    signals = recording.signals()
    entries = signals.loc[signals["direction"] == 1, "bar_index"]
    assert set(trades["EntryBar"]) <= set(entries)
    assert len(trades) > 20
    assert len(portfolio.order_records)


# --- parts of a recording ------------------------------------------------------------------------

FILTERS: dict[str, dict[str, Any]] = {
    "from a day on": {"start": BEGIN},
    "until a day": {"end": END},
    "between days": {"start": BEGIN, "end": END},
    "no such symbol": {"symbols": ["AAPL"]},
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_leaves_out_signals(name: str, recorded: Recorded) -> None:
    _, recording = recorded("SMA cross, GOOG")
    words = c.sma_goog()
    times = words["close"].index.tz_localize("UTC")
    said = FILTERS[name]
    within = (times >= said.get("start", times[0])) & (times <= said.get("end", times[-1]))
    within &= "symbols" not in said
    for kind in ("entries", "exits"):
        words[kind] = words[kind] & within
    fresh = vbt.Portfolio.from_signals(**words, **COSTLY)
    replayed = capture.replay(recording, **said).into("vectorbt")
    assert replayed.order_records.tobytes() == fresh.order_records.tobytes()
    assert np.asarray(replayed.value()).tolist() == np.asarray(fresh.value()).tolist()


def test_a_symbol_can_be_replayed_without_the_others(recorded: Recorded) -> None:
    _, recording = recorded("several assets")
    words = c.sma_assets()
    for kind in ("entries", "exits"):
        words[kind] = words[kind].copy()
        words[kind].loc[:, words["close"].columns != "BBB"] = False
    fresh = vbt.Portfolio.from_signals(**words, **COSTLY)
    replayed = capture.replay(recording, symbols=["BBB"]).into("vectorbt")
    traded = {replayed.wrapper.columns[col] for col in replayed.order_records["col"]}
    assert {label if isinstance(label, str) else label[-1] for label in traded} == {"BBB"}
    wanted = fresh.order_records[["idx", "size", "price", "fees"]]
    got = replayed.order_records[["idx", "size", "price", "fees"]]
    assert got.tolist() == wanted.tolist()


def test_orders_are_left_out_like_signals(recorded: Recorded) -> None:
    _, recording = recorded("orders of an amount")
    words = c.amounts()
    times = words["close"].index.tz_localize("UTC")
    words["size"] = words["size"].where(times >= pd.Timestamp(BEGIN))
    fresh = CASES["orders of an amount"].host.from_orders(**words, fees=0.001, init_cash=100)
    replayed = capture.replay(recording, start=BEGIN).into("vectorbt")
    assert replayed.order_records.tobytes() == fresh.order_records.tobytes()


def test_a_filtered_replay_is_recorded_with_the_signals_that_are_left(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("SMA cross, GOOG")
    capture.replay(recording, start=BEGIN).into("vectorbt", store=tmp_path)
    again = capture.open(tmp_path).latest("replay")
    signals = recording.signals()
    kept = signals[signals["timestamp"] >= BEGIN]
    assert again.signals()["source_signal_id"].tolist() == kept["signal_id"].tolist()


# --- grids ---------------------------------------------------------------------------------------


def _strategies(recording: Recording) -> list[str]:
    return [segment["strategy_id"] for segment in recording.parts[0].segments]


@pytest.mark.parametrize(
    "name", ["a grid", "a grid of random signals", "everything of each column"]
)
def test_of_a_grid_one_set_of_parameters_can_be_replayed(name: str, recorded: Recorded) -> None:
    portfolio, recording = recorded(name)
    value = np.asarray(portfolio.value())
    assert len(_strategies(recording)) == value.shape[1]
    for column, strategy in enumerate(_strategies(recording)):
        replayed = capture.replay(recording, strategy=strategy).into("vectorbt")
        assert np.asarray(replayed.value()).ravel().tolist() == value[:, column].tolist()
        records = portfolio.order_records[portfolio.order_records["col"] == column]
        for field in ("idx", "size", "price", "fees", "side"):
            assert replayed.order_records[field].tolist() == records[field].tolist()


def test_a_replayed_set_is_certified_against_its_part_of_the_grid(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("a grid")
    strategy = _strategies(recording)[3]
    capture.replay(recording, strategy=strategy).into("vectorbt", store=tmp_path)
    again = capture.open(tmp_path).latest("replay")
    assert set(again.signals()["strategy_id"]) == {strategy}
    certificate = capture.parity(recording, again)
    assert certificate.exact, str(certificate)


def test_a_set_that_shares_cash_cannot_be_replayed_alone(
    recorded: Recorded, tmp_path: Path
) -> None:
    _, recording = recorded("a grid grouped by parameter")
    first = _strategies(recording)[0]
    replayed = capture.replay(recording, strategy=first).into("vectorbt")
    assert replayed.wrapper.shape_2d[1] == 3

    def one_account(**_: Any) -> Any:
        return CASES["a grid over assets"](cash_sharing=True, group_by=True)

    _, shared = captured(one_account, tmp_path)
    with pytest.raises(NotReplayable):
        capture.replay(shared, strategy=_strategies(shared)[0]).into("vectorbt")
    everything = capture.replay(shared).into("vectorbt")
    assert_same(one_account(), everything)
