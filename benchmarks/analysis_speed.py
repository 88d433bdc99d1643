"""How long it takes to judge and to check a million signals, and to compare two runs of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from benchmarks.market import MARKET, universe
from benchmarks.measuring import interleaved, timed
from benchmarks.report import Figure, Report, Table
from capture.analysis.comparison import diff
from capture.analysis.consistency import check
from capture.analysis.material import material_of
from capture.analysis.quality import signal_quality
from capture.config import SignalCaptureConfig
from capture.recorder.engine import SignalCaptureEngine
from capture.store.run import RunStart
from capture.store.store import Store

if TYPE_CHECKING:
    from benchmarks.market import Universe
    from benchmarks.sizes import Sizes
    from capture.store.recording import Recording

__all__ = ["run"]

_BATCH: Final = 65_536
_ROUNDS: Final = 2
_SKIPPED: Final = 7
"""The second run lacks every so many thousandth signal, so that rows must be searched for."""

_QUALITY: Final = "quality, signals and bars in memory"
_READ_QUALITY: Final = "read a run, then its quality"
_CHECK: Final = "check, signals and bars in memory"
_READ: Final = "read a run, then check it"
_HASHES: Final = "hash_mismatches alone"
_SAME: Final = "diff, the same run twice"
_OTHER: Final = "diff, signals missing and values changed"
_GOALS: Final = {_QUALITY: 5.0, _CHECK: 5.0, _OTHER: 10.0}


def run(sizes: Sizes) -> Report:
    """Build two runs, judge and check one, and compare them."""
    market = universe(sizes.load_rows)
    with TemporaryDirectory() as name:
        folder = Path(name) / "store"
        one, other = _build(folder, market, changed=False), _build(folder, market, changed=True)
        store = Store(folder)
        material = material_of(store[one])
        ways = {
            _QUALITY: lambda: signal_quality(material),
            _READ_QUALITY: lambda: signal_quality(material_of(_fresh(folder, one))),
            _CHECK: partial(_checked, material),
            _READ: lambda: _checked(_fresh(folder, one)),
            _HASHES: lambda: check(_fresh(folder, one), checks=["hash_mismatches"]),
            _SAME: lambda: diff(_fresh(folder, one), _fresh(folder, one)),
            _OTHER: lambda: diff(_fresh(folder, one), _fresh(folder, other)),
        }
        found = interleaved({n: partial(_seconds, way) for n, way in ways.items()}, _ROUNDS)
        compared = diff(_fresh(folder, one), _fresh(folder, other))
    rows = tuple((name, timing.minimum, timing.median) for name, timing in found.items())
    notes = (
        f"{sizes.load_rows:,} signals of 50 symbols with 47 fields each; the second run lacks "
        f"{compared.only_a:,} of them, and {compared.changed:,} differ in an indicator.",
        "A diff reads both runs from their files; `check` makes every check but that of hashes.",
    )
    title = f"Seconds, minima of {_ROUNDS} rounds"
    figures = tuple(
        Figure(quantity=f"{name} (minimum)", measured=found[name].minimum, goal=goal, unit="s")
        for name, goal in _GOALS.items()
    )
    return Report(
        "analysis_speed", (Table(title, ("what", "minimum", "median"), rows, notes),), figures
    )


def _checked(source: object) -> None:
    report = check(source, hashes=False)
    if not report.is_consistent:
        raise AssertionError(f"the recording that was made is broken: {report}")


def _seconds(way: object) -> float:
    with timed() as watch:
        way()  # type: ignore[operator]
    return watch.seconds


def _fresh(folder: Path, run_id: str) -> Recording:
    """Return a recording that has read nothing yet."""
    return Store(folder, recover=False)[run_id]


def _build(store: Path, market: Universe, *, changed: bool) -> str:
    """Write a run of so many signals in large batches, and return its identity."""
    config = SignalCaptureConfig(storage_path=store, durability="memory")
    signals = market.signals.drop_columns([f"market_{name}" for name in MARKET])
    if changed:
        signals = _altered(signals)
    start = RunStart(host="bench", strategy="bench")
    with SignalCaptureEngine(config, run=start) as engine:
        for symbol, bars in market.bars.items():
            engine.add_base_data(bars, symbol=symbol, timeframe="5min")
        for first in range(0, signals.num_rows, _BATCH):
            rows = signals.slice(first, _BATCH)
            engine.append_table("signals", _numbered(rows, engine, first), events=True)
    return engine.run_id


def _altered(signals: pa.Table) -> pa.Table:
    """Return the signals without some, and with an indicator that differs in a thousandth."""
    number = np.arange(signals.num_rows)
    kept = signals.filter(pa.array(number % 1000 != _SKIPPED))
    place = kept.schema.get_field_index("indicator_rsi_14")
    values = kept.column(place).to_numpy().copy()
    values[::1000] += 1.0
    return kept.set_column(place, "indicator_rsi_14", pa.array(values))


def _numbered(rows: pa.Table, engine: SignalCaptureEngine, first: int) -> pa.Table:
    prefix, count = f"{engine.run_id}.{engine.part}.", rows.num_rows
    own = {
        "signal_id": pa.array([f"{prefix}{seq}" for seq in range(first, first + count)]),
        "timeframe": pa.repeat(pa.scalar("5min"), count),
        "schema_version": pa.array(np.ones(count, np.int16)),
        "late_missing": pa.repeat(pa.scalar(False), count),
    }
    for name, column in own.items():
        rows = rows.append_column(name, column)
    return rows
