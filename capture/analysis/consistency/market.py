"""Signals against the base data: prices that are others, and bars that are not there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from capture.analysis.consistency.registry import Problem, named
from capture.analysis.consistency.report import Severity
from capture.analysis.consistency.subject import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from capture.analysis.consistency.subject import Subject

__all__: list[str] = []

_TOLERANCE: Final = 1e-9
"""Relative; prices that went through text and back are equal."""


@named(
    "price_differs",
    Severity.ERROR,
    "the signal was given on other data than were stored, or on adjusted prices: store the bars "
    "that the strategy reads",
)
def price_differs(subject: Subject) -> Iterator[Problem]:
    """Find market values of signals, and expected prices of fills, that the base data deny."""
    for _, bars, placed in subject.series:
        where = subject.numbers("bar_index")[placed]
        inside = (where >= 0) & (where < len(bars))
        rows, at = placed[inside], where[inside]
        for name, held in bars.columns.items():
            column = f"market_{name}"
            if not subject.has(column):
                continue
            said = subject.signals[column].to_numpy(np.float64, na_value=np.nan)[rows]
            yield from subject.problems(
                rows[_differ(said, held[at])],
                f"signals have another {column} than their bar in the base data",
            )
    names = ("seq", "symbol", "timeframe", "decision_bar", "expected_price")
    for recording, part, fills in subject.by_part("fills", names):
        for symbol in np.unique(fills["symbol"]):
            mine = np.flatnonzero((fills["symbol"] == symbol) & (fills["decision_bar"] >= 0))
            timeframe = str(fills["timeframe"][mine[0]]) if len(mine) else ""
            found = subject.material.bars_of(recording.run_id, str(symbol), timeframe or None)
            if found is None or "close" not in found[1].columns:
                continue
            mine = mine[fills["decision_bar"][mine] < len(found[1])]
            close = found[1]["close"][fills["decision_bar"][mine]]
            wrong = mine[_differ(fills["expected_price"][mine], close)]
            if len(wrong):
                message = "fills expected another price than the close of their decision's bar"
                yield Problem(message, recording.run_id, part, fills["seq"][wrong])


def _differ(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say where both values are there, and are not equal."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other) > _TOLERANCE * np.maximum(np.abs(one), np.abs(other))
    return apart | (np.isinf(one) & np.isfinite(other))


@named(
    "outside_data",
    Severity.ERROR,
    "give signals the number and the time of the bar that they saw, and store all bars that the "
    "strategy reads",
)
def outside_data(subject: Subject) -> Iterator[Problem]:
    """Find signals whose bar is not in the base data, or has another time there."""
    placed = np.zeros(len(subject), bool)
    for _, bars, rows in subject.series:
        placed[rows] = True
        at = subject.numbers("bar_index")[rows]
        inside = (at >= 0) & (at < len(bars))
        yield from subject.problems(
            rows[~inside], f"signals name a bar that is not among the {len(bars):,} stored"
        )
        times = subject.numbers("timestamp")[rows]
        if len(bars.times_ns):
            known = inside & (times != NOWHERE)
            wrong = known.copy()
            wrong[known] = bars.times_ns[at[known]] != times[known]
            yield from subject.problems(
                rows[wrong], "signals have another time than their bar in the base data"
            )
    yield from _without_series(subject, placed)


def _without_series(subject: Subject, placed: NDArray[np.bool_]) -> Iterator[Problem]:
    """Find signals of symbols that a run with base data has none of."""
    runs = {key.run_id for key in subject.material.bars}
    if not runs:
        return
    stray = ~placed & subject.column("run_id").isin(runs).to_numpy()
    indexed = subject.numbers("bar_index") != NOWHERE
    yield from subject.problems(
        np.flatnonzero(stray & indexed),
        "signals are of a symbol and timeframe that the run stored no bars of",
        Severity.WARNING,
    )
    yield from subject.problems(
        np.flatnonzero(stray & ~indexed),
        "signals do not say which bar of the base data they saw",
        Severity.NOTE,
    )
