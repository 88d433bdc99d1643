"""A cache of records' summaries in SQLite, by name: what is in it can be read again elsewhere.

Without it, or if it is damaged or of another version, everything is read again; where it cannot be
written it lives in memory.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    Summary = dict[str, Any]

__all__ = ["SummaryCache"]

_WAIT_SECONDS: Final = 10.0
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS summaries (
    name     TEXT PRIMARY KEY,
    stamp    TEXT NOT NULL,   -- size and time of the files that the summary was made from
    summary  TEXT NOT NULL,   -- JSON
    check_   TEXT NOT NULL    -- hash of the other three
)
"""


class SummaryCache:
    """Summaries by name, each read again when its stamp has changed."""

    def __init__(self, path: Path, version: int, read: Callable[[str], Summary]) -> None:
        """Keep the cache in a file; nothing is opened yet.

        Args:
            path: the file.
            version: of what the summaries hold; a file of another version is made again.
            read: makes the summary of a name.
        """
        self._path = path
        self._version = version
        self._read = read
        self._known: dict[str, tuple[str, Summary]] | None = None

    def up_to_date(self, stamps: Mapping[str, str]) -> dict[str, Summary]:
        """Return the summary of every name that has a stamp, in order of the names."""
        known = self._load() if self._known is None else self._known
        stale = [name for name, stamp in stamps.items() if known.get(name, ("",))[0] != stamp]
        gone = known.keys() - stamps.keys()
        fresh = {name: (stamps[name], self._read(name)) for name in stale}
        self._known = {n: v for n, v in {**known, **fresh}.items() if n not in gone}
        if fresh or gone:
            self._save(fresh, gone)
        return {name: self._known[name][1] for name in sorted(stamps)}

    def forget(self) -> None:
        """Remove the file and what is known; all is read again when it is next asked for."""
        self._discard()
        self._known = {}

    def _load(self) -> dict[str, tuple[str, Summary]]:
        if not self._path.exists():
            return {}
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as cache:
                if cache.execute("PRAGMA user_version").fetchone()[0] != self._version:
                    self._discard()
                    return {}
                rows = cache.execute("SELECT name, stamp, summary, check_ FROM summaries")
                return {
                    name: (stamp, json.loads(summary))
                    for name, stamp, summary, check in rows.fetchall()
                    if check == _check(name, stamp, summary)
                }
        except (sqlite3.Error, ValueError, TypeError):
            self._discard()
            return {}

    def _save(self, fresh: Mapping[str, tuple[str, Summary]], gone: Iterable[str]) -> None:
        rows = []
        for name, (stamp, summary) in fresh.items():
            text = json.dumps(summary)
            rows.append((name, stamp, text, _check(name, stamp, text)))
        # A cache that cannot be written, or was damaged just now, is made again another time.
        with suppress(sqlite3.Error), closing(self._connect()) as cache, cache:
            cache.execute(_CREATE)
            cache.execute(f"PRAGMA user_version = {self._version:d}")
            cache.executemany("INSERT OR REPLACE INTO summaries VALUES (?, ?, ?, ?)", rows)
            cache.executemany("DELETE FROM summaries WHERE name = ?", [(name,) for name in gone])

    def _connect(self) -> sqlite3.Connection:
        cache = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        cache.execute("PRAGMA synchronous = OFF")  # a cache need not survive a power cut
        return cache

    def _discard(self) -> None:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)


def _check(name: str, stamp: str, summary: str) -> str:
    return hashlib.sha256(f"{name}\0{stamp}\0{summary}".encode()).hexdigest()[:16]
