"""Runs that were heard when their process died, and that their adapter had not yet written.

An adapter may keep what it heard in a file of its own in the folder `waiting` of a store, named
`<anything>.<adapter>`, and hold a lock on it as long as it lives.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import TYPE_CHECKING

from capture.errors import CaptureWarning, PartBusy
from capture.store.locks import Lock, is_held

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.store import Store

__all__ = ["forsaken", "recover_waiting"]


def forsaken(store: Store) -> list[Path]:
    """Return the files whose process died."""
    folder = store.layout.waiting
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if path.is_file() and not is_held(path)]


def recover_waiting(store: Store) -> list[str]:
    """Let adapters write what waits in forsaken files; return the identities of the runs.

    A file that cannot be recovered is left as it is, with a warning.
    """
    found: list[str] = []
    for path in forsaken(store):
        try:
            lock = Lock(path, patience_seconds=0.0)
        except PartBusy:
            continue
        try:
            found += _recovered(store, path)
            path.unlink(missing_ok=True)
        except Exception as exc:  # of a library that is missing, or of another version
            warnings.warn(
                f"the runs that wait in {path} could not be recovered, and are left as they are: "
                f"{exc}",
                CaptureWarning,
                stacklevel=6,
            )
        finally:
            lock.release()
    with suppress(OSError):
        store.layout.waiting.rmdir()
    return found


def _recovered(store: Store, path: Path) -> list[str]:
    from capture.host import get_host

    info = get_host().adapters()[path.suffix.removeprefix(".")]
    recovered: list[str] = info.get().recover(path, store.root)
    return recovered
