"""Selection: which trials of a phase go on to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from capture.errors import ConfigError, UnknownName
from capture.expressions import Expression
from capture.study.results.trial import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Selection"]

_DIRECTIONS: Final = ("maximise", "minimise")


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which trials are chosen.

    What has no objective, or one that is no number, is never chosen. Trials with equal objectives
    are taken in order of their numbers, so that a selection is the same every time.

    Attributes:
        by: the metric that decides.
        top: how many are chosen, of each group.
        direction: "maximise" or "minimise".
        where: a condition that the chosen meet: "trades >= 30 and max_drawdown < 0.2".
        per: a column; as many are chosen of each of its values.
    """

    by: str
    top: int = 1
    direction: str = "maximise"
    where: str | None = None
    per: str | None = None

    def __post_init__(self) -> None:
        """Refuse what chooses nothing."""
        if isinstance(self.top, bool) or not isinstance(self.top, int) or self.top < 1:
            raise ConfigError("top", self.top, "choose at least 1")
        if self.direction not in _DIRECTIONS:
            raise ConfigError(
                "direction", self.direction, f"choose one of {', '.join(_DIRECTIONS)}"
            )
        if self.where is not None:
            Expression(self.where)

    def choose(self, metrics: pa.Table) -> list[dict[str, Any]]:
        """Return the rows of the chosen trials, the best first within each group."""
        refuse_all_failed(metrics)
        for name in filter(None, (self.by, self.per)):
            if name not in metrics.column_names:
                raise UnknownName("metric", name, _known(metrics))
        rows = [row for row in self._meeting(metrics).to_pylist() if row["status"] == OK]
        rows = [row for row in rows if _is_number(row[self.by])]
        sign = -1 if self.direction == "maximise" else 1
        rows.sort(key=lambda row: (sign * row[self.by], row["number"], row["trial"]))
        if self.per is None:
            return rows[: self.top]
        groups: dict[Any, list[dict[str, Any]]] = {}
        for row in sorted(rows, key=lambda row: row["number"]):
            groups.setdefault(row[self.per], [])
        for row in rows:
            groups[row[self.per]].append(row)
        return [row for group in groups.values() for row in group[: self.top]]

    def _meeting(self, metrics: pa.Table) -> pa.Table:
        if self.where is None:
            return metrics
        return metrics.filter(Expression(self.where).arrow(metrics.schema))


def refuse_all_failed(metrics: pa.Table) -> None:
    """Raise what the first trial says, if not one came to anything."""
    errors = [error for error in metrics["error"].to_pylist() if error]
    if errors and len(errors) == metrics.num_rows:
        raise ConfigError("select", None, f"every trial failed, the first with {errors[0]}")


def _known(metrics: pa.Table) -> Sequence[str]:
    return [
        field.name
        for field in metrics.schema
        if pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
    ]


def _is_number(value: Any) -> bool:
    """Say whether a value can be compared; infinity can."""
    return isinstance(value, (int, float)) and value == value
