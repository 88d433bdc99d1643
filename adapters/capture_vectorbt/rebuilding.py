"""Arguments of a call, made again from what `keeping` kept of them."""

from __future__ import annotations

import math
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from capture_vectorbt.keeping import KIND

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Unkept", "rebuild"]


class Unkept:
    """Stands for what could not be kept."""

    def __init__(self, kind: str) -> None:
        """Remember its type."""
        self.kind = kind


def rebuild(
    kept: Mapping[str, Any],
    arrays: Sequence[Mapping[str, Any]],
    indexes: Sequence[Mapping[str, Any]],
    stored: Callable[[Mapping[str, Any]], NDArray[Any]],
) -> dict[str, Any]:
    """Return the arguments by name.

    Args:
        kept: the arguments as JSON.
        arrays: the arrays that they refer to by number.
        indexes: the indexes that they refer to by number.
        stored: returns an array that lies elsewhere in the recording.
    """
    builder = _Builder(arrays, indexes, stored)
    return {name: builder.make(value) for name, value in kept.items()}


class _Builder:
    def __init__(
        self,
        arrays: Sequence[Mapping[str, Any]],
        indexes: Sequence[Mapping[str, Any]],
        stored: Callable[[Mapping[str, Any]], NDArray[Any]],
    ) -> None:
        self._arrays = arrays
        self._indexes = indexes
        self._read_stored = stored
        self._made_indexes: dict[int, Any] = {}

    def make(self, said: Any) -> Any:
        if not isinstance(said, dict):
            return said
        return getattr(self, f"_{said[KIND]}")(said)

    def _items(self, said: Mapping[str, Any]) -> list[Any]:
        return [self.make(part) for part in said["items"]]

    def _unkept(self, said: Mapping[str, Any]) -> Any:
        return Unkept(said["type"])

    def _float(self, said: Mapping[str, Any]) -> Any:
        return float(said["value"])

    def _scalar(self, said: Mapping[str, Any]) -> Any:
        return self.make(said["array"])[()]

    def _tuple(self, said: Mapping[str, Any]) -> Any:
        return tuple(self._items(said))

    def _list(self, said: Mapping[str, Any]) -> Any:
        return self._items(said)

    def _dict(self, said: Mapping[str, Any]) -> Any:
        return {self.make(key): self.make(value) for key, value in said["items"]}

    def _slice(self, said: Mapping[str, Any]) -> Any:
        return slice(*self._items(said))

    def _timestamp(self, said: Mapping[str, Any]) -> Any:
        moment = pd.Timestamp(np.datetime64(said["value"], said["unit"]))
        return (
            moment if said["zone"] is None else moment.tz_localize("UTC").tz_convert(said["zone"])
        )

    def _timedelta(self, said: Mapping[str, Any]) -> Any:
        return pd.Timedelta(np.timedelta64(said["value"], said["unit"]))

    def _offset(self, said: Mapping[str, Any]) -> Any:
        return pd.tseries.frequencies.to_offset(said["text"])

    def _rep(self, said: Mapping[str, Any]) -> Any:
        from vectorbt.utils.template import Rep

        return Rep(self.make(said["name"]), self.make(said["mapping"]))

    def _series(self, said: Mapping[str, Any]) -> Any:
        values = self.make(said["values"])
        if isinstance(values, Unkept):
            return values
        return pd.Series(values, index=self._index_at(said["index"]), name=self.make(said["name"]))

    def _frame(self, said: Mapping[str, Any]) -> Any:
        index, columns = self._index_at(said["index"]), self._index_at(said["columns"])
        if "values" in said:
            return pd.DataFrame(self.make(said["values"]), index=index, columns=columns)
        each = [self.make(part) for part in said["each"]]
        unkept = next((part for part in each if isinstance(part, Unkept)), None)
        if unkept is not None:
            return unkept
        frame = pd.DataFrame(dict(enumerate(each)), index=index)
        frame.columns = columns
        return frame

    def _text(self, said: Mapping[str, Any]) -> Any:
        return pd.array(said["items"], dtype=said["dtype"])

    # --- arrays ------------------------------------------------------------------------------

    def _array(self, said: Mapping[str, Any]) -> Any:
        return self.make(self._arrays[said["number"]])

    def _inline(self, said: Mapping[str, Any]) -> Any:
        kind, shape = np.dtype(said["dtype"]), tuple(said["shape"])
        if "items" in said:
            filled = np.empty(math.prod(shape), dtype=kind)
            for place, part in enumerate(said["items"]):
                filled[place] = self.make(part)
            return filled.reshape(shape)
        content = b64decode(said["content"])
        if said.get("codec") is not None:
            size = math.prod(shape) * kind.itemsize
            content = pa.decompress(content, size, codec=said["codec"], asbytes=True)
        return np.frombuffer(bytearray(content), dtype=kind).reshape(shape)

    def _stored(self, said: Mapping[str, Any]) -> Any:
        found = self._read_stored(said)
        return found.astype(np.dtype(said["dtype"]), copy=False).reshape(tuple(said["shape"]))

    # --- indexes -----------------------------------------------------------------------------

    def _index(self, said: Mapping[str, Any]) -> Any:
        return self._index_at(said["number"])

    def _index_at(self, number: int) -> Any:
        if number not in self._made_indexes:
            self._made_indexes[number] = self.make(self._indexes[number])
        return self._made_indexes[number]

    def _multi(self, said: Mapping[str, Any]) -> Any:
        return pd.MultiIndex(
            levels=[self.make(level) for level in said["levels"]],
            codes=[self.make(codes) for codes in said["codes"]],
            names=[self.make(name) for name in said["names"]],
        )

    def _range(self, said: Mapping[str, Any]) -> Any:
        return pd.RangeIndex(*said["items"]).rename(self.make(said["name"]))

    def _plain(self, said: Mapping[str, Any]) -> Any:
        values = self.make(said["values"])
        return pd.Index(values, dtype=values.dtype, name=self.make(said["name"]))

    def _datetimes(self, said: Mapping[str, Any]) -> Any:
        if "count" in said:
            first = pd.Timestamp(np.datetime64(said["first"], said["unit"]))
            if said["zone"] is not None:
                first = first.tz_localize("UTC").tz_convert(said["zone"])
            times = pd.date_range(first, periods=said["count"], freq=said["freq"])
            return times.as_unit(said["unit"]).rename(self.make(said["name"]))
        values = self.make(said["values"]).view(f"M8[{said['unit']}]")
        index = pd.DatetimeIndex(values, name=self.make(said["name"]))
        if said["zone"] is not None:
            index = index.tz_localize("UTC").tz_convert(said["zone"])
        return _with_freq(index, said["freq"])

    def _timedeltas(self, said: Mapping[str, Any]) -> Any:
        if "count" in said:
            first = pd.Timedelta(np.timedelta64(said["first"], said["unit"]))
            spans = pd.timedelta_range(first, periods=said["count"], freq=said["freq"])
            return spans.as_unit(said["unit"]).rename(self.make(said["name"]))
        values = self.make(said["values"]).view(f"m8[{said['unit']}]")
        return _with_freq(pd.TimedeltaIndex(values, name=self.make(said["name"])), said["freq"])


def _with_freq(index: Any, freq: str | None) -> Any:
    if freq is not None:
        index.freq = pd.tseries.frequencies.to_offset(freq)
    return index
