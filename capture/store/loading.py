"""A part's backend, opened by the name that its run's record gives."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from capture.errors import CaptureError, CorruptRecording
from capture.host import get_host
from capture.store.records import NO_SPACE, cannot_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from capture.contracts.backend import StorageBackend

__all__ = ["open_backend", "reading"]


@contextmanager
def open_backend(record: Mapping[str, Any], part: Path) -> Iterator[StorageBackend]:
    """Open the tables of a part; `record` is the start record of its run."""
    config = record.get("config") or {}
    make = get_host().backend(record["backend"])
    with reading(part):
        backend = make(part, compression=config.get("compression"), **(config.get("options") or {}))
    try:
        yield backend
    finally:
        backend.close()


@contextmanager
def reading(part: Path) -> Iterator[None]:
    """Turn whatever a backend raises over bytes that it cannot read into one error."""
    try:
        yield
    except CaptureError:
        raise
    except Exception as exc:
        if isinstance(exc, OSError) and exc.errno in NO_SPACE:
            raise cannot_write(part / "tables", exc) from exc
        raise CorruptRecording(
            part,
            f"the tables cannot be read ({type(exc).__name__}: {exc})",
            "`capture verify` says which files are concerned",
        ) from exc
