"""What came of one trial, and the rows that say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from capture.study.results.columns import table_of, unite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    import pyarrow as pa

__all__ = ["FAILED", "OK", "SETTING", "TrialResult", "metrics_table", "trades_table", "united"]

OK: Final = "ok"
FAILED: Final = "failed"
SETTING: Final = "setting_"
"""What the columns of settings begin with, so that none is taken for a metric."""

_FIRST: Final = ("number", "trial", "status", "error")
_LAST: Final = ("days", "returns")


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What came of one trial.

    Attributes:
        trial: what it is called; one of a phase.
        number: its place among the trials of the phase, by which results are sorted.
        settings: what it was made with.
        metrics: what it came to.
        trades: its trades; kept if there are any.
        events: what happened, in order; plain values.
        days: the days on which it earned something.
        returns: how much, on each.
        error: why it came to nothing; empty if it did not.
    """

    trial: str
    number: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    trades: pa.Table | None = None
    events: Sequence[Mapping[str, Any]] = ()
    days: Sequence[date] | None = None
    returns: Sequence[float] | None = None
    error: str = ""

    def row(self) -> dict[str, Any]:
        """Return its row in the table of metrics."""
        return {
            "number": self.number,
            "trial": self.trial,
            "status": FAILED if self.error else OK,
            "error": self.error or None,
            **{f"{SETTING}{name}": value for name, value in self.settings.items()},
            **self.metrics,
            "days": self.days,
            "returns": self.returns,
        }


def metrics_table(results: Iterable[TrialResult]) -> pa.Table:
    """Return the metrics of trials, a row each."""
    rows = [result.row() for result in results]
    return table_of(rows, _in_order(name for row in rows for name in row))


def trades_table(results: Iterable[TrialResult]) -> pa.Table | None:
    """Return the trades of trials, each under the name of its trial; None if there are none."""
    import pyarrow as pa

    tables = []
    for result in results:
        if result.trades is not None and result.trades.num_rows:
            count = result.trades.num_rows
            number = pa.array([result.number] * count, pa.int64())
            trial = pa.array([result.trial] * count, pa.string())
            columns = [number, trial, *result.trades.columns]
            names = ["number", "trial", *result.trades.column_names]
            tables.append(pa.table(columns, names=names))
    return pa.concat_tables(tables, promote_options="permissive") if tables else None


def united(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of tables of metrics, a trial once: what came later counts."""
    import pyarrow.compute as pc

    whole = unite(tables, _in_order(name for table in tables for name in table.column_names))
    trials, numbers = whole["trial"].to_pylist(), whole["number"].to_pylist()
    last = {trial: row for row, trial in enumerate(trials)}
    rows = sorted(last.values(), key=lambda row: (numbers[row], trials[row]))
    return pc.take(whole, rows) if rows else whole


def _in_order(names: Iterable[str]) -> list[str]:
    """Return column names in an order that does not depend on which rows came first."""
    rest = set(names) - {*_FIRST, *_LAST}
    settings = sorted(name for name in rest if name.startswith(SETTING))
    return [*_FIRST, *settings, *sorted(rest.difference(settings)), *_LAST]
