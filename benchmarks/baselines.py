"""What users keep signals with otherwise: each takes the same rows, and says what survives."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    Row = tuple[Any, ...]
    FlatRow = Mapping[str, Any]

__all__ = [
    "copied_dicts",
    "csv_lines",
    "json_lines",
    "pandas_concat",
    "sqlite_inserts",
    "tuples_in_a_list",
]


def tuples_in_a_list(rows: Sequence[Row]) -> float:
    """Keep a reference to a tuple that exists already: nothing can be cheaper."""
    kept: list[Row] = []
    append = kept.append
    with timed() as watch:
        for row in rows:
            append(row)
    return watch.seconds


def copied_dicts(rows: Sequence[FlatRow]) -> float:
    """Keep a copy of a dict, as whoever goes on changing it must."""
    kept: list[dict[str, Any]] = []
    append = kept.append
    with timed() as watch:
        for row in rows:
            append(dict(row))
    return watch.seconds


def json_lines(rows: Sequence[FlatRow], folder: Path, *, flushed: bool) -> float:
    """Write one line of JSON per row; flushed, the line survives a killed process."""
    dumps: Callable[[Any], str] = json.dumps
    with (folder / "signals.jsonl").open("w", encoding="utf-8") as file:
        write, flush = file.write, file.flush
        with timed() as watch:
            for row in rows:
                write(dumps(row) + "\n")
                if flushed:
                    flush()
    return watch.seconds


def csv_lines(rows: Sequence[Row], folder: Path) -> float:
    """Write one line of CSV per row, buffered."""
    with (folder / "signals.csv").open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file).writerow
        with timed() as watch:
            for row in rows:
                write(row)
    return watch.seconds


def sqlite_inserts(rows: Sequence[Row], folder: Path, *, synchronous: str) -> float:
    """Insert and commit row by row: FULL survives a power cut, OFF a killed process."""
    names = ", ".join(f"c{place}" for place in range(len(rows[0])))
    marks = ", ".join("?" * len(rows[0]))
    with closing(sqlite3.connect(folder / f"signals-{synchronous}.sqlite")) as connection:
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("DROP TABLE IF EXISTS signals")
        connection.execute(f"CREATE TABLE signals ({names})")
        insert = f"INSERT INTO signals VALUES ({marks})"  # noqa: S608 - the marks are `?`
        with timed() as watch:
            for row in rows:
                connection.execute(insert, row)
                connection.commit()
    return watch.seconds


def pandas_concat(rows: Sequence[FlatRow]) -> float:
    """Append each row to a frame that grows, as notebooks do."""
    import pandas as pd

    frame = pd.DataFrame([rows[0]])
    with timed() as watch:
        for row in rows:
            frame = pd.concat([frame, pd.DataFrame([row])], ignore_index=True)
    return watch.seconds
