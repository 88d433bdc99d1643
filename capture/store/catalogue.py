"""A cache of the manifests in SQLite, so that a store of many runs is listed at once.

It is never the source of truth: it can be made again from the manifests.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from capture.errors import StoreError
from capture.store.layout import MANIFEST, RUN_RECORD
from capture.store.records import read_record
from capture.store.summary import summary_of, unreadable
from capture.store.summary_cache import SummaryCache

if TYPE_CHECKING:
    from pathlib import Path

    from capture.store.layout import StoreLayout

__all__ = ["Catalogue", "run_names"]

CATALOGUE_VERSION: Final = 2
# 1: first release
# 2: the table is called summaries, and a run's identity its name


class Catalogue:
    """The summaries of the runs that have ended."""

    def __init__(self, layout: StoreLayout) -> None:
        """Keep the cache where the layout says; nothing is opened yet."""
        self._layout = layout
        self._cache = SummaryCache(layout.catalogue, CATALOGUE_VERSION, self._read)

    def ended(self) -> dict[str, dict[str, Any]]:
        """Return the summary of every run that has a manifest, by run id, oldest first."""
        return self._cache.up_to_date(self._run_stamps())

    def rebuild(self) -> int:
        """Forget the cache and read every manifest again; return how many runs have ended."""
        self._cache.forget()
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

    def _read(self, name: str) -> dict[str, Any]:
        folder = self._layout.runs / name
        try:
            return summary_of(read_record(folder / MANIFEST))
        except (StoreError, KeyError) as exc:
            # It is listed as damaged, and `capture verify` names what is wrong with it.
            with suppress(StoreError, KeyError):
                return {**summary_of(read_record(folder / RUN_RECORD)), "state": "corrupt"}
            return unreadable(name, exc)


def run_names(runs: Path) -> list[str]:
    """Return the names of the run folders, oldest first."""
    try:
        with os.scandir(runs) as entries:
            return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())
    except FileNotFoundError:
        return []
