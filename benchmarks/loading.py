"""Reading with filters from a store that holds a million signals of fifty instruments."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.market import FIRST_BAR_NS, MARKET, STRATEGIES, Universe, universe
from benchmarks.measuring import Timing, interleaved, timed
from benchmarks.report import Figure, Report, Table
from capture.config import SignalCaptureConfig
from capture.recorder.engine import SignalCaptureEngine
from capture.recorder.facts import config_record
from capture.store.run import RunStart
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.sizes import Sizes
    from capture.store.recording import Recording

    Query = Callable[[Recording], int]

__all__ = ["run"]

_BATCH: Final = 65_536
_SYMBOL: Final = "SYM07"
_EIGHT: Final = [
    "timestamp",
    "symbol",
    "direction",
    "strength",
    "position_before",
    "portfolio_equity",
    "indicator_rsi_14",
    "indicator_zscore_20",
]
_FIRST_DAY: Final = 0.05
_GOAL_MS: Final = 30.0
_WEEK: Final = "symbol x week"
_DAY: Final = "one day"
_STRATEGY: Final = "strategy, 8 columns"
_ALL: Final = "all, as a frame"


def run(sizes: Sizes) -> Report:
    """Build a store of one run per backend, and ask each the same questions."""
    market = universe(sizes.load_rows)
    with TemporaryDirectory() as name:
        folder = Path(name)
        store = folder / "store"
        counts = {
            "parquet": sizes.load_rows,
            "hdf5": sizes.load_rows,
            "sql": sizes.load_rows,
            "json": sizes.load_json_rows,
        }
        runs, built = {}, {}
        for backend, count in counts.items():
            with timed() as watch:
                runs[backend] = _build(store, backend, market, count)
            built[backend] = watch.seconds
        recordings = {backend: Store(store)[run_id] for backend, run_id in runs.items()}
        rows, week = [], {}
        for backend, recording in recordings.items():
            asked = _ask(recording, _queries(), sizes.load_rounds)
            found = len(recording.table("signals", ["seq"]))
            rows.append((f"{backend}: signals()", found, *_cells(asked), built[backend]))
            if backend == "parquet":
                week = asked
                raw = _ask(recording, _raw_queries(), sizes.load_rounds)
                rows.append((f"{backend}: table()", found, *_cells(raw), None))
        rows += _rivals(folder, recordings["parquet"], market, sizes.load_rounds)
    return Report("loading", (_table(tuple(rows), sizes),), _figures(week, sizes))


def _table(rows: tuple[tuple[Any, ...], ...], sizes: Sizes) -> Table:
    return Table(
        f"Load times, ms (minima of {sizes.load_rounds} rounds), from "
        f"{sizes.load_rows:,} signals of 50 symbols",
        ("read with", "signals", _WEEK, _DAY, _STRATEGY, _ALL, "built in s"),
        rows,
        (
            "`signals()` joins what the questions ask for: market data by bar, parameters, "
            "notes, fate; `table()` is what was stored, as an Arrow table.",
            "Market data lie in base data, one file per symbol. The rivals' file holds all 47 "
            "columns, or is the sealed file of the Parquet run; each returns a pandas frame.",
            "Read from a warm file cache; the whole frame is read once. The rows lie in order of "
            "time. JSON lines hold fewer signals, because every line is read whatever is asked.",
        ),
    )


def _figures(week: dict[str, Timing], sizes: Sizes) -> tuple[Figure, ...]:
    return tuple(
        Figure(
            quantity=f"Parquet, {name} of {sizes.load_rows:,}, as a frame (minimum)",
            measured=week[name].minimum,
            goal=_GOAL_MS,
            unit="ms",
            note=f"median {week[name].median:.0f}",
        )
        for name in (_WEEK, _DAY)
    )


# --- building ------------------------------------------------------------------------------------


def _build(store: Path, backend: str, market: Universe, count: int) -> str:
    """Write a run of so many signals in large batches, and return its identity."""
    config = SignalCaptureConfig(storage_path=store, backend=backend, durability="memory")
    start = RunStart(host="bench", strategy="bench", backend=backend, config=config_record(config))
    stored = market.signals.slice(0, count).drop_columns([f"market_{name}" for name in MARKET])
    with SignalCaptureEngine(config, run=start) as engine:
        for symbol, bars in market.bars.items():
            engine.add_base_data(bars, symbol=symbol, timeframe="5min")
        for first in range(0, count, _BATCH):
            rows = stored.slice(first, _BATCH)
            engine.append_table("signals", _numbered(rows, engine, first), events=True)
    return engine.run_id


def _numbered(rows: pa.Table, engine: SignalCaptureEngine, first: int) -> pa.Table:
    prefix = f"{engine.run_id}.{engine.part}."
    identities = [f"{prefix}{seq}" for seq in range(first, first + rows.num_rows)]
    count = rows.num_rows
    own = {
        "signal_id": pa.array(identities),
        "timeframe": pa.repeat(pa.scalar("5min"), count),
        "schema_version": pa.array(np.ones(count, np.int16)),
        "late_missing": pa.repeat(pa.scalar(False), count),
    }
    for name, column in own.items():
        rows = rows.append_column(name, column)
    return rows


# --- asking --------------------------------------------------------------------------------------


def _ask(recording: Recording, queries: dict[str, Query], rounds: int) -> dict[str, Timing]:
    """Return the milliseconds of each question; a fresh recording answers, so nothing is kept."""

    def sample(query: Query) -> float:
        fresh = Store(recording.store.root, recover=False)[recording.run_id]
        with timed() as watch:
            found = query(fresh)
        if not found:
            raise AssertionError("the question found nothing, so its time says nothing")
        return watch.seconds * 1e3

    some = {name: partial(sample, query) for name, query in queries.items() if name != _ALL}
    answers = interleaved(some, rounds)
    whole = {_ALL: partial(sample, queries[_ALL])}
    return answers | interleaved(whole, 1)


def _span(days: float) -> tuple[datetime, datetime]:
    """Return so many days from near the beginning, which the shortest of the runs has too."""
    first = datetime.fromtimestamp(FIRST_BAR_NS / 1e9, UTC) + timedelta(days=_FIRST_DAY)
    return first, first + timedelta(days=days)


def _queries() -> dict[str, Query]:
    return {
        _WEEK: lambda r: len(r.signals(where=[("symbol", "=", _SYMBOL), *_between(7)])),
        _DAY: lambda r: len(r.signals(where=_between(1))),
        _STRATEGY: lambda r: len(
            r.signals(columns=_EIGHT, where=[("strategy_id", "=", STRATEGIES[1])])
        ),
        _ALL: lambda r: len(r.signals()),
    }


def _raw_queries() -> dict[str, Query]:
    return {
        _WEEK: lambda r: len(r.table("signals", None, [("symbol", "=", _SYMBOL), *_between(7)])),
        _DAY: lambda r: len(r.table("signals", None, _between(1))),
        _STRATEGY: lambda r: len(r.table("signals", _EIGHT, [("strategy_id", "=", STRATEGIES[1])])),
        _ALL: lambda r: len(r.table("signals")),
    }


def _between(days: float) -> list[tuple[str, str, Any]]:
    first, last = _span(days)
    return [("timestamp", ">=", first), ("timestamp", "<", last)]


def _cells(asked: dict[str, Timing]) -> tuple[float, ...]:
    return tuple(asked[name].minimum for name in (_WEEK, _DAY, _STRATEGY, _ALL))


# --- what users would do without it --------------------------------------------------------------


def _rivals(
    folder: Path, recording: Recording, market: Universe, rounds: int
) -> list[tuple[Any, ...]]:
    path = folder / "frame.parquet"
    with timed() as watch:
        market.signals.to_pandas().to_parquet(path)
    count = market.signals.num_rows
    found = [("pandas: read all, then filter", count, *_pandas(path, rounds), watch.seconds)]
    with suppress(ImportError):
        sealed = next(recording.path.glob("parts/*/signals.parquet"))
        found.append(("DuckDB: the sealed file", count, *_duckdb(sealed, rounds), None))
    return found


def _pandas(path: Path, rounds: int) -> tuple[float, ...]:
    import pandas as pd

    def week() -> int:
        first, last = _span(7)
        frame = pd.read_parquet(path)
        of_week = (frame["timestamp"] >= first) & (frame["timestamp"] < last)
        return len(frame[of_week & (frame["symbol"] == _SYMBOL)])

    def day() -> int:
        first, last = _span(1)
        frame = pd.read_parquet(path)
        return len(frame[(frame["timestamp"] >= first) & (frame["timestamp"] < last)])

    def strategy() -> int:
        frame = pd.read_parquet(path, columns=[*_EIGHT, "strategy_id"])
        return len(frame[frame["strategy_id"] == STRATEGIES[1]])

    return _minima((week, day, strategy, lambda: len(pd.read_parquet(path))), min(rounds, 2))


def _duckdb(path: Path, rounds: int) -> tuple[float, ...]:
    import duckdb

    def ask(columns: str, condition: str, *values: Any) -> int:
        query = f"SELECT {columns} FROM read_parquet(?) WHERE {condition}"  # noqa: S608 - ours
        return len(connection.execute(query, [str(path), *values]).df())

    span = "timestamp >= CAST(? AS TIMESTAMPTZ_NS) AND timestamp < CAST(? AS TIMESTAMPTZ_NS)"
    with duckdb.connect() as connection:
        return _minima(
            (
                lambda: ask("*", f"symbol = ? AND {span}", _SYMBOL, *_span(7)),
                lambda: ask("*", span, *_span(1)),
                lambda: ask(", ".join(_EIGHT), "strategy_id = ?", STRATEGIES[1]),
                lambda: ask("*", "true"),
            ),
            min(rounds, 3),
        )


def _minima(ways: tuple[Callable[[], int], ...], rounds: int) -> tuple[float, ...]:
    def sample(way: Callable[[], int]) -> float:
        with timed() as watch:
            way()
        return watch.seconds * 1e3

    timings = interleaved({str(n): partial(sample, way) for n, way in enumerate(ways)}, rounds)
    return tuple(timing.minimum for timing in timings.values())
