"""Stores on object storage: runs are written to a local spool and pushed when they are sealed."""

from __future__ import annotations

import hashlib
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureWarning, CorruptRecording, MissingExtra, StoreError
from capture.store.base import BARS_FILE, BASE_RECORD
from capture.store.layout import (
    CERTIFICATES,
    MANIFEST,
    MARKER,
    PART_RECORD,
    RUN_RECORD,
    StoreLayout,
    check_run_id,
    inside,
    slug,
)
from capture.store.records import cannot_write, read_record, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RemoteStore", "spool_folder"]

_PUSHED: Final = ".pushed"


def spool_folder() -> Path:
    """Return where local copies of remote stores lie."""
    told = os.environ.get("CAPTURE_SPOOL")
    if told:
        return Path(told).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "signal-capture" / "spool"


class RemoteStore:
    """The remote side of a store, and its local mirror.

    Sealed files never change, so what was fetched once stays good. A run is visible to others
    when its manifest is there, which is pushed last.

    Attributes:
        mirror: the local folder; a store of its own.
    """

    def __init__(self, url: str) -> None:
        """Connect to the file system that the URL names."""
        try:
            import fsspec
        except ImportError as exc:
            raise MissingExtra(f"the store {url}", extra="remote", library="fsspec") from exc
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as exc:
            raise StoreError(url, f"this URL cannot be used: {exc}") from exc
        self._url: Final = url
        self._root: Final = str(root).rstrip("/")
        mark = hashlib.sha256(url.encode()).hexdigest()[:12]
        self.mirror: Final = spool_folder() / f"{slug(url)}-{mark}"
        self._layout: Final = StoreLayout(self.mirror)

    # --- opening -----------------------------------------------------------------------------

    def prepare(self, *, create: bool) -> None:
        """Bring the marker here; without `create` it must be there."""
        there = self._guarded(self._fs.exists, self._at(MARKER))
        if there:
            self._fetch(MARKER, self._layout.marker)
            self._layout.runs.mkdir(parents=True, exist_ok=True)
            self._layout.base.mkdir(exist_ok=True)
        elif not create:
            raise StoreError(
                self._url,
                "there is no store",
                f'record into it first: capture.wrap(strategy, store="{self._url}")',
            )

    def push_marker(self) -> None:
        """Make the remote store, which has no marker yet."""
        self._put(self._layout.marker, MARKER)

    # --- pushing -----------------------------------------------------------------------------

    def push_run(self, run_id: str, manifest: Mapping[str, Any]) -> None:
        """Push a sealed run; if that fails it stays in the spool, and the next opening tries."""
        try:
            self._push(run_id, manifest)
        except StoreError as exc:
            warnings.warn(
                f"{exc}; the run {run_id} is safe in {self.mirror}, and opening the store again "
                "pushes it",
                CaptureWarning,
                stacklevel=4,
            )

    def push_file(self, run_id: str, path: Path) -> None:
        """Push a file that a run got after it was pushed; a run that was not takes it along."""
        if self._is_pushed(run_id):
            self._put(path, path.relative_to(self.mirror).as_posix())

    def push_pending(self) -> None:
        """Push what could not be pushed before."""
        for path in sorted(self._layout.runs.glob(f"*/{MANIFEST}")):
            if not self._is_pushed(path.parent.name):
                self.push_run(path.parent.name, read_record(path))

    def _push(self, run_id: str, manifest: Mapping[str, Any]) -> None:
        for mark in manifest["base"]:
            folder = self._layout.base_data(mark)
            for name in (BARS_FILE, BASE_RECORD):  # the record last: it says that all is there
                remote = f"base/{folder.name}/{name}"
                if not self._guarded(self._fs.exists, self._at(remote)):
                    self._put(folder / name, remote)
        run = self._layout.run(run_id)
        for path in sorted(run.rglob("*")):
            if path.is_file() and path.name != MANIFEST and not path.name.startswith("."):
                self._put(path, f"runs/{run_id}/{path.relative_to(run).as_posix()}")
        self._put(run / MANIFEST, f"runs/{run_id}/{MANIFEST}")
        self._put_latest(manifest)
        self._note_pushed(run_id)

    def _put_latest(self, manifest: Mapping[str, Any]) -> None:
        path = self._layout.latest(manifest["kind"])
        self._guarded(self._fs.pipe_file, self._at(path.name), f"{manifest['run_id']}\n".encode())

    def _is_pushed(self, run_id: str) -> bool:
        return (self.mirror / _PUSHED / run_id).exists()

    def _note_pushed(self, run_id: str) -> None:
        path = self.mirror / _PUSHED / run_id
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, b"")

    # --- pulling -----------------------------------------------------------------------------

    def run_names(self) -> set[str]:
        """Return the runs that are there."""
        try:
            found = self._guarded(self._fs.ls, self._at("runs"), detail=False, refresh=True)
        except FileNotFoundError:
            return set()
        return {str(path).rstrip("/").rsplit("/", 1)[-1] for path in found}

    def pull_manifests(self) -> None:
        """Bring the records of runs here that are not here yet, and drop what is gone there."""
        there = self.run_names()
        for name in sorted(there):
            local = self._layout.runs / check_run_id(name)
            if not (local / MANIFEST).exists():
                self._pull_records(name, local)
        for pushed in (self.mirror / _PUSHED).glob("*"):
            if pushed.name not in there:
                shutil.rmtree(self._layout.runs / pushed.name, ignore_errors=True)
                pushed.unlink(missing_ok=True)

    def _pull_records(self, name: str, local: Path) -> None:
        if not self._guarded(self._fs.exists, self._at(f"runs/{name}/{MANIFEST}")):
            return  # it is still being pushed
        local.mkdir(parents=True, exist_ok=True)
        for record in (RUN_RECORD, MANIFEST):
            self._fetch(f"runs/{name}/{record}", local / record)
        self._note_pushed(name)

    def pull_run(self, run_id: str) -> None:
        """Bring the files of a run here that are not here yet; each is checked by its hash."""
        local = self._layout.run(run_id)
        if not self._is_pushed(run_id):
            return  # it is written here, and complete
        for said in read_record(local / MANIFEST)["parts"]:
            part = inside(local / "parts", said["folder"])
            remote = f"runs/{run_id}/parts/{said['folder']}"
            part.mkdir(parents=True, exist_ok=True)
            if not (part / PART_RECORD).exists():
                self._fetch(f"{remote}/{PART_RECORD}", part / PART_RECORD)
            for entry in read_record(part / PART_RECORD)["files"]:
                path = inside(part, entry["name"])
                if not path.exists():
                    self._fetch(f"{remote}/{entry['name']}", path, entry["sha256"])

        self._pull_certificates(run_id, local / CERTIFICATES)

    def _pull_certificates(self, run_id: str, folder: Path) -> None:
        remote = f"runs/{run_id}/{CERTIFICATES}"
        try:
            found = self._guarded(self._fs.ls, self._at(remote), detail=False, refresh=True)
        except FileNotFoundError:
            return
        for path in found:
            name = str(path).rstrip("/").rsplit("/", 1)[-1]
            self._fetch(f"{remote}/{name}", inside(folder, name))

    def pull_base(self, mark: str) -> None:
        """Bring base data here if they are not here yet."""
        folder = self._layout.base_data(mark)
        if (folder / BASE_RECORD).exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in (BARS_FILE, BASE_RECORD):
            self._fetch(f"base/{folder.name}/{name}", folder / name)

    def snapshot(self, folder: Path, run_id: str | None) -> None:
        """Copy the store, or one run and all base data, as it is there now, unchecked."""
        for path in self._guarded(self._fs.find, self._root):
            name = str(path)[len(self._root) :].lstrip("/")
            of_run = name.startswith("runs/")
            if run_id is None or not of_run or name.startswith(f"runs/{run_id}/"):
                self._fetch(name, inside(folder, name))

    # --- transport ---------------------------------------------------------------------------

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _put(self, path: Path, name: str) -> None:
        self._guarded(self._fs.pipe_file, self._at(name), path.read_bytes())

    def _fetch(self, name: str, path: Path, sha256: str | None = None) -> None:
        try:
            data: bytes = self._guarded(self._fs.cat_file, self._at(name))
        except FileNotFoundError as exc:
            raise StoreError(self._at(name), "the file is missing in the remote store") from exc
        if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise CorruptRecording(
                self._at(name),
                "the remote file is not what was written",
                "`capture verify` says what else is concerned",
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise cannot_write(path, exc) from exc
        write_atomically(path, data)

    def _guarded(self, call: Any, *args: Any, **words: Any) -> Any:
        """Call the file system; whatever it raises becomes an error that names the store."""
        try:
            return call(*args, **words)
        except (FileNotFoundError, StoreError):
            raise
        except Exception as exc:
            raise StoreError(
                self._url,
                f"the remote store cannot be reached ({type(exc).__name__}: {exc})",
                "check the address, the network and the credentials",
            ) from exc
