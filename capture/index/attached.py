"""What some signals of an index carry beside their value: states of classifiers, and metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import InvalidEvent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Attached"]

_PREFIX: Final = "classifier_"
_METADATA: Final = "metadata"


class Attached:
    """States and metadata by row; a row that has neither takes no space."""

    __slots__ = ("_classifiers", "_metadata")

    def __init__(self) -> None:
        """Attach nothing yet."""
        self._classifiers: dict[str, dict[int, str]] = {}
        self._metadata: dict[int, str] = {}

    def put(
        self, row: int, classifiers: Mapping[str, str] | None, metadata: Mapping[str, Any] | None
    ) -> None:
        """Attach to a row what belongs to it, in place of what was there."""
        states = dict(classifiers) if classifiers else {}
        for name, state in states.items():
            if not isinstance(name, str) or not isinstance(state, str):
                raise InvalidEvent("classifiers", states, "must be states by name of classifier")
        text = None if metadata is None else _as_json(metadata)
        for known in self._classifiers.values():
            known.pop(row, None)
        self._metadata.pop(row, None)
        for name, state in states.items():
            self._classifiers.setdefault(name, {})[row] = str(state)
        if text is not None:
            self._metadata[row] = text

    def at(self, row: int) -> tuple[dict[str, str] | None, dict[str, Any] | None]:
        """Return the states and the metadata of a row."""
        states = {name: by[row] for name, by in self._classifiers.items() if row in by}
        text = self._metadata.get(row)
        return states or None, None if text is None else json.loads(text)

    def is_one_of(self, classifier: str, states: Collection[str], rows: int) -> NDArray[np.bool_]:
        """Return which rows carry one of these states."""
        found = np.zeros(rows, dtype=bool)
        known = self._classifiers.get(classifier, {})
        found[[row for row, state in known.items() if state in states]] = True
        return found

    def taken(self, rows: NDArray[np.int64]) -> Attached:
        """Return what belongs to these rows, which become rows 0, 1, 2 ..."""
        made = Attached()
        if self._classifiers or self._metadata:
            place = {row: new for new, row in enumerate(rows.tolist())}
            for name, known in self._classifiers.items():
                kept = {place[row]: state for row, state in known.items() if row in place}
                if kept:
                    made._classifiers[name] = kept
            made._metadata = {place[r]: text for r, text in self._metadata.items() if r in place}
        return made

    def columns(self, rows: int) -> dict[str, pa.Array]:
        """Return the columns of a table: a state per classifier, and metadata as JSON."""
        columns = {f"{_PREFIX}{n}": by for n, by in sorted(self._classifiers.items()) if by}
        if self._metadata:
            columns[_METADATA] = self._metadata
        return {name: _column(by, rows) for name, by in columns.items()}

    @classmethod
    def of(cls, table: pa.Table) -> Attached:
        """Return what the columns of a table hold."""
        made = cls()
        for name in table.column_names:
            if name == _METADATA:
                made._metadata = _by_row(table.column(name))
            elif name.startswith(_PREFIX) and (known := _by_row(table.column(name))):
                made._classifiers[name.removeprefix(_PREFIX)] = known
        return made

    def said(self) -> list[Any]:
        """Return everything in one form: the same for the same content."""
        states = sorted((name, sorted(by.items())) for name, by in self._classifiers.items() if by)
        return [states, sorted(self._metadata.items())]


def _as_json(metadata: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(metadata), sort_keys=True, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise InvalidEvent("metadata", metadata, f"must be what JSON can hold ({exc})") from exc


def _column(by_row: Mapping[int, str], rows: int) -> pa.Array:
    import pyarrow as pa

    whole: list[str | None] = [None] * rows
    for row, text in by_row.items():
        whole[row] = text
    return pa.array(whole, pa.string())


def _by_row(column: pa.ChunkedArray) -> dict[int, str]:
    return {row: text for row, text in enumerate(column.to_pylist()) if text is not None}
