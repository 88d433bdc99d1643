"""How a run whose process died is brought to an end, with everything it had accepted."""

from __future__ import annotations

import os
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from time import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.errors import (
    CaptureError,
    CaptureWarning,
    CorruptRecording,
    MissingExtra,
    PartBusy,
    StorageFull,
    StoreError,
)
from capture.events import RunState
from capture.journal import JournalContent, flags_of_fills, read_journal
from capture.schema import conform, unite
from capture.store.layout import (
    JOURNAL,
    LASTING_BACKEND,
    LOCK,
    MANIFEST,
    PART_RECORD,
    QUARANTINE,
    RUN_RECORD,
)
from capture.store.loading import open_backend, reading
from capture.store.locks import Lock, is_held
from capture.store.records import read_record
from capture.store.run import PartFolder, RunFolder, clear_leftovers, part_folders
from capture.store.seal import NoFiles, PartFacts, missing_rows, seal_part
from capture.store.waiting import forsaken, recover_waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from capture.store.store import Store

__all__ = ["recover_run", "recover_store"]

_PATIENCE_SECONDS: Final = 60.0
_STALE_SECONDS: Final = 3600.0


def recover_store(store: Store) -> list[str]:
    """Recover every crashed run of a store; return the identities of those that were.

    Only one process recovers a store at a time; a second one waits and finds the work done. A
    run that cannot be recovered is left as it is, with a warning, and does not hinder the others.
    """
    waiting = is_held(store.layout.recovery_lock())  # for another process that recovers just now
    if not (waiting or _crashed(store) or forsaken(store)):
        return []
    if not os.access(store.layout.runs, os.W_OK):
        return []
    try:
        lock = Lock(store.layout.recovery_lock(), patience_seconds=_PATIENCE_SECONDS)
    except StoreError:  # another process is still at it, or the store cannot be written to
        return []
    try:
        _sweep(store.layout.runs)
        waited = recover_waiting(store)  # before the others: it begins half-written runs anew
        return waited + [name for name in _crashed(store) if _recovered(store, name)]
    finally:
        lock.release()


def _crashed(store: Store) -> list[str]:
    """Return the runs without a manifest that nobody writes."""
    from capture.store.catalogue import run_names

    runs = store.layout.runs
    open_runs = [
        name
        for name in run_names(runs)
        if not (runs / name / MANIFEST).exists() and (runs / name / RUN_RECORD).exists()
    ]
    return [name for name in open_runs if not _is_alive(runs / name)]


def _is_alive(run: Path) -> bool:
    locks = [run / LOCK, *(part / LOCK for part in part_folders(run).values())]
    return any(is_held(lock) for lock in locks)


def _recovered(store: Store, name: str) -> bool:
    try:
        return recover_run(store.join_run(name))
    except (CaptureError, OSError) as exc:
        warnings.warn(
            f"run {name} could not be recovered, and is left as it is: {exc}",
            CaptureWarning,
            stacklevel=5,
        )
        return False


def _sweep(runs: Path) -> None:
    """Remove runs that died before they had a name; nothing was recorded in them."""
    for path in runs.glob(".new-*"):
        with suppress(OSError):
            old = time() - path.stat().st_mtime > _STALE_SECONDS
            if old and not is_held(path / LOCK):
                shutil.rmtree(path, ignore_errors=True)


def recover_run(run: RunFolder) -> bool:
    """Seal the parts of a run whose process died, and end it; False if somebody is at work on it.

    A kill at any moment leaves it such that the next recovery goes on.
    """
    try:
        own = Lock(run.path / LOCK, patience_seconds=0.0)
    except PartBusy:
        return False
    run.adopt(own)
    try:
        if (run.path / MANIFEST).exists():
            return False
        for number, path in part_folders(run.path).items():
            _recover_part(run, number, path)
        run.finish(RunState.RECOVERED, recovered=True)
    except PartBusy:  # a worker of the run is still alive and will seal its part
        return False
    finally:
        run.release()
    return True


def _recover_part(run: RunFolder, number: int, path: Path) -> None:
    record = path / PART_RECORD
    if record.exists() and _is_intact(record):
        clear_leftovers(path)
        return
    lock = Lock(path / LOCK, patience_seconds=0.0)
    part = PartFolder(run.run_id, number, path, lock)
    try:
        damage = None
        if record.exists():
            _set_aside(part, [record])
            damage = "the part's record was damaged"
        if any(entry.name != LOCK for entry in path.iterdir()):
            _Recovery(part, run.record, damage).seal()
    finally:
        part.release()


def _is_intact(record: Path) -> bool:
    try:
        read_record(record)
    except CorruptRecording:
        return False
    return True


