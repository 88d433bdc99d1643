"""Fills that are read from the host's trades later are those that are heard as they happen."""

from __future__ import annotations

import gc
import random
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest, Strategy
from backtesting.test import GOOG

import capture
from capture_backtesting import deferring
from tests.adapters.listening import listening
from tests.adapters.misreading import assert_the_run_goes_on
from tests.adapters.runs import CASES, assert_same_results, captured
from tests.adapters.telling import told

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.host

BARS = 300
SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "at the close": {"trade_on_close": True},
    "left open": {"finalize_trades": False},
    "at the close, left open": {"trade_on_close": True, "finalize_trades": False},
    "poor": {"cash": 900.0},
    "ruined": {"margin": 0.02, "cash": 3_000.0},
    "spread": {"spread": 0.001},
    "fixed commission": {"commission": (5.0, 0.001)},
    "hedging": {"hedging": True},
    "exclusive": {"exclusive_orders": True},
}


class Erratic(Strategy):  # type: ignore[misc]
    """Does plain things at random and, from some bar on, now and then something else."""

    seed = 0
    plain_until = BARS

    def init(self) -> None:
        """Begin to throw dice."""
        self.dice = random.Random(self.seed)

    def next(self) -> None:
        """Do something."""
        dice, bar = self.dice, len(self.data)
        if bar > self.plain_until and dice.random() < 0.1:
            self.odd(dice.choice(["cancel", "stop", "part", "trade", "limit", "more"]))
        elif not self.trades:
            if dice.random() < 0.1:
                self.position.close()
            if dice.random() < 0.6 and not self.orders:
                self.order(dice)
        elif not self.orders and dice.random() < 0.5:
            self.position.close()
            if dice.random() < 0.5:
                self.order(dice)

    def order(self, dice: random.Random) -> None:
        """Place a plain order, for so much that there may be no money for it."""
        call = dice.choice([self.buy, self.sell])
        size = dice.choice([None, 0.3, 0.9, 0.001, 1, 2, 500])
        order = call() if size is None else call(size=size)
        if dice.random() < 0.2:
            capture.note("why", dice.random(), signal=order)

    def odd(self, what: str) -> None:
        """Do what is not plain."""
        close = self.data.Close[-1]
        match what:
            case "cancel" if self.orders:
                self.orders[-1].cancel()
            case "stop" if self.trades:
                self.trades[0].sl = close * (0.9 if self.trades[0].is_long else 1.1)
            case "part":
                self.position.close(0.5)
            case "trade" if self.trades:
                self.trades[0].close()
            case "limit":
                self.buy(size=1, limit=close * 0.99)
            case _:
                self.buy(size=1)


