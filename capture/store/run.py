"""Runs and parts while they are written: their folders, their locks, and how a run ends."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, Final

from capture.errors import PartBusy, StoreError
from capture.events import RunState
from capture.store.layout import (
    FORMAT_VERSION,
    JOURNAL,
    LOCK,
    MANIFEST,
    PART_RECORD,
    RUN_RECORD,
    new_run_id,
    part_name,
)
from capture.store.locks import Lock, is_held
from capture.store.manifest import manifest_of, sign_if_asked
from capture.store.provenance import (
    code_hash,
    config_hash,
    git_revision,
    library_versions,
    surroundings,
)
from capture.store.records import (
    cannot_write,
    is_temporary,
    plain,
    read_record,
    sync_folder,
    time_text,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from capture.store.store import Store

__all__ = [
    "PartFolder",
    "RunFolder",
    "RunStart",
    "begin_run",
    "clear_leftovers",
    "join_run",
    "part_folders",
    "resume_run",
]

_NEW: Final = ".new-"

_NOT_FACTS: Final = ("code", "run_id", "started_ns")
"""What a start record has in another form, or from elsewhere."""


@dataclass(frozen=True, kw_only=True)
class RunStart:
    """What is known of a run before its first event.

    Attributes:
        host: name of the backtester.
        strategy: name of the strategy.
        host_version: version of the backtester.
        code: source text of the strategy; its hash is kept.
        params: the strategy's parameters.
        settings: the host's settings.
        config: the recorder's settings.
        seed: seed of the run's random numbers.
        kind: "capture", or what else made the run, such as "replay".
        parent: run that this one replays.
        source: of a replay: what of its parent it replays, and how.
        libraries: names of the libraries whose versions matter, beside the usual ones.
        backend: name of the storage backend.
        flags: anything a reader must know, such as a closed loop.
        run_id: identity of a run that got it before it is written; None: a new one.
        started_ns: when such a run began; None: now.
    """

    host: str
    strategy: str
    host_version: str | None = None
    code: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    kind: str = "capture"
    parent: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
    backend: str = "parquet"
    flags: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    started_ns: int | None = None

    def to_record(self) -> dict[str, Any]:
        """Return the start as `run.json` keeps it, with what surrounds the run."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_FACTS}
        folder = _working_folder()
        return {
            **said,
            **surroundings(),
            "code_sha256": code_hash(self.code),
            "config_sha256": config_hash(self.params, self.settings, self.config),
            "libraries": library_versions(self.libraries),
            "git_revision": None if folder is None else git_revision(folder),
            "working_folder": None if folder is None else str(folder),
            "pid": os.getpid(),
        }


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # it was removed under the process
        return None


class PartFolder:
    """One part of a run, held by this writer until it is sealed or released."""

    def __init__(self, run_id: str, number: int, path: Path, lock: Lock) -> None:
        """Take over a folder and its lock."""
        self.run_id: Final = run_id
        self.number: Final = number
        self.path: Final = path
        self._lock = lock

    @property
    def journal_folder(self) -> Path:
        """Where the journal lies while the part is open."""
        return self.path / JOURNAL

    @property
    def data_folder(self) -> Path:
        """Where the backend keeps the tables."""
        return self.path

    @property
    def held(self) -> bool:
        """Whether this writer still has the part."""
        return self._lock.held

    def release(self) -> None:
        """Free the part's lock; a part that is not sealed then counts as crashed."""
        if self._lock.held and (self.path / PART_RECORD).exists():
            self._lock.path.unlink(missing_ok=True)
        self._lock.release()


