"""Finished signals in Parquet files, out of the database and back into it.

An archive is announced in the database before its first file is written, so that one whose process
died is known and taken away by the next. Then its files are written out of sight, read back, and
moved into place; and only then do the signals leave the database, in one transaction, if none of
them has changed meanwhile. The digests of their history stay behind: the chains still hold.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import time
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from capture import checks
from capture.contracts.disk import flush, writing
from capture.errors import ConfigError, CorruptRecording, StoreError, UnknownName
from capture.lifecycle.record import ArchiveReport
from capture.lifecycle.verification import DatabaseFinding
from capture_sql.changes import any_of, as_json, locked, refuse_taken, rows_of
from capture_sql.filtering import conditions
from capture_sql.tables import archives, fills, history, outbox, outcomes, signals

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from sqlalchemy.engine import Connection

    from capture_sql.database import Database

__all__ = ["archive", "changed_archives", "listed", "restore"]

_AT_ONCE: Final = 5_000
_TABLES: Final = {table.name: table for table in (signals, history, fills, outcomes)}
_ARROW: Final = {"TEXT": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}
_LOCK: Final = ".lock"


def archive(
    database: Database,
    folder: str | os.PathLike[str],
    older_than: timedelta,
    now: datetime | int | None,
    filters: Mapping[str, Any] | None,
    *,
    dry_run: bool,
) -> ArchiveReport:
    """Move finished signals into archives of some thousand each, or tell what would be moved."""
    moment = time.time_ns() if now is None else checks.time_ns("now", now)
    if older_than.total_seconds() < 0:
        raise ConfigError("older_than", older_than, "must be a length of time")
    before = moment - round(older_than.total_seconds() * 1e9)
    report = _Counts(dry_run)
    if dry_run:
        for rows in _chosen(database, before, filters):
            with database.reading() as connection:
                report.add(_gathered(connection, rows), 0, None)
        return report.told()
    place = Path(folder).resolve()
    with writing(place), _alone(place):
        _tidy(database, place)
        for rows in _chosen(database, before, filters):
            _archive(database, place, rows, report)
    if report.archives and database.is_sqlite:
        database.compact()
    return report.told()


def listed(connection: Connection) -> list[dict[str, Any]]:
    """Return what is known of every archive, the oldest first."""
    query = sa.select(archives).where(archives.c.state != "writing").order_by(archives.c.begun_ns)
    return [
        {name: value for name, value in row.items() if name not in ("links", "files")}
        for row in rows_of(connection, query)
    ]


def restore(database: Database, archive_id: str, folder: str | os.PathLike[str] | None) -> int:
    """Bring the signals of an archive back, in one transaction."""
    with database.reading() as connection:
        known = _known(connection, archive_id)
    if known["state"] != "archived":
        raise StoreError(archive_id, f"this archive is {known['state']}", "there is nothing to do")
    place = Path(known["folder"]) if folder is None else Path(folder).resolve()
    if folder is not None and (place / archive_id).is_dir():
        place /= archive_id
    for problem in _problems(place, json.loads(known["files"])):
        raise CorruptRecording(place, problem, "restore it from a copy that is as it was written")
    tables = {name: _read(place, name) for name in _TABLES}

    def work(connection: Connection) -> int:
        if _known(connection, archive_id, lock=True)["state"] != "archived":
            raise StoreError(archive_id, "it was restored meanwhile", "there is nothing to do")
        refuse_taken(connection, [row["signal_id"] for row in tables["signals"]])
        for name, table in _TABLES.items():
            if tables[name]:
                connection.execute(table.insert(), tables[name])
        done = archives.update().where(archives.c.archive_id == archive_id)
        connection.execute(done.values(state="restored"))
        return len(tables["signals"])

    return database.write(work)


def changed_archives(connection: Connection) -> Iterator[DatabaseFinding]:
    """Yield the archives whose files are not what was written."""
    query = sa.select(archives).where(archives.c.state == "archived")
    for row in rows_of(connection, query):
        for problem in _problems(Path(row["folder"]), json.loads(row["files"])):
            yield DatabaseFinding("archives", f"archive {row['archive_id']}: {problem}")


# --- what goes -----------------------------------------------------------------------------------


def _chosen(
    database: Database, before: int, filters: Mapping[str, Any] | None
) -> Iterator[list[dict[str, Any]]]:
    """Yield identity and version of the signals that may go, some at a time."""
    after = 0
    still = sa.select(outcomes.c.signal_id).where(outcomes.c.state == "open")
    while True:
        with database.reading() as connection:
            query = (
                sa.select(signals.c.number, signals.c.signal_id, signals.c.version)
                .where(
                    signals.c.finished_ns < before,
                    signals.c.number > after,
                    signals.c.signal_id.not_in(still),
                    *conditions(connection, filters or {}),
                )
                .order_by(signals.c.number)
                .limit(_AT_ONCE)
            )
            rows = [dict(row) for row in rows_of(connection, query)]
        if not rows:
            return
        after = rows[-1]["number"]
        yield rows


def _gathered(
    connection: Connection, rows: Sequence[Mapping[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Return everything that belongs to signals, by table."""
    chosen = sorted(row["signal_id"] for row in rows)
    found = {}
    for name, table in _TABLES.items():
        columns = [column for column in table.columns if column.name != "number"]
        query = sa.select(*columns).where(any_of(connection, table.c.signal_id, chosen))
        order = [table.c[n] for n in ("signal_id", "version") if n in table.c]
        found[name] = [dict(row) for row in rows_of(connection, query.order_by(*order))]
    return found


