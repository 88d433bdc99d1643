"""The indicators of a strategy: what they are called, their parameters, their values now."""

from __future__ import annotations

import inspect
import re
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from nautilus_trader.indicators.base import Indicator

from capture.journal import NULL_FLOAT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Indicators", "numbers"]

_BASE: Final = frozenset(dir(Indicator)) | {"count"}
_PARAMETER: Final = re.compile(r"^\s*(\w+) : ", re.MULTILINE)


class Indicators:
    """What is read of a strategy's indicators at each signal, for the host keeps no history.

    Attributes:
        made: the indicators.
        columns: what each value is called.
        metadata: class, parameters and values of each indicator, by name.
        readers: return each value as it is at this moment.
    """

    def __init__(self, strategy: Any) -> None:
        """Find the values of all indicators that are registered now."""
        self.made = list(strategy.registered_indicators)
        named = {id(value): name for name, value in vars(strategy).items()}
        self.columns: list[str] = []
        self.metadata: dict[str, Any] = {}
        self.readers: list[Callable[[], Any]] = []
        for one in self.made:
            name = self._free(str(named.get(id(one)) or repr(one)))
            parameters = {n: _shown(getattr(one, n, None)) for n in _parameters(one)}
            lines = [line for line in _lines(one) if line not in parameters]
            columns = [name if line == "value" else f"{name}_{line}" for line in lines]
            self.columns += [f"indicator_{column}" for column in columns]
            self.readers += [partial(getattr, one, line) for line in lines]
            said = {"class": type(one).__name__, "repr": repr(one), "params": parameters}
            self.metadata[name] = {**said, "lines": columns}

    def _free(self, name: str) -> str:
        name = re.sub(r"\W+", "_", name).strip("_")
        number, free = 1, name
        while free in self.metadata:
            number += 1
            free = f"{name}_{number}"
        return free


def numbers(values: list[float | None]) -> list[float]:
    """Return values of indicators, of which some may have none yet."""
    return [NULL_FLOAT if value is None else value for value in values]


def _lines(one: Any) -> Iterator[str]:
    """Yield the names of an indicator's public numbers."""
    names = [name for name in dir(one) if name[:1] != "_" and name not in _BASE]
    for name in names:
        value = getattr(one, name, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name


def _parameters(one: Any) -> list[str]:
    """Return the names of an indicator's parameters that it keeps under the same name."""
    kind = type(one)
    if "__init__" in vars(kind) and hasattr(kind.__init__, "__code__"):
        found = list(inspect.signature(kind.__init__).parameters)[1:]
    else:  # the host's own say it in their documentation
        _, _, said = (kind.__doc__ or "").partition("Parameters")
        found = _PARAMETER.findall(said.partition("Raises")[0])
    return [name for name in found if hasattr(one, name)]


def _shown(value: Any) -> Any:
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
