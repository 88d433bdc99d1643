"""What a comparison of two recordings comes to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pandas as pd

from capture.analysis.results import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CHANGED", "ONLY_A", "ONLY_B", "Diff", "Divergence"]

ONLY_A: Final = "only in A"
ONLY_B: Final = "only in B"
CHANGED: Final = "changed"

_SHOWN: Final = 12


@dataclass(frozen=True, kw_only=True)
class Divergence:
    """One signal that is not the same in both runs.

    Attributes:
        kind: "only in A", "only in B" or "changed".
        strategy_id: the strategy.
        symbol: the symbol.
        timeframe: the timeframe.
        time: label of the bar, ISO 8601 in UTC, or its number.
        bar_index: number of the bar in A's data, or in B's if only that has the signal.
        ordinal: which of the bar's signals it is, from 0.
        signal_a: its identity in A.
        signal_b: its identity in B.
        values: by column, what A says and what B says: those that differ; of a signal that only
            one run has, what it wanted and what it saw.
    """

    kind: str
    strategy_id: str | None
    symbol: str | None
    timeframe: str | None
    time: str | None
    bar_index: int | None
    ordinal: int
    signal_a: str | None
    signal_b: str | None
    values: Mapping[str, tuple[Any, Any]]

    def __str__(self) -> str:
        where = f"{self.strategy_id}, {self.symbol} {self.timeframe or ''}".rstrip()
        which = f", signal {self.ordinal + 1} of the bar" if self.ordinal else ""
        return f"{self.kind}: {where} at {self.time} (bar {self.bar_index}{which})"

    def lines(self) -> list[str]:
        """Return the values, a line each: what A says and what B says."""
        width = max(map(len, self.values), default=0)
        said = [
            f"{name.ljust(width)}  {_text(a)}  ->  {_text(b)}"
            if self.kind == CHANGED
            else f"{name.ljust(width)}  {_text(a if self.kind == ONLY_A else b)}"
            for name, (a, b) in self.values.items()
        ]
        more = len(said) - _SHOWN
        return said if more <= 0 else [*said[:_SHOWN], f"and {more} more"]


def _text(value: Any) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, float) else str(value)


@dataclass(frozen=True, kw_only=True)
class Diff(Result):
    """Two recordings, signal by signal.

    Attributes:
        a: the first run.
        b: the second run.
        same: how many signals are the same in both.
        changed: how many are in both, and differ.
        only_a: how many only A has.
        only_b: how many only B has.
        beyond_a: how many A has at bars that B's data do not hold: these are not judged.
        beyond_b: the same of B.
        by_column: of the changed ones, how many differ in each column.
        first: the first signal that is not the same; None if all are.
        first_decision: the first one that is missing, or wants something else.
        surroundings: what else the runs differ in: code, versions, parameters, settings, data.
        columns_a: columns that only A has.
        columns_b: columns that only B has.
        tolerance: how far apart numbers may be, relative to their size.
    """

    title: ClassVar[str] = "Differences"

    a: str
    b: str
    same: int
    changed: int
    only_a: int
    only_b: int
    beyond_a: int
    beyond_b: int
    by_column: Mapping[str, int]
    first: Divergence | None
    first_decision: Divergence | None
    surroundings: Mapping[str, tuple[Any, Any]]
    columns_a: tuple[str, ...]
    columns_b: tuple[str, ...]
    tolerance: float

    @property
    def equal(self) -> bool:
        """Whether every signal that can be compared is the same in both."""
        return self.first is None

    def to_frame(self) -> pd.DataFrame:
        """Return one row per kind of difference, and per column that differs."""
        rows = [("signals", name, getattr(self, name)) for name in _COUNTS]
        rows += [("column", name, count) for name, count in self.by_column.items()]
        return pd.DataFrame(rows, columns=["what", "name", "signals"])

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return {"equal": self.equal, **super().to_dict()}

    def summary(self) -> str:
        """Say how the runs differ, in a line."""
        counts = [
            f"{count:,} {_COUNTS[name]}" for name in _COUNTS if (count := getattr(self, name))
        ]
        verdict = "The same" if self.equal else "Different"
        return f"{verdict}: {', '.join(counts) or 'no signals'}."

    def __str__(self) -> str:
        lines = [self.title, f"A {self.a}", f"B {self.b}", self.summary()]
        for name, one in (("first", self.first), ("first decision", self.first_decision)):
            if one is not None and not (name != "first" and one == self.first):
                lines += [f"{name} {one}", *(f"  {line}" for line in one.lines())]
        if self.by_column:
            counts = [f"{name} {count:,}" for name, count in self.by_column.items()]
            lines.append(f"changed by column: {', '.join(counts)}")
        for name, (a, b) in self.surroundings.items():
            lines.append(f"{name}: {_text(a)} -> {_text(b)}")
        return "\n".join(lines)


_COUNTS: Final = {
    "same": "the same",
    "changed": "changed",
    "only_a": "only in A",
    "only_b": "only in B",
    "beyond_a": "of A beyond the data of B",
    "beyond_b": "of B beyond the data of A",
}
