"""The indicators that were made while somebody listened, read at the signals' bars."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from capture_vectorbt.cells import Cells
    from capture_vectorbt.copying import Copies

__all__ = ["Gathered", "Indicators", "Seen", "gather"]


class Gathered:
    """Indicators as a recording has them.

    Attributes:
        columns: values at the signals, by column name.
        metadata: by column of the portfolio, what each indicator is.
        arrays: by column name, values at every bar where they are known, and by column of the
            portfolio which of the array's columns is meant; -1: none.
    """

    def __init__(self, count: int) -> None:
        """Begin with none, for a portfolio with this many columns."""
        self.columns: dict[str, NDArray[Any]] = {}
        self.metadata: list[dict[str, dict[str, Any]]] = [{} for _ in range(count)]
        self.arrays: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}


class Indicators:
    """Remembers indicators; after the run that follows them, only as long as others do."""

    def __init__(self) -> None:
        """Begin with none."""
        self._fresh: list[Any] = []
        self._known: list[weakref.ref[Any]] = []

    def made(self, indicator: Any) -> None:
        """Remember an indicator."""
        self._fresh.append(indicator)

    def seen(
        self, bars: int, copies: Copies, wanted: NDArray[np.int64] | None = None
    ) -> list[Seen]:
        """Return those that have so many bars; from now on none is kept alive for its own sake.

        Args:
            bars: number of bars.
            copies: copies what can be written to.
            wanted: bars at which their values are needed; None: at every one.
        """
        alive = [found for ref in self._known if (found := ref()) is not None]
        every = alive + self._fresh
        self._known = [weakref.ref(indicator) for indicator in every]
        self._fresh = []
        return [Seen(each, copies, wanted) for each in every if each.wrapper.shape_2d[0] == bars]


class Seen:
    """An indicator as it was at a call, which does not keep it alive.

    Attributes:
        name: what its user calls it.
        columns: labels of its columns.
        metadata: what it is: its function and its inputs.
        params: its parameters, by name one value for each column.
        outputs: its lines, at every bar or at those that are wanted.
        wanted: these bars; None: every one.
    """

    __slots__ = ("columns", "metadata", "name", "outputs", "params", "wanted")

    def __init__(self, indicator: Any, copies: Copies, wanted: NDArray[np.int64] | None) -> None:
        """Take what is needed of it, and copy what can be written to."""
        self.name = _name_of(indicator)
        self.columns: pd.Index[Any] = indicator.wrapper.columns
        self.metadata = {
            "function": type(indicator).__qualname__,
            "inputs": list(indicator.input_names),
        }
        self.params = {
            word: getattr(indicator, f"_{word}_mapper") for word in indicator.param_names
        }
        names = (*indicator.in_output_names, *indicator.output_names)
        own = {name: getattr(indicator, f"_{name}") for name in names}
        self.wanted = wanted
        if wanted is None:
            self.outputs = {name: copies.of(values) for name, values in own.items()}
        else:
            self.outputs = {name: np.take(values, wanted, axis=0) for name, values in own.items()}

    def fits(self, columns: pd.Index[Any]) -> bool:
        """Say whether it belongs to a portfolio with these columns."""
        return _places(columns, self.columns) is not None


def gather(every: Iterable[Seen], columns: pd.Index[Any], cells: Cells) -> Gathered:
    """Return the values of indicators at the signals, of those that fit the columns."""
    gathered = Gathered(len(columns))
    known: dict[str, int] = {}
    for one in every:
        places = _places(columns, one.columns)
        if places is None:
            continue
        short = one.name
        known[short] = known.get(short, 0) + 1
        name = short if known[short] == 1 else f"{short}_{known[short]}"
        lines = _lines(name, one.outputs)
        _describe(gathered, name, one, places, list(lines))
        at = places[cells.columns]
        bars = cells.bars if one.wanted is None else np.searchsorted(one.wanted, cells.bars)
        for line, values in lines.items():
            taken = np.asarray(values)[bars, np.maximum(at, 0)]
            gathered.columns[f"indicator_{line}"] = _storable(taken, at >= 0)
            if one.wanted is None:
                gathered.arrays[f"indicator_{line}"] = (values, places)
    return gathered


def _name_of(indicator: Any) -> str:
    """Return the name that the user gave an indicator, which its parameters' labels begin with."""
    if indicator.param_names:
        label, suffix = str(indicator.level_names[0]), f"_{indicator.param_names[0]}"
        if label.endswith(suffix):
            return label.removesuffix(suffix)
    return str(indicator.short_name)


def _lines(name: str, outputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    several = len(outputs) > 1
    return {
        f"{name}_{output}" if several else name: _two_dimensional(array)
        for output, array in outputs.items()
    }


def _two_dimensional(array: NDArray[Any]) -> NDArray[Any]:
    return array[:, None] if array.ndim == 1 else array


def _describe(
    gathered: Gathered, name: str, one: Seen, places: NDArray[np.int64], lines: list[str]
) -> None:
    for column, place in enumerate(places.tolist()):
        if place >= 0:
            gathered.metadata[column][name] = {
                **one.metadata,
                "params": {word: values[place] for word, values in one.params.items()},
                "lines": lines,
            }


def _places(columns: pd.Index[Any], own: pd.Index[Any]) -> NDArray[np.int64] | None:
    """Return for each column of the portfolio the indicator's column; None if they do not fit."""
    count = len(columns)
    if len(own) == 1:
        return np.zeros(count, dtype=np.int64)
    pairs = _shared_levels(columns, own)
    if len(pairs) == own.nlevels:
        first: dict[Any, int] = {}
        for place, label in enumerate(_labels(own, [mine for mine, _ in pairs])):
            first.setdefault(label, place)
        wanted = _labels(columns, [theirs for _, theirs in pairs])
        return np.array([first.get(label, -1) for label in wanted])
    return np.arange(count) if len(own) == count else None


def _shared_levels(columns: pd.Index[Any], own: pd.Index[Any]) -> list[tuple[int, int]]:
    """Return the levels of both that have a name in common; a name that is there twice has none."""
    names, theirs = list(own.names), list(columns.names)
    return [
        (place, theirs.index(name))
        for place, name in enumerate(names)
        if name is not None and names.count(name) == 1 and theirs.count(name) == 1
    ]


def _labels(index: pd.Index[Any], levels: list[int]) -> list[Any]:
    return list(zip(*(index.get_level_values(level) for level in levels), strict=True))


def _storable(values: NDArray[Any], known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return values in a type that a column may have."""
    if values.dtype.kind == "b" and known.all():
        return values
    if values.dtype.kind in "iu" and known.all():
        return values.astype(np.int64)
    if values.dtype.kind not in "biuf":
        return np.array([str(v) if k else None for v, k in zip(values, known, strict=True)], object)
    return np.where(known, values.astype(np.float64), np.nan)
