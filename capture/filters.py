"""Conditions on columns that a backend applies while it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from capture.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.compute as pc

__all__ = ["Operator", "Predicate", "to_expression"]

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in"]
_OPERATORS: Final = get_args(Operator)


@dataclass(frozen=True)
class Predicate:
    """One condition: a column, an operator and a value. A null never meets any condition."""

    column: str
    operator: Operator
    value: Any

    def __post_init__(self) -> None:
        """Refuse an unknown operator, and make the values of `in` a tuple."""
        if self.operator not in _OPERATORS:
            raise ConfigError("operator", self.operator, f"choose one of {', '.join(_OPERATORS)}")
        if self.operator == "in":
            if isinstance(self.value, (str, bytes)):
                raise ConfigError("value", self.value, "'in' needs a list of values")
            object.__setattr__(self, "value", tuple(self.value))

    def __str__(self) -> str:
        """Return the condition as a person writes it."""
        return f"{self.column} {self.operator} {self.value!r}"


def to_expression(where: Sequence[Predicate]) -> pc.Expression | None:
    """Return the conditions, all of which must hold, as one Arrow expression."""
    result: pc.Expression | None = None
    for predicate in where:
        term = _term(predicate)
        result = term if result is None else result & term
    return result


def _term(predicate: Predicate) -> pc.Expression:
    import pyarrow.compute as pc  # heavy, and only needed when something is read

    column, value = pc.field(predicate.column), predicate.value
    match predicate.operator:
        case "=":
            return column == value
        case "!=":
            return column != value
        case "<":
            return column < value
        case "<=":
            return column <= value
        case ">":
            return column > value
        case ">=":
            return column >= value
        case "in":
            return column.isin(list(value))
