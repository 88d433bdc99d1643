"""How rows given as mappings become rows of a layout: planned once per shape, then packed.

The shape of a row is the names of its free columns and the types of their values. A shape seen
before goes straight to the journal; a new one is planned, which may declare a wider layout.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capture.errors import InvalidEvent
from capture.journal import Field, Journal, Kind
from capture.journal.layout import STORAGE
from capture.recorder.facts import as_json
from capture.recorder.kinds import EXACT, SAID, Kinds, exact_real, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from capture.journal import Layout
    from capture.journal.appending import Append
    from capture.journal.layout import Derived

__all__ = ["RowPlans", "column_of"]

_MOST_SHAPES: Final = 1024
"""Shapes remembered; beyond that, rows of random shapes would fill the memory."""


class _Declared(NamedTuple):
    """The layout in use, and the places of its free columns."""

    layout: Layout
    append: Append
    kinds: Mapping[str, Kind]


class _Plan(NamedTuple):
    layout: Layout
    append: Append
    convert: tuple[tuple[int, Callable[[Any], Any]], ...]
    whole: tuple[tuple[int, str], ...]
    places: tuple[int, ...] | None
    empty: tuple[Any, ...]


class RowPlans:
    """Appends rows of one table and one strategy: fixed fields, and free columns in groups."""

    def __init__(
        self,
        journal: Journal,
        table: str,
        fixed: Sequence[Field],
        prefixes: Sequence[str],
        *,
        kinds: Kinds,
        constants: Mapping[str, Any],
        derived: tuple[Derived, ...] = (),
    ) -> None:
        """Describe the rows.

        Args:
            journal: where they go.
            table: table they belong to.
            fixed: fields that every row has, in the order in which they are given.
            prefixes: one word for each group of free columns.
            kinds: what the table's free columns hold, whoever writes them.
            constants: columns that are equal in all rows.
            derived: text columns made from whole numbers.
        """
        self._journal = journal
        self._table = table
        self._fixed = tuple(fixed)
        self._prefixes = tuple(prefixes)
        self._kinds = kinds
        self._constants = constants
        self._derived = derived
        self._plans: dict[Any, _Plan] = {}
        self._declared: _Declared | None = None

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
        for place, name in plan.whole:
            if not -EXACT <= values[place] <= EXACT:
                self._kinds.large(name, values[place])
        if plan.places is not None:
            row = list(plan.empty)
            for place, value in zip(plan.places, values, strict=True):
                row[place] = value
            values = row[:-1]  # the last place takes what is not kept
        try:
            return plan.append(*fixed, *values)
        except (struct.error, UnicodeEncodeError, OverflowError, TypeError) as exc:
            self._journal.erase(plan.layout)
            raise self._culprit(plan.layout, (*fixed, *values), exc) from exc

    # --- planning ----------------------------------------------------------------------------

    def _plan(self, groups: Sequence[Mapping[Any, Any]], values: Sequence[Any]) -> _Plan:
        names = self._names(groups)
        with self._journal.lock:
            declared = self._declare(names, values)
            self._declared = declared
        order = {name: place for place, name in enumerate(declared.kinds)}
        given = tuple(order.get(name, len(order)) for name in names)
        direct = given == tuple(range(len(order)))
        return _Plan(
            declared.layout,
            declared.append,
            tuple(self._conversions(declared.kinds, names, values)),
            tuple(_whole(declared.kinds, names, values)),
            None if direct else given,
            () if direct else (*map(_null, declared.kinds.values()), None),
        )

    def _names(self, groups: Sequence[Mapping[Any, Any]]) -> list[str]:
        """Return the column of every value; "" for one whose column an earlier one took."""
        names: list[str] = []
        for prefix, group in zip(self._prefixes, groups, strict=True):
            for key in group:
                name = column_of(prefix, key)
                if not name.isprintable():
                    raise InvalidEvent(prefix.rstrip("_"), key, "is not a name that can be printed")
                names.append("" if name in names else name)
        return names

    def _declare(self, names: Sequence[str], values: Sequence[Any]) -> _Declared:
        """Return a layout with these columns: the present one, or a wider one."""
        known = {} if self._declared is None else self._declared.kinds
        changed = {}
        for name, value in zip(names, values, strict=True):
            if value is not None and name:
                kind = self._kinds.of(name, value)
                if kind != known.get(name):
                    changed[name] = kind
        if self._declared is not None and not changed:
            return self._declared
        kinds = {**known, **changed}
        free = tuple(Field(name, kind) for name, kind in kinds.items())
        layout = self._journal.layout(
            self._table,
            fields=(*self._fixed, *free),
            constants=self._constants,
            derived=self._derived,
        )
        self._kinds.learn(changed)
        return _Declared(layout, self._journal.appender(layout), kinds)

    @staticmethod
    def _conversions(
        kinds: Mapping[str, Kind], names: Sequence[str], values: Sequence[Any]
    ) -> Iterator[tuple[int, Callable[[Any], Any]]]:
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            kind = kinds.get(name, "float")
            if value is None or name not in kinds:
                yield place, partial(_always, _null(kind))
            elif kind == "text" and not isinstance(value, str):
                yield place, as_json
            elif kind == "flag" and type(value) is not bool:
                yield place, bool
            elif kind == "int" and type(value) is not int:
                yield place, int
            elif kind == "float" and kind_of(value) == "int":
                yield place, partial(exact_real, name)
            elif kind == "float" and type(value) is not float:
                yield place, float

    def _culprit(self, layout: Layout, row: Sequence[Any], exc: Exception) -> InvalidEvent:
        """Name the value that could not be packed."""
        for (name, kind), value in zip(layout.fields, row, strict=True):
            try:
                if kind == "text":
                    _ = value is None or value.encode()
                else:
                    struct.pack(f"<{STORAGE[kind].code}", value)
            except (struct.error, UnicodeEncodeError, OverflowError, AttributeError):
                return InvalidEvent(name, value, f"cannot be kept as {SAID[kind]}")
        return InvalidEvent(self._table, tuple(row), str(exc))


def column_of(prefix: str, key: Any) -> str:
    """Return the column of a value in a group; hosts write open, Open and OPEN."""
    return f"{prefix}{str(key).lower() if prefix == 'market_' else key}"


def _whole(
    kinds: Mapping[str, Kind], names: Sequence[str], values: Sequence[Any]
) -> Iterator[tuple[int, str]]:
    """Yield the places of whole numbers, some of which are too large."""
    for place, (name, value) in enumerate(zip(names, values, strict=True)):
        if value is not None and kinds.get(name) == "int":
            yield place, name


def _null(kind: Kind) -> Any:
    return None if kind == "text" else STORAGE[kind].null


def _always(value: Any, _given: Any) -> Any:
    return value
