"""Reading what a phase came to, also while it is written."""

from __future__ import annotations

import gzip
import json
from time import sleep
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from capture.errors import CorruptRecording, StoreError
from capture.store.records import read_record
from capture.study.results.columns import values_of
from capture.study.results.trial import OK, metrics_table, united

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pandas as pd

    from capture.study.results.layout import PhaseLayout

__all__ = ["COVERS", "PhaseResults", "covered", "read_metrics", "read_trades"]

T = TypeVar("T")

COVERS: Final = b"capture:parts"
"""Metadata of a table: up to which number parts are in it."""

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.01


class PhaseResults:
    """What a phase came to; every call reads what is there now."""

    def __init__(self, name: str, layout: PhaseLayout, removed: Mapping[str, str]) -> None:
        """Read from these paths.

        Args:
            name: name of the phase.
            layout: where it lies.
            removed: when retention took something away, by kind.
        """
        self.name: Final = name
        self._layout = layout
        self._removed = removed

    @property
    def record(self) -> dict[str, Any]:
        """How many trials it has, and whether it has ended."""
        if not self._layout.record.exists():
            return {"phase": self.name, "state": "begun"}
        return read_record(self._layout.record)

    def metrics_table(self) -> pa.Table:
        """Return one row per trial, in order of their numbers."""
        self._check("metrics")
        return values_of(_settled(lambda: read_metrics(self._layout)))

    def metrics(self) -> pd.DataFrame:
        """Return one row per trial, in order of their numbers."""
        frame: pd.DataFrame = self.metrics_table().to_pandas()
        return frame

    def trades_table(self) -> pa.Table:
        """Return one row per trade, in order of the trials' numbers."""
        self._check("trades")
        return _settled(lambda: read_trades(self._layout))

    def trades(self, trial: str | None = None) -> pd.DataFrame:
        """Return one row per trade, of all trials or of one."""
        table = self.trades_table()
        if trial is not None and table.num_columns:
            table = table.filter(pc.equal(table["trial"], trial))
        frame: pd.DataFrame = table.to_pandas()
        return frame

    def events(self, trial: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield what happened, of all trials or of one, in the order in which it was written."""
        self._check("events")
        complete = _settled(lambda: _complete(self._layout))
        for number in self._layout.event_numbers():
            if number <= complete:
                for event in _lines(self._layout.events_part(number)):
                    if trial is None or event["trial"] == trial:
                        yield event

    def done(self) -> frozenset[str]:
        """Return the trials that have a result; those that failed have none."""
        table = self.metrics_table()
        return frozenset(table.filter(pc.equal(table["status"], OK))["trial"].to_pylist())

    def _check(self, kind: str) -> None:
        if kind in self._removed:
            raise StoreError(
                self._layout.folder,
                f"its {kind} were removed by retention at {self._removed[kind]}",
                "summary.json says what it came to; run it again for the rest",
            )


def _settled(read: Callable[[], T]) -> T:
    """Read, and again if a writer put parts together in between."""
    for _ in range(_TRIES):
        try:
            return read()
        except FileNotFoundError:
            sleep(_PAUSE_SECONDS)
    return read()


def covered(path: Path) -> int:
    """Return up to which number parts are in a table; 0 if there is no table."""
    if not path.exists():
        return 0
    return int((_schema(path).metadata or {}).get(COVERS, b"0"))


def read_metrics(layout: PhaseLayout) -> pa.Table:
    """Return the metrics of a phase, from its table and from the parts that are not in it."""
    tables = [table for _, table in _metrics_pieces(layout)]
    return united(tables) if tables else metrics_table(())


def read_trades(layout: PhaseLayout) -> pa.Table:
    """Return the trades of a phase; of a trial that was done again those of the last time."""
    pieces: list[pa.Table] = []
    seen: set[str] = set()
    covers = covered(layout.trades)
    newest_first = reversed(_metrics_pieces(layout))
    for number, metrics in newest_first:
        trials = [t for t in metrics["trial"].to_pylist() if t not in seen]
        seen.update(trials)
        path = layout.trades if number <= covers else layout.trades_part(number)
        if path.exists() and trials:
            table = _table(path)
            pieces.append(table.filter(pc.is_in(table["trial"], pa.array(trials))))
    if not pieces:
        return pa.table({"number": pa.array([], pa.int64()), "trial": pa.array([], pa.string())})
    whole = pa.concat_tables(pieces, promote_options="permissive").replace_schema_metadata(None)
    order = pa.array(range(whole.num_rows))  # Arrow's sort is not stable
    placed = whole.append_column("_order", order)
    return placed.sort_by([("number", "ascending"), ("_order", "ascending")]).drop(["_order"])


def _metrics_pieces(layout: PhaseLayout) -> list[tuple[int, pa.Table]]:
    """Return the table of metrics and the parts that are not in it, oldest first."""
    numbers = layout.part_numbers()  # before the table: a part that is gone then is in it
    covers = covered(layout.metrics)
    pieces = [(covers, _table(layout.metrics))] if layout.metrics.exists() else []
    pieces += [(n, _table(layout.metrics_part(n))) for n in numbers if n > covers]
    return pieces


def _complete(layout: PhaseLayout) -> int:
    """Return up to which number parts are complete."""
    return max([covered(layout.metrics), *layout.part_numbers()])


def _table(path: Path) -> pa.Table:
    try:
        return pq.ParquetFile(path).read(use_threads=False)
    except pa.ArrowInvalid as exc:
        raise _corrupt(path, exc) from exc


def _schema(path: Path) -> pa.Schema:
    try:
        return pq.read_schema(path)
    except pa.ArrowInvalid as exc:
        raise _corrupt(path, exc) from exc


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)
    except (EOFError, OSError, ValueError) as exc:
        raise _corrupt(path, exc) from exc


def _corrupt(path: Path, exc: Exception) -> CorruptRecording:
    return CorruptRecording(
        path, f"the file is not what was written ({exc})", "restore it, or run the phase again"
    )
