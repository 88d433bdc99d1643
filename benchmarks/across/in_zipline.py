"""The scenarios in zipline, whose bundles hold days and minutes, and prices in thousandths."""

from __future__ import annotations

import atexit
import os
import warnings
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from zipline import run_algorithm
from zipline.api import (
    cancel_order,
    get_order,
    order,
    order_target,
    order_target_percent,
    set_commission,
    set_slippage,
    symbol,
)
from zipline.data.bundles import ingest, register
from zipline.data.bundles.csvdir import csvdir_equities
from zipline.finance.commission import PerDollar
from zipline.finance.slippage import NoSlippage

import capture
from benchmarks.across.scenarios import CASH, COMMISSION, FAST, SLOW, STOP, TAKE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.across.scenarios import Scenario
    from capture.replaying.replay import Replay

__all__ = ["HOST"]

_SHARE: Final = 0.5
"""Part of the account that an entry is, where no size is recorded."""


def _costs(_context: Any) -> None:
    """Set what fills cost."""
    set_commission(PerDollar(COMMISSION))
    set_slippage(NoSlippage())


class _Crossing:
    """Knows when two averages cross."""

    def __init__(self, scenario: Scenario) -> None:
        self.market, self.units = scenario.market, scenario.units

    def initialize(self, context: Any) -> None:
        """Look the market up."""
        context.asset = symbol(self.market)
        context.bars = 0
        _costs(context)

    def handle_data(self, context: Any, data: Any) -> None:
        """Act at a cross."""
        context.bars += 1
        if context.bars <= SLOW:
            return
        closes = data.history(context.asset, "close", SLOW + 1, "1d")
        apart = closes.rolling(FAST).mean() - closes.rolling(SLOW).mean()
        before, now = apart.iloc[-2:]
        if now > 0.0 >= before:
            self.up(context, data)
        elif now < 0.0 <= before:
            self.down(context, data)

    def up(self, context: Any, data: Any) -> None:
        """The fast average came from below."""

    def down(self, context: Any, data: Any) -> None:
        """The fast average came from above."""


class Cross(_Crossing):
    def up(self, context: Any, _data: Any) -> None:
        order_target(context.asset, self.units)

    def down(self, context: Any, _data: Any) -> None:
        order_target(context.asset, -self.units)


class Brackets(_Crossing):
    """The host knows no brackets: a stop and a limit wait, and what remains is cancelled."""

    def initialize(self, context: Any) -> None:
        """Hold nothing."""
        super().initialize(context)
        context.entry, context.exits = None, []

    def handle_data(self, context: Any, data: Any) -> None:
        """Protect what was bought, and forget what was sold."""
        entry = context.entry
        if entry is not None and _done(entry[0]):
            units, close = get_order(entry[0]).amount, entry[1]
            context.exits = [
                order(context.asset, -units, stop_price=close * (1 - STOP)),
                order(context.asset, -units, limit_price=close * (1 + TAKE)),
            ]
            context.entry = None
        elif any(map(_done, context.exits)):
            self.cancel(context)
        super().handle_data(context, data)

    def up(self, context: Any, data: Any) -> None:
        close = float(data.current(context.asset, "close"))
        context.entry = (order_target_percent(context.asset, _SHARE), close)

    def down(self, context: Any, _data: Any) -> None:
        self.cancel(context)
        order_target(context.asset, 0)

    def cancel(self, context: Any) -> None:
        """Cancel what waits."""
        for one in context.exits:
            cancel_order(one)
        context.exits = []


def _done(number: str) -> bool:
    """Say whether an order is filled."""
    found = get_order(number)
    return bool(found.filled == found.amount)


_STRATEGIES = {"cross": Cross, "brackets": Brackets}


class _Zipline:
    name = "zipline"

    def record(self, scenario: Scenario, store: Path) -> None:
        """Run the scenario, captured into the store."""
        strategy = _STRATEGIES[scenario.kind](scenario)
        functions = {"initialize": strategy.initialize, "handle_data": strategy.handle_data}
        self._run(capture.wrap(**functions, store=store), scenario)

    def replay(self, replay: Replay, scenario: Scenario, store: Path) -> None:
        """Run a replay on the scenario's market, recorded into the store."""
        words: dict[str, Any] = {"store": store, "force": True}
        if replay.mode != "intent":
            words |= {"initialize": _costs, "percent": _SHARE}
        self._run(replay.into(self.name, **words), scenario)

    def _run(self, functions: Mapping[str, Any], scenario: Scenario) -> None:
        bars = scenario.bars
        run_algorithm(
            **functions,
            start=bars.index[0],
            end=bars.index[-1],
            capital_base=CASH,
            bundle=_bundle(scenario),
            environ=_environment(),
            benchmark_returns=pd.Series(0.0, index=bars.tz_localize("UTC").index),
        )


@cache
def _root() -> Path:
    """Return the folder in which bundles are made."""
    folder = TemporaryDirectory(prefix="capture-zipline-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _environment() -> dict[str, str]:
    """Return the environment in which the host looks there, and nobody else does."""
    return {**os.environ, "ZIPLINE_ROOT": str(_root())}


@cache
def _bundle(scenario: Scenario) -> str:
    """Return a bundle that has the bars of a scenario."""
    name = scenario.name
    place = _root() / name / "daily"
    place.mkdir(parents=True)
    frame = scenario.bars.rename(columns=str.lower).assign(dividend=0.0, split=1.0)
    frame.to_csv(place / f"{scenario.market}.csv", index_label="date")
    register(name, csvdir_equities(["daily"], str(place.parent)), calendar_name="XNYS")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the host's own, under pandas 2.2
        ingest(name, environ=_environment(), show_progress=False)
    return name


HOST = _Zipline()
