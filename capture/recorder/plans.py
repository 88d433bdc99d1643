"""How rows given as mappings become rows of a layout: planned once per shape, then packed.

The shape of a row is the names of its free columns and the types of their values. A shape seen
before goes straight to the journal; a new one is planned, which may declare a wider layout.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from capture.errors import InvalidEvent
from capture.journal import Field, Journal, Kind
from capture.journal.layout import STORAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from capture.journal.layout import Derived
    from capture.journal.writer import Append

__all__ = ["RowPlans"]

_KINDS: Final[Mapping[type, Kind]] = {float: "float", int: "int", bool: "flag", str: "text"}
_MOST_SHAPES: Final = 1024
"""Shapes remembered; beyond that, rows of random shapes would fill the memory."""

_WIDER: Final[Mapping[tuple[Kind, Kind], Kind]] = {
    ("int", "float"): "float",
    ("float", "int"): "float",
}


class _Plan(NamedTuple):
    append: Append
    convert: tuple[tuple[int, Callable[[Any], Any]], ...]
    places: tuple[int, ...] | None
    empty: tuple[Any, ...]
    names: tuple[str, ...]


class RowPlans:
    """Appends rows of one table and one strategy: fixed fields, and free columns in groups."""

    def __init__(
        self,
        journal: Journal,
        table: str,
        fixed: Sequence[Field],
        prefixes: Sequence[str],
        *,
        constants: Mapping[str, Any],
        derived: tuple[Derived, ...] = (),
    ) -> None:
        """Describe the rows.

        Args:
            journal: where they go.
            table: table they belong to.
            fixed: fields that every row has, in the order in which they are given.
            prefixes: one word for each group of free columns.
            constants: columns that are equal in all rows.
            derived: text columns made from whole numbers.
        """
        self._journal = journal
        self._table = table
        self._fixed = tuple(fixed)
        self._prefixes = tuple(prefixes)
        self._constants = constants
        self._derived = derived
        self._kinds: dict[str, Kind] = {}
        self._plans: dict[Any, _Plan] = {}
        self._append: Append | None = None

    def append(self, fixed: Iterable[Any], *groups: Mapping[Any, Any]) -> int:
        """Write one row; return its sequence number, or -1 if it was dropped.

        `fixed` holds journal values (nulls as the journal writes them), `groups` plain values.
        """
        values = [value for group in groups for value in group.values()]
        shape = (tuple(map(tuple, groups)), tuple(map(type, values)))
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._plan(groups, values)
            if len(self._plans) >= _MOST_SHAPES:
                self._plans.clear()
            self._plans[shape] = plan
        for place, convert in plan.convert:
            values[place] = convert(values[place])
        if plan.places is not None:
            row = list(plan.empty)
            for place, value in zip(plan.places, values, strict=True):
                row[place] = value
            values = row[:-1]  # the last place takes what is not kept
        try:
            return plan.append(*fixed, *values)
        except (struct.error, UnicodeEncodeError, OverflowError, TypeError) as exc:
            raise self._culprit(plan, values, exc) from exc

    # --- planning ----------------------------------------------------------------------------

    def _plan(self, groups: Sequence[Mapping[Any, Any]], values: Sequence[Any]) -> _Plan:
        names = self._names(groups)
        with self._journal.lock:
            if self._learn(names, values) or self._append is None:
                self._append = self._declare()
            order = {name: place for place, name in enumerate(self._kinds)}
        given = [order.get(name, -1) for name in names]
        direct = given == list(range(len(order)))
        return _Plan(
            self._append,
            tuple(self._conversions(names, values)),
            None if direct else tuple(place if place >= 0 else len(order) for place in given),
            () if direct else (*(_null(kind) for kind in self._kinds.values()), None),
            tuple(self._kinds),
        )

    def _names(self, groups: Sequence[Mapping[Any, Any]]) -> list[str]:
        """Return the column of every value; "" for one whose column an earlier one took."""
        names: list[str] = []
        for prefix, group in zip(self._prefixes, groups, strict=True):
            for key in group:
                name = f"{prefix}{str(key).lower() if prefix == 'market_' else key}"
                if not name.isprintable():
                    raise InvalidEvent(prefix.rstrip("_"), key, "is not a name that can be printed")
                names.append("" if name in names else name)
        return names

    def _learn(self, names: Sequence[str], values: Sequence[Any]) -> bool:
        """Take in new columns and wider kinds; return whether there were any."""
        changed = {}
        for name, value in zip(names, values, strict=True):
            if value is None or not name:
                continue
            kind, known = _kind(value), self._kinds.get(name)
            wanted = kind if known in (None, kind) else _WIDER.get((known, kind))  # type: ignore[arg-type]
            if wanted is None:
                raise InvalidEvent(name, value, f"was {_SAID[known]} before; give it another name")  # type: ignore[index]
            if wanted != known:
                changed[name] = wanted
        self._kinds.update(changed)
        return bool(changed)

    def _declare(self) -> Append:
        free = tuple(Field(name, kind) for name, kind in self._kinds.items())
        layout = self._journal.layout(
            self._table,
            fields=(*self._fixed, *free),
            constants=self._constants,
            derived=self._derived,
        )
        return self._journal.appender(layout)

    def _conversions(
        self, names: Sequence[str], values: Sequence[Any]
    ) -> Iterable[tuple[int, Callable[[Any], Any]]]:
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            kind = self._kinds.get(name, "float")
            if value is None:
                null = _null(kind)
                yield place, lambda _none, null=null: null
            elif kind == "text" and not isinstance(value, str):
                yield place, _as_json
            elif kind == "flag" and type(value) is not bool:
                yield place, bool
            elif kind == "int" and type(value) is not int:
                yield place, int
            elif kind == "float" and type(value) is not float:
                yield place, float

    def _culprit(self, plan: _Plan, values: Sequence[Any], exc: Exception) -> InvalidEvent:
        """Name the value that could not be packed."""
        for name, value in zip(plan.names, values, strict=True):
            kind = self._kinds[name]
            try:
                if kind == "text":
                    value.encode()
                else:
                    struct.pack(f"<{STORAGE[kind].code}", value)
            except (struct.error, UnicodeEncodeError, OverflowError, AttributeError):
                return InvalidEvent(name, value, f"cannot be kept as {_SAID[kind]}")
        return InvalidEvent(self._table, tuple(values), str(exc))


_SAID: Final[Mapping[Kind, str]] = {
    "float": "a number",
    "int": "a whole number",
    "flag": "true or false",
    "text": "a text",
}


def _null(kind: Kind) -> Any:
    return None if kind == "text" else STORAGE[kind].null


def _kind(value: Any) -> Kind:
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


def _as_json(value: Any) -> str:
    """Keep what is neither a number nor a text as JSON; what JSON does not know, as its repr."""
    return json.dumps(value, default=repr, ensure_ascii=False, sort_keys=True)
