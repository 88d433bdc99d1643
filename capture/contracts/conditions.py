"""Conditions made ready for columns of known types, so that every backend means the same by them.

Libraries differ at the edges: whether an `in` finds NaN or null, whether -0.0 is in [0.0], how a
whole number compares with a real one. Here the edges are cut off: what is left compares values of
the column's own type, and a backend translates it as it stands. The meaning is that of IEEE and of
Python; a null, in the column or as the value, meets no condition.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.filters import Operator, Predicate

__all__ = ["Condition", "bind", "matches"]

_ARROW: Final = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_PYTHON: Final = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """One condition on a column of a known type.

    Attributes:
        column: name of the column.
        type: its type.
        operator: one of `capture.filters.Operator`, or "known": the value is not null.
        values: what to compare with, as Python values (instants as nanoseconds since 1970): one,
            or for `in` at least one, or for "known" none. Never null, never NaN.
    """

    column: str
    type: pa.DataType
    operator: Operator | Literal["known"]
    values: tuple[Any, ...] = ()

    def term(self, column: Any) -> Any:
        """Return the condition on an Arrow array (a mask) or on a field (an expression)."""
        if self.operator == "known":
            return pc.is_valid(column)
        values = pa.array(self.values, self.type)
        if self.operator == "in":
            return pc.is_in(column, value_set=values)
        return _ARROW[self.operator](column, values[0])


def bind(where: Sequence[Predicate], schema: pa.Schema) -> tuple[Condition, ...] | None:
    """Return the conditions for a table of this schema, or None if no row can meet them."""
    bound = []
    for predicate in where:
        place = schema.get_field_index(predicate.column)
        condition = None if place < 0 else _bind(predicate, schema.field(place).type)
        if condition is None:
            return None
        bound.append(condition)
    return tuple(bound)


def matches(table: pa.Table, conditions: Sequence[Condition]) -> pa.ChunkedArray:
    """Return a mask of the rows that meet every one of at least one condition."""
    masks = [condition.term(table.column(condition.column)) for condition in conditions]
    return reduce(pc.and_, masks)


def _bind(predicate: Predicate, type_: pa.DataType) -> Condition | None:
    name, word = predicate.column, predicate.operator
    given = predicate.value if word == "in" else (predicate.value,)
    values = [_native(predicate, value, type_) for value in given if value is not None]
    if any(value != value for value in values):  # only NaN differs from itself
        values = [value for value in values if value == value]
        if word == "!=":
            return Condition(name, type_, "known")
    if not values:
        return None
    if pa.types.is_integer(type_):
        return _bind_whole(name, type_, word, values)
    if pa.types.is_boolean(type_):
        return _bind_truth(name, type_, word, values)
    if word == "in" and pa.types.is_floating(type_) and 0.0 in values:
        values += [0.0, -0.0]  # they are equal, but not to a hash table
    return Condition(name, type_, word, tuple(values))


def _bind_truth(
    name: str, type_: pa.DataType, word: Operator, values: list[bool]
) -> Condition | None:
    """Turn any condition on a column of truth values into the values that meet it."""
    if word != "in":
        values = [state for state in (False, True) if _PYTHON[word](state, values[0])]
    return Condition(name, type_, "in", tuple(values)) if values else None


def _bind_whole(
    name: str, type_: pa.DataType, word: Operator, values: list[int | float]
) -> Condition | None:
    """Compare a column of whole numbers with any number, exactly."""
    low, high = -(1 << type_.bit_width - 1), (1 << type_.bit_width - 1) - 1
    if word in ("=", "!=", "in"):
        inside = tuple(int(v) for v in values if low <= v <= high and v == math.floor(v))
        if inside:
            return Condition(name, type_, word, inside)
        return Condition(name, type_, "known") if word == "!=" else None
    # x < 2.5 is x < 3, and x > 2.5 is x > 2; what lies outside the type is moved to its edge.
    edge = min(max(values[0], low - 1), high + 1)
    limit = math.ceil(edge) if word in ("<", ">=") else math.floor(edge)
    if low <= limit <= high:
        return Condition(name, type_, word, (limit,))
    return Condition(name, type_, "known") if _PYTHON[word](low, limit) else None


def _native(predicate: Predicate, value: Any, type_: pa.DataType) -> Any:
    """Return the value as the plain Python value that the column's type is compared with."""
    try:
        if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
            value = value.item()
        if pa.types.is_timestamp(type_):
            return _instant_ns(value, type_)
        if pa.types.is_floating(type_):
            return float(_of(value, (int, float)))
        if pa.types.is_integer(type_):
            return _of(value, (int, float))
        if pa.types.is_boolean(type_):
            return _of(value, bool)
        return pa.scalar(_of(value, str if pa.types.is_string(type_) else bytes)).as_py()
    except (TypeError, ValueError, OverflowError) as exc:
        problem = f"the column holds {type_}, which cannot be compared with {value!r}"
        raise ConfigError("where", str(predicate), problem) from exc


def _of(value: Any, wanted: type | tuple[type, ...]) -> Any:
    if not isinstance(value, wanted):
        raise TypeError(value)
    return value


def _instant_ns(value: Any, type_: pa.DataType) -> int:
    """Return a moment as nanoseconds since 1970; one without a zone is taken as UTC."""
    if isinstance(value, str):
        try:
            return int(pa.scalar(value).cast(type_).value)
        except pa.ArrowInvalid:  # Arrow wants a zone for a type that has one
            return int(pa.scalar(value).cast(pa.timestamp(type_.unit)).value)
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[ns]").astype("int64").item()
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    return int(pa.scalar(_of(value, (int, datetime)), type_).value)
