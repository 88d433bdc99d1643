"""Signals per second into a repository, against a plain INSERT, and how long a caller waits."""

from __future__ import annotations

import sqlite3
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measuring import interleaved, percentile, timed
from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_BATCH: Final = 50
_FIELDS: Final = (
    "signal_id", "symbol", "side", "signal_type", "strategy_id", "status", "confidence",
    "quality_score", "entry_price", "target_price", "stop_price", "requested_quantity",
    "signal_ns", "created_ns",
)  # fmt: skip


def run(sizes: Sizes) -> Report:
    """Measure both databases."""
    tables: list[Table] = []
    figures: list[Figure] = []
    with TemporaryDirectory() as name, ExitStack() as held:
        databases: dict[str, Callable[[], str]] = {"SQLite": _new_file(Path(name))}
        missing = _add_postgres(databases, held)
        rates, waits = [], []
        for database, fresh in databases.items():
            rates += _rates(database, fresh, sizes)
            rows, worst = _waits(database, fresh, sizes)
            waits += rows
            figures += worst
    tables.append(_rates_table(rates, sizes, missing))
    tables.append(_waits_table(waits, sizes))
    return Report("lifecycle", tuple(tables), tuple(figures))


# --- databases -----------------------------------------------------------------------------------


def _new_file(folder: Path) -> Callable[[], str]:
    numbers = iter(range(10**6))
    return lambda: f"sqlite:///{folder}/{next(numbers)}.sqlite"


def _add_postgres(databases: dict[str, Callable[[], str]], held: ExitStack) -> str | None:
    """Add PostgreSQL, each time a schema of its own; or say why it is not there."""
    try:
        import psycopg

        from capture.testing.postgres import database

        url = held.enter_context(database())
    except (ImportError, RuntimeError) as error:
        return f"PostgreSQL was not measured: {error}"
    numbers = iter(range(10**6))

    def fresh() -> str:
        schema = f"bench_{next(numbers)}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
        return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{schema}"

    databases["PostgreSQL"] = fresh
    return None


def _signal(number: int) -> dict[str, Any]:
    return {
        "symbol": "GOOG",
        "side": "buy",
        "signal_type": "entry",
        "strategy_id": "momentum",
        "confidence": 0.5,
        "quality_score": 0.7,
        "entry_price": 100.0 + number % 7,
        "target_price": 110.0,
        "stop_price": 95.0,
        "requested_quantity": 10.0,
    }


# --- signals per second --------------------------------------------------------------------------


def _rates(database: str, fresh: Callable[[], str], sizes: Sizes) -> list[tuple[Any, ...]]:
    rows = sizes.lifecycle_rows
    ways: dict[str, Callable[[], float]] = {
        "INSERT each, commit each": partial(_plain, fresh, rows, 1),
        f"executemany of {_BATCH}": partial(_plain, fresh, rows, _BATCH),
        "save_signal": partial(_saved, fresh, rows),
        f"save_signals of {_BATCH}": partial(_saved_many, fresh, rows),
        "log_signal, until stored": partial(_logged, fresh, rows, True),
        "log_signal, the caller": partial(_logged, fresh, rows, False),
    }
    timings = interleaved(ways, sizes.lifecycle_rounds)
    plain = timings["INSERT each, commit each"].minimum
    return [
        (
            database,
            name,
            1e6 / timing.minimum,
            timing.minimum,
            timing.median,
            plain / timing.minimum,
        )
        for name, timing in timings.items()
    ]


def _plain(fresh: Callable[[], str], count: int, batch: int) -> float:
    """Insert with the driver alone, into one table without an index but that of its key."""
    url = fresh()
    values = [_row(number) for number in range(count)]
    lite = url.startswith("sqlite")
    names = ", ".join(_FIELDS)
    marks = ", ".join(["?" if lite else "%s"] * len(_FIELDS))
    insert = " ".join(["INSERT INTO plain (", names, ") VALUES (", marks, ")"])
    kinds = ", ".join(f"{n} {_kind(n)}" for n in _FIELDS)
    with closing(_connected(url)) as connection:
        connection.execute(" ".join(["CREATE TABLE plain (", kinds, ", PRIMARY KEY (signal_id))"]))
        connection.commit()
        cursor = connection.cursor()
        with timed() as watch:
            for start in range(0, count, batch):
                if batch == 1:
                    cursor.execute(insert, values[start])
                else:
                    cursor.executemany(insert, values[start : start + batch])
                connection.commit()
    return watch.seconds / count * 1e6


def _connected(url: str) -> Any:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(url.removeprefix("sqlite:///"))
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
    import psycopg

    return psycopg.connect(url)


