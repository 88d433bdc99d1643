"""What a heat map shows: for each pair of values of two settings, what the objective came to."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

from capture.analysis.results import Result
from capture.errors import ConfigError, UnknownName
from capture.study.results.trial import OK, SETTING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

__all__ = ["HeatMap", "heat_map", "varying"]

_PARAM: Final = "param_"
_STRATEGY: Final = "strategy"


@dataclass(frozen=True)
class HeatMap(Result):
    """An objective over two settings.

    Attributes:
        objective: the metric.
        direction: "maximise" or "minimise".
        x: the setting along the horizontal axis.
        y: that along the vertical one; empty if only one setting varies.
        xs: its values, in order.
        ys: those of the other.
        cells: the objective, a row per value of `y`; None where no trial came to anything.
        trials: name of the trial that each cell shows.
        hidden: settings that vary as well; a cell shows the best over their values.
    """

    title = "Heat map"

    objective: str
    direction: str
    x: str
    y: str
    xs: tuple[Any, ...]
    ys: tuple[Any, ...]
    cells: tuple[tuple[float | None, ...], ...]
    trials: tuple[tuple[str, ...], ...]
    hidden: tuple[str, ...]

    @property
    def known(self) -> list[float]:
        """The values that are there."""
        return [value for row in self.cells for value in row if value is not None]

    @property
    def best(self) -> tuple[int, int] | None:
        """Row and column of the best cell; the first of equal ones."""
        places = [
            (value, row, column)
            for row, cells in enumerate(self.cells)
            for column, value in enumerate(cells)
            if value is not None
        ]
        if not places:
            return None
        sign = -1 if self.direction == "maximise" else 1
        _, row, column = min(places, key=lambda place: (sign * place[0], place[1], place[2]))
        return row, column

    def to_frame(self) -> pd.DataFrame:
        """Return the cells with the values of the settings as index and columns."""
        import pandas as pd

        columns = pd.Index(self.xs, name=self.x)
        return pd.DataFrame(self.cells, index=pd.Index(self.ys, name=self.y), columns=columns)

    def summary(self) -> str:
        """Say what it shows."""
        over = f" and {self.y}" if self.y else ""
        said = f"{self.objective} over {self.x}{over}"
        if self.hidden:
            said += f"; each cell is the best over {', '.join(self.hidden)}"
        return said


def heat_map(
    metrics: pa.Table,
    objective: str,
    *,
    x: str | None = None,
    y: str | None = None,
    direction: str = "maximise",
) -> HeatMap:
    """Return an objective over two settings.

    Args:
        metrics: metrics of a phase.
        objective: the metric.
        x: setting along the horizontal axis; by default one of those with the most values.
        y: setting along the vertical axis, likewise.
        direction: "maximise" or "minimise".

    Raises:
        UnknownName: there is no such setting, or no such metric.
        ConfigError: no setting has more than one value.
    """
    if objective not in metrics.column_names:
        raise UnknownName("objective", objective, metrics.column_names)
    rows = [row for row in metrics.to_pylist() if row["status"] == OK]
    axes = varying(metrics.column_names, rows)
    chosen = _axes(axes, x, y)
    columns = [axes[name] for name in chosen]
    xs = _values(rows, columns[0])
    ys = _values(rows, columns[1]) if len(columns) > 1 else [""]
    shape = [[("", None)] * len(xs) for _ in ys]
    cells: list[list[tuple[str, float | None]]] = shape  # type: ignore[assignment]
    places = {repr(value): n for n, value in enumerate(xs)}
    heights = {repr(value): n for n, value in enumerate(ys)}
    for row in rows:
        column = places[repr(row[columns[0]])]
        height = heights[repr(row[columns[1]])] if len(columns) > 1 else 0
        value = row[objective]
        if _is_better(value, cells[height][column][1], direction):
            cells[height][column] = (row["trial"], float(value))
    return HeatMap(
        objective,
        direction,
        chosen[0],
        chosen[1] if len(chosen) > 1 else "",
        tuple(xs),
        tuple(ys),
        tuple(tuple(value for _, value in line) for line in cells),
        tuple(tuple(trial for trial, _ in line) for line in cells),
        tuple(name for name in axes if name not in chosen),
    )


def varying(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the settings that have more than one value: what they are called, and their columns.

    Those with the most values come first.
    """
    counted = []
    for column in names:
        if column.startswith((SETTING, _PARAM)) or column == _STRATEGY:
            count = len({repr(row[column]) for row in rows})
            if count > 1:
                counted.append((-count, column.removeprefix(SETTING), column))
    # A strategy's name stands for its parameters; where these vary, they say more.
    if any(column.startswith(_PARAM) for _, _, column in counted):
        counted = [one for one in counted if one[2] != _STRATEGY]
    return {name: column for _, name, column in sorted(counted)}


def _axes(axes: Mapping[str, str], x: str | None, y: str | None) -> list[str]:
    if not axes:
        raise ConfigError("heat map", None, "no setting has more than one value, so there is none")
    for name in filter(None, (x, y)):
        if name not in axes:
            raise UnknownName("setting that varies", name, axes)
    if x is not None and x == y:
        raise ConfigError("y", y, "the two axes need two settings")
    free = [name for name in axes if name not in (x, y)]
    first = x or free.pop(0)
    second = y or (free[0] if free else None)
    return [first] if second is None or second == first else [first, second]


def _values(rows: Sequence[Mapping[str, Any]], column: str) -> list[Any]:
    """Return the different values of a column: numbers in order of size, others as they sort."""
    found = {repr(row[column]): row[column] for row in rows}
    return sorted(found.values(), key=_by_size)


def _by_size(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 2, 0.0, ""  # no limit is the largest
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return 0, float(value), ""
    return 1, 0.0, str(value)


def _is_better(value: Any, than: float | None, direction: str) -> bool:
    if not isinstance(value, (int, float)) or not isfinite(value):
        return False
    if than is None:
        return True
    return value > than if direction == "maximise" else value < than
