"""Where everything lies in a store, and which names are safe to make folders of."""

from __future__ import annotations

import os
import re
import time
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Final

from capture.errors import CorruptRecording, StoreError

__all__ = [
    "CERTIFICATES",
    "FORMAT_VERSION",
    "JOURNAL",
    "LASTING_BACKEND",
    "LOCK",
    "MANIFEST",
    "MARKER",
    "PART_RECORD",
    "QUARANTINE",
    "RUN_RECORD",
    "StoreLayout",
    "check_run_id",
    "inside",
    "new_run_id",
    "part_name",
    "slug",
]

FORMAT_VERSION: Final = 1
# 1: first release

MARKER: Final = "capture-store.json"
RUN_RECORD: Final = "run.json"
MANIFEST: Final = "manifest.json"
PART_RECORD: Final = "part.json"
LOCK: Final = "lock"
JOURNAL: Final = "journal"
QUARANTINE: Final = "quarantine"
CERTIFICATES: Final = "certificates"

LASTING_BACKEND: Final = "parquet"
"""Where recovered rows go if the run's own backend keeps nothing."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_]+")
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_LETTER_OF: Final = b"abcdefghijklmnopqrstuvwxyz234567" * 8
"""By byte, the letter that it becomes; each as often as every other."""

_LONGEST_SLUG: Final = 40
_LETTERS: Final = 6


@lru_cache(maxsize=256)
def slug(text: str) -> str:
    """Return a text as a word that is safe in a file name, whatever it held."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _UNSAFE.sub("-", plain)[:_LONGEST_SLUG].strip("-_") or "unnamed"


def new_run_id(strategy: str) -> str:
    """Return an identity for a run that starts now: it sorts by time and names its strategy."""
    now = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    letters = os.urandom(_LETTERS).translate(_LETTER_OF).decode()
    return f"{now}-{slug(strategy)}-{letters}"


def check_run_id(run_id: str) -> str:
    """Return the identity if it may become the name of a folder."""
    if not _RUN_ID.fullmatch(run_id):
        raise StoreError(
            repr(run_id),
            "this cannot be the identity of a run",
            "letters, digits, - and _ are allowed",
        )
    return run_id


def inside(folder: Path, name: str) -> Path:
    """Return the place of a name that a record gives, if it is within the folder."""
    path = folder / name
    if ".." in path.parts or not path.is_relative_to(folder):
        raise CorruptRecording(folder, f"{name!r} would be a file outside of this folder")
    return path


def part_name(number: int) -> str:
    """Return the name of a part's folder."""
    return f"{number:04d}"


class StoreLayout:
    """The paths of one store."""

    __slots__ = ("base", "catalogue", "marker", "root", "runs", "waiting")

    def __init__(self, root: Path) -> None:
        """Lay out a store in this folder; nothing is created."""
        self.root: Final = root
        self.marker: Final = root / MARKER
        self.catalogue: Final = root / "catalogue.sqlite"
        self.base: Final = root / "base"
        self.runs: Final = root / "runs"
        self.waiting: Final = root / "waiting"

    def run(self, run_id: str) -> Path:
        """Return the folder of a run."""
        return self.runs / check_run_id(run_id)

    def base_data(self, fingerprint: str) -> Path:
        """Return the folder of the base data with this fingerprint."""
        return self.base / slug(fingerprint[:32])

    def latest(self, kind: str) -> Path:
        """Return the file that names the latest run of a kind."""
        return self.root / ("latest" if kind == "capture" else f"latest-{slug(kind)}")

    def recovery_lock(self) -> Path:
        """Return the file that is locked while crashed runs are recovered."""
        return self.root / "recovery.lock"
