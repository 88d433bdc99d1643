"""What capture adds to runs of Backtesting.py, with and without observers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import capture
from benchmarks.measuring import Timing, interleaved, timed
from benchmarks.report import Figure, Report, Table
from benchmarks.strategies import CLOCK, EveryBar, SmaCross, quiet_host

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_GOAL_PCT: Final = 2.0
_SPARSE_PCT: Final = 20.0
"""The goal is for runs in which fewer bars than this have a signal."""


class _SignalsAndFills:
    """An observer that reads one field of every signal and every fill."""

    def __init__(self) -> None:
        self.seen = 0

    @capture.hookimpl
    def on_signal(self, signal: Any) -> None:
        """Count a signal that has a direction."""
        self.seen += signal.direction is not None

    @capture.hookimpl
    def on_fill(self, fill: Any) -> None:
        """Count a fill that has a price."""
        self.seen += fill.price > 0


class _Bars:
    """An observer that reads one field of every bar."""

    def __init__(self) -> None:
        self.seen = 0

    @capture.hookimpl
    def on_bar(self, bar: Any) -> None:
        """Count a bar that has a number."""
        self.seen += bar.bar_index >= 0


_PLAIN: Final = "not captured"
_QUIET: Final = "no observer"
_VARIANTS: Final[dict[str, tuple[Callable[[], object], int]]] = {
    _QUIET: (_SignalsAndFills, 0),
    "1 observer of signals and fills": (_SignalsAndFills, 1),
    "3 observers of signals and fills": (_SignalsAndFills, 3),
    "1 observer of every bar": (_Bars, 1),
    "3 observers of every bar": (_Bars, 3),
}


@dataclass(frozen=True)
class _Run:
    """Seconds of one run: before the first bar, the host's own loop, and after the last bar."""

    before: float
    loop: float
    after: float

    @property
    def whole(self) -> float:
        """The whole call of `Backtest.run`."""
        return self.before + self.loop + self.after


def run(sizes: Sizes) -> Report:
    """Measure a strategy that acts on about one bar in twenty, and one that acts on every bar."""
    from backtesting.test import EURUSD

    quiet_host()
    bars = EURUSD.iloc[: sizes.run_bars]
    with TemporaryDirectory() as name:
        store = Path(name)
        measured = [
            _density(strategy, bars, store, sizes.run_rounds) for strategy in (SmaCross, EveryBar)
        ]
    tables = tuple(table for table, _ in measured)
    return Report(
        "overhead", (*tables, _imports(sizes.processes)), tuple(f for _, f in measured if f)
    )


def _density(
    strategy: type, bars: pd.DataFrame, store: Path, rounds: int
) -> tuple[Table, Figure | None]:
    runs: dict[str, list[_Run]] = {name: [] for name in (_PLAIN, *_VARIANTS)}
    _captured(strategy, bars, store, _SignalsAndFills, 0)  # loads what is loaded but once
    signals = len(capture.open(store).latest().signals(columns=["seq"]))

    def sample(name: str) -> float:
        found = (
            _timed_run(strategy, bars)
            if name == _PLAIN
            else _captured(strategy, bars, store, *_VARIANTS[name])
        )
        runs[name].append(found)
        return found.loop

    loops = interleaved({name: partial(sample, name) for name in runs}, rounds)
    share = 100 * signals / len(bars)
    table = Table(
        f"Backtesting.py, {strategy.__name__}: {len(bars):,} bars, {signals:,} signals "
        f"({share:.0f}% of the bars)",
        (
            "run",
            "loop ms, min",
            "loop ms, median",
            "added %, minima",
            "added %, medians",
            "added us/bar",
            "opening ms",
            "sealing ms",
            "whole call %",
        ),
        tuple(_row(name, loops, runs, len(bars)) for name in runs),
        (
            f"{rounds} interleaved rounds. The loop lasts from the first bar to the last; its "
            "percentages are what is added to the loop of the run that is not captured.",
            "Opening (start record, base data) and sealing (flush, compact, chain) happen once "
            "per run; both are what is added to the host's own time there, by minima.",
            "The whole call is `Backtest.run` with opening and sealing, by minima.",
        ),
    )
    figure = Figure(
        quantity=f"Backtesting.py at {share:.0f}% signals, no observer, without flush",
        measured=100 * (loops[_QUIET].minimum - loops[_PLAIN].minimum) / _whole(runs[_PLAIN]),
        goal=_GOAL_PCT,
        unit="%",
        note="of `Backtest.run`, by minima; of the loop alone "
        f"{_added(loops, _QUIET, 'minimum'):.1f}, by medians {_added(loops, _QUIET, 'median'):.1f}",
    )
    return table, figure if share < _SPARSE_PCT else None


