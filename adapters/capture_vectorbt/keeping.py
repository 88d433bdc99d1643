"""Arguments of a call as JSON, without loss and without pickle; what cannot be kept is named."""

from __future__ import annotations

import math
from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from vectorbt.utils.template import Rep

from capture_vectorbt.copying import Late, LateFrame, LateSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Known = Callable[[str, Any], Mapping[str, Any] | None]

__all__ = ["KIND", "Keeper"]

KIND: Final = "="
"""The key that says what a JSON object stands for."""

_SMALL: Final = 64
"""Bytes up to which an array lies in the call's own text."""


class Keeper:
    """Turns arguments into JSON.

    Attributes:
        arrays: the arrays that have no other home, as JSON.
        indexes: the indexes of pandas objects, each once.
        unkept: types of what cannot be kept, by argument.
    """

    def __init__(self, known: Known, *, brief: bool = False) -> None:
        """Begin.

        Args:
            known: says where an array of an argument lies already, if it does.
            brief: keep of times with a frequency the first and their number.
        """
        self._brief = brief
        self.arrays: list[dict[str, Any]] = []
        self.indexes: list[dict[str, Any]] = []
        self.unkept: dict[str, str] = {}
        self._known = known
        self._seen_indexes: list[pd.Index[Any]] = []
        self._seen_arrays: list[tuple[NDArray[Any], dict[str, Any]]] = []
        self._argument = ""

    def argument(self, name: str, value: Any) -> Any:
        """Return an argument as JSON; one that cannot be kept is noted."""
        self._argument = name
        return self._keep(value)

    def _keep(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        for types, keep in _WAYS:
            if isinstance(value, types):
                return keep(self, value)
        self.unkept[self._argument] = _described(value)
        return {KIND: "unkept", "type": self.unkept[self._argument]}

    def _float(self, value: float) -> Any:
        return value if math.isfinite(value) else {KIND: "float", "value": repr(value)}

    def _scalar(self, value: np.generic) -> Any:
        return {KIND: "scalar", "array": self._inline(np.asarray(value))}

    def _sequence(self, value: Any) -> Any:
        if hasattr(value, "_fields"):  # its type could not be made again
            self.unkept[self._argument] = _described(value)
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {KIND: kind, "items": [self._keep(part) for part in value]}

    def _mapping(self, value: Mapping[Any, Any]) -> Any:
        return {KIND: "dict", "items": [[self._keep(k), self._keep(v)] for k, v in value.items()]}

    def _slice(self, value: slice) -> Any:
        return {
            KIND: "slice",
            "items": [self._keep(v) for v in (value.start, value.stop, value.step)],
        }

    def _timestamp(self, value: pd.Timestamp) -> Any:
        zone = None if value.tz is None else str(value.tz)
        return {
            KIND: "timestamp",
            "value": value.asm8.view("i8").item(),
            "unit": value.unit,
            "zone": zone,
        }

    def _timedelta(self, value: Any) -> Any:
        pandas = pd.Timedelta(value)
        return {KIND: "timedelta", "value": pandas.asm8.view("i8").item(), "unit": pandas.unit}

    def _offset(self, value: pd.DateOffset) -> Any:
        return {KIND: "offset", "text": value.freqstr}

    def _rep(self, value: Rep) -> Any:
        return {KIND: "rep", "name": self._keep(value.key), "mapping": self._mapping(value.mapping)}

    def _series(self, value: pd.Series[Any]) -> Any:
        return {
            KIND: "series",
            "index": self._index(value.index),
            "name": self._keep(value.name),
            "values": self._values(value),
        }

    def _late_series(self, value: LateSeries) -> Any:
        return {
            KIND: "series",
            "index": self._index(value.index),
            "name": self._keep(value.name),
            "values": self._array(value.values),
        }

    def _late_frame(self, value: LateFrame) -> Any:
        return {
            KIND: "frame",
            "index": self._index(value.index),
            "columns": self._index(value.columns),
            "values": self._array(value.values),
        }

    def _frame(self, value: pd.DataFrame) -> Any:
        kept: dict[str, Any] = {
            KIND: "frame",
            "index": self._index(value.index),
            "columns": self._index(value.columns),
        }
        if value.dtypes.nunique() == 1 and isinstance(value.dtypes.iloc[0], np.dtype):
            return kept | {"values": self._array(value.to_numpy())}
        places = range(value.shape[1])
        return kept | {"each": [self._values(value.iloc[:, place]) for place in places]}

    def _values(self, value: Any) -> Any:
        if isinstance(value.dtype, pd.StringDtype):
            return self._text(value)
        if not isinstance(value.dtype, np.dtype):
            self.unkept[self._argument] = f"pandas {value.dtype}"
            return {KIND: "unkept", "type": str(value.dtype)}
        return self._array(value.to_numpy())

    def _text(self, value: Any) -> Any:
        words = [word if isinstance(word, str) else None for word in value]
        return {KIND: "text", "dtype": str(value.dtype), "items": words}

    # --- arrays ------------------------------------------------------------------------------

    def _array(self, value: Any) -> Any:
        found = self._known(self._argument, value)
        if found is not None:
            return {KIND: "stored", "dtype": value.dtype.str, "shape": list(value.shape), **found}
        if value.nbytes <= _SMALL or value.dtype.hasobject:
            return self._inline(value)
        for seen, kept in self._seen_arrays:
            if seen is value:
                return kept
        self.arrays.append(self._inline(value))
        kept = {KIND: "array", "number": len(self.arrays) - 1}
        self._seen_arrays.append((value, kept))
        return kept

    def _inline(self, value: NDArray[Any]) -> Any:
        head = {KIND: "inline", "dtype": value.dtype.str, "shape": list(value.shape)}
        if value.dtype.kind == "O":
            return head | {"items": [self._keep(part) for part in value.ravel()]}
        if value.dtype.names is not None:
            self.unkept[self._argument] = f"array of {value.dtype}"
            return {KIND: "unkept", "type": str(value.dtype)}
        content = np.ascontiguousarray(value).tobytes()
        if len(content) > _SMALL:
            packed = pa.compress(content, codec="zstd", asbytes=True)
            return head | {"codec": "zstd", "content": b64encode(packed).decode()}
        return head | {"content": b64encode(content).decode()}

    # --- indexes -----------------------------------------------------------------------------

    def _bare_index(self, index: pd.Index[Any]) -> Any:
        return {KIND: "index", "number": self._index(index)}

    def _index(self, index: pd.Index[Any]) -> int:
        for number, seen in enumerate(self._seen_indexes):
            if seen is index or (type(seen) is type(index) and _same(seen, index)):
                return number
        kept = self._index_itself(index)
        self._seen_indexes.append(index)
        self.indexes.append(kept)
        return len(self._seen_indexes) - 1

    def _index_itself(self, index: pd.Index[Any]) -> dict[str, Any]:
        if isinstance(index, pd.MultiIndex):
            return {
                KIND: "multi",
                "levels": [self._index_itself(level) for level in index.levels],
                "codes": [self._inline(np.asarray(codes)) for codes in index.codes],
                "names": [self._keep(name) for name in index.names],
            }
        name = self._keep(index.name)
        if isinstance(index, pd.RangeIndex):
            return {KIND: "range", "name": name, "items": [index.start, index.stop, index.step]}
        if isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
            zone = getattr(index, "tz", None)
            self_said = {
                KIND: "datetimes" if isinstance(index, pd.DatetimeIndex) else "timedeltas",
                "name": name,
                "unit": index.unit,
                "zone": None if zone is None else str(zone),
                "freq": index.freqstr,
            }
            if self._brief and index.freq is not None and len(index):
                return self_said | {"first": index.asi8[0].item(), "count": len(index)}
            argument, self._argument = self._argument, "index"
            values = self._array(index.asi8)
            self._argument = argument
            return self_said | {"values": values}
        if isinstance(index.dtype, pd.StringDtype):  # what pandas 3 makes of names
            return {KIND: "plain", "name": name, "values": self._text(index)}
        if not isinstance(index.dtype, np.dtype):
            self.unkept[self._argument] = f"index of {index.dtype}"
            return {KIND: "unkept", "type": str(index.dtype)}
        return {KIND: "plain", "name": name, "values": self._inline(index.to_numpy())}


def _same(one: pd.Index[Any], other: pd.Index[Any]) -> bool:
    return one.identical(other) and getattr(one, "freq", None) == getattr(other, "freq", None)


def _described(value: Any) -> str:
    kind = type(value)
    return getattr(value, "__qualname__", None) or f"{kind.__module__}.{kind.__qualname__}"


_WAYS: Final[tuple[tuple[Any, Any], ...]] = (
    (LateSeries, Keeper._late_series),
    (LateFrame, Keeper._late_frame),
    (Late, Keeper._array),
    (np.generic, Keeper._scalar),
    (float, Keeper._float),
    (int, lambda _keeper, value: int(value)),
    (pd.Timestamp, Keeper._timestamp),
    ((pd.Timedelta, timedelta), Keeper._timedelta),
    (pd.DateOffset, Keeper._offset),
    (pd.Series, Keeper._series),
    (pd.DataFrame, Keeper._frame),
    (pd.Index, Keeper._bare_index),
    (np.ndarray, Keeper._array),
    ((tuple, list), Keeper._sequence),
    (dict, Keeper._mapping),
    (slice, Keeper._slice),
    (Rep, Keeper._rep),
)
