"""What backends and a disk have to say to each other."""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from capture.errors import CaptureError, CorruptRecording, StorageFull, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["CHECK_IT", "FREE_SPACE", "flush", "reading", "writing"]

CHECK_IT: Final = "`capture verify` says what else is damaged"
FREE_SPACE: Final = "free some space there, or choose another storage_path"

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def flush(path: Path) -> None:
    """Wait until the disk has the file or folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what the system says while something is written into this package's errors."""
    try:
        yield
    except CaptureError:
        raise
    except OSError as exc:
        if exc.errno in _FULL:
            raise StorageFull(place, f"no room to write ({exc})", FREE_SPACE) from exc
        mend = "check that the folder is there and may be written to"
        raise StoreError(place, f"cannot be written: {exc}", mend) from exc


@contextmanager
def reading(place: Path) -> Iterator[None]:
    """Turn what a library says of bytes that it cannot read into `CorruptRecording`.

    A file that is not there is left to the caller, who may know that it has moved.
    """
    try:
        yield
    except (CaptureError, FileNotFoundError, MemoryError):
        raise
    except OSError as exc:
        if exc.errno:  # the system's own word, such as a missing permission: the bytes may be fine
            mend = "check the disk and the file's permissions"
            raise StoreError(place, f"cannot be read: {exc}", mend) from exc
        raise CorruptRecording(place, f"cannot be read: {exc}", CHECK_IT) from exc
    except Exception as exc:  # damaged bytes make a library raise whatever its parser stumbles over
        problem = f"cannot be read: {type(exc).__name__}: {exc}"
        raise CorruptRecording(place, problem, CHECK_IT) from exc
