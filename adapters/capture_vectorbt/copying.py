"""Copies of what a user hands over, for whoever reads it after the user has gone on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from sys import getrefcount
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["SMALL", "Copies", "Late", "LateFrame", "LateSeries", "made", "now"]

_FIXED: Final = frozenset({type(None), bool, int, float, str})

SMALL: Final = 64
"""Bytes up to which an array is copied without asking whether it was copied before."""


class Late(ABC):
    """Something that is made when it is needed."""

    __slots__ = ()

    @abstractmethod
    def make(self) -> Any:
        """Return it."""


class LateSeries(Late):
    """A series that is made when it is needed: making one takes longer than copying it."""

    __slots__ = ("_attrs", "index", "name", "values")

    def __init__(self, series: pd.Series[Any], values: Any) -> None:
        """Remember everything but the values, which are copies, or will be made."""
        self.values, self._attrs = values, series.attrs
        self.index, self.name = series.index, series.name

    def make(self) -> pd.Series[Any]:
        """Return the series."""
        series = pd.Series(now(self.values), index=self.index, name=self.name, copy=False)
        series.attrs.update(self._attrs)
        return series


class LateFrame(Late):
    """A frame of one type that is made when it is needed."""

    __slots__ = ("_attrs", "columns", "index", "values")

    def __init__(self, frame: pd.DataFrame, values: Any) -> None:
        """Remember everything but the values, which are copies, or will be made."""
        self.values, self._attrs = values, frame.attrs
        self.index, self.columns = frame.index, frame.columns

    def make(self) -> pd.DataFrame:
        """Return the frame."""
        frame = pd.DataFrame(now(self.values), index=self.index, columns=self.columns, copy=False)
        frame.attrs.update(self._attrs)
        return frame


def now(value: Any) -> Any:
    """Return a value, also one that was put off."""
    return value.make() if isinstance(value, Late) else value


def made(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with those that were put off."""
    return {name: now(value) for name, value in values.items()}


class Copies:
    """Copies values, each piece of memory once.

    Attributes:
        nbytes: size of the copies that were made.
    """

    def __init__(self) -> None:
        """Begin with none; what is copied must stay alive as long as this is used."""
        self.nbytes = 0
        self._seen: dict[Any, NDArray[Any]] = {}

    def of(self, value: Any) -> Any:
        """Return a value that does not change when the given one does; see `made`."""
        if type(value) in _FIXED:
            return value
        if isinstance(value, np.ndarray):
            return self.of_array(value)
        if isinstance(value, pd.Series):
            if not isinstance(value.dtype, np.dtype):
                return value.copy()
            return LateSeries(value, self.of_array(value.to_numpy()))
        if isinstance(value, pd.DataFrame):
            return self._frame(value)
        if isinstance(value, dict):
            return {key: self.inner(part) for key, part in value.items()}
        if type(value) in (list, tuple):
            return type(value)(self.inner(part) for part in value)
        return value

    def left(self, values: Mapping[Any, Any]) -> dict[Any, Any]:
        """Return what a call that has returned was given, and nothing else is going to change.

        What only this mapping holds, nobody can change, and is not copied.
        """
        kept = {}
        for name in values:
            alone = type(values[name]) is np.ndarray and getrefcount(values[name]) == _ONE
            if alone and (values[name].base is None or getrefcount(values[name].base) == _ONE):
                kept[name] = values[name]
            else:
                kept[name] = self.of(values[name])
        return kept

    def inner(self, value: Any) -> Any:
        """Return a copy of a part of something."""
        return value.copy() if isinstance(value, (pd.Series, pd.DataFrame)) else self.of(value)

    def _frame(self, frame: pd.DataFrame) -> Any:
        kinds = set(frame.dtypes.tolist())
        if len(kinds) != 1 or not isinstance(kinds.pop(), np.dtype):
            return frame.copy()
        return LateFrame(frame, self.of_array(frame.to_numpy()))

    def of_array(self, array: NDArray[Any]) -> Any:
        """Return the copy of an array; views of one and the same memory get one copy."""
        if array.nbytes <= SMALL or array.dtype.hasobject:
            return array.copy()
        layout = tuple(zip(array.shape, array.strides, strict=True))
        if any(not stride and size > 1 for size, stride in layout):  # broadcast
            core = array[tuple(slice(None) if stride else slice(0, 1) for _, stride in layout)]
            return np.broadcast_to(self.of_array(core), array.shape)
        long = tuple(axis for axis in layout if axis[0] > 1)
        key = (array.__array_interface__["data"][0], array.dtype, long)
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = array.copy(order="K").reshape([size for size, _ in long])
            self.nbytes += found.nbytes
        return found.reshape(array.shape)


_HELD: Final = {"": object()}
_ONE: Final = getrefcount(_HELD[""])
"""What is counted of something that one place alone holds."""
