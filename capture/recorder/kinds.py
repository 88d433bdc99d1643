"""What a table's free columns hold: decided by the first value, and the same for every writer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import InvalidEvent
from capture.journal import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EXACT", "SAID", "Kinds", "exact_real", "kind_of"]

EXACT: Final = 2**53
"""Whole numbers up to this one are reals too, without loss."""

_LARGEST: Final = 2**63 - 1  # the number below the smallest one stands for null

SAID: Final[Mapping[Kind, str]] = {
    "float": "a number",
    "int": "a whole number",
    "small": "a small whole number",
    "flag": "true or false",
    "time": "a time",
    "word": "a text",
    "text": "a text",
}

_KINDS: Final[Mapping[type, Kind]] = {float: "float", int: "int", bool: "flag", str: "text"}
_STORED: Final[Mapping[Kind, Kind]] = {"word": "text", "small": "int"}


def kind_of(value: Any) -> Kind:
    """Return the kind of column that holds a value; what is neither number nor flag is a text."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, (bool, np.bool_)):
        return "flag"
    if isinstance(value, (int, np.integer)):
        return "int"
    if isinstance(value, (float, np.floating)):
        return "float"
    return "text"


def exact_real(name: str, value: Any) -> float:
    """Return a whole number as a real; one that would become another number is refused."""
    number = float(value) if abs(int(value)) <= _LARGEST else 0.0
    if int(number) != int(value):
        raise InvalidEvent(name, value, "is too large a whole number for a column of reals")
    return number


class Kinds:
    """The kinds of one table's free columns; whole numbers give way to reals."""

    def __init__(self) -> None:
        """Know no column yet."""
        self._kinds: dict[str, Kind] = {}
        self._large: set[str] = set()

    def of(self, name: str, value: Any) -> Kind:
        """Return the kind of column for a value.

        Raises:
            InvalidEvent: the column holds something else.
        """
        kind = kind_of(value)
        known = self._kinds.get(name, kind)
        if known == kind:
            return kind
        if {known, kind} != {"int", "float"}:
            raise InvalidEvent(name, value, f"was {SAID[known]} before; give it another name")
        if kind == "float" and name in self._large:
            raise InvalidEvent(
                name, value, "was a whole number that no real can hold; give it another name"
            )
        return "float"

    def learn(self, kinds: Mapping[str, Kind]) -> None:
        """Take note of what columns hold from now on."""
        for name, kind in kinds.items():
            self._kinds[name] = _STORED.get(kind, kind)

    def large(self, name: str, value: int) -> None:
        """Take note of a whole number that no real can hold, or refuse it."""
        if not -_LARGEST <= value <= _LARGEST:
            raise InvalidEvent(name, value, f"must lie between -{_LARGEST} and {_LARGEST}")
        if self._kinds.get(name) == "float":
            raise InvalidEvent(name, value, "is too large a whole number for a column of reals")
        self._large.add(name)
