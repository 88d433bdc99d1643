"""The arguments of a call as JSON, and back: numbers exactly, orders and feeds by reference."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import backtrader as bt
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Encoder", "decode"]

_EXECTYPES: Final = frozenset({"exectype", "stopexec", "limitexec"})
_PLAIN: Final = (str, float, int, type(None))
_SESSION: Final = {bt.timer.SESSION_START: "start", bt.timer.SESSION_END: "end"}


class Encoder:
    """Turns the arguments of calls into JSON.

    Attributes:
        missing: what could not be kept: the verb and the argument's name.
    """

    def __init__(
        self, order_id: Callable[[Any], str | None], data_index: Callable[[Any], int | None]
    ) -> None:
        """Know how orders and data feeds are referred to.

        Args:
            order_id: returns the identity of an order, or None if it was not recorded.
            data_index: returns the place of a data feed among the strategy's, or None.
        """
        self._order_id = order_id
        self._data_index = data_index
        self.missing: set[str] = set()

    def encode(self, verb: str, arguments: Mapping[str, Any]) -> str:
        """Return arguments by name as JSON."""
        return json.dumps(
            {name: self._named(verb, name, value) for name, value in arguments.items()},
            ensure_ascii=False,
        )

    def _named(self, verb: str, name: str, value: Any) -> Any:
        if type(value) in _PLAIN and name not in _EXECTYPES and name != "when":
            return value
        if name in _EXECTYPES and type(value) is int and 0 <= value < len(bt.Order.ExecTypes):
            return {"exectype": bt.Order.ExecTypes[value]}
        if name == "when" and type(value) is int and value in _SESSION:
            return {"session": _SESSION[value]}
        return self._value(f"{verb}.{name}", value)

    def _value(self, place: str, value: Any) -> Any:
        if isinstance(value, (bool, *_PLAIN)):
            return _number(value)
        if isinstance(value, bt.Order):
            number = self._order_id(value)
            return self._lost(place, value) if number is None else {"order": number}
        if isinstance(value, bt.LineRoot):
            index = self._data_index(value)
            return self._lost(place, value) if index is None else {"data": index}
        if isinstance(value, dict):
            if all(isinstance(key, str) for key in value):
                return {"dict": {k: self._named(place, k, v) for k, v in value.items()}}
            return self._lost(place, value)
        if type(value) in (list, tuple):
            items = [self._value(place, item) for item in value]
            return items if type(value) is list else {"tuple": items}
        return _moment(value) or self._lost(place, value)

    def _lost(self, place: str, value: Any) -> Any:
        self.missing.add(place)
        return {"missing": type(value).__qualname__}


def _number(value: Any) -> Any:
    """Return a number as JSON has it; numpy's float64 is a Python float already."""
    return value.item() if isinstance(value, np.generic) else value


def _moment(value: Any) -> Any:
    """Return a time, a span, a decimal or a numpy number; None of anything else."""
    if isinstance(value, dt.datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, dt.time):
        return {"time": value.isoformat()}
    if isinstance(value, dt.timedelta):
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    if isinstance(value, (np.bool_, np.integer)):
        return {"numpy": [value.dtype.name, int(value)]}
    if isinstance(value, np.floating):
        return {"numpy": [value.dtype.name, float(value)]}
    return None


def decode(text: str, *, order: Callable[[str], Any], datas: Sequence[Any]) -> dict[str, Any]:
    """Return the arguments that were encoded.

    Args:
        text: what `Encoder.encode` returned.
        order: returns the order with this identity.
        datas: the data feeds of the strategy.

    Raises:
        ValueError: an argument could not be kept when it was recorded.
    """
    return {name: _decoded(value, order, datas) for name, value in json.loads(text).items()}


def _decoded(value: Any, order: Callable[[str], Any], datas: Sequence[Any]) -> Any:
    if isinstance(value, list):
        return [_decoded(item, order, datas) for item in value]
    if not isinstance(value, dict):
        return value
    [(kind, said)] = value.items()
    match kind:
        case "order":
            return order(said)
        case "data":
            return datas[said]
        case "dict":
            return {k: _decoded(v, order, datas) for k, v in said.items()}
        case "tuple":
            return tuple(_decoded(item, order, datas) for item in said)
        case "numpy":
            return np.dtype(said[0]).type(said[1])
        case "missing":
            raise ValueError(f"a value of type {said} was not recorded")
        case _:
            return _FROM[kind](said)


_FROM: Final[Mapping[str, Callable[[Any], Any]]] = {
    "exectype": bt.Order.ExecTypes.index,
    "session": {name: value for value, name in _SESSION.items()}.__getitem__,
    "datetime": dt.datetime.fromisoformat,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda said: dt.timedelta(*said),
    "decimal": Decimal,
}