@dataclass
class _Recovery:
    """The recovery of one part."""

    part: PartFolder
    start: Mapping[str, Any]
    damage: str | None

    def seal(self) -> None:
        """Bring the journal's rows and the backend's together, and seal them."""
        journal = self._journal()
        rows = {} if journal is None else journal.tables
        stored = self._stored()
        facts = self._facts(journal, [*rows.values(), *stored.values()])
        try:
            self._seal(facts, rows)
        except (StorageFull, MissingExtra):
            raise
        except NoFiles:
            # What is recovered into memory is lost again with this process.
            facts.backend = LASTING_BACKEND
            self._seal(facts, _united(stored, rows))
        except StoreError as exc:
            # What the backend holds cannot be sealed: the rows that could be read are put into
            # fresh files, and the old ones are kept aside.
            self._note(f"its tables could not be sealed ({exc.problem})")
            _set_aside(self.part, _tables_of(self.part))
            facts = self._facts(journal, [*rows.values(), *stored.values()])
            self._seal(facts, _united(stored, rows))

    def _seal(self, facts: PartFacts, rows: Mapping[str, pa.Table]) -> None:
        sync = (self.start.get("config") or {}).get("durability") == "fsync"
        with open_backend(self.start, self.part.data_folder, facts.backend) as backend:
            seal_part(self.part, backend, facts, sync=sync, journaled=rows, in_files=True)

    def _journal(self) -> JournalContent | None:
        folder = self.part.journal_folder
        if not folder.is_dir():
            return None
        try:
            content = read_journal(folder)
            damage = content.damaged
        except Exception as exc:
            content, damage = None, f"{type(exc).__name__}: {exc}"
        if damage is not None:
            self._note(f"its journal was damaged ({damage})")
            kept = self.part.path / QUARANTINE / JOURNAL
            shutil.copytree(folder, kept, dirs_exist_ok=True)
        return content

    def _stored(self) -> dict[str, pa.Table]:
        """Return the tables that the backend still has; set them aside if they cannot be read."""
        try:
            with (
                open_backend(self.start, self.part.data_folder) as backend,
                reading(self.part.path),
            ):
                tables = {name: backend.scan(name) for name in backend.tables()}
        except (StorageFull, MissingExtra):
            raise
        except CaptureError as exc:
            self._note(f"its tables could not be read ({exc})")
            _set_aside(self.part, _tables_of(self.part))
            return {}
        return tables

    def _note(self, damage: str) -> None:
        self.damage = damage if self.damage is None else f"{self.damage}; {damage}"

    def _facts(self, journal: JournalContent | None, tables: Iterable[pa.Table]) -> PartFacts:
        declared = [] if journal is None else journal.declared
        lost = _gaps(tables)
        whole = journal is not None and journal.damaged is None
        return PartFacts(
            # Tables that were damaged are no loss as long as the journal has every row.
            state=RunState.RECOVERED if whole or self.damage is None else RunState.QUARANTINED,
            segments=[] if journal is None else journal.segments,
            base=[
                {name: value for name, value in said.items() if name != "declares"}
                for said in declared
                if said.get("declares") == "base"
            ],
            problem="the process that recorded it died"
            + ("" if self.damage is None else f"; {self.damage}"),
            missing_seqs=lost,
            flags=flags_of_fills(declared),
        )


def _gaps(tables: Iterable[pa.Table]) -> list[list[int]]:
    """Return the ranges of sequence numbers that no table has."""
    columns = [table.column("seq").drop_null() for table in tables if "seq" in table.column_names]
    if not columns:
        return []
    there = np.unique(np.concatenate([column.to_numpy() for column in columns]))
    edges = np.concatenate([[-1], there])
    before = np.flatnonzero(np.diff(edges) > 1)
    return [[int(edges[at]) + 1, int(edges[at + 1]) - 1] for at in before]


def _tables_of(part: PartFolder) -> list[Path]:
    kept = {LOCK, JOURNAL, QUARANTINE}
    return [entry for entry in part.path.iterdir() if entry.name not in kept]


def _set_aside(part: PartFolder, paths: list[Path]) -> None:
    """Move what cannot be used to where it can be looked at; nothing is thrown away."""
    folder = part.path / QUARANTINE
    folder.mkdir(exist_ok=True)
    for path in paths:
        target, number = folder / path.name, 1
        while target.exists():
            target, number = folder / f"{path.name}.{number}", number + 1
        path.rename(target)


def _united(
    stored: Mapping[str, pa.Table], journaled: Mapping[str, pa.Table]
) -> dict[str, pa.Table]:
    """Return stored rows, each once, and the journaled rows that are not among them."""
    united = {}
    for name in stored.keys() | journaled.keys():
        pieces = [_once(stored[name])] if name in stored else []
        if name in journaled:
            known = pieces[0] if pieces else journaled[name].slice(0, 0)
            pieces.append(missing_rows(journaled[name], known))
        schema = unite([piece.schema for piece in pieces])
        whole = pa.concat_tables([conform(piece, schema) for piece in pieces])
        united[name] = whole.sort_by("seq") if "seq" in whole.column_names else whole
    return united


def _once(table: pa.Table) -> pa.Table:
    """Return the rows without those whose sequence number came before."""
    if "seq" not in table.column_names:
        return table
    numbers = table.column("seq").to_numpy(zero_copy_only=False)
    keep = np.isnan(numbers) if numbers.dtype.kind == "f" else np.zeros(len(numbers), bool)
    keep[np.unique(numbers, return_index=True)[1]] = True
    return table.filter(pa.array(keep))
