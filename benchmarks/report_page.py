"""How long the report on ten thousand signals takes, and how large its page is."""

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
from capture.config import SignalCaptureConfig
from capture.recorder.engine import SignalCaptureEngine
from capture.report import compute, page
from capture.store.run import RunStart
from capture.store.store import Store

if TYPE_CHECKING:
    from benchmarks.market import Universe
    from benchmarks.sizes import Sizes
    from capture.store.recording import Recording

__all__ = ["recorded", "run"]

_SYMBOLS: Final = 2
_ROUNDS: Final = 3
_LIMIT_MB: Final = 6.0
_ENDS: Final = (("executed", "filled"), ("rejected", "insufficient_margin"), ("expired", "expired"))


def run(sizes: Sizes) -> Report:
    """Measure the report on a recording of so many signals."""
    with TemporaryDirectory() as name:
        recording = recorded(Path(name) / "store", sizes.report_signals)
        report = compute(recording)
        text = page(report)
        plotly = text.rfind("<script>", 0, text.rfind("<script>"))
        ways = {
            "compute: quality, consistency, patterns, timelines": partial(_fresh, recording),
            "draw: the page as text": partial(page, report),
        }
        found = interleaved({n: partial(_seconds, way) for n, way in ways.items()}, _ROUNDS)
    size = len(text.encode())
    script = text.index("</script>", plotly) - plotly
    rows = tuple((name, timing.minimum, timing.median) for name, timing in found.items())
    notes = (
        f"{sizes.report_signals:,} signals on {_SYMBOLS} symbols; every byte was checked, too.",
        f"The page has {size / 1e6:.2f} MB: {script / 1e6:.2f} MB are plotly's script, "
        f"{(size - script) / 1e6:.2f} MB all the rest.",
    )
    figure = Figure(
        quantity=f"page of the report on {sizes.report_signals:,} signals",
        measured=size / 1e6,
        goal=_LIMIT_MB,
        unit="MB",
    )
    title = f"The report, seconds, minima of {_ROUNDS} rounds"
    table = Table(title, ("what", "minimum", "median"), rows, notes)
    return Report("report_page", (table,), (figure,))


def recorded(folder: Path, signals: int) -> Recording:
    """Record so many signals with bars, ends, and the worth of an account."""
    market = universe(signals, symbols=_SYMBOLS)
    config = SignalCaptureConfig(storage_path=folder, durability="memory")
    with SignalCaptureEngine(config, run=RunStart(host="bench", strategy="bench")) as engine:
        for symbol, bars in market.bars.items():
            engine.add_base_data(bars, symbol=symbol, timeframe="5min")
        own = _signals(market, engine)
        engine.append_table("signals", own, events=True)
        engine.append_table("statuses", _statuses(own), events=True)
        for symbol, bars in market.bars.items():
            engine.append_table("equity", _equity(symbol, bars))
    return Store(folder)[engine.run_id]


def _signals(market: Universe, engine: SignalCaptureEngine) -> pa.Table:
    rows = market.signals.drop_columns([f"market_{name}" for name in MARKET])
    count, place = rows.num_rows, rows.schema.get_field_index("strategy_id")
    rows = rows.set_column(place, "strategy_id", pa.repeat(pa.scalar("bench"), count))
    own = {
        "signal_id": pa.array([f"{engine.run_id}.{engine.part}.{seq}" for seq in range(count)]),
        "timeframe": pa.repeat(pa.scalar("5min"), count),
        "schema_version": pa.array(np.ones(count, np.int16)),
        "late_missing": pa.repeat(pa.scalar(False), count),
    }
    for name, column in own.items():
        rows = rows.append_column(name, column)
    return rows


def _statuses(signals: pa.Table) -> pa.Table:
    count = signals.num_rows
    ends = [_ENDS[number % 7 % len(_ENDS)] for number in range(count)]
    kept = ["strategy_id", "symbol", "timeframe", "bar_index", "timestamp", "signal_id"]
    return pa.table(
        {
            **{name: signals.column(name) for name in kept},
            "signal_seq": pa.array(np.arange(count)),
            "status": pa.array([what for what, _ in ends]),
            "reason": pa.array([why for _, why in ends]),
            "actor": pa.repeat(pa.scalar("broker"), count),
        }
    )


def _equity(symbol: str, bars: pa.Table) -> pa.Table:
    close = bars.column("close").to_numpy()
    count = len(close)
    return pa.table(
        {
            "strategy_id": pa.repeat(pa.scalar("bench"), count),
            "symbol": pa.repeat(pa.scalar(symbol), count),
            "timeframe": pa.repeat(pa.scalar("5min"), count),
            "bar_index": pa.array(np.arange(count)),
            "timestamp": bars.column("timestamp"),
            "equity": pa.array(10_000 * close / close[0]),
            "position": pa.array(np.ones(count)),
        }
    )


def _fresh(recording: Recording) -> object:
    """Compute the report of a recording that has read nothing yet."""
    return compute(Store(recording.store.url, recover=False)[recording.run_id])


def _seconds(way: object) -> float:
    with timed() as watch:
        way()  # type: ignore[operator]
    return watch.seconds