def _archive(
    database: Database, place: Path, rows: Sequence[Mapping[str, Any]], report: _Counts
) -> None:
    archive_id = f"{time.time_ns():016x}-{secrets.token_hex(4)}"
    target = place / archive_id
    announced = {"archive_id": archive_id, "folder": str(target), "begun_ns": time.time_ns()}
    announced |= {"state": "writing", "signals": 0, "files": "{}", "links": "[]"}
    database.write(lambda connection: connection.execute(archives.insert(), announced))
    with database.reading() as connection:
        tables = _gathered(connection, rows)
    files = _write(target, tables)
    read_before = {row["signal_id"]: row["version"] for row in tables["signals"]}

    def work(connection: Connection) -> bool:
        held = locked(connection, read_before)
        gone = {signal_id: row["version"] for signal_id, row in held.items()} != read_before
        if gone or _has_new_marks(connection, tables["outcomes"]):
            _forget(archive_id, connection)
            return False
        chosen = sorted(read_before)
        for table in _TABLES.values():
            connection.execute(table.delete().where(any_of(connection, table.c.signal_id, chosen)))
        told = any_of(connection, outbox.c.signal_id, chosen) & (outbox.c.state == "sent")
        connection.execute(outbox.delete().where(told))
        done = {"state": "archived", "signals": len(chosen), "files": as_json(files)}
        done["links"] = as_json(_links(tables["history"]))
        update = archives.update().where(archives.c.archive_id == archive_id)
        connection.execute(update.values(done))
        return True

    if database.write(work):
        size = sum((target / name).stat().st_size for name in files)
        report.add(tables, size, archive_id)
    else:
        shutil.rmtree(target)
        report.kept += len(read_before)


def _has_new_marks(connection: Connection, before: Sequence[Mapping[str, Any]]) -> bool:
    if not before:
        return False
    chosen = [row["signal_id"] for row in before]
    query = sa.select(outcomes.c.signal_id, outcomes.c.version)
    now = connection.execute(query.where(any_of(connection, outcomes.c.signal_id, chosen)))
    return {row[0]: row[1] for row in now} != {row["signal_id"]: row["version"] for row in before}


def _links(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, list[str]]]:
    """Return the digests of links that leave, as runs of places: writer, first place, digests."""
    ordered = sorted((row["writer"], row["link"], row["sha256"]) for row in rows)
    starts = [0] + [
        place
        for place, (one, other) in enumerate(pairwise(ordered), 1)
        if (one[0], one[1] + 1) != other[:2]
    ]
    runs = [ordered[start:end] for start, end in pairwise([*starts, len(ordered)])]
    return [(run[0][0], run[0][1], [digest for _, _, digest in run]) for run in runs if run]


