"""What sealing a part needs of its tables, which may be too many rows to hold at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.filters import Predicate
from capture.store.layout import JOURNAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from capture.contracts.backend import StorageBackend

__all__ = ["Brief", "held_tables", "pieces_of", "range_of", "seqs_of"]

_PIECE_ROWS: Final = 64 * 256
"""Rows that are chained at a time; whole blocks of the chain."""

_SMALL_BYTES: Final = 8 << 20
"""A part that takes no more before it is sealed is held in memory while that is done."""

_LOOKED_AT: Final = ("seq", "recorded_time", "symbol")

_NO_ROW: Final = Predicate("seq", "<", -(2**63) + 1)
"""A condition that no row meets, for a look at the columns alone."""


@dataclass(frozen=True)
class Brief:
    """What a part's record says of a table; its rows may be too many to hold at once.

    Attributes:
        schema: the columns.
        rows: how many rows are in the sealed table.
        seqs: their sequence numbers, in order.
        symbols: the symbols in it, if it is that of the signals.
        last_ns: when its last row was recorded; None if no row says so.
        held: all rows as they were before they were sealed, in order, where that is little.
    """

    schema: pa.Schema
    rows: int
    seqs: np.ndarray[Any, Any]
    symbols: frozenset[str]
    last_ns: int | None
    held: pa.Table | None

    @classmethod
    def of(cls, backend: StorageBackend, name: str, held: pa.Table | None) -> Brief:
        """Read what is needed of a sealed table: its numbers, and what is not held."""
        if held is None:
            schema = backend.scan(name, where=[_NO_ROW]).schema
            rows = backend.scan(name, [column for column in _LOOKED_AT if column in schema.names])
            sealed = rows
        else:
            schema, rows = held.schema, held
            sealed = backend.scan(name, ["seq"] if "seq" in schema.names else None)
        symbols: list[str | None] = []
        last = None
        if name == "signals" and "symbol" in rows.column_names:
            symbols = pc.unique(rows.column("symbol")).to_pylist()
        if "recorded_time" in rows.column_names:
            last = pc.max(rows.column("recorded_time").cast(pa.int64())).as_py()
        return cls(
            schema,
            sealed.num_rows,
            np.sort(seqs_of(sealed)),
            frozenset(symbol for symbol in symbols if symbol is not None),
            last,
            held,
        )

    def to_record(self) -> dict[str, Any]:
        """Return what the part's record says of the table."""
        return {
            "rows": self.rows,
            "columns": {field.name: str(field.type) for field in self.schema},
            **range_of([self.seqs]),
        }


def held_tables(part: Path, backend: StorageBackend) -> dict[str, pa.Table]:
    """Return all tables of a part before they are sealed, in order, if they are small."""
    if _bytes_in(part) > _SMALL_BYTES:
        return {}
    return {name: _in_order(backend.scan(name)) for name in backend.tables()}


def _bytes_in(folder: Path) -> int:
    """Return how much a backend keeps in a folder; the journal beside it does not count."""
    size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir():
                size += entry.stat().st_size
            elif entry.name != JOURNAL:
                size += _bytes_in(Path(entry.path))
    return size


def pieces_of(backend: StorageBackend, name: str, table: Brief) -> Iterator[pa.Table]:
    """Yield a table's rows in order of sequence, no more at a time than the memory should hold."""
    if table.held is not None:
        yield table.held
        return
    for start in range(0, len(table.seqs), _PIECE_ROWS):
        seqs = table.seqs[start : start + _PIECE_ROWS]
        between = (Predicate("seq", ">=", int(seqs[0])), Predicate("seq", "<=", int(seqs[-1])))
        yield _in_order(backend.scan(name, where=between))


def _in_order(table: pa.Table) -> pa.Table:
    """Return the rows in order of sequence; rows without a number keep their places at the end."""
    if "seq" not in table.column_names or table.num_rows < 2:
        return table
    numbers = table.column("seq")
    if numbers.null_count == table.num_rows:
        return table
    if numbers.null_count == 0 and (np.diff(numbers.to_numpy()) > 0).all():
        return table
    return table.take(pc.sort_indices(table, sort_keys=[("seq", "ascending")]))


def seqs_of(table: pa.Table) -> np.ndarray[Any, Any]:
    """Return the sequence numbers that a table has."""
    if "seq" not in table.column_names:
        return np.array([], dtype=np.int64)
    numbers = table.column("seq")
    there: np.ndarray[Any, Any] = numbers.drop_null().to_numpy()
    return there


def range_of(seqs: list[np.ndarray[Any, Any]]) -> dict[str, int | None]:
    """Return the first and the last sequence number of several tables."""
    some = [numbers for numbers in seqs if len(numbers)]
    return {
        "first_seq": min((int(numbers[0]) for numbers in some), default=None),
        "last_seq": max((int(numbers[-1]) for numbers in some), default=None),
    }
