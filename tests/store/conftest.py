"""Stores with recordings in them, made by hand: no backtester is needed to look at a store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from capture.events import RunState
from capture.host import get_host
from capture.schema import TABLES, conform, unite
from capture.store.run import RunStart
from capture.store.seal import PartFacts, seal_part
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from capture.store.run import PartFolder, RunFolder

ROOT = Path(__file__).parents[2]
DAY_NS = 86_400 * 10**9
START_NS = 1_577_836_800 * 10**9


def times(count: int) -> pa.Array:
    return pa.array(START_NS + DAY_NS * np.arange(count)).cast(pa.timestamp("ns", tz="UTC"))


def fitted(table: str, columns: Mapping[str, Any]) -> pa.Table:
    """Return columns as a table with everything that the schema declares."""
    rows = pa.table(dict(columns))
    return conform(rows, unite([TABLES[table].arrow(), rows.schema]))


def signals(run_id: str, count: int, *, part: int = 0) -> pa.Table:
    """Return signals with the sequence numbers 0, 2, 4 ..."""
    numbers = np.arange(count)
    return fitted(
        "signals",
        {
            "part": pa.array([part] * count, pa.int32()),
            "seq": pa.array(numbers * 2),
            "signal_id": [f"{run_id}.{part}.{n * 2}" for n in numbers],
            "strategy_id": ["cross"] * count,
            "symbol": ["GOOG"] * count,
            "timeframe": ["1d"] * count,
            "bar_index": pa.array(numbers),
            "timestamp": times(count),
            "recorded_time": times(count),
            "direction": pa.array(np.where(numbers % 2, -1, 1).astype(np.int8)),
            "strength": pa.array(numbers / 10, mask=numbers % 3 == 0),
            "segment": pa.array([0] * count, pa.int32()),
            "indicator_sma": pa.array(numbers * 1.5),
        },
    )


def statuses(run_id: str, count: int, *, part: int = 0) -> pa.Table:
    """Return a refusal of every signal; numbers 1, 3, 5 ..."""
    numbers = np.arange(count)
    return fitted(
        "statuses",
        {
            "part": pa.array([part] * count, pa.int32()),
            "seq": pa.array(numbers * 2 + 1),
            "signal_seq": pa.array(numbers * 2),
            "signal_id": [f"{run_id}.{part}.{n * 2}" for n in numbers],
            "status": ["rejected"] * count,
            "reason": ["risk_limit"] * count,
        },
    )


def bars(count: int = 50) -> pd.DataFrame:
    """Return bars whose prices say which bar they are."""
    numbers = np.arange(float(count))
    columns = {"Open": numbers, "High": numbers + 2, "Low": numbers - 2, "Close": numbers + 1}
    index = pd.date_range("2020-01-01", periods=count, tz="UTC")
    return pd.DataFrame({**columns, "Volume": np.arange(count)}, index=index)


def write_part(run: RunFolder, part: PartFolder, count: int, base: list[dict[str, Any]]) -> None:
    """Write and seal a part."""
    make = get_host().backend(run.start.backend)
    backend = make(part.data_folder, compression=run.start.config.get("compression"))
    tables = {
        "signals": signals(run.run_id, count, part=part.number),
        "statuses": statuses(run.run_id, count, part=part.number),
    }
    for name, table in tables.items():
        for batch in table.to_batches():
            backend.append(name, batch)
    segments = [
        {"segment": 0, "strategy_id": "cross", "params": {"fast": 10}, "indicators": {"sma": {}}}
    ]
    seal_part(part, backend, PartFacts(segments=segments, base=base))
    backend.close()
    part.release()


@pytest.fixture(scope="session")
def record() -> Callable[..., str]:
    """Record a run by hand and return its identity."""

    def _record(
        store: Store, *, count: int = 10, parts: int = 1, base: bool = True, **start: Any
    ) -> str:
        run = store.begin_run(RunStart(**{"host": "hand", "strategy": "Cross", **start}))
        refs = []
        if base:
            refs = [store.add_base_data(bars(), symbol="GOOG", timeframe="1d").to_dict()]
        for _ in range(parts):
            write_part(run, run.claim_part(), count, refs)
        run.finish(RunState.ENDED)
        return run.run_id

    return _record


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty store."""
    return Store(tmp_path / "store", create=True)


@pytest.fixture
def python() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a process of its own; arguments are in sys.argv."""

    def _python(code: str, *arguments: Any, **words: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": search_path()},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **words,
        )

    return _python


def search_path() -> str:
    return os.pathsep.join([str(ROOT), str(ROOT / "plugins"), os.environ.get("PYTHONPATH", "")])


@pytest.fixture
def start_python() -> Callable[..., subprocess.Popen[str]]:
    """Start code in a process of its own and go on."""

    def _start(code: str, *arguments: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": search_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return _start


@pytest.fixture(scope="session")
def record_tables() -> Callable[..., str]:
    """Record a run of these tables, a mapping of name to columns per part."""

    def _record(
        store: Store,
        *parts: Mapping[str, Mapping[str, Any]],
        segments: list[dict[str, Any]] | None = None,
        base: list[dict[str, Any]] | None = None,
        **start: Any,
    ) -> str:
        run = store.begin_run(RunStart(**{"host": "hand", "strategy": "Cross", **start}))
        for tables in parts:
            part = run.claim_part()
            backend = get_host().backend(run.start.backend)(part.data_folder)
            for name, columns in tables.items():
                for batch in fitted(name, columns).to_batches():
                    backend.append(name, batch)
            seal_part(part, backend, PartFacts(segments=segments or [], base=base or []))
            backend.close()
            part.release()
        run.finish(RunState.ENDED)
        return run.run_id

    return _record
