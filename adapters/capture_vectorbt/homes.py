"""Where the arrays of a call lie in its recording: signals, orders, base data, or on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pandas as pd

from capture_vectorbt.cells import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Homes", "Stored", "dense"]

_PER: Final = (1, 10**3, 10**6, 10**9)
"""Nanoseconds in the units of an index of times."""

_PRICES: Final = ("open", "high", "low", "close")


class Stored(Protocol):
    """What a recording holds: when it is written, and when it is read."""

    shape: tuple[int, int]

    def cells(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any] | None]:
        """Return bars, columns and sizes of the signals of a kind."""
        ...

    def price(self, symbol: str, name: str) -> NDArray[np.float64] | None:
        """Return a column of the base data of a symbol; None if there is none."""
        ...

    def times_ns(self) -> NDArray[np.int64] | None:
        """Return the labels of the bars; None where they are only numbered."""
        ...


class Homes:
    """Finds out where an array lies already, and fetches it from there."""

    def __init__(self, stored: Stored, close: Any, symbols: Sequence[str]) -> None:
        """Look in what is stored.

        Args:
            stored: what the recording holds.
            close: the prices as given; their columns are instruments.
            symbols: the instrument of each column of the portfolio.
        """
        self._stored = stored
        self._symbols = symbols
        self._labels = [str(c) for c in close.columns] if isinstance(close, pd.DataFrame) else []

    def known(self, argument: str, values: NDArray[Any]) -> Mapping[str, Any] | None:
        """Return where an array of an argument lies, if exactly it can be had from there."""
        for said in self._places(argument, values):
            found = fetch(self._stored, {**said, "shape": values.shape})
            if found is not None and _equal(found, values):
                return said
        return None

    def _places(self, argument: str, values: NDArray[Any]) -> list[dict[str, Any]]:
        if argument == "index":
            return [{"from": "times", "per": per} for per in _PER]
        if values.shape[:1] != self._stored.shape[:1] or values.ndim > 2:
            return []
        width = 1 if values.ndim == 1 else values.shape[1]
        if argument in KINDS:
            kind = np.float64 if argument == "size" else np.bool_
            fits = width in {1, self._stored.shape[1]} and values.dtype == kind
            return [{"from": "signals", "kind": KINDS.index(argument)}] if fits else []
        if argument not in _PRICES or values.dtype.kind not in "fiu":
            return []
        ways = [self._symbols[:1], self._symbols, self._labels]
        return [
            {"from": "bars", "column": argument, "symbols": list(symbols)}
            for symbols in ways
            if len(symbols) == width
        ]


def _equal(found: NDArray[Any], values: NDArray[Any]) -> bool:
    back = found.astype(values.dtype).reshape(values.shape)
    return back.tobytes() == np.ascontiguousarray(values).tobytes()


def fetch(stored: Stored, said: Mapping[str, Any]) -> NDArray[Any] | None:
    """Return an array from where it lies; None if it is not there."""
    shape = tuple(said["shape"])
    if said["from"] == "times":
        times = stored.times_ns()
        return None if times is None else times // said["per"]
    if said["from"] == "signals":
        return dense(stored, said["kind"], 1 if len(shape) == 1 else shape[1])
    found = [stored.price(symbol, said["column"]) for symbol in said["symbols"]]
    columns = [column for column in found if column is not None]
    return np.stack(columns, axis=1) if len(columns) == len(found) else None


def dense(stored: Stored, kind: int, width: int) -> NDArray[Any]:
    """Return the array that has these signals; of fewer columns, that of the first ones."""
    bars, columns, sizes = stored.cells(kind)
    if width < stored.shape[1]:
        mine = columns < width
        bars, columns = bars[mine], columns[mine]
        sizes = None if sizes is None else sizes[mine]
    if KINDS[kind] == "size":
        array: NDArray[Any] = np.full((stored.shape[0], width), np.nan)
        array[bars, columns] = sizes
    else:
        array = np.zeros((stored.shape[0], width), dtype=bool)
        array[bars, columns] = True
    return array
