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
from capture_vectorbt.copying import Late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Frame", "LateArray", "Spill", "frames_in"]

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


class LateArray(Late):
    """An array that is not copied: it is read from the file when it is needed."""

    __slots__ = ("_at", "_dtype", "_shape", "_size", "_spill")

    def __init__(self, spill: Spill, array: NDArray[Any], at: int) -> None:
        """Remember where an array lies that was just written."""
        self._spill, self._at = spill, at
        self._dtype, self._shape, self._size = array.dtype, array.shape, array.nbytes

    def make(self) -> NDArray[Any]:
        """Return the array as it was."""
        content = self._spill.read(self._at, self._size)
        return np.frombuffer(content, self._dtype).reshape(self._shape)


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
