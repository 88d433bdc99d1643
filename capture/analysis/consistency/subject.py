"""What is checked: the signals as arrays, and the other tables of their runs."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from capture.analysis.consistency.registry import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from capture.analysis.consistency.report import Severity
    from capture.analysis.material import Bars, Material, SeriesKey
    from capture.store.recording import Recording

__all__ = ["NOWHERE", "Subject", "instants", "rows_in_groups", "whole"]

NOWHERE: Final = np.iinfo(np.int64).min
"""Stands for a number or a time that is not there."""


class Subject:
    """The signals under check. What several checks need is computed once."""

    def __init__(self, material: Material) -> None:
        """Check this material."""
        self.material: Final = material
        self.signals: Final = material.signals
        self._known: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.signals)

    # --- columns of the signals --------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether the signals have a column."""
        return name in self.signals.columns

    def column(self, name: str) -> pd.Series[Any]:
        """Return a column of the signals; nulls, if they lack it."""
        if self.has(name):
            return self.signals[name]
        return pd.Series(pd.NA, index=self.signals.index, dtype=object)

    def numbers(self, name: str) -> NDArray[np.int64]:
        """Return a column of whole numbers, `NOWHERE` where there is none."""
        if name not in self._known:
            made: NDArray[np.int64]
            column = self.column(name)
            if pd.api.types.is_datetime64_any_dtype(column):
                made = instants(column)
            elif column.dtype == np.int64:
                made = column.to_numpy(np.int64)
            elif column.isna().all():
                made = np.full(len(column), NOWHERE, np.int64)
            else:
                made = np.asarray(column.astype("Int64").fillna(NOWHERE), dtype=np.int64)
            self._known[name] = made
        found: NDArray[np.int64] = self._known[name]
        return found

    def groups(self, *names: str) -> NDArray[np.int64]:
        """Return one number per row, the same for rows that are equal in these columns."""
        code = np.zeros(len(self), np.int64)
        for name in names:
            if ("code", name) not in self._known:
                self._known["code", name] = pd.factorize(self.column(name), use_na_sentinel=False)[
                    0
                ]
            code = pd.factorize(code * (len(self) + 1) + self._known["code", name])[0]
        return code

    def bars_of_signals(self) -> NDArray[np.int64]:
        """Return a number per bar: by bar index, by time where there is none."""
        bars = self.numbers("bar_index")
        return np.where(bars != NOWHERE, bars, self.numbers("timestamp"))

    def problems(
        self, rows: NDArray[np.int64], message: str, severity: Severity | None = None
    ) -> Iterator[Problem]:
        """Yield a problem per part for these rows of the signals."""
        if not len(rows):
            return
        seqs, parts = self.numbers("seq"), self.numbers("part")
        runs = self.column("run_id")
        groups = self.groups("run_id", "part")[rows]
        for group in pd.unique(groups):
            mine = rows[groups == group]
            part = int(parts[mine[0]])
            known = seqs[mine][seqs[mine] != NOWHERE] if self.has("seq") else mine
            yield Problem(
                message, str(runs.iloc[mine[0]]), None if part == NOWHERE else part, known, severity
            )

    @cached_property
    def series(self) -> tuple[tuple[SeriesKey, Bars, NDArray[np.int64]], ...]:
        """Each series of bars with the rows of the signals that refer to it."""
        return tuple(self.material.series())

    # --- other tables ------------------------------------------------------------------------

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """The runs that the signals come from."""
        return self.material.recordings

    def by_part(
        self, name: str, columns: Sequence[str]
    ) -> Iterator[tuple[Recording, int, dict[str, NDArray[Any]]]]:
        """Yield the columns of a table part by part; nulls are `NOWHERE`, NaN or empty."""
        for recording in self.recordings:
            for part in recording.parts:
                key = (name, recording.run_id, part.number)
                held = self._known.setdefault(key, {})
                lacking = [column for column in columns if column not in held]
                if lacking:
                    table = part.scan(name, lacking)
                    held.update((c, _array(table, c)) for c in lacking if table.num_columns)
                if held:
                    yield recording, part.number, {column: held[column] for column in columns}


def _array(table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    kind = column.type
    if pa.types.is_floating(kind):
        found: NDArray[Any] = column.cast(pa.float64()).to_numpy()
        return found
    if pa.types.is_timestamp(kind) or pa.types.is_integer(kind):
        return whole(column)
    return pc.fill_null(column, "").to_numpy()  # type: ignore[no-any-return]


def whole(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return whole numbers or times as 64-bit numbers, `NOWHERE` where there is none."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ns", tz="UTC"))
    found: NDArray[np.int64] = pc.fill_null(column.cast(pa.int64()), NOWHERE).to_numpy()
    return found


def instants(column: pd.Series[Any]) -> NDArray[np.int64]:
    """Return times as nanoseconds since 1970; pandas' own missing time is `NOWHERE`."""
    naive = column.dt.tz_convert("UTC").dt.tz_localize(None) if column.dt.tz else column
    found: NDArray[np.int64] = naive.to_numpy("datetime64[ns]").view(np.int64)
    return found


def rows_in_groups(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return an order in which the rows of each group stand together, as they were."""
    return np.argsort(groups, kind="stable")
