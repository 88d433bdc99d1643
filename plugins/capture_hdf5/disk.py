"""A file for HDF5 to write to, which a full disk does not turn into a crash."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["SturdyFile"]


class SturdyFile(io.RawIOBase):
    """A new file that takes every write and raises what went wrong when it is closed.

    The HDF5 library cannot let go of a file whose last bytes it could not write: it kills the
    process instead. So when the disk fails, this one goes on in memory, the library finishes in
    peace, and then the error is raised.
    """

    def __init__(self, path: Path) -> None:
        self._file: io.FileIO | io.BytesIO = io.FileIO(path, "w+")
        self._problem: OSError | None = None

    def readable(self) -> bool:
        """HDF5 reads what it has written."""
        return True

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def seekable(self) -> bool:
        """HDF5 writes here and there."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a place in the file."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the place in the file."""
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        """Read at the present place."""
        return self._file.readinto(buffer)

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        """Write all of the data at the present place."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as exc:
                self._go_on_in_memory(exc)
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size of the file."""
        try:
            return self._file.truncate(size)
        except OSError as exc:
            self._go_on_in_memory(exc)
            return self._file.truncate(size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self.close()
        if self._problem is not None:
            raise self._problem

    def _go_on_in_memory(self, problem: OSError) -> None:
        place = self._file.tell()
        self._file.seek(0)
        memory = io.BytesIO(self._file.read())
        memory.seek(place)
        self._file.close()
        self._file, self._problem = memory, problem
