"""Many series of one kind in one table, in compressed sparse rows; equal ones are kept once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from capture.errors import CorruptRecording, UnknownName
from capture.index.changes import ClassifierChangeIndex
from capture.index.series_file import as_bytes, read_table
from capture.index.signals import SignalIndex
from capture.schema import conform, unite

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Kind = Literal["signals", "changes"]
    Index = SignalIndex | ClassifierChangeIndex

__all__ = ["KINDS", "SeriesGroup", "SeriesKey"]

KINDS: Final[Mapping[str, type[SignalIndex] | type[ClassifierChangeIndex]]] = {
    "signals": SignalIndex,
    "changes": ClassifierChangeIndex,
}


class SeriesKey(NamedTuple):
    """What a group of series is of."""

    kind: Kind
    name: str
    symbol: str
    timeframe: str

    def __str__(self) -> str:
        return " ".join(part for part in self if part)


@dataclass(frozen=True)
class SeriesGroup:
    """The series of every parameter set of one strategy (or classifier), symbol and timeframe.

    Row n of the sparse matrix is the stretch of the table from `starts[n]` to `starts[n + 1]`.

    Attributes:
        key: what they are of.
        table: the rows of all series, one behind the other.
        starts: where each series begins, and the end of the last one.
        sets: number of the series of each parameter set.
        params: the parameters of each set.
    """

    key: SeriesKey
    table: pa.Table
    starts: NDArray[np.int64]
    sets: Mapping[str, int]
    params: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(
        cls,
        key: SeriesKey,
        indices: Mapping[str, Index],
        params: Mapping[str, Mapping[str, Any]],
    ) -> SeriesGroup:
        """Put series together; sets with the same content share one."""
        numbers: dict[str, int] = {}
        tables: list[pa.Table] = []
        sets: dict[str, int] = {}
        known: dict[int, int] = {}
        for name, index in indices.items():
            if id(index) not in known:
                mark = index.content_sha256()
                if mark not in numbers:
                    numbers[mark] = len(tables)
                    tables.append(index.to_table())
                known[id(index)] = numbers[mark]
            sets[name] = known[id(index)]
        schema = unite([table.schema for table in tables])
        whole = pa.concat_tables([conform(table, schema) for table in tables])
        starts = np.cumsum([0, *(table.num_rows for table in tables)])
        return cls(key, whole.combine_chunks(), starts, sets, dict(params))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def nbytes(self) -> int:
        """Memory that the rows take."""
        return int(self.table.nbytes + self.starts.nbytes)

    @property
    def bar_index(self) -> NDArray[Any]:
        """The bars of all series, one behind the other: the columns of the sparse matrix."""
        bars: NDArray[Any] = self.table.column("bar_index").to_numpy()
        return bars

    def series_of(self, parameter_set: str) -> int:
        """Return the number of a set's series."""
        if parameter_set not in self.sets:
            raise UnknownName("parameter set", parameter_set, self.sets)
        return self.sets[parameter_set]

    def index(self, parameter_set: str) -> Index:
        """Return the index of a set, made from its stretch of the table."""
        number = self.series_of(parameter_set)
        start, stop = int(self.starts[number]), int(self.starts[number + 1])
        return KINDS[self.key.kind].from_table(self.key.name, self.table.slice(start, stop - start))

    def to_bytes(self) -> bytes:
        """Return the group as the content of a file: one row per signal or change."""
        series = np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.starts))
        rows = self.table.add_column(0, "series", pa.array(series))
        said = {
            **self.key._asdict(),
            "starts": self.starts.tolist(),
            "sets": [
                {"set": name, "series": number, "params": self.params.get(name) or {}}
                for name, number in self.sets.items()
            ],
        }
        return as_bytes(rows, said)

    @classmethod
    def read(cls, path: Path) -> SeriesGroup:
        """Read a group from its file."""
        table, said = read_table(path)
        try:
            key = SeriesKey(*(said[name] for name in SeriesKey._fields))
            starts = np.array(said["starts"], dtype=np.int64)
            sets = {one["set"]: int(one["series"]) for one in said["sets"]}
            params = {one["set"]: one["params"] for one in said["sets"] if one["params"]}
        except (KeyError, TypeError) as exc:
            raise CorruptRecording(path, f"this is no group of series ({exc})") from exc
        if int(starts[-1]) != table.num_rows:
            raise CorruptRecording(path, "the index has rows that it does not know of")
        return cls(key, table, starts, sets, params)
