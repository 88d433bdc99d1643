"""Runs of zipline, on a bundle that is made of the bars."""

from __future__ import annotations

import atexit
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pandas as pd
from zipline import run_algorithm
from zipline.api import order, order_target, symbol
from zipline.data.bundles import ingest, register
from zipline.data.bundles.csvdir import csvdir_equities
from zipline.utils.calendar_utils import get_calendar

import capture
from benchmarks.hosts import CLOCK, OPTIONS, Run, busy
from capture_zipline.broker import Broker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Zipline"]

_mark = CLOCK.marks.append
_FIRST = pd.Timestamp("1995-01-03")


def _start(context: Any) -> None:
    context.asset = symbol("EURUSD")
    context.bars, context.long = 0, False


def _cross(cost_us: float) -> Callable[[Any, Any], None]:
    """Return what turns round when a fast average crosses a slow one."""

    def handle_data(context: Any, data: Any) -> None:
        _mark(perf_counter())
        if cost_us:
            busy(cost_us / 1e6)
        context.bars += 1
        if context.bars < 36:
            return
        prices = data.history(context.asset, "price", 36, "1d").to_numpy()
        long = prices[-12:].mean() > prices.mean()
        if long != context.long:
            context.long = long
            order_target(context.asset, 100 if long else -100)

    return handle_data


def _every_bar(context: Any, _data: Any) -> None:
    """Open on even bars and close on odd ones."""
    _mark(perf_counter())
    context.bars += 1
    order(context.asset, 100 if context.bars % 2 else -100)


@cache
def _root() -> Path:
    """Return the folder in which bundles are made."""
    folder = TemporaryDirectory(prefix="capture-zipline-")
    atexit.register(folder.cleanup)
    os.environ["ZIPLINE_ROOT"] = folder.name
    return Path(folder.name)


@cache
def _bundle(bars: int) -> tuple[str, pd.Timestamp, pd.Timestamp]:
    """Return a bundle with so many bars as sessions, its first and its last one."""
    from benchmarks.hosts import market

    name, place = f"bars-{bars}", _root() / f"csv-{bars}" / "daily"
    place.mkdir(parents=True)
    calendar = get_calendar("XNYS")
    sessions = calendar.sessions_in_range(_FIRST, calendar.last_session)[:bars]
    frame = market(len(sessions)).rename(columns=str.lower).set_axis(sessions)
    frame[["open", "high", "low", "close"]] *= 100  # a bundle keeps thousandths
    frame.assign(dividend=0.0, split=1.0).to_csv(place / "EURUSD.csv", index_label="date")
    register(name, csvdir_equities(["daily"], str(place.parent)), calendar_name="XNYS")
    ingest(name, show_progress=False)
    return name, sessions[0], sessions[-1]


class Zipline:
    """zipline."""

    name = "zipline"
    share = 0.02
    repeats = 1
    has_bars = True

    def run(self, density: str, bars: pd.DataFrame, store: Path | None) -> Run:
        """Run a strategy of this density, captured if there is a store."""
        step = _cross(0.0) if density == "5%" else _every_bar
        functions = _functions(step, store)
        return CLOCK.run(lambda: _run(functions, len(bars)), Broker)

    def original(self, bars: pd.DataFrame, cost_us: float, store: Path | None) -> Any:
        """Run a strategy that thinks so long about every bar; captured if there is a store."""
        return _run(_functions(_cross(cost_us), store), len(bars))

    def replay(self, recording: Any, bars: pd.DataFrame) -> Any:
        """Run the recording instead."""
        return _run(capture.replay(recording).into("zipline"), len(bars))


def _functions(step: Any, store: Path | None) -> Mapping[str, Any]:
    functions = {"initialize": _start, "handle_data": step}
    return functions if store is None else capture.wrap(**functions, store=store, **OPTIONS)


def _run(functions: Mapping[str, Any], bars: int) -> Any:
    name, first, last = _bundle(bars)
    sessions = pd.date_range(first, last, tz="UTC")
    return run_algorithm(
        **functions,
        start=first,
        end=last,
        capital_base=100_000.0,
        bundle=name,
        benchmark_returns=pd.Series(0.0, index=sessions),
    )
