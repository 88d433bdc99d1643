"""The tables of one part, sealed or open, as a reader sees them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from capture.errors import CorruptRecording, StoreError
from capture.filters import to_expression
from capture.journal import JournalContent, read_journal
from capture.schema import TABLES
from capture.store.layout import JOURNAL, PART_RECORD
from capture.store.loading import open_backend, reading
from capture.store.records import read_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from capture.expressions import Expression
    from capture.filters import Predicate

__all__ = ["PartReader", "select"]


class PartReader:
    """Reads one part: a sealed one from its files, an open one from its journal."""

    def __init__(self, number: int, path: Path, start: Mapping[str, Any]) -> None:
        """Read the part in this folder; `start` is the start record of its run."""
        self.number: Final = number
        self.path: Final = path
        self._start = start

    @property
    def record(self) -> dict[str, Any] | None:
        """What the sealed part says of itself; None while it is open."""
        return self._state[0]

    @property
    def _journal(self) -> JournalContent | None:
        return self._state[1]

    @cached_property
    def _state(self) -> tuple[dict[str, Any] | None, JournalContent | None]:
        """The record of a sealed part, or the journal of an open one."""
        sealed = self.path / PART_RECORD
        while not sealed.exists():
            try:
                with reading(self.path):
                    folder = self.path / JOURNAL
                    journal = read_journal(folder) if folder.is_dir() else None
            except CorruptRecording:
                if not sealed.exists():
                    raise
                break  # the journal went away because the part was sealed
            if not sealed.exists():
                return None, journal
        return read_record(sealed), None

    @property
    def segments(self) -> list[dict[str, Any]]:
        """The schema segments: strategies with parameters and indicator metadata."""
        if self.record is not None:
            return list(self.record["segments"])
        return [] if self._journal is None else self._journal.segments

    @property
    def base(self) -> list[dict[str, Any]]:
        """References to the base data that the part read."""
        if self.record is not None:
            return list(self.record["base"])
        declared = [] if self._journal is None else self._journal.declared
        return [said for said in declared if said.get("declares") == "base"]

    def is_one_of(self, where: Sequence[Predicate]) -> bool:
        """Return whether these conditions, on numbers of parts, let this part in."""
        number = pa.table({"part": pa.array([self.number], pa.int32())})
        return not where or select(number, None, where).num_rows > 0

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of a table's columns, declared ones first."""
        if self.record is None:
            return tuple(self.scan(table).column_names)
        stored = self.record["tables"].get(table, {}).get("columns", ())
        return tuple(dict.fromkeys([*TABLES[table].names, *stored])) if stored else ()

    def scan(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        where: Sequence[Predicate] = (),
    ) -> pa.Table:
        """Return rows of a table in order of sequence, with the part's number."""
        wanted = None if columns is None else list(dict.fromkeys([*columns, "seq"]))
        rows = self._scan(table, wanted, where)
        if rows.num_columns == 0:
            return rows
        rows = _filled_in(table, rows, wanted)
        number = pa.repeat(pa.scalar(self.number, pa.int32()), rows.num_rows)
        place = rows.schema.get_field_index("part")
        if place >= 0:
            return rows.set_column(place, "part", number)
        return rows.append_column("part", number)

    def _scan(
        self, table: str, columns: Sequence[str] | None, where: Sequence[Predicate]
    ) -> pa.Table:
        if self.record is None and self._journal is not None:
            rows = self._journal.tables.get(table)
            return pa.table({}) if rows is None else select(rows, columns, where)
        if self.record is not None and table not in self.record["tables"]:
            return pa.table({})
        try:
            other = None if self.record is None else self.record["backend"]
            with open_backend(self._start, self.path, other) as backend, reading(self.path):
                rows = in_order(backend.scan(table, columns, where))
        except FileNotFoundError as exc:
            raise StoreError(self.path, f"a file of the part is missing: {exc}") from exc
        if self.record is not None and not where:
            self._refuse_if_short(table, rows)
        return rows

    def _refuse_if_short(self, table: str, rows: pa.Table) -> None:
        """Say so if rows are gone, which a backend whose file is missing may not notice."""
        assert self.record is not None
        expected = self.record["tables"][table]["rows"]
        if rows.num_rows == expected:
            return
        files = [e["name"] for e in self.record["files"] if table in e["tables"]]
        if all(name.startswith("chain-") for name in files):
            raise StoreError(
                self.path,
                "the tables were kept in memory, and ended with their process",
                "record with another backend to keep them",
            )
        raise CorruptRecording(
            self.path,
            f"{table} has {rows.num_rows} rows where {expected} were sealed",
            "`capture verify` says which files are concerned",
        )


def _filled_in(table: str, rows: pa.Table, wanted: Sequence[str] | None) -> pa.Table:
    """Return the rows with the declared columns that hold nothing and were not stored."""
    for column in TABLES[table].columns:
        if column.name not in rows.column_names and (wanted is None or column.name in wanted):
            rows = rows.append_column(column.name, pa.nulls(rows.num_rows, column.type))
    return rows


def in_order(table: pa.Table) -> pa.Table:
    """Return the rows in order of sequence; rows without a number come last, as they were."""
    import numpy as np
    import pyarrow.compute as pc

    if "seq" not in table.column_names or table.num_rows < 2:
        return table
    numbers = table.column("seq")
    if numbers.null_count == table.num_rows:
        return table
    if numbers.null_count == 0 and bool((np.diff(numbers.to_numpy()) > 0).all()):
        return table
    return table.take(pc.sort_indices(table, sort_keys=[("seq", "ascending")]))


def select(
    table: pa.Table,
    columns: Sequence[str] | None,
    where: Sequence[Predicate],
    also: Sequence[Expression] = (),
) -> pa.Table:
    """Return what a backend would return: rows that meet the conditions, and these columns."""
    for condition in also:
        table = ds.dataset(table).to_table(filter=condition.arrow(table.schema), use_threads=False)
    if any(condition.column not in table.column_names for condition in where):
        table, where = table.slice(0, 0), ()
    expression = to_expression(where)
    if expression is not None:
        table = ds.dataset(table).to_table(filter=expression, use_threads=False)
    if columns is None:
        return table
    return table.select([name for name in dict.fromkeys(columns) if name in table.column_names])


def declared_empty(table: str) -> pa.Table:
    """Return a table of no rows with the declared columns."""
    return TABLES[table].arrow().empty_table()
