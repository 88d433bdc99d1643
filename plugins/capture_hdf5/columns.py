"""One column of a table as HDF5 datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import h5py

__all__ = ["ColumnReader", "ColumnWriter", "dataset_names"]

_MOST_TOGETHER: Final = 1 << 16  # values, or bytes of text, in one chunk of HDF5
_QUOTED: Final = {ord("%"): "%25", ord("/"): "%2F", 0: "%00"}


def dataset_names(columns: Iterable[str]) -> dict[str, str]:
    """Return the name of each column's dataset: its own, with what HDF5 cannot have quoted."""
    return {name: "%2E" if name == "." else name.translate(_QUOTED) for name in columns}


class ColumnWriter:
    """Appends blocks of values to the datasets of one column."""

    def __init__(self, file: h5py.File, name: str, filters: Mapping[str, Any]) -> None:
        self._file = file
        self._name = name
        self._filters = filters
        self._datasets: dict[str, h5py.Dataset] = {}
        self._text_bytes = 0

    def write(self, values: pa.Array, start: int) -> None:
        """Write a block of values, the first of which is row number `start`."""
        if values.null_count or "valid" in self._datasets:
            self._extend("valid", start, _numpy(values.is_valid()), fillvalue=True)
        if _spans(values.type):
            filled = pc.fill_null(values, pa.scalar(b"").cast(values.type))
            text = _bytes_of(filled)
            self._extend("lengths", start, _numpy(pc.binary_length(filled)))
            self._extend("columns", self._text_bytes, text)
            self._text_bytes += len(text)
            return
        is_time = pa.types.is_timestamp(values.type)
        numbers = values.view(pa.int64()) if is_time else values
        empty = False if pa.types.is_boolean(values.type) else 0
        dataset = self._extend("columns", start, _numpy(pc.fill_null(numbers, empty)))
        if is_time:
            dataset.attrs["unit"] = "nanoseconds since 1970-01-01 UTC"

    def _extend(self, group: str, start: int, values: Any, **settings: Any) -> h5py.Dataset:
        """Write the values behind the others; the first ones say how much is stored together."""
        dataset = self._datasets.get(group)
        if dataset is None:
            dataset = self._datasets[group] = self._file.create_dataset(
                f"{group}/{self._name}",
                shape=(0,),
                maxshape=(None,),
                chunks=(min(max(len(values), 1), _MOST_TOGETHER),),
                dtype=values.dtype,
                **settings,
                **self._filters,
            )
        if len(values):
            dataset.resize((start + len(values),))
            dataset[start:] = values
        return dataset


class ColumnReader:
    """Reads blocks of values from the datasets of one column."""

    def __init__(self, file: h5py.File, name: str, type_: pa.DataType) -> None:
        self._type = type_
        self._values = file[f"columns/{name}"]
        self._valid = file.get(f"valid/{name}")
        self._starts: np.ndarray[Any, np.dtype[np.int64]] | None = None
        if _spans(type_):
            lengths = file[f"lengths/{name}"][:]
            self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def read(self, start: int, stop: int) -> pa.Array:
        """Return the values of these rows."""
        valid = None if self._valid is None else self._valid[start:stop]
        if self._starts is None:
            values = pa.array(self._values[start:stop], mask=None if valid is None else ~valid)
            return values.view(self._type) if pa.types.is_timestamp(self._type) else values
        ends = self._starts[start : stop + 1]
        buffers = [
            None if valid is None else pa.array(valid).buffers()[1],
            pa.py_buffer((ends - ends[0]).astype(np.int32)),
            pa.py_buffer(self._values[ends[0] : ends[-1]]),
        ]
        spans = pa.Array.from_buffers(self._type, stop - start, buffers)
        spans.validate(full=True)  # the bytes come from a file, and Arrow trusts them
        return spans


def _spans(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_binary(type_))


def _numpy(values: pa.Array) -> Any:
    return values.to_numpy(zero_copy_only=False)


def _bytes_of(values: pa.Array) -> Any:
    """Return the content of text or bytes without nulls, one after the other."""
    _, offsets, content = values.buffers()
    if content is None or not len(values):
        return np.empty(0, np.uint8)
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    return np.frombuffer(content, np.uint8)[ends[0] : ends[-1]]
