"""Fills that are read when the run has ended are those that are heard as they happen."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import capture
from capture_pybroker.ledger import Ledger
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.pybroker.runs import (
    CASES,
    Case,
    Execution,
    assert_same_results,
    captured,
    several,
)
from tests.adapters.telling import told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

NAMES = (
    "SMA cross",
    "a part of the capital, walkforward",
    "nasty",
    "patient, in windows",
    "ranked, several executions",
    "rotation",
    "changed after the executions",
)
TABLES = ("signals", "orders", "fills", "trades", "equity", "notes")


class Listener:
    """Hears of fills and of bars."""

    def __init__(self) -> None:
        self.fills: list[Any] = []
        self.bars: list[tuple[str, int, float]] = []

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Keep the event."""
        self.fills.append(fill)

    @capture.hookimpl
    def on_bar(self, bar: Any) -> None:
        """Keep what it is about."""
        self.bars.append((bar.symbol, bar.bar_index, bar.close))


def heard(case: Case, folder: Path) -> tuple[Any, Any, Listener]:
    """Return results and recording of a run that is listened to, and what was heard."""
    listener, host = Listener(), capture.get_host()
    host.register(listener, name="listener")
    try:
        results, recording = captured(case, folder)
    finally:
        host.unregister(listener)
    return results, recording, listener


@pytest.mark.parametrize("name", NAMES)
def test_fills_that_are_read_later_are_those_that_are_heard(name: str, tmp_path: Path) -> None:
    results, later = captured(CASES[name], tmp_path / "later")
    same, now, listener = heard(CASES[name], tmp_path / "now")
    assert_same_results(results, same)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    one, other = (told(recording, "statuses") for recording in (later, now))
    assert sorted(map(str, one)) == sorted(map(str, other))
    stored = now.fills()
    assert [fill.price for fill in listener.fills] == stored["price"].tolist()
    assert [fill.signal_id for fill in listener.fills] == stored["signal_id"].where(
        stored["signal_id"].notna(), None
    ).tolist()


def erratic(seed: int) -> Any:
    """Return an execution that opens, closes, turns round and, of every other seed, does more."""
    dice = random.Random(seed)

    def trade(ctx: Any) -> None:
        if dice.random() < 0.6:
            return
        long, short = ctx.long_pos(), ctx.short_pos()
        held = int((long or short).shares) if long or short else 0
        shares = held if held and dice.random() < 0.5 else held + 3
        if seed % 2 and dice.random() < 0.1:
            shares = 1
        if short or (not long and dice.random() < 0.5):
            ctx.buy_shares = shares
        else:
            ctx.sell_shares = shares
        if dice.random() < 0.2:
            ctx.hold_bars = dice.choice([1, 2, 5])

    return trade


@pytest.mark.parametrize("seed", range(8))
def test_fills_of_an_erratic_execution_are_the_same_however_they_are_read(
    seed: int, tmp_path: Path
) -> None:
    def case() -> Case:
        executions = tuple(
            Execution(erratic(seed + number), (symbol,))
            for number, symbol in enumerate(("AAA", "BBB")[: 1 + seed // 4])
        )
        return Case(executions, several)

    results, later = captured(case(), tmp_path / "later")
    same, now, _ = heard(case(), tmp_path / "now")
    assert_same_results(results, same)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    one, other = (told(recording, "statuses") for recording in (later, now))
    assert sorted(map(str, one)) == sorted(map(str, other))


def fractional(seed: int) -> Any:
    """Return an execution that says shares in every way, so that their sums are rounded."""
    dice = random.Random(seed)

    def trade(ctx: Any) -> None:
        if dice.random() < 0.7:
            return
        part = dice.choice([0.1, 0.2, 0.35, 1 / 3])
        shares: Any = dice.choice(
            [np.int64(7), np.float64(2.5), 0.1, Decimal("1.37"), ctx.calc_target_shares(part)]
        )
        way = dice.random()
        if way < 0.4:
            ctx.buy_shares = shares
        elif way < 0.7:
            ctx.sell_shares = shares
        elif way < 0.8:
            ctx.set_target_shares(part * 1000, dir="long")
        elif ctx.long_pos():
            ctx.sell_all_shares()
        elif ctx.short_pos():
            ctx.cover_all_shares()
        if (ctx.buy_shares or ctx.sell_shares) and dice.random() < 0.2:
            ctx.hold_bars = 3

    return trade


@pytest.mark.parametrize("parts", [True, False], ids=["fractional", "whole"])
@pytest.mark.parametrize("seed", range(6))
def test_shares_that_are_said_in_every_way_are_followed_to_the_last_digit(
    seed: int, parts: bool, tmp_path: Path
) -> None:
    def case() -> Case:
        config = {"enable_fractional_shares": parts, "initial_cash": 50_000}
        return Case((Execution(fractional(seed), ("AAA",)),), several, config)

    results, later = captured(case(), tmp_path / "later")
    assert_same_results(case()(), results)
    same, now, _ = heard(case(), tmp_path / "now")
    assert_same_results(results, same)
    for table in TABLES:
        assert told(later, table) == told(now, table), table
    fills = later.fills()
    assert len(fills) == len(results.orders)
    assert fills["size"].tolist() == [float(shares) for shares in results.orders["shares"]]
    summed = (fills["size"] * fills["side"]).cumsum()
    assert fills["position_after"].tolist() == pytest.approx(summed.tolist(), abs=1e-9)
    flat = fills["position_after"].abs() < 1e-15
    assert flat.equals(fills["position_after"] == 0)  # nothing is left of what was rounded


def test_every_bar_that_an_execution_sees_is_told_before_it_sees_it(tmp_path: Path) -> None:
    case = CASES["ranked, several executions"]
    _, recording, listener = heard(case, tmp_path)
    bars = recording.bars()
    known = set(zip(bars["symbol"], bars["bar_index"], bars["close"], strict=True))
    assert set(listener.bars) == known
    assert len(listener.bars) == len(known)


def test_a_run_says_until_when_its_fills_are_recorded(tmp_path: Path) -> None:
    _, recording = captured(CASES["SMA cross"], tmp_path)
    fills, signals = recording.fills(), recording.signals()
    assert fills["seq"].min() > signals["seq"].max()
    assert "fills_missing_after_seq" not in recording.manifest["flags"]


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    place = (Ledger, "attend")
    assert_the_run_goes_on(CASES["SMA cross"], captured, place, tmp_path, assert_same_results)
