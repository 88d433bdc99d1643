"""Fills that are read from the host's trades later are those that are heard as they happen."""

from __future__ import annotations

import random
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from backtesting import Backtest, Strategy
from backtesting.test import GOOG

import capture

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
IDENTITIES = ("signal_id", "order_id")


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


class Listener:
    """Hears of fills, which are recorded as they happen for that."""

    def __init__(self) -> None:
        self.heard = 0

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Count."""
        self.heard += 1


def told(recording: Any, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table with identities that do not depend on numbers."""
    order = {name: number for number, name in enumerate(ids(recording, "signals", "signal_id"))}
    orders = {name: number for number, name in enumerate(ids(recording, "orders", "order_id"))}
    rows = recording.table(table).drop_columns(["seq", "recorded_time"]).to_pylist()
    for row in rows:
        for name in ("signal_seq", "order_seq"):
            row.pop(name, None)
        if row.get("bar_index") == BARS - 1:
            row.pop("portfolio_equity", None)  # finalising changes it, and may come before or after
        for name, places in zip(IDENTITIES, (order, orders), strict=True):
            if row.get(name) is not None:
                row[name] = places[row[name]]
        parent = row.get("parent_id")
        if parent is not None and parent.startswith("o"):
            row["parent_id"] = orders[parent]
    return [{name: value for name, value in row.items() if value == value} for row in rows]


def ids(recording: Any, table: str, name: str) -> list[str]:
    """Return the identities of a table's rows in order."""
    found: list[str] = recording.table(table).column(name).to_pylist()
    return found


def recorded(folder: Path, settings: dict[str, Any], **params: Any) -> tuple[Any, Any]:
    """Return the results and the recording of a run."""
    own = capture.wrap(Erratic, store=folder, buffer_size=32)
    said = {"cash": 10_000, "commission": 0.002, "finalize_trades": True, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = Backtest(GOOG.iloc[:BARS], own, **said).run(**params)
    return results, capture.open(folder).latest()


@pytest.mark.parametrize("plain_until", [BARS, 120, 0])
@pytest.mark.parametrize("name", SETTINGS)
def test_deferred_fills_are_those_that_are_heard(
    name: str, plain_until: int, tmp_path: Path
) -> None:
    for seed in (1, 2):
        params: dict[str, Any] = {"seed": seed, "plain_until": plain_until}
        later, deferred = recorded(tmp_path / f"later{seed}", SETTINGS[name], **params)
        listener, host = Listener(), capture.get_host()
        host.register(listener, name="listener")
        try:
            now, heard = recorded(tmp_path / f"now{seed}", SETTINGS[name], **params)
        finally:
            host.unregister(listener)
        assert listener.heard == heard.table("fills").num_rows
        assert later["_trades"].equals(now["_trades"])
        for table in ("signals", "orders", "fills", "statuses", "trades", "notes"):
            mine, theirs = told(deferred, table), told(heard, table)
            if table == "statuses":  # the order of those of one bar is no promise
                mine, theirs = (
                    sorted(rows, key=lambda row: (row["signal_id"], row["status"]))
                    for rows in (mine, theirs)
                )
            assert mine == theirs, table
        assert "fills_missing_after_seq" not in deferred.manifest["flags"]
