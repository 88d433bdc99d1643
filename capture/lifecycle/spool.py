"""The spool: what a tracker accepted and the database does not have yet, in the product's journal.

A spool is a folder of one process: `lock`, held while the process lives; `place.json`, which names
the database; and numbered journals, of which all but the last are removed as soon as the database
has what is in them. Whoever opens the place next finds what a killed process left.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections import deque
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capture.errors import StoreError
from capture.journal import Field, Journal, read_journal
from capture.store.locks import Lock
from capture.store.records import cannot_write, read_record, write_record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from capture.journal.appending import Append

__all__ = ["Leftover", "Spool", "leftovers"]

SPOOL_VERSION: Final = 1
# 1: first release

TABLE: Final = "notes"
"""An entry is a note, whose value is JSON."""

NAME: Final = "lifecycle"
_LOCK: Final = "lock"
_PLACE: Final = "place.json"
_SEGMENT_BYTES: Final = 1 << 20
_MOST_BYTES: Final = 4 << 20
"""Size at which a journal is left for a new one, so that the old can go."""


class Spool:
    """Keeps entries until the database has them; an entry that was added survives a kill."""

    def __init__(self, folder: Path, place: str, *, sync: bool) -> None:
        """Begin a spool in a folder of its own under `folder`, for the database at `place`."""
        self.folder: Final = folder / f"{time_ns():x}-{os.getpid()}-{secrets.token_hex(3)}"
        self._sync = sync
        self._added = 0
        self._old: deque[tuple[int, Path]] = deque()
        """Journals that are full, with the number of the first entry after each."""
        self._number = 0
        try:
            self.folder.mkdir(parents=True)
        except OSError as exc:
            raise cannot_write(self.folder, exc) from exc
        self._lock = Lock(self.folder / _LOCK)
        write_record(self.folder / _PLACE, {"version": SPOOL_VERSION, "place": place}, sync=sync)
        self._begin()

    def _begin(self) -> None:
        self._number += 1
        self._journal_folder = self.folder / f"{self._number:06d}"
        self._journal_folder.mkdir()
        self._journal = Journal(
            self._journal_folder,
            block_rows=1024,
            segment_bytes=_SEGMENT_BYTES,
            sync=self._sync,
            on_full=self._forget_block,
        )
        layout = self._journal.layout(
            TABLE, fields=(Field("value", "text"),), constants={"name": NAME}
        )
        self._append: Append = self._journal.appender(layout)

    def _forget_block(self, _droppable: bool) -> bool:
        self._journal.take_block()
        return True

    def add(self, entry: Mapping[str, Any]) -> int:
        """Keep an entry, and return how many were added by now; it is safe when this returns."""
        if self._journal.bytes > _MOST_BYTES:
            self._journal.close()
            self._old.append((self._added, self._journal_folder))
            self._begin()
        self._append(json.dumps(entry, separators=(",", ":"), allow_nan=False))
        self._added += 1
        return self._added

    def stored(self, count: int) -> None:
        """Let go of what is not needed any more: the database has the first `count` entries."""
        while self._old and self._old[0][0] <= count:
            _, journal = self._old.popleft()
            gone = journal.rename(journal.with_name(f"gone-{journal.name}"))
            shutil.rmtree(gone, ignore_errors=True)

    def close(self, stored: int) -> None:
        """End the spool; if the database has everything, nothing is left of it."""
        self._journal.close()
        if stored >= self._added:
            _remove(self.folder)
        self._lock.release()


def _remove(folder: Path) -> None:
    """Remove a spool: first what names its database, so that nobody takes up half of it."""
    (folder / _PLACE).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


class Leftover(NamedTuple):
    """What a killed process left: its folder, whose lock is ours now, and its entries in order."""

    folder: Path
    lock: Lock
    entries: list[dict[str, Any]]
    damaged: str | None

    @property
    def begun_ns(self) -> int:
        """When the killed process began."""
        return int(self.folder.name.partition("-")[0], 16)

    def remove(self) -> None:
        """Remove the folder, or keep what is damaged: the database has what can be read of it."""
        if self.damaged is None:
            _remove(self.folder)
        else:
            (self.folder / _PLACE).rename(self.folder / f"damaged-{_PLACE}")
        self.lock.release()


def leftovers(folder: Path, place: str) -> Iterator[Leftover]:
    """Take over the spools for a database whose processes are gone, oldest first."""
    for path in sorted(folder.glob("*/")) if folder.is_dir() else ():
        if not (path / _PLACE).exists() or read_record(path / _PLACE).get("place") != place:
            continue
        try:
            lock = Lock(path / _LOCK, patience_seconds=0.0)
        except StoreError:  # its process lives, or somebody else took it over
            continue
        yield Leftover(path, lock, *_entries(path))


def _entries(folder: Path) -> tuple[list[dict[str, Any]], str | None]:
    """Return what can be read of the journals, and what is wrong with them."""
    found, damaged = [], None
    for journal in sorted(folder.glob("[0-9]*/")):
        content = read_journal(journal)
        damaged = damaged or content.damaged
        if TABLE in content.tables:
            texts = content.tables[TABLE].column("value").to_pylist()
            found += [json.loads(text) for text in texts]
    return found, damaged