class RunFolder:
    """One run while it is written.

    The process that began the run owns it and ends it; others may join and claim parts.
    """

    def __init__(
        self,
        store: Store,
        path: Path,
        start: RunStart,
        record: Mapping[str, Any],
        lock: Lock | None,
    ) -> None:
        """Take over a run's folder, and its lock if this process owns the run.

        Args:
            store: the store that the run is in.
            path: the run's folder.
            start: what was known of the run before its first event.
            record: the start record as it was written.
            lock: the run's lock, or None if another process owns the run.
        """
        self.store: Final = store
        self.run_id: Final[str] = record["run_id"]
        self.path: Final = path
        self.start: Final = start
        self.record: Final = record
        self._lock = lock

    @property
    def started_ns(self) -> int:
        """When the run began, in UTC nanoseconds."""
        return int(self.record["started_ns"])

    @property
    def owned(self) -> bool:
        """Whether this process began the run and has not ended it."""
        return self._lock is not None and self._lock.held

    @property
    def parts(self) -> Path:
        """The folder of the parts."""
        return self.path / "parts"

    def claim_part(self, number: int | None = None) -> PartFolder:
        """Take a part to write: the next free one, or the one with this number."""
        self._refuse_if_ended()
        try:
            self.parts.mkdir(exist_ok=True)
            if number is not None:
                return self._claim(number)
            taken = part_folders(self.path)
            number = max(taken, default=-1) + 1
            while True:
                claimed = self._claim_new(number)
                if claimed is not None:
                    return claimed
                number += 1
        except OSError as exc:
            if isinstance(exc, StoreError):
                raise
            raise cannot_write(self.parts / part_name(number or 0), exc) from exc

    def _refuse_if_ended(self) -> None:
        if (self.path / MANIFEST).exists():
            raise PartBusy(self.path, "the run has ended", "begin a new run")

    def _claim_new(self, number: int) -> PartFolder | None:
        """Take a part that does not exist yet; its lock is held from its first moment on."""
        fresh = self.parts / f"{_NEW}{os.getpid()}-{secrets.token_hex(6)}"
        fresh.mkdir()
        lock = Lock(fresh / LOCK)
        path = self.parts / part_name(number)
        try:
            fresh.rename(path)
        except OSError as exc:
            lock.release()
            shutil.rmtree(fresh, ignore_errors=True)
            if path.exists():
                return None
            raise cannot_write(path, exc) from exc
        lock.path = path / LOCK
        return PartFolder(self.run_id, number, path, lock)

    def _claim(self, number: int) -> PartFolder:
        path = self.parts / part_name(number)
        if not path.exists():
            claimed = self._claim_new(number)
            if claimed is not None:
                return claimed
        _refuse_if_sealed(path)
        lock = Lock(path / LOCK)
        try:
            _refuse_if_sealed(path)  # its writer may have sealed it just now
            if any(entry.name != LOCK for entry in path.iterdir()):
                raise PartBusy(
                    path,
                    "the part holds what a crashed writer recorded",
                    "claim another part; opening the store recovers this one",
                )
        except PartBusy:
            lock.release()
            raise
        return PartFolder(self.run_id, number, path, lock)

    def finish(
        self,
        state: RunState = RunState.ENDED,
        *,
        problem: str | None = None,
        flags: Mapping[str, Any] | None = None,
        signing_key: str | Path | None = None,
        sync: bool = False,
        recovered: bool = False,
    ) -> dict[str, Any]:
        """End the run: write its manifest from its parts' records, and return it.

        A run that has ended already keeps its manifest. A part that is still open stops it.
        """
        if (self.path / MANIFEST).exists():
            return read_record(self.path / MANIFEST)
        self._own()
        records = {}
        for number, path in part_folders(self.path).items():
            if (path / PART_RECORD).exists():
                clear_leftovers(path)
                records[number] = read_record(path / PART_RECORD)
            elif is_held(path / LOCK):
                raise PartBusy(path, "the part is still being written", "close its writer first")
            elif any(entry.name != LOCK for entry in path.iterdir()):
                raise StoreError(
                    path,
                    "the part's writer crashed",
                    "open the store, which recovers the part and ends the run",
                )
        manifest = manifest_of(
            self.record, records, state, problem=problem, flags=flags, recovered=recovered
        )
        signed = sign_if_asked(manifest, signing_key or self.start.config.get("signing_key"))
        sync = sync or self.start.config.get("durability") == "fsync"
        written = write_record(self.path / MANIFEST, signed, sync=sync)
        self._let_go()
        self.store.run_ended(self, written)
        return written

    def adopt(self, lock: Lock) -> None:
        """Own the run in place of a process that died."""
        self._lock = lock

    def _own(self) -> None:
        if self._lock is None or not self._lock.held:
            self._lock = Lock(self.path / LOCK)

    def _let_go(self) -> None:
        for path in part_folders(self.path).values():
            if not (path / PART_RECORD).exists():
                shutil.rmtree(path, ignore_errors=True)  # claimed, and never written to
        for leftover in self.parts.glob(f"{_NEW}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for leftover in self.path.iterdir():
            if is_temporary(leftover):
                leftover.unlink(missing_ok=True)
        self.release()

    def release(self) -> None:
        """Let go of the run; without a manifest it then counts as crashed."""
        if self._lock is not None and self._lock.held:
            if (self.path / MANIFEST).exists():
                self._lock.path.unlink(missing_ok=True)
            self._lock.release()


def _refuse_if_sealed(path: Path) -> None:
    if (path / PART_RECORD).exists():
        raise PartBusy(path, "the part is sealed", "claim another part")


def clear_leftovers(part: Path) -> None:
    """Remove what a writer that was killed after sealing left in a sealed part."""
    shutil.rmtree(part / JOURNAL, ignore_errors=True)
    (part / LOCK).unlink(missing_ok=True)
    for entry in part.iterdir():
        if is_temporary(entry):
            entry.unlink(missing_ok=True)


def part_folders(run: Path) -> dict[int, Path]:
    """Return the folders of a run's parts by number, in order."""
    try:
        entries = sorted((run / "parts").iterdir())
    except FileNotFoundError:
        return {}
    return {int(entry.name): entry for entry in entries if entry.name.isdigit()}


def begin_run(store: Store, runs: Path, start: RunStart, *, sync: bool = False) -> RunFolder:
    """Make the folder of a new run, with its start record and its lock, at one stroke."""
    fresh = runs / f"{_NEW}{os.getpid()}-{secrets.token_hex(6)}"
    lock: Lock | None = None
    try:
        fresh.mkdir(parents=True)
        lock = Lock(fresh / LOCK)
        path, record = _publish(fresh, runs, start, sync=sync)
        if sync:
            sync_folder(runs)
    except OSError as exc:
        if lock is not None:
            lock.release()
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(exc, StoreError):
            raise
        raise cannot_write(runs / start.strategy, exc) from exc
    lock.path = path / LOCK
    return RunFolder(store, path, start, record, lock)


def _publish(
    fresh: Path, runs: Path, start: RunStart, *, sync: bool
) -> tuple[Path, dict[str, Any]]:
    """Write the start record and give the folder its name; return both."""
    facts = plain(start.to_record())
    while True:
        run_id = start.run_id or new_run_id(start.strategy)
        began_ns = start.started_ns or time_ns()
        said = {"format": FORMAT_VERSION, "run_id": run_id, "started_ns": began_ns, **facts}
        said["started"] = time_text(began_ns)
        record = write_record(fresh / RUN_RECORD, said, sync=sync)
        try:
            return fresh.rename(runs / run_id), record
        except OSError:
            if start.run_id or not (runs / run_id).exists():
                raise  # else the name is taken: take another


def join_run(store: Store, path: Path) -> RunFolder:
    """Return the folder of a run that another process may own."""
    record = read_record(path / RUN_RECORD)
    given = {f.name: record[f.name] for f in fields(RunStart) if f.name in record}
    start = RunStart(**{**given, "libraries": tuple(record["libraries"])})
    return RunFolder(store, path, start, record, None)


def resume_run(store: Store, path: Path) -> RunFolder:
    """Return the folder of a run that goes on: it is owned, and has no manifest any more."""
    folder = join_run(store, path)
    folder.adopt(Lock(path / LOCK))
    (path / MANIFEST).unlink(missing_ok=True)
    return folder
