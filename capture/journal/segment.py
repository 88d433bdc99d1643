"""One segment of the journal: space reserved on disk and mapped into memory, or memory alone."""

from __future__ import annotations

import errno
import mmap
import os
import struct
from pathlib import Path
from typing import Final

from capture.errors import StorageFull, StoreError

__all__ = ["MAGIC", "SEGMENT_HEAD", "SUFFIX", "Segment", "segment_files"]

MAGIC: Final = b"SCJ1"
SUFFIX: Final = ".journal"
SEGMENT_HEAD: Final = struct.Struct("<4sHHIQ44x")
"""Magic, format version, flags, number of the segment, first sequence number; 64 bytes."""

FORMAT_VERSION: Final = 1
# 1: first release

CHECKED: Final = 1
"""Flag: the commit word of every record is its CRC-32."""

_PAGE: Final = mmap.PAGESIZE


class Segment:
    """A writable stretch of journal, `buffer`, that begins with a segment head."""

    __slots__ = ("_file", "buffer", "capacity", "path")

    def __init__(
        self, folder: Path | None, number: int, capacity: int, first_seq: int, *, checked: bool
    ) -> None:
        """Reserve the space; nothing is written if there is none.

        Args:
            folder: where the file goes, or None for memory alone.
            number: number of the segment.
            capacity: bytes to reserve.
            first_seq: sequence number of the first event it will hold.
            checked: whether commit words are checksums and every write is synced.
        """
        self.capacity = -(-capacity // _PAGE) * _PAGE
        self.path = None if folder is None else folder / f"{number:06d}{SUFFIX}"
        self._file = -1
        self.buffer: mmap.mmap | bytearray
        if self.path is None:
            self.buffer = bytearray(self.capacity)
        else:
            self._file = _reserve(self.path, self.capacity)
            if not checked:
                os.pwrite(self._file, bytes(self.capacity), 0)
            self.buffer = mmap.mmap(self._file, self.capacity)
        flags = CHECKED if checked else 0
        SEGMENT_HEAD.pack_into(self.buffer, 0, MAGIC, FORMAT_VERSION, flags, number, first_seq)
        if checked and self.path is not None:
            os.fsync(self._file)
            sync_folder(self.path.parent)

    def sync(self, start: int, stop: int) -> None:
        """Return when the bytes from start to stop are on disk."""
        if isinstance(self.buffer, mmap.mmap) and self.path is not None:
            first = start // _PAGE * _PAGE
            try:
                self.buffer.flush(first, stop - first)
            except OSError as exc:
                raise _cannot_write(self.path, exc) from exc

    def finish(self, used: int, *, sync: bool) -> None:
        """Give back the space beyond `used`; the memory stays readable."""
        if self._file < 0:
            return
        if sync:
            self.sync(0, used)
        # The mapping stays valid: only whole pages past the end become unreadable.
        os.ftruncate(self._file, used)
        os.close(self._file)
        self._file = -1


def _reserve(path: Path, capacity: int) -> int:
    """Create a file whose space is reserved, so that a full disk shows now and not later."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as exc:
        raise StoreError(path, "the segment exists already", "another writer is at work") from exc
    except OSError as exc:
        raise _cannot_write(path, exc) from exc
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, capacity)
        else:
            os.pwrite(file, bytes(capacity), 0)
    except OSError as exc:
        os.close(file)
        path.unlink()
        raise _cannot_write(path, exc) from exc
    return file


def _cannot_write(path: Path, exc: OSError) -> StoreError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        return StorageFull(
            path.parent,
            f"no space for the next signals ({exc.strerror})",
            "what was recorded before is safe; make room, or record to another store",
        )
    return StoreError(
        path.parent,
        f"cannot be written to ({exc.strerror})",
        "check its permissions, or record to another store",
    )


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def segment_files(folder: Path) -> list[Path]:
    """Return the segment files of a journal, oldest first."""
    return sorted(folder.glob(f"*{SUFFIX}"))
