"""A folder of indices: a file per group, and a record that says which files belong to it."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from capture.errors import CorruptRecording, StoreError
from capture.index.alignment import CrossReference
from capture.index.group import SeriesGroup, SeriesKey
from capture.index.series_file import as_bytes, read_table
from capture.store.base import BaseRef
from capture.store.layout import inside, slug
from capture.store.locks import Lock
from capture.store.records import HASH, read_record, write_atomically, write_record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GroupFile", "IndexFolder"]

FOLDER_VERSION: Final = 1
# 1: first release

RECORD: Final = "index.json"
_LOCK: Final = "lock"
_PATIENCE_SECONDS: Final = 30.0


@dataclass(frozen=True)
class GroupFile:
    """What the record says of the file of a group.

    Attributes:
        file: its name.
        sha256: hash of its content.
        size_bytes: its size.
        sets: number of parameter sets.
        series: number of different series among them.
        rows: number of signals or changes.
    """

    file: str
    sha256: str
    size_bytes: int
    sets: int
    series: int
    rows: int


@dataclass
class IndexFolder:
    """What a folder held when it was last read or written.

    Attributes:
        path: the folder.
        groups: the file of each group.
        times: when the bars became known.
        base: the base data that the indices point into.
        mark: hash of the record; None before the first save.
    """

    path: Path
    groups: dict[SeriesKey, GroupFile] = field(default_factory=dict)
    times: CrossReference = field(default_factory=CrossReference)
    base: dict[tuple[str, str], BaseRef] = field(default_factory=dict)
    mark: str | None = None

    @classmethod
    def open(cls, path: Path) -> IndexFolder:
        """Read the record of a folder; no group is read."""
        record = read_record(path / RECORD)
        if record.get("format") != FOLDER_VERSION:
            raise StoreError(
                path,
                f"this index has format {record.get('format')}",
                "read it with a newer version",
            )
        made = cls(path, mark=record[HASH])
        for said in record["groups"]:
            key = SeriesKey(*(said[name] for name in SeriesKey._fields))
            made.groups[key] = GroupFile(
                **{name: said[name] for name in GroupFile.__dataclass_fields__}
            )
        for said in record["base"]:
            made.base[said["symbol"], said["timeframe"]] = BaseRef.from_dict(said)
        if record["times"] is not None:
            table, _ = read_table(inside(path, record["times"]))
            made.times = CrossReference.from_table(table)
        return made

    def read(self, key: SeriesKey) -> SeriesGroup:
        """Read a group."""
        path = inside(self.path, self.groups[key].file)
        with suppress(OSError):
            if path.stat().st_size != self.groups[key].size_bytes:
                raise CorruptRecording(path, "the index has another size than was written")
        group = SeriesGroup.read(path)
        if group.key != key:
            raise CorruptRecording(path, f"the index is of {group.key}, not of {key}")
        return group

    def save(
        self,
        changed: Mapping[SeriesKey, SeriesGroup],
        times: CrossReference,
        base: Mapping[tuple[str, str], BaseRef],
    ) -> IndexFolder:
        """Write groups that changed, then the record; return the folder as it is afterwards.

        Files have the hash of their content in their names, so that a reader never sees a file of
        another save than the record it has read.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        lock = Lock(self.path / _LOCK, patience_seconds=_PATIENCE_SECONDS)
        try:
            before = self._record_now()
            groups = {**self.groups}
            for key, group in changed.items():
                groups[key] = self._write(group)
            closes = self._write_times(times)
            record = write_record(self.path / RECORD, _said(groups, closes, base))
            self._remove(_files_of(before) - _files_of(record))
        finally:
            lock.release()
        return IndexFolder(self.path, groups, times, dict(base), record[HASH])

    def _record_now(self) -> dict[str, Any] | None:
        if not (self.path / RECORD).exists():
            return None
        record = read_record(self.path / RECORD)
        if record[HASH] != self.mark:
            raise StoreError(
                self.path,
                "somebody else saved another index here",
                "open that and add to it, or save to another folder",
            )
        return record

    def _write(self, group: SeriesGroup) -> GroupFile:
        data = group.to_bytes()
        digest = hashlib.sha256(data).hexdigest()
        name = f"{group.key.kind}-{slug(group.key.name)}-{digest[:16]}.parquet"
        write_atomically(self.path / name, data)
        rows = group.table.num_rows
        return GroupFile(name, digest, len(data), len(group.sets), len(group), rows)

    def _write_times(self, times: CrossReference) -> str | None:
        if not len(times):
            return None
        data = as_bytes(times.to_table(), {"kind": "times"})
        name = f"times-{hashlib.sha256(data).hexdigest()[:16]}.parquet"
        write_atomically(self.path / name, data)
        return name

    def _remove(self, names: set[str]) -> None:
        for name in names:
            inside(self.path, name).unlink(missing_ok=True)


def _said(
    groups: Mapping[SeriesKey, GroupFile],
    times: str | None,
    base: Mapping[tuple[str, str], BaseRef],
) -> dict[str, Any]:
    return {
        "format": FOLDER_VERSION,
        "groups": [{**key._asdict(), **vars(file)} for key, file in sorted(groups.items())],
        "times": times,
        "base": [ref.to_dict() for _, ref in sorted(base.items())],
    }


def _files_of(record: Mapping[str, Any] | None) -> set[str]:
    if record is None:
        return set()
    names = {said["file"] for said in record["groups"]} | {record["times"]}
    return cast("set[str]", names - {None})
