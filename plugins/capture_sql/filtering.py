"""Filters on signals, as conditions in SQL: names are looked up, values are parameters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from capture import checks
from capture.errors import ConfigError, InvalidEvent, UnknownName
from capture.lifecycle.vocabulary import canonical_side, canonical_status, canonical_word
from capture_sql.changes import any_of
from capture_sql.tables import signals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Connection

__all__ = ["conditions"]

_OPERATORS: Final = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}
_ENDS: Final = ("end", "end_date")
_TIMES: Final = ("start", "start_date", *_ENDS)
_HIDDEN: Final = ("number", "sha256", "prints", "extra")
_COLUMNS: Final = {column.name: column for column in signals.columns if column.name not in _HIDDEN}
_NUMBERS: Final = {"DOUBLE": float, "BIGINT": int}


def conditions(connection: Connection, filters: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the conditions that filters stand for; all must hold."""
    for name, wanted in filters.items():
        if name in _TIMES:
            if wanted is not None:
                moment = checks.time_ns(name, _moment(wanted))
                time = signals.c.signal_ns
                yield time < moment if name in _ENDS else time >= moment
            continue
        column = _column(name)
        if isinstance(wanted, Mapping):
            for operator, value in wanted.items():
                yield _compared(connection, column, name, operator, value)
        elif isinstance(wanted, (list, tuple, set, frozenset)):
            yield _compared(connection, column, name, "in", wanted)
        elif wanted is None:
            yield column.is_(None)
        else:
            yield column == _value(column, name, wanted)


def _column(name: str) -> Any:
    canonical = canonical_word(name)
    if canonical not in _COLUMNS:
        raise UnknownName("field of signals", name, [*_COLUMNS, *_TIMES])
    return _COLUMNS[canonical]


def _compared(connection: Connection, column: Any, name: str, operator: str, value: Any) -> Any:
    if operator == "in":
        if isinstance(value, (str, bytes)):
            raise InvalidEvent(name, value, "'in' needs a list of values")
        return any_of(connection, column, [_value(column, name, each) for each in value])
    if operator not in _OPERATORS:
        raise ConfigError("operator", operator, f"choose one of {', '.join(_OPERATORS)}, in")
    return _OPERATORS[operator](column, _value(column, name, value))


def _value(column: Any, name: str, value: Any) -> Any:
    """Return a value as the column has it."""
    if isinstance(value, Enum):
        value = value.value
    if column.name.endswith("_ns"):
        return checks.time_ns(name, _moment(value))
    if column.name == "status":
        return str(canonical_status(value))
    kind = _NUMBERS.get(str(column.type).split("(", maxsplit=1)[0])
    if kind is not None:
        number = checks.real(name, value)
        return None if number is None else kind(number)
    if column.name == "side":
        return canonical_side(value)
    if not isinstance(value, str) or "\0" in value:
        raise InvalidEvent(name, value, "must be a text")
    return value


def _moment(value: Any) -> Any:
    """Return a time; a text is read as ISO 8601, and needs a zone like any other."""
    if isinstance(value, str):
        from datetime import datetime

        try:
            return datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidEvent("time", value, f"is no time ({error})") from error
    return value