def _row(
    name: str, loops: dict[str, Timing], runs: dict[str, list[_Run]], bars: int
) -> tuple[Any, ...]:
    loop = loops[name]
    if name == _PLAIN:
        return (name, loop.minimum * 1e3, loop.median * 1e3, *[None] * 6)
    plain, mine = runs[_PLAIN], runs[name]
    return (
        name,
        loop.minimum * 1e3,
        loop.median * 1e3,
        _added(loops, name, "minimum"),
        _added(loops, name, "median"),
        (loop.minimum - loops[_PLAIN].minimum) / bars * 1e6,
        (min(r.before for r in mine) - min(r.before for r in plain)) * 1e3,
        (min(r.after for r in mine) - min(r.after for r in plain)) * 1e3,
        100 * (_whole(mine) / _whole(plain) - 1),
    )


def _whole(runs: list[_Run]) -> float:
    return min(run.whole for run in runs)


def _added(loops: dict[str, Timing], name: str, how: str) -> float:
    """Return by how many percent a loop is longer than the one that is not captured."""
    return 100 * (float(getattr(loops[name], how)) / float(getattr(loops[_PLAIN], how)) - 1)


def _timed_run(strategy: type, bars: pd.DataFrame) -> _Run:
    from backtesting import Backtest

    backtest = Backtest(bars, strategy, cash=10_000, commission=0.0002, finalize_trades=True)
    CLOCK.first = CLOCK.last = 0.0
    with timed() as watch:
        started = perf_counter()
        backtest.run()
    before, loop = CLOCK.first - started, CLOCK.last - CLOCK.first
    return _Run(before, loop, watch.seconds - before - loop)


def _captured(
    strategy: type, bars: pd.DataFrame, store: Path, observer: Callable[[], object], count: int
) -> _Run:
    # No block is full before the run ends, so that all of the flush lies in the sealing.
    captured = capture.wrap(strategy, store=store, symbol="EURUSD", buffer_size=65_536)
    with _observers(observer, count):
        return _timed_run(captured, bars)


@contextmanager
def _observers(make: Callable[[], object], count: int) -> Iterator[None]:
    host = capture.get_host()
    plugins = [make() for _ in range(count)]
    for number, plugin in enumerate(plugins):
        host.register(plugin, name=f"bench-{number}")
    try:
        yield
    finally:
        for plugin in plugins:
            host.unregister(plugin)


def _imports(processes: int) -> Table:
    """Measure what a process pays once, each in a process of its own."""
    cases = {
        "import backtesting": "import backtesting",
        "import capture": "import capture",
        "import capture.wrap and the engine": "from capture import SignalCaptureEngine, wrap",
        "import pyarrow.parquet and dataset": "import pyarrow.parquet, pyarrow.dataset",
    }
    rows = []
    for name, code in cases.items():
        rows.append((name, min(_seconds_of(code) for _ in range(processes)) * 1e3))
    return Table("Paid once per process", ("what", f"ms (min of {processes})"), tuple(rows))


def _seconds_of(code: str) -> float:
    text = f"from time import perf_counter as t; a = t(); {code}\nprint(t() - a)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", text], check=True, stdout=subprocess.PIPE, text=True
    )
    return float(done.stdout.splitlines()[-1])
