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
def open_backend(
    start: Mapping[str, Any], part: Path, name: str | None = None
) -> Iterator[StorageBackend]:
    """Open the tables of a part.

    Args:
        start: the start record of its run, which names the backend and its options.
        part: the part's folder.
        name: the backend, if it is another than the run's.
    """
    make = get_host().backend(name or start["backend"])
    config = {} if name else start.get("config") or {}
    with reading(part):
        backend = make(part, compression=config.get("compression"), **config.get("options", {}))
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