def recorded(folder: Path, settings: dict[str, Any], **params: Any) -> tuple[Any, Any]:
    """Return the results and the recording of a run."""
    own = capture.wrap(Erratic, store=folder, buffer_size=32)
    said = {"cash": 10_000, "commission": 0.002, "finalize_trades": True, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = Backtest(GOOG.iloc[:BARS], own, **said).run(**params)
    return results, capture.open(folder).latest()


@pytest.mark.slow
@pytest.mark.parametrize("plain_until", [BARS, 120, 0])
@pytest.mark.parametrize("name", SETTINGS)
def test_deferred_fills_are_those_that_are_heard(
    name: str, plain_until: int, tmp_path: Path
) -> None:
    for seed in (1, 2):
        params: dict[str, Any] = {"seed": seed, "plain_until": plain_until}
        later, deferred = recorded(tmp_path / f"later{seed}", SETTINGS[name], **params)
        with listening() as listener:
            now, heard = recorded(tmp_path / f"now{seed}", SETTINGS[name], **params)
        stored = heard.table("fills").to_pylist()
        assert [each.to_dict()["price"] for each in listener.heard] == [r["price"] for r in stored]
        assert [each.seq for each in listener.heard] == [row["seq"] for row in stored]
        assert later["_trades"].equals(now["_trades"])
        for table in ("signals", "orders", "fills", "statuses", "trades", "notes"):
            mine, theirs = told(deferred, table), told(heard, table)
            for row in (*mine, *theirs):
                if row.get("bar_index") == BARS - 1:
                    # Finalising changes it, and may come before or after.
                    row.pop("portfolio_equity", None)
            if table == "statuses":  # the order of those of one bar is no promise
                mine, theirs = (
                    sorted(rows, key=lambda row: (row["signal_id"], row["status"]))
                    for rows in (mine, theirs)
                )
            assert mine == theirs, table
        assert "fills_missing_after_seq" not in deferred.manifest["flags"]


class Deciding(Erratic):
    """Looks, before each decision, at what was heard of its trades so far."""

    listener: Any = None

    def next(self) -> None:
        """Count, and go on."""
        fills = len(self.trades) + 2 * len(self.closed_trades)
        assert len(self.listener.heard) == fills
        if self.trades:
            trade, fill = self.trades[-1], self.listener.heard[-1]
            assert (fill.price, fill.size * fill.side) == (trade.entry_price, trade.size)
            assert fill.bar_index == trade.entry_bar
        super().next()


@pytest.mark.parametrize("name", ["plain", "at the close", "poor", "fixed commission"])
def test_a_fill_is_heard_before_the_next_decision(name: str, tmp_path: Path) -> None:
    said = {"cash": 10_000, "commission": 0.002, "finalize_trades": True, **SETTINGS[name]}
    with listening() as listener, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        strategy = type("Deciding", (Deciding,), {"listener": listener})
        own = capture.wrap(strategy, store=tmp_path, buffer_size=32)
        results = Backtest(GOOG.iloc[:BARS], own, **said).run(seed=3)
    recording = capture.open(tmp_path).latest()
    assert recording.state == "ended"
    # An order of the last bar may be filled when the host finalises, after the last decision.
    left = len(results._strategy.trades)
    assert len(listener.heard) == 2 * len(results["_trades"]) + left > 20
    # What is the host's own is what it was.
    assert type(results._strategy._broker.orders) is list
    assert not any("_capture" in vars(trade) for trade in results._strategy.closed_trades)


class Furious:
    """Raises at the third fill."""

    heard = 0

    @capture.hookimpl
    def on_fill(self) -> None:
        """Raise."""
        self.heard += 1
        if self.heard == 3:
            raise ZeroDivisionError("furious")


@pytest.mark.filterwarnings("ignore:.*Broker canceled the")
@pytest.mark.filterwarnings("ignore:.*dayofweek is deprecated")
@pytest.mark.parametrize("policy", ["disable", "raise"])
def test_an_observer_that_raises_at_a_plain_fill_loses_no_event(
    policy: str, tmp_path: Path
) -> None:
    furious, host = Furious(), capture.get_host()
    own = capture.wrap(Erratic, store=tmp_path, plugin_failure=policy)
    backtest = Backtest(GOOG.iloc[:BARS], own, cash=10_000, finalize_trades=True)
    host.register(furious, name="furious")
    try:
        if policy == "raise":
            with pytest.raises(ZeroDivisionError):
                backtest.run(seed=1)
        else:
            with pytest.warns(capture.errors.CaptureWarning, match="furious"):
                backtest.run(seed=1)
    finally:
        host.unregister(furious)
    del backtest
    gc.collect()
    recording = capture.open(tmp_path).latest()
    assert furious.heard == 3
    fills = recording.table("fills").num_rows
    assert fills == 3 if policy == "raise" else fills > 20
    assert recording.state == ("failed" if policy == "raise" else "ended")
    assert capture.verify(tmp_path).ok


class Remarking(Strategy):  # type: ignore[misc]
    """Says something about a trade whose fill may not be recorded yet."""

    def init(self) -> None:
        """Declare nothing."""

    def next(self) -> None:
        """Buy once, and say why."""
        if len(self.data) == 10:
            self.buy(size=1)
        elif len(self.data) == 20:
            capture.note("why", "so", signal=self.trades[0])


@pytest.mark.parametrize("heard", [False, True])
def test_a_note_on_a_plain_trade_is_with_the_signal_that_opened_it(
    heard: bool, tmp_path: Path
) -> None:
    with listening() if heard else nullcontext():
        own = capture.wrap(Remarking, store=tmp_path)
        Backtest(GOOG.iloc[:50], own, finalize_trades=True).run()
    recording = capture.open(tmp_path).latest()
    (note,) = recording.table("notes").to_pylist()
    assert note["signal_id"] == recording.table("signals").column("signal_id")[0].as_py()


def test_what_cannot_be_read_stops_the_recording_and_not_the_run(tmp_path: Path) -> None:
    case, place = CASES["SMA cross, GOOG"], (deferring, "settle")
    assert_the_run_goes_on(case, captured, place, tmp_path, assert_same_results)
