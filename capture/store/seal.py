"""How a part is sealed: compacted, chained, checked against its journal, and signed off."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.errors import CorruptRecording, StoreError
from capture.events import RunState
from capture.journal import read_journal, read_seqs
from capture.store.brief import Brief, held_tables, pieces_of, range_of, seqs_of
from capture.store.integrity import CHAINED, Chain, chain_file, chain_of
from capture.store.layout import FORMAT_VERSION, PART_RECORD, QUARANTINE
from capture.store.loading import reading
from capture.store.records import (
    now_text,
    sync_file,
    sync_folder,
    time_text,
    write_atomically,
    write_record,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from capture.contracts.backend import StorageBackend
    from capture.store.run import PartFolder

__all__ = ["NoFiles", "PartFacts", "hash_file", "missing_rows", "seal_part"]

_CHUNK_BYTES: Final = 1 << 20


class NoFiles(StoreError):
    """A backend keeps nothing that outlives the process."""


@dataclass(kw_only=True)
class PartFacts:
    """What the writer of a part knows of it beside its tables.

    Attributes:
        state: how the part ended.
        segments: schema segments: strategies, their parameters and indicator metadata.
        base: references to the base data that the part read.
        statistics: the recorder's counts.
        plugin_failures: how often each plugin failed.
        problem: what went wrong, if anything did.
        flags: anything a reader must know.
        missing_seqs: ranges of sequence numbers that were lost, first and last.
        backend: backend that holds the tables, if it is not the one that the run began with.
    """

    state: RunState = RunState.ENDED
    segments: list[dict[str, Any]] = field(default_factory=list)
    base: list[dict[str, Any]] = field(default_factory=list)
    statistics: Mapping[str, Any] = field(default_factory=dict)
    plugin_failures: Mapping[str, Any] = field(default_factory=dict)
    problem: str | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    missing_seqs: list[list[int]] = field(default_factory=list)
    backend: str | None = None


def seal_part(
    part: PartFolder,
    backend: StorageBackend,
    facts: PartFacts,
    *,
    sync: bool = False,
    journaled: Mapping[str, pa.Table] | None = None,
    in_files: bool = False,
    complete: bool = False,
) -> dict[str, Any]:
    """Seal a part and return its record; afterwards nothing in it changes any more.

    Rows that were journaled and did not reach the backend are added. The journal goes last, when
    everything that it holds is known to be in the sealed files.

    Args:
        part: the part, held by this writer.
        backend: the part's tables.
        facts: what else is known of the part.
        sync: return when all of it is on disk.
        journaled: the journal's rows, if they were read already.
        in_files: whether a backend that leaves no file is refused.
        complete: whether the backend is known to have taken every row; it is checked all the same.

    Raises:
        NoFiles: the backend leaves no file, and one was asked for; the journal stays.
        CorruptRecording: rows that were journaled are not in the sealed tables; the journal stays.
    """
    wanted = _journaled_seqs(part) if journaled is None else _all_seqs(journaled)
    with reading(part.path):
        if not complete:
            _complete(backend, wanted, journaled, part.journal_folder)
        held = held_tables(part.path, backend)
        files = list(backend.seal())
        if sync:  # the journal goes when they are sealed, so they must be on disk, whoever wrote
            for path in files:
                sync_file(path)
        tables = {name: Brief.of(backend, name, held.get(name)) for name in backend.tables()}
        _check(part, tables, wanted)
        if in_files and not files and any(table.rows for table in tables.values()):
            raise NoFiles(part.path, "the backend keeps its tables in memory")
        chains = _write_chains(part, backend, tables, files, sync=sync)
    files += _set_aside(part.path)
    said = {
        "format": FORMAT_VERSION,
        "run_id": part.run_id,
        "part": part.number,
        "sealed": now_text(),
        "last_event": _last_event(tables),
        "state": facts.state,
        "backend": facts.backend,
        "problem": facts.problem,
        "flags": facts.flags,
        "segments": facts.segments,
        "base": facts.base,
        "statistics": facts.statistics,
        "plugin_failures": facts.plugin_failures,
        "missing_seqs": facts.missing_seqs,
        "symbols": _symbols(tables, facts.base),
        "tables": {name: table.to_record() for name, table in tables.items()},
        "chains": {name: chain.to_record() for name, chain in chains.items()},
        "files": [_file_entry(path, part.path, tables) for path in sorted(files)],
        **range_of([table.seqs for table in tables.values()]),
    }
    record = write_record(part.path / PART_RECORD, said, sync=sync)
    shutil.rmtree(part.journal_folder, ignore_errors=True)
    if sync:
        sync_folder(part.path)
    return record


def _journaled_seqs(part: PartFolder) -> dict[str, np.ndarray[Any, Any]]:
    folder = part.journal_folder
    return read_seqs(folder) if folder.is_dir() else {}


def _all_seqs(tables: Mapping[str, pa.Table]) -> dict[str, np.ndarray[Any, Any]]:
    return {name: np.sort(seqs_of(table)) for name, table in tables.items()}


def _complete(
    backend: StorageBackend,
    wanted: Mapping[str, np.ndarray[Any, Any]],
    journaled: Mapping[str, pa.Table] | None,
    journal: Path,
) -> None:
    """Append what was journaled and did not reach the backend."""
    for name, seqs in wanted.items():
        there = backend.scan(name, ["seq"])
        if len(seqs) and np.isin(seqs, seqs_of(there)).all():
            continue
        if journaled is None:
            journaled = read_journal(journal).tables
        missing = missing_rows(journaled[name], there)
        for batch in missing.combine_chunks().to_batches():
            if batch.num_rows:
                backend.append(name, batch)


def missing_rows(journaled: pa.Table, stored: pa.Table) -> pa.Table:
    """Return the journaled rows whose sequence numbers are not among the stored."""
    if "seq" not in stored.column_names or not stored.num_rows:
        return journaled
    wanted, there = seqs_of(journaled), seqs_of(stored)
    if len(wanted) == len(there) and np.array_equal(wanted, there):
        return journaled.slice(0, 0)
    return journaled.filter(pa.array(~np.isin(journaled.column("seq").to_numpy(), there)))


def _check(
    part: PartFolder, tables: Mapping[str, Brief], wanted: Mapping[str, np.ndarray[Any, Any]]
) -> None:
    """Raise unless the tables hold every journaled row, and no row twice."""
    for name, numbers in wanted.items():
        there = tables[name].seqs if name in tables else numbers[:0]
        lost = numbers[~np.isin(numbers, there)]
        if len(lost):
            raise CorruptRecording(
                part.path,
                f"{len(lost)} rows of {name} (seq {lost[0]} to {lost[-1]}) did not "
                "arrive in the sealed table",
                "the journal is kept, and opening the store recovers them from it",
            )
    for name, table in tables.items():
        if table.held is not None and table.held.num_rows != table.rows:
            raise CorruptRecording(
                part.path,
                f"the sealed table {name} has {table.rows} rows, where {table.held.num_rows} were "
                "to be sealed",
                "the journal is kept, and opening the store recovers the part from it",
            )
        if not (np.diff(table.seqs) > 0).all():
            raise CorruptRecording(
                part.path,
                f"the sealed table {name} holds rows twice",
                "the journal is kept, and opening the store recovers the part from it",
            )


def _symbols(tables: Mapping[str, Brief], base: list[dict[str, Any]]) -> list[str]:
    signals = tables.get("signals")
    return sorted({ref["symbol"] for ref in base} | (signals.symbols if signals else frozenset()))


def _last_event(tables: Mapping[str, Brief]) -> str | None:
    """Return when the last event was recorded."""
    last = max((t.last_ns for t in tables.values() if t.last_ns is not None), default=None)
    return None if last is None else time_text(last)


def _set_aside(part: Path) -> list[Path]:
    """Return the files that recovery could not read and kept."""
    return [path for path in (part / QUARANTINE).rglob("*") if path.is_file()]


def _write_chains(
    part: PartFolder,
    backend: StorageBackend,
    tables: Mapping[str, Brief],
    files: list[Path],
    *,
    sync: bool,
) -> dict[str, Chain]:
    """Chain the rows of the chained tables; the files of the chains are added to `files`."""
    chains = {}
    for name in CHAINED:
        if name not in tables or not tables[name].rows:
            continue
        pieces = pieces_of(backend, name, tables[name])
        chain = chain_of(name, pieces, run_id=part.run_id, part=part.number)
        path = chain_file(part.path, name)
        write_atomically(path, chain.to_bytes(), sync=sync)
        files.append(path)
        chains[name] = chain
    return chains


def _file_entry(path: Path, part: Path, tables: Mapping[str, Brief]) -> dict[str, Any]:
    """Return what the record says of a file: its size, its hash and the tables in it."""
    if path.relative_to(part).parts[0] == QUARANTINE:
        tables = {}
    stem = path.name.split(".")[0].removeprefix("chain-")
    return {
        "name": path.relative_to(part).as_posix(),
        "bytes": path.stat().st_size,
        "sha256": hash_file(path),
        "tables": [stem] if stem in tables else sorted(tables),
    }


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