def _row(number: int) -> tuple[Any, ...]:
    said = {**_signal(number), "signal_id": f"{time.time_ns():016x}{number:08}"}
    said |= {"status": "generated", "signal_ns": time.time_ns(), "created_ns": time.time_ns()}
    return tuple(said[name] for name in _FIELDS)


def _kind(name: str) -> str:
    if name.endswith("_ns"):
        return "BIGINT"
    text = ("signal_id", "symbol", "side", "signal_type", "strategy_id", "status")
    return "TEXT" if name in text else "DOUBLE PRECISION"


def _saved(fresh: Callable[[], str], count: int) -> float:
    with closing(_repository(fresh())) as repository, timed() as watch:
        for number in range(count):
            repository.save_signal(_signal(number))
    return watch.seconds / count * 1e6


def _saved_many(fresh: Callable[[], str], count: int) -> float:
    with closing(_repository(fresh())) as repository, timed() as watch:
        for start in range(0, count, _BATCH):
            stop = min(start + _BATCH, count)
            repository.save_signals(map(_signal, range(start, stop)))
    return watch.seconds / count * 1e6


def _logged(fresh: Callable[[], str], count: int, stored: bool) -> float:
    """Hand signals to a tracker; time the calls alone, or until all are in the database."""
    from capture.lifecycle.tracker import SignalTracker

    with closing(_repository(fresh())) as repository, SignalTracker(repository) as tracker:
        with timed() as watch:
            for number in range(count):
                tracker.log_signal(_signal(number))
            if stored:
                tracker.flush()
        tracker.flush()
    return watch.seconds / count * 1e6


def _repository(url: str) -> Any:
    from capture_sql import SignalRepository

    repository = SignalRepository(url)
    repository.save_signal(_signal(0))  # opens the connection, and compiles the statements
    return repository


# --- how long a caller waits ---------------------------------------------------------------------


def _waits(
    database: str, fresh: Callable[[], str], sizes: Sizes
) -> tuple[list[tuple[Any, ...]], Iterator[Figure]]:
    """Time call by call, while another connection saves batches without a pause."""
    url = fresh()
    with closing(_repository(url)) as repository, closing(_repository(url)) as other:
        from capture.lifecycle.tracker import SignalTracker

        with SignalTracker(repository) as tracker, _load(other):
            taken = {
                "save_signal": _calls(repository.save_signal, sizes.lifecycle_rows),
                "log_signal": _calls(tracker.log_signal, sizes.lifecycle_rows),
            }
    rows = [
        (
            database,
            name,
            len(calls),
            *(percentile(calls, s) / 1e6 for s in (0.5, 0.99)),
            calls[-1] / 1e6,
        )
        for name, calls in taken.items()
    ]
    figures = (
        Figure(
            quantity=f"caller's wait under load, p99: {name}, {database}",
            measured=percentile(calls, 0.99) / 1e6,
            goal=20.0,
            unit="ms",
            note=f"median {median(calls) / 1e6:.2f}",
        )
        for name, calls in taken.items()
    )
    return rows, figures


class _load:  # noqa: N801 - read as a word: `with _load(repository):`
    """Saves batches of signals in a thread until the block ends."""

    def __init__(self, repository: Any) -> None:
        self._repository, self._ended = repository, Event()
        self._thread = Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ended.is_set():
            self._repository.save_signals(map(_signal, range(_BATCH)))
            self._ended.wait(0.05)  # a thousand signals a second


def _calls(call: Callable[[Mapping[str, Any]], Any], count: int) -> list[int]:
    taken = []
    for number in range(count):
        signal = _signal(number)
        started = time.perf_counter_ns()
        call(signal)
        taken.append(time.perf_counter_ns() - started)
    return sorted(taken)


# --- tables --------------------------------------------------------------------------------------


def _rates_table(rows: Sequence[tuple[Any, ...]], sizes: Sizes, missing: str | None) -> Table:
    notes = (
        f"{sizes.lifecycle_rounds} interleaved rounds of {sizes.lifecycle_rows:,} signals, each in "
        "an empty database. The last column compares minima with the plain INSERT.",
        f"The plain INSERT has {len(_FIELDS)} columns and one index, its key. The repository also "
        "checks every field, writes a row of history, keeps its indexes, and hashes and chains "
        "what it writes. SQLite has a write-ahead log and synchronous NORMAL for both.",
    )
    return Table(
        "Signals per second into a database",
        ("database", "way", "signals/s", "min us", "median us", "x INSERT"),
        tuple(rows),
        notes if missing is None else (*notes, missing),
    )


def _waits_table(rows: Sequence[tuple[Any, ...]], sizes: Sizes) -> Table:
    return Table(
        "How long a caller waits while another connection saves a thousand signals a second",
        ("database", "call", "calls", "p50 ms", "p99 ms", "max ms"),
        tuple(rows),
        ("`log_signal` puts the signal into a spool; batches reach the database behind its back.",),
    )
