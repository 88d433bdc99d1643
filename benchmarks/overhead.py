"""What capture adds to runs of each backtester, with and without observers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import capture
from benchmarks.across.hosts import HOSTS, installed
from benchmarks.hosts import DENSITIES, OPTIONS, Best, Host, Run, market, quiet
from benchmarks.measuring import turns, undisturbed
from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from benchmarks.sizes import Sizes

__all__ = ["SignalsAndFills", "host", "hosts", "run"]

_GOALS_PCT: Final = {
    ("built-in", "5%"): 5.0,
    ("built-in", "100%"): 25.0,
    ("Backtesting.py", "5%"): 2.0,
    ("Backtesting.py", "100%"): 15.0,
    ("backtrader", "5%"): 1.0,
    ("backtrader", "100%"): 5.0,
    ("bt", "5%"): 2.0,
    ("bt", "100%"): 15.0,
    ("pybroker", "5%"): 2.0,
    ("pybroker", "100%"): 25.0,
    ("nautilus", "5%"): 5.0,
    ("nautilus", "100%"): 25.0,
    ("vectorbt", "5%"): 2.0,
    ("vectorbt", "100%"): 10.0,
    ("zipline", "5%"): 2.0,
    ("zipline", "100%"): 10.0,
}


_IMPORTED: Final = {**HOSTS, "nautilus": "nautilus_trader.backtest.engine"}
"""By backtester, what a script that runs it imports."""


class SignalsAndFills:
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


class _Observed(NamedTuple):
    """Who listens to a run.

    Attributes:
        kind: what listens.
        many: how many of them.
        tell: when they are told.
    """

    kind: Callable[[], object]
    many: int
    tell: str = "at_once"


_PLAIN: Final = "not captured"
_JUDGED: Final = {
    "no observer": _Observed(SignalsAndFills, 0),
    "1 observer of signals and fills": _Observed(SignalsAndFills, 1),
    "3 observers of signals and fills": _Observed(SignalsAndFills, 3),
    "1 observer told by the block": _Observed(SignalsAndFills, 1, "by_block"),
    "3 observers told by the block": _Observed(SignalsAndFills, 3, "by_block"),
}
_OF_BARS: Final = {
    "1 observer of every bar": _Observed(_Bars, 1),
    "3 observers of every bar": _Observed(_Bars, 3),
}


def host(name: str) -> Host:
    """Return a backtester by the name of its class here."""
    module = import_module(f"benchmarks.host_{name.lower()}")
    made: Host = getattr(module, name)()
    return made


def hosts() -> Iterator[Host]:
    """Yield the backtesters that are installed, the built-in one first."""
    for name in sorted(installed(), key=lambda name: name != "builtin"):
        yield host(name.capitalize())


def run(sizes: Sizes) -> Report:
    """Measure, in every host, a strategy that acts on few bars and one that acts on every bar."""
    tables: list[Table] = []
    figures: list[Figure] = []
    for made in hosts():
        for density in DENSITIES:
            with TemporaryDirectory() as folder, quiet():
                table, found = _density(made, density, sizes, Path(folder))
            tables.append(table)
            figures.extend(found)
    return Report("overhead", (*tables, _imports(sizes.processes)), tuple(figures))


def _density(made: Host, density: str, sizes: Sizes, store: Path) -> tuple[Table, list[Figure]]:
    bars = market(max(int(sizes.run_bars * made.share), 300))
    variants = {**_JUDGED, **(_OF_BARS if made.has_bars else {})}
    best = {name: Best() for name in (_PLAIN, *variants)}
    made.run(density, bars, None)  # loads and compiles what is loaded and compiled but once
    _one(made, density, bars, store, _JUDGED["no observer"])
    rounds = sizes.run_rounds * made.repeats
    for name in turns(list(best), rounds):
        best[name].add(_one(made, density, bars, store, variants.get(name)))
    recording = capture.open(store).latest()
    signals = len(recording.signals(columns=["seq"]))
    kept = sum(file.stat().st_size for file in recording.path.rglob("*") if file.is_file())
    title = (
        f"{made.name}, signals on {density} of the bars: {len(bars):,} bars, {signals:,} signals"
    )
    kept_each = (
        f"The recording has {kept / max(signals, 1):.0f} B per signal: its tables and records, "
        "without base data."
    )
    table = (_table_of_bars if made.has_bars else _table_of_calls)(title, best, signals, rounds)
    table = replace(table, notes=(*table.notes, kept_each))
    figures = [_figure(made.name, density, name, best) for name in _JUDGED]
    return table, figures


def _table_of_bars(title: str, best: dict[str, Best], signals: int, rounds: int) -> Table:
    return Table(
        title,
        ("run", "loop ms", "added ms", "added us/signal", "added % of the run",
         "added % of the loop", "opening ms", "sealing ms"),
        tuple(_row(name, best, signals) for name in best),
        (
            f"{rounds} interleaved rounds in one process. The loop is the sum over the "
            "bars of the quickest round of each; the run is the host's whole call without capture.",
            "Opening (start record, base data) and sealing (flush, telling by the block, compact, "
            "chain) happen once per run, apart from what is added.",
        ),
    )  # fmt: skip


def _table_of_calls(title: str, best: dict[str, Best], signals: int, rounds: int) -> Table:
    return Table(
        title,
        ("run", "run ms", "added ms", "added us/signal", "added % of the run", "opening ms",
         "gathering ms", "telling ms", "sealing ms", "flush, x the run"),
        tuple(_row_of_call(name, best, signals) for name in best),
        (
            f"{rounds} interleaved rounds in one process; the quickest of each. There is "
            "no loop: the run is indicators, the host's call and the total return, and what is "
            "added to it is what the user waits for in the call.",
            "Opening (settings, ears, the file for what waits) happens once per `with`. The flush "
            "at its end is gathering (signals, orders, statuses, trades, equity), telling the "
            "observers every signal and fill, and writing and sealing (start record, base data, "
            "tables, chains).",
        ),
    )  # fmt: skip


def _row_of_call(name: str, best: dict[str, Best], signals: int) -> tuple[Any, ...]:
    plain, mine = best[_PLAIN], best[name]
    if name == _PLAIN:
        return (name, mine.loop * 1e3, *[None] * 8)
    added = mine.loop - plain.loop
    return (
        name,
        mine.loop * 1e3,
        added * 1e3,
        added / max(signals, 1) * 1e6,
        100 * added / plain.whole,
        mine.before * 1e3,
        mine.gathering * 1e3,
        mine.telling * 1e3,
        mine.after * 1e3,
        (mine.gathering + mine.telling + mine.after) / plain.whole,
    )


def _figure(name: str, density: str, variant: str, best: dict[str, Best]) -> Figure:
    plain = best[_PLAIN]
    added = best[variant].loop - plain.loop
    return Figure(
        quantity=f"{name} at {density} signals, {variant}, without flush",
        measured=100 * added / plain.whole,
        goal=_GOALS_PCT[name, density],
        unit="%",
        note=f"of the run, by minima; of the loop alone {100 * added / plain.loop:.1f}",
    )


def _row(name: str, best: dict[str, Best], signals: int) -> tuple[Any, ...]:
    plain, mine = best[_PLAIN], best[name]
    if name == _PLAIN:
        return (name, mine.loop * 1e3, *[None] * 6)
    added = mine.loop - plain.loop
    return (
        name,
        mine.loop * 1e3,
        added * 1e3,
        added / max(signals, 1) * 1e6,
        100 * added / plain.whole,
        100 * added / plain.loop,
        (mine.before - plain.before) * 1e3,
        (mine.after - plain.after) * 1e3,
    )


def _one(
    made: Host,
    density: str,
    bars: pd.DataFrame,
    store: Path,
    observed: _Observed | None,
) -> Run:
    with undisturbed():
        if observed is None:
            return made.run(density, bars, None)
        with _observers(observed):
            return made.run(density, bars, store)


@contextmanager
def _observers(observed: _Observed) -> Iterator[None]:
    plugin_host = capture.get_host()
    plugins = [observed.kind() for _ in range(observed.many)]
    for number, plugin in enumerate(plugins):
        plugin_host.register(plugin, name=f"bench-{number}")
    OPTIONS["tell"] = observed.tell
    try:
        yield
    finally:
        del OPTIONS["tell"]
        for plugin in plugins:
            plugin_host.unregister(plugin)


def _imports(processes: int) -> Table:
    """Measure what a process pays once, each in a process of its own."""
    modules = [_IMPORTED[name] for name in installed()]
    cases = {
        **{f"import {module}": f"import {module}" for module in modules},
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
