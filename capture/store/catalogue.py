"""A cache of the manifests in SQLite, so that a store of many runs is listed at once.

It is never the source of truth: without it, or if it is damaged or of another version, it is made
again from the manifests, and where it cannot be written it lives in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

from capture.errors import StoreError
from capture.store.layout import MANIFEST, RUN_RECORD
from capture.store.records import read_record
from capture.store.summary import summary_of, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from capture.store.layout import StoreLayout

__all__ = ["Catalogue"]

CATALOGUE_VERSION: Final = 1
# 1: first release

_WAIT_SECONDS: Final = 10.0
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS runs (
    run_id   TEXT PRIMARY KEY,
    stamp    TEXT NOT NULL,   -- size and time of the manifest that the summary was made from
    summary  TEXT NOT NULL,   -- JSON
    check_   TEXT NOT NULL    -- hash of the other three
)
"""


class Catalogue:
    """The summaries of the runs that have ended."""

    def __init__(self, layout: StoreLayout) -> None:
        """Keep the cache where the layout says; nothing is opened yet."""
        self._layout = layout
        self._known: dict[str, tuple[str, dict[str, Any]]] | None = None

    def ended(self) -> dict[str, dict[str, Any]]:
        """Return the summary of every run that has a manifest, by run id, oldest first."""
        return self._bring_up_to_date(self._run_stamps())

    def rebuild(self) -> int:
        """Forget the cache and read every manifest again; return how many runs have ended."""
        self._discard()
        self._known = {}
        return len(self.ended())

    def _run_stamps(self) -> dict[str, str]:
        """Return a stamp of the manifest of every run that has one; the only look at each run."""
        stamps = {}
        for name in run_names(self._layout.runs):
            try:
                found = os.stat(f"{self._layout.runs}/{name}/{MANIFEST}")  # noqa: PTH116 - many
            except OSError:
                continue
            stamps[name] = f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"
        return stamps

    def _bring_up_to_date(self, stamps: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        known = self._load() if self._known is None else self._known
        stale = [name for name, stamp in stamps.items() if known.get(name, ("",))[0] != stamp]
        gone = known.keys() - stamps.keys()
        fresh = {name: (stamps[name], self._read(name)) for name in stale}
        self._known = {n: v for n, v in {**known, **fresh}.items() if n not in gone}
        if fresh or gone:
            self._save(fresh, gone)
        return {name: self._known[name][1] for name in sorted(stamps)}

    def _read(self, name: str) -> dict[str, Any]:
        folder = self._layout.runs / name
        try:
            return summary_of(read_record(folder / MANIFEST))
        except (StoreError, KeyError) as exc:
            # It is listed as damaged, and `capture verify` names what is wrong with it.
            with suppress(StoreError, KeyError):
                return {**summary_of(read_record(folder / RUN_RECORD)), "state": "corrupt"}
            return unreadable(name, exc)

    # --- the file ----------------------------------------------------------------------------

    def _load(self) -> dict[str, tuple[str, dict[str, Any]]]:
        if not self._layout.catalogue.exists():
            return {}
        try:
            uri = f"{self._layout.catalogue.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as cache:
                if cache.execute("PRAGMA user_version").fetchone()[0] != CATALOGUE_VERSION:
                    self._discard()
                    return {}
                rows = cache.execute("SELECT run_id, stamp, summary, check_ FROM runs").fetchall()
            return {
                run_id: (stamp, json.loads(summary))
                for run_id, stamp, summary, check in rows
                if check == _check(run_id, stamp, summary)
            }
        except (sqlite3.Error, ValueError, TypeError):
            self._discard()
            return {}

    def _save(self, fresh: Mapping[str, tuple[str, dict[str, Any]]], gone: Iterable[str]) -> None:
        rows = []
        for run_id, (stamp, summary) in fresh.items():
            text = json.dumps(summary)
            rows.append((run_id, stamp, text, _check(run_id, stamp, text)))
        # A cache that cannot be written, or was damaged just now, is made again another time.
        with suppress(sqlite3.Error), closing(self._connect()) as cache, cache:
            cache.execute(_CREATE)
            cache.execute(f"PRAGMA user_version = {CATALOGUE_VERSION}")
            cache.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", rows)
            cache.executemany("DELETE FROM runs WHERE run_id = ?", [(name,) for name in gone])

    def _connect(self) -> sqlite3.Connection:
        cache = sqlite3.connect(self._layout.catalogue, timeout=_WAIT_SECONDS)
        cache.execute("PRAGMA synchronous = OFF")  # a cache need not survive a power cut
        return cache

    def _discard(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            path = self._layout.catalogue
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink(missing_ok=True)


def _check(run_id: str, stamp: str, summary: str) -> str:
    return hashlib.sha256(f"{run_id}\0{stamp}\0{summary}".encode()).hexdigest()[:16]


def run_names(runs: Path) -> list[str]:
    """Return the names of the run folders, oldest first."""
    try:
        with os.scandir(runs) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
    except FileNotFoundError:
        return []
