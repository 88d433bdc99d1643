"""The indicators of a strategy: their names, how they were made, and their values by bar."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np

from capture_backtrader.facts import shown

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Indicators"]


class Indicators:
    """What a strategy, or its cerebro, declared.

    Attributes:
        metadata: class, parameters and lines, by indicator name.
        columns: column names, one per line.
        lines: the host's lines, in the same order.
    """

    def __init__(self, strategy: Any) -> None:
        """Name the indicators after the attributes that hold them, else after class and values."""
        self.metadata: dict[str, dict[str, Any]] = {}
        self.columns: list[str] = []
        self.lines: list[Any] = []
        holders = {id(value): name for name, value in vars(strategy).items()}
        for made in strategy._lineiterators[strategy.IndType]:
            given = _given(made)
            own = type(made).__name__
            fallback = "_".join([own, *(str(v) for v in given.values() if _short(v))])
            name = _free(holders.get(id(made), fallback), self.metadata)
            taken: list[str] = []
            for alias, line in _lines(made):
                wanted = name if alias is None else f"{name}_{alias}"
                column = f"indicator_{_free(wanted, self.columns, prefix='indicator_')}"
                taken.append(column.removeprefix("indicator_"))
                self.columns.append(column)
                self.lines.append(line)
            self.metadata[name] = {
                "class": own,
                "module": type(made).__module__,
                "params": given,
                "lines": taken,
            }

    def at(self, places: Sequence[NDArray[np.int64]]) -> dict[str, NDArray[np.float64]]:
        """Return each line's values at its own places; NaN before its first value."""
        return {
            column: _taken(line.array, at)
            for column, line, at in zip(self.columns, self.lines, places, strict=True)
        }

    def now(self) -> list[float]:
        """Return each line's present value; NaN before its first one."""
        return [line[0] if line.lencount else np.nan for line in self.lines]


def _taken(held: Any, at: NDArray[np.int64]) -> NDArray[np.float64]:
    # The host could not let the array grow while a view of it is alive: it is not kept.
    values = (
        np.frombuffer(held)
        if isinstance(held, array) and held
        else np.array(held, dtype=np.float64)
    )
    known = (at >= 0) & (at < len(values))
    if known.all():
        return values[at]
    found = np.full(len(at), np.nan)
    found[known] = values[at[known]]
    return found


def _given(made: Any) -> Mapping[str, Any]:
    params = getattr(made, "p", None)
    return {} if params is None else {k: shown(v) for k, v in params._getkwargs().items()}


def _short(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _lines(made: Any) -> Iterator[tuple[str | None, Any]]:
    """Yield alias and line; no alias where there is one line alone."""
    lines = made.lines
    held = list(getattr(lines, "lines", lines))
    for place, line in enumerate(held):
        if len(held) == 1:
            yield None, line
        else:
            yield lines._getlinealias(place) or str(place), line


def _free(name: str, *taken: Container[str], prefix: str = "") -> str:
    """Return the name, numbered if it is taken."""
    number, free = 1, name
    while any(free in names or f"{prefix}{free}" in names for names in taken):
        number += 1
        free = f"{name}_{number}"
    return free
