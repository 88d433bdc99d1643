"""What is read from a backtest once per run: bars, indicators, parameters, settings."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping

    from numpy.typing import NDArray

    from capture.timeline import Timeline

__all__ = ["Indicators", "base_table", "declared_parameters", "host_settings", "parameters"]

_VALUES: Final = (bool, int, float, str, type(None), tuple, list, dict, np.generic, date, Enum)
"""What a class variable may be to be a parameter: one of another kind is one if a run names it."""

_SMALL: Final = 100
"""Values in a list or a mapping that is recorded as it is."""


class Indicators:
    """The indicators that a strategy declared, with how they were made.

    Attributes:
        columns: the values of every line over all bars, by column name.
        metadata: function, arguments and lines, by indicator name.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._made: dict[int, dict[str, Any]] = {}
        self._live: dict[str, NDArray[Any]] = {}
        self._before: dict[str, NDArray[Any]] = {}
        self.columns: dict[str, NDArray[Any]] = {}
        self.metadata: dict[str, dict[str, Any]] = {}

    def declared(
        self,
        value: Any,
        func: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        """Remember how an indicator was made."""
        plain = {"name", "plot", "overlay", "color", "scatter"}
        self._made[id(value)] = {
            "function": getattr(func, "__qualname__", type(func).__name__),
            "module": getattr(func, "__module__", None),
            "args": [_shown(value) for value in args],
            "params": {k: _shown(v) for k, v in kwargs.items() if k not in plain},
        }

    def gather(self, strategy: Any) -> None:
        """Name the indicators after the attributes that hold them, else as the host does."""
        holders = {id(v): k for k, v in vars(strategy).items() if isinstance(v, np.ndarray)}
        for value in strategy._indicators:
            name = _free(holders.get(id(value)) or _host_name(value), self.metadata)
            lines: list[str] = []
            for wanted, values in _lines(name, value):
                line = _free(wanted, lines, self.columns, prefix="indicator_")
                lines.append(line)
                self._live[line] = values
                self.columns[f"indicator_{line}"] = _storable(values)
            self.metadata[name] = {
                **self._made.get(id(value), {}),
                "name": _host_name(value),
                "lines": lines,
            }
        self._before = {line: values.copy() for line, values in self._live.items()}

    def changed(self) -> list[str]:
        """Return the lines that the strategy wrote into while it ran: their past is not kept."""
        return [
            line
            for line, values in self._live.items()
            if values.tobytes() != self._before[line].tobytes()
        ]


def _free(name: str, *taken: Container[str], prefix: str = "") -> str:
    """Return the name, numbered if it is taken."""
    number, free = 1, name
    while any(free in names or f"{prefix}{free}" in names for names in taken):
        number += 1
        free = f"{name}_{number}"
    return free


def _storable(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type that a column may have; the same memory where that is possible."""
    kind = values.dtype.kind
    if kind == "b" or values.dtype in (np.float64, np.int64):
        return values
    if kind in "iu" and values.dtype != np.uint64:
        return values.astype(np.int64)
    try:
        return values.astype(np.float64, casting="same_kind" if kind in "fiu" else "unsafe")
    except (TypeError, ValueError):
        return np.array([None if v is None else str(v) for v in values], dtype=object)


def _host_name(value: Any) -> str:
    name = value.name
    return name if isinstance(name, str) else "/".join(map(str, name))


def _lines(name: str, value: Any) -> Iterator[tuple[str, NDArray[Any]]]:
    values = np.asarray(value)
    if values.ndim == 1:
        yield name, values
        return
    own = value.name if isinstance(value.name, list) else range(len(values))
    for line, row in zip(own, values, strict=True):
        yield f"{name}_{line}", row


def _shown(value: Any) -> Any:
    """Return an argument as it is if it is small, and what it is otherwise."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (dict, list, tuple)):
        if len(value) > _SMALL:
            return f"{type(value).__name__}[{len(value)}]"
        if isinstance(value, dict):
            return {str(key): _shown(part) for key, part in value.items()}
        return [_shown(part) for part in value]
    name = getattr(value, "name", None)
    if isinstance(value, (np.ndarray, pd.Series)):
        return f"data.{name}" if isinstance(name, str) else f"array[{len(value)}]"
    if " at 0x" in repr(value) and not hasattr(value, "__qualname__"):
        # It would show an address, which is another one in each run.
        return type(value).__qualname__
    return getattr(value, "__qualname__", None) or repr(value)


def parameters(strategy: Any) -> dict[str, Any]:
    """Return the strategy's parameters: public class variables, as this run has them."""
    names = declared_parameters(type(strategy)).keys() | strategy._params
    return {name: _shown(getattr(strategy, name)) for name in sorted(names)}


def declared_parameters(strategy: type) -> dict[str, Any]:
    """Return a strategy's parameters as its class declares them, in order of name."""
    names = {
        name
        for cls in strategy.__mro__
        if not cls.__module__.startswith("backtesting.backtesting")
        for name, value in vars(cls).items()
        if not name.startswith("_") and isinstance(value, _VALUES)
    }
    return {name: _shown(getattr(strategy, name)) for name in sorted(names)}


def host_settings(backtest: Any, **changed: Any) -> dict[str, Any]:
    """Return the settings of a backtest, which decide its fills; with what is changed of them."""
    broker = {k: v for k, v in {**backtest._broker.keywords, **changed}.items() if k != "index"}
    settings = {**broker, "finalize_trades": backtest._finalize_trades}
    unit = getattr(backtest, "_fractional_unit", None)
    if unit is not None:  # prices and sizes are recorded as the broker sees them, in this unit
        settings["fractional_unit"] = unit
    return {name: _shown(value) for name, value in settings.items()}


def base_table(frame: pd.DataFrame, timeline: Timeline) -> pa.Table:
    """Return the bars as base data: times, prices, and what other columns the frame has."""
    every = np.arange(len(frame))
    columns = {"timestamp": timeline.labels(every), "available_time": timeline.closes(every)}
    for name in frame.columns:
        column = frame[name].to_numpy()
        key = str(name).lower()
        if key in columns:
            key = str(name)
        if column.dtype.kind in "fiub":
            columns[key] = pa.array(column)
        else:
            columns[key] = pa.array([None if v is None else str(v) for v in column], pa.string())
    return pa.table(columns)
