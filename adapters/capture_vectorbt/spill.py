"""A file that holds heard calls until they are written, for the case that the process dies.

The file is a head and frames. The head says from where to where there are frames that are wanted;
its numbers are written after what they speak of. A frame is its length, the length of its text,
the text (JSON), and arrays as they lay in memory.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from capture.errors import StoreError
from capture.store.locks import Lock
from capture.store.store import Store
from capture_vectorbt.copying import SMALL, Copies, Late

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Filed", "Frame", "Spill", "frames_in"]

_MAGIC: Final = b"capcall1"
_HEAD: Final = struct.Struct("<8sQQ")
_BOUNDS: Final = struct.Struct("<QQ")
_LENGTHS: Final = struct.Struct("<QQ")
_FIRST: Final = 4096

_RESERVED: Final = 1024 * 1024
"""Bytes that are there from the start: writing over them takes a tenth of adding them."""


class Spill:
    """Writes the frames, and says which are still wanted."""

    def __init__(self, store: str | Path) -> None:
        """Begin a file in a store, which is made if there is none."""
        layout = Store(store, create=True, recover=False).layout
        layout.waiting.mkdir(exist_ok=True)
        self._path = layout.waiting / f"{os.getpid()}-{secrets.token_hex(6)}.vectorbt"
        self._lock = Lock(self._path)
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        self._wanted = self._end = _FIRST
        os.pwrite(self._file, bytes(_FIRST + _RESERVED), 0)
        os.pwrite(self._file, _HEAD.pack(_MAGIC, _FIRST, _FIRST), 0)

    def keep(self, text: str, arrays: Sequence[NDArray[Any]]) -> int:
        """Write a frame and return where it ends.

        Raises:
            OSError: it could not be written; the file is as before.
        """
        said = text.encode()
        buffers = [np.ascontiguousarray(array) for array in arrays]
        size = _LENGTHS.size + len(said) + sum(buffer.nbytes for buffer in buffers)
        parts: list[Any] = [_LENGTHS.pack(size, len(said)), said]
        parts += [buffer.reshape(-1).view(np.uint8) for buffer in buffers if buffer.size]
        if os.pwritev(self._file, parts, self._end) != size:
            raise OSError("the calls that wait could not be kept: there is no room")
        self._end += size
        self._say()
        return self._end

    def read(self, at: int, size: int) -> bytearray:
        """Return bytes of a frame that is still wanted.

        Raises:
            StoreError: they are not there any more.
        """
        found = bytearray(size)
        if os.preadv(self._file, [found], at) != size:
            raise StoreError(self._path, "calls that wait were cut off", "they are not recorded")
        return found

    def done(self, end: int) -> None:
        """Say that the frames up to one that ends here are written elsewhere."""
        self._wanted = end
        if end == self._end:
            self._wanted = self._end = _FIRST
        self._say()

    def _say(self) -> None:
        os.pwrite(self._file, _BOUNDS.pack(self._wanted, self._end), len(_MAGIC))

    def close(self) -> None:
        """Remove the file, unless a frame in it is still wanted."""
        if self._wanted == self._end:
            self._path.unlink(missing_ok=True)
            with suppress(OSError):  # another process has its own there
                self._path.parent.rmdir()
        os.close(self._file)
        self._lock.release()

    def disown(self) -> None:
        """Close the file in a child of its process, and leave it as it is."""
        os.close(self._file)


class _Place:
    """Where an array lies: in memory, or in a file once it is written there."""

    __slots__ = ("array", "at", "dtype", "nbytes", "spill")

    def __init__(self, array: NDArray[Any], at: int) -> None:
        self.array: NDArray[Any] | None = array
        self.at = at
        self.dtype, self.nbytes = array.dtype, array.nbytes
        self.spill: Spill | None = None

    def read(self) -> NDArray[Any]:
        """Return the array, which is read but once."""
        if self.array is None:
            assert self.spill is not None
            self.array = np.frombuffer(self.spill.read(self.at, self.nbytes), self.dtype)
        return self.array


class LateArray(Late):
    """An array that is not copied: it is read from the file when it is needed.

    Attributes:
        dtype: its type.
        shape: its shape.
        at: where it lies among the arrays of its frame.
    """

    __slots__ = ("_place", "at", "dtype", "shape")

    def __init__(self, place: _Place, shape: tuple[int, ...]) -> None:
        """Remember where the array is."""
        self._place = place
        self.at, self.dtype, self.shape = place.at, place.dtype, shape

    def make(self) -> NDArray[Any]:
        """Return the array as it was."""
        return self._place.read().reshape(self.shape)


class Filed(Copies):
    """Leaves arrays where they lie, until they are written into a file, each piece of memory once.

    Attributes:
        others: copies what is not written from where it lies.
        every: the arrays to write, one behind the other.
        nbytes: size of all of them.
    """

    def __init__(self) -> None:
        """Begin with none; they must be written before anybody can change them."""
        super().__init__()
        self.others = Copies()
        self.every: list[NDArray[Any]] = []
        self._places: list[_Place] = []
        self._known: dict[Any, _Place] = {}
        # As long as they are there, nothing else has their place in memory.
        self._same: list[NDArray[Any]] = []

    def inner(self, value: Any) -> Any:
        """Return a copy of a part of something."""
        return self.others.inner(value)

    def of_array(self, array: NDArray[Any]) -> Any:
        """Return what the array is read from later; a copy of one that is small or not plain."""
        if array.nbytes <= SMALL or not _is_plain(array) or not array.flags.c_contiguous:
            return self.others.of_array(array)
        return self._once(array)

    def add(self, array: NDArray[Any]) -> LateArray:
        """Take an array that is to be written."""
        place = _Place(array, self.nbytes)
        self._places.append(place)
        self.every.append(array)
        self.nbytes += array.nbytes
        return LateArray(place, array.shape)

    def _once(self, array: NDArray[Any]) -> LateArray:
        """Take an array, unless its memory or another with the same content is taken already."""
        key = (array.__array_interface__["data"][0], array.dtype.str, array.nbytes)
        place = self._known.get(key) or next(filter(_like(array), self._known.values()), None)
        if place is not None:
            self._known[key] = place
            self._same.append(array)
            return LateArray(place, array.shape)
        late = self.add(array)
        self._known[key] = self._places[-1]
        return late

    def place(self, _argument: str, values: Any) -> dict[str, Any] | None:
        """Say where an array of plain numbers lies, which is taken if it was not yet."""
        if not isinstance(values, LateArray):
            if not _is_plain(values) or not values.size:
                return None
            values = self._once(np.ascontiguousarray(values))
        return {"from": "frame", "at": values.at}

    def written(self, spill: Spill, begin: int) -> None:
        """Let the arrays go: they are in a file, from this place on."""
        for place in self._places:
            place.spill, place.at, place.array = spill, begin + place.at, None

    def hold(self) -> None:
        """Copy the arrays: they are in no file."""
        for place in self._places:
            place.array = place.read().copy()


def _is_plain(array: NDArray[Any]) -> bool:
    return not array.dtype.hasobject and array.dtype.names is None


def _like(array: NDArray[Any]) -> Callable[[_Place], bool]:
    """Return what says whether a place has the content of an array, bit by bit."""

    def same(place: _Place) -> bool:
        if place.dtype != array.dtype or place.nbytes != array.nbytes:
            return False
        return bool((_bits(place.read()) == _bits(array)).all())

    return same


def _bits(array: NDArray[Any]) -> NDArray[Any]:
    size = array.dtype.itemsize
    return array.reshape(-1).view(f"u{size}" if size in {1, 2, 4, 8} else np.uint8)


class Frame:
    """One frame as it is read.

    Attributes:
        said: its text.
        end: where it ends.
    """

    def __init__(self, said: Mapping[str, Any], content: memoryview, end: int) -> None:
        """Take over a frame's text and its arrays."""
        self.said = said
        self.end = end
        self._content = content

    def array(self, dtype: np.dtype[Any], shape: tuple[int, ...], at: int) -> NDArray[Any]:
        """Return an array of the user's own, from its place among the arrays."""
        count = int(np.prod(shape))
        found = np.frombuffer(self._content, dtype, count, at)
        return found.reshape(shape).copy()


def frames_in(path: Path) -> Iterator[Frame]:
    """Yield the frames of a file that are still wanted."""
    content = memoryview(path.read_bytes())
    if len(content) < _HEAD.size:
        return
    magic, at, end = _HEAD.unpack_from(content)
    if magic != _MAGIC:
        return
    while at < end:
        size, text = _LENGTHS.unpack_from(content, at)
        begin = at + _LENGTHS.size
        said = json.loads(bytes(content[begin : begin + text]))
        yield Frame(said, content[begin + text : at + size], at + size)
        at += size
