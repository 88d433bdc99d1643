"""Records of the store: canonical JSON that carries its own hash and is written atomically."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import secrets
from collections.abc import Mapping, Sequence, Set
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path, PurePath
from time import time_ns
from typing import Any, Final

from capture.errors import CorruptRecording, StorageFull, StoreError

__all__ = [
    "HASH",
    "NO_SPACE",
    "cannot_write",
    "canonical",
    "compact",
    "digest_of",
    "is_temporary",
    "now_text",
    "plain",
    "read_record",
    "sync_file",
    "sync_folder",
    "time_text",
    "write_atomically",
    "write_record",
]

HASH: Final = "sha256"
NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room: a full disk, a quota, a limit on file size."""

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


def now_text() -> str:
    """Return the present moment as records write it."""
    return time_text(time_ns())


def time_text(moment_ns: int) -> str:
    """Return a moment as records write it."""
    return datetime.fromtimestamp(moment_ns // 1000 / 1e6, UTC).isoformat(timespec="microseconds")


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it; equal values give equal JSON in every process."""
    kind = type(value)  # these are nearly all of a record, and quicker to tell than by a match
    if kind is str and value.isascii():
        return value
    if kind is dict:
        return {plain(str(k)): plain(v) for k, v in value.items()}
    return _plain_value(value)


def _plain_value(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case Enum():
            return plain(value.value)
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case int():
            return int(value)
        case float():
            # JSON has no word for these, and a reader of another make must not stumble.
            return float(value) if math.isfinite(value) else str(value)
        case Mapping():
            return {plain(str(k)): plain(v) for k, v in value.items()}
        case Set():
            return sorted((plain(v) for v in value), key=repr)
        case list() | tuple():
            return [plain(v) for v in value]
    return _plain_object(value)


def _plain_object(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, Sequence):
        return [plain(v) for v in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, PurePath):
        return plain(str(value))
    to_list = getattr(value, "tolist", None)  # numpy scalars and arrays
    if callable(to_list) and not isinstance(value, type):
        return plain(to_list())
    name = getattr(value, "__qualname__", None)
    if isinstance(name, str):
        return plain(f"{getattr(value, '__module__', '')}.{name}")
    # An address would make the same settings look different in every process.
    return plain(_ADDRESS.sub("", repr(value)))


def canonical(record: Mapping[str, Any]) -> str:
    """Return the one text that a record of plain values is written as."""
    return json.dumps(record, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def compact(record: Mapping[str, Any]) -> str:
    """Return the one text that is hashed; it is made much faster than the one for people."""
    return json.dumps(
        record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def digest_of(record: Mapping[str, Any], *, without: tuple[str, ...] = (HASH,)) -> str:
    """Return the SHA-256 of a record without these members, as `compact` writes it."""
    bare = {name: value for name, value in record.items() if name not in without}
    return hashlib.sha256(compact(bare).encode()).hexdigest()


def write_record(path: Path, record: Mapping[str, Any], *, sync: bool = False) -> dict[str, Any]:
    """Write a record with its own hash, at once or not at all; return it as written."""
    bare = plain(record)
    bare.pop(HASH, None)
    whole: dict[str, Any] = {**bare, HASH: digest_of(bare)}
    write_atomically(path, canonical(whole).encode(), sync=sync)
    return whole


def read_record(path: Path) -> dict[str, Any]:
    """Read a record; a single changed byte is found."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as exc:
        raise StoreError(path, "the record is missing") from exc
    except OSError as exc:
        raise StoreError(path, f"cannot be read ({exc.strerror})", "check its permissions") from exc
    try:
        record = json.loads(data.decode())
        intact = (
            isinstance(record, dict)
            and canonical(record).encode() == data
            and record.get(HASH) == digest_of(record)
        )
    except (ValueError, RecursionError):
        intact = False
    if not intact:
        raise CorruptRecording(
            path,
            "the record is not what was written",
            "restore it from a copy; `capture verify` says what else is concerned",
        )
    return dict(record)


def write_atomically(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Put a file in its place whole; a reader sees the old one or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
        if sync:
            sync_folder(path.parent)
    except OSError as exc:
        temporary.unlink(missing_ok=True)
        raise cannot_write(path, exc) from exc


def is_temporary(path: Path) -> bool:
    """Say whether a file is what a killed writer left behind."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries are on disk."""
    sync_file(folder)


def sync_file(path: Path) -> None:
    """Return when the file's content is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cannot_write(path: Path, exc: OSError) -> StoreError:
    """Return the error for a failed write, with what the user can do."""
    place = path.parent
    if exc.errno in NO_SPACE:
        return StorageFull(
            place,
            f"no space left to write {path.name} ({exc.strerror})",
            "what was recorded before is safe; make room, or record to another store",
        )
    return StoreError(
        place,
        f"{path.name} cannot be written ({exc.strerror})",
        "check the folder's permissions, or choose another store",
    )
