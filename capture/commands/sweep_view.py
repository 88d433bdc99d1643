"""What a sweep came to, for the screen and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from capture.commands.terminal.table import Column, Table
from capture.commands.terminal.text import amounts, plural, safe
from capture.study.heatmap.mapping import varying
from capture.study.results.trial import OK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from capture.commands.terminal.screen import Screen
    from capture.study.sweep import Sweep

__all__ = ["draw", "shown_rows", "view"]

_METRICS: Final = ("total_return", "sharpe", "max_drawdown", "profit_factor", "trades")
_MOST_ERRORS: Final = 5


def view(found: Sweep) -> dict[str, Any]:
    """Return a sweep as plain values, with what its best trial is worth."""
    return {**found.to_dict(), "selection": _judged(found)}


def _judged(found: Sweep) -> dict[str, Any] | None:
    """Return what the best is worth, all trials counted; None if none has returns."""
    report = found.judge()
    if report.chosen is None:
        return None
    return {
        "trials": report.trials,
        "chosen": report.chosen.trial,
        "probabilistic": report.chosen.probabilistic,
        "deflated": report.deflated,
        "overfitting": None if report.overfitting is None else report.overfitting.probability,
        "summary": report.summary(),
    }


def shown_rows(found: Sweep, top: int) -> list[dict[str, Any]]:
    """Return the best trials: the settings that vary, the objective, and a few more figures."""
    rows = [row for row in found.metrics.to_pylist() if row["status"] == OK]
    axes = varying(found.metrics.column_names, rows)
    names = dict.fromkeys((found.objective, *_METRICS))
    metrics = [name for name in names if name in found.metrics.column_names]
    return [
        {
            **{name: row[column] for name, column in axes.items()},
            **{name: row[name] for name in metrics},
        }
        for row in found.best(top)
    ]


def draw(found: Sweep, screen: Screen, *, top: int) -> None:
    """Draw the best trials, what they are worth, and what failed."""
    screen.text(safe(found.summary()), "bold")
    if found.by_events:
        screen.text(f"Event by event, for {', '.join(found.by_events)}.")
    rows = shown_rows(found, top)
    if rows:
        screen.text()
        screen.table(_table(rows))
        _draw_worth(found, screen)
    _draw_failures(found.failed, screen)
    screen.text()
    screen.text(f"Kept as {safe(found.workflow_id)} in {safe(found.results.root)}")


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    columns = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        numeric = all(isinstance(v, (int, float)) for v in values if v is not None)
        cells = [safe("none" if v is None else v) for v in values]
        if numeric and all(isinstance(v, (int, float)) for v in values):
            cells = amounts(values)
        columns.append(Column(safe(name).upper(), cells, right=numeric))
    return Table.of(*columns)


def _draw_worth(found: Sweep, screen: Screen) -> None:
    if len(found) < 2:
        return
    report = found.judge()
    if report.chosen is None:
        return
    screen.text()
    for line in report.summary().splitlines():
        screen.text(safe(line), "dim")


def _draw_failures(failed: Sequence[Mapping[str, Any]], screen: Screen) -> None:
    if not failed:
        return
    screen.heading(f"{plural(len(failed), 'trial')} failed")
    for row in failed[:_MOST_ERRORS]:
        screen.text(safe(f"{row['trial']}: {row['error']}"), "red")
    if len(failed) > _MOST_ERRORS:
        screen.text(f"and {len(failed) - _MOST_ERRORS} more; they are in the table of results")