# --- files ---------------------------------------------------------------------------------------


def _write(target: Path, tables: Mapping[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Write an archive, and return the SHA-256 of its files once they were read back."""
    draft = target.with_name(f".{target.name}.writing")
    draft.mkdir()
    try:
        for name, rows in tables.items():
            path = draft / f"{name}.parquet"
            pq.write_table(pa.Table.from_pylist(rows, _schema(name)), path, compression="zstd")
            flush(path)
            if _read(draft, name) != rows:
                raise CorruptRecording(path, "what was written does not read back", "try again")
        digests = {path.name: _sha256(path) for path in sorted(draft.iterdir())}
        flush(draft)
        draft.rename(target)
        flush(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return digests


def _schema(name: str) -> pa.Schema:
    return pa.schema(
        [
            pa.field(column.name, _ARROW.get(str(column.type), pa.int64()))
            for column in _TABLES[name].columns
            if column.name != "number"
        ]
    )


def _read(folder: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(
        folder / f"{name}.parquet", schema=_schema(name), use_threads=False
    ).to_pylist()
    return found


def _problems(folder: Path, files: Mapping[str, str]) -> Iterator[str]:
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            yield f"{path} is missing"
        elif _sha256(path) != digest:
            yield f"{path} is not what was written"


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- one at a time -------------------------------------------------------------------------------


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Hold the folder of archives for this process; the kernel frees it if the process dies."""
    import fcntl

    place.mkdir(parents=True, exist_ok=True)
    with (place / _LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            mend = "wait for it, or choose another folder"
            raise StoreError(place, "another process archives into it", mend) from error
        yield


def _tidy(database: Database, place: Path) -> None:
    """Take away what a process left that died while it wrote an archive into this folder."""
    query = sa.select(archives.c.archive_id, archives.c.folder).where(archives.c.state == "writing")
    with database.reading() as connection:
        left = [row for row in rows_of(connection, query) if Path(row["folder"]).parent == place]
    for row in left:
        target = Path(row["folder"])
        shutil.rmtree(target, ignore_errors=True)
        shutil.rmtree(target.with_name(f".{target.name}.writing"), ignore_errors=True)
        database.write(partial(_forget, row["archive_id"]))


def _forget(archive_id: str, connection: Connection) -> None:
    connection.execute(archives.delete().where(archives.c.archive_id == archive_id))


def _known(connection: Connection, archive_id: str, *, lock: bool = False) -> Mapping[str, Any]:
    query = sa.select(archives).where(archives.c.archive_id == archive_id)
    found = rows_of(connection, query.with_for_update() if lock else query)
    if not found:
        names = connection.execute(sa.select(archives.c.archive_id)).scalars()
        raise UnknownName("archive", archive_id, names)
    return dict(found[0])


class _Counts:
    """Adds up what goes."""

    def __init__(self, dry_run: bool) -> None:
        self.archives: list[str] = []
        self.kept = 0
        self._dry_run = dry_run
        self._rows = dict.fromkeys(_TABLES, 0)
        self._bytes = 0
        self._by_status: dict[str, int] = {}

    def add(
        self, tables: Mapping[str, list[dict[str, Any]]], size: int, archive_id: str | None
    ) -> None:
        """Count what went into an archive, or would go."""
        for name, rows in tables.items():
            self._rows[name] += len(rows)
        for row in tables["signals"]:
            self._by_status[row["status"]] = self._by_status.get(row["status"], 0) + 1
        self._bytes += size
        if archive_id is not None:
            self.archives.append(archive_id)

    def told(self) -> ArchiveReport:
        """Return the sums."""
        return ArchiveReport(
            signals=self._rows["signals"],
            changes=self._rows["history"],
            fills=self._rows["fills"],
            by_status=dict(sorted(self._by_status.items())),
            archives=tuple(self.archives),
            bytes=self._bytes,
            kept=self.kept,
            dry_run=self._dry_run,
        )
