"""Finished signals go into Parquet files and come back, and nothing is lost on the way."""

from __future__ import annotations

import os
import random
import signal as signals_of_processes
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from capture.errors import CorruptRecording, InvalidEvent, StoreError, UnknownName
from capture_sql import SignalRepository, tables

Make = Callable[..., dict[str, Any]]
NOW = timedelta(0)


@pytest.fixture
def filled(repository: SignalRepository, signal: Make) -> SignalRepository:
    """Rejected, closed, and such as have to stay: waiting, and held."""
    names = [f"r{number}" for number in range(20)] + ["closed", "held", "waiting"]
    repository.save_signals(signal(signal_id=name) for name in names)
    for name in names[:20]:
        repository.update_signal_status(name, "rejected", reason="risk_limit")
    for name in ("closed", "held"):
        repository.update_signal_status(name, "executed", executed_price=101)
    repository.update_outcome("closed", exit_price=110)
    return repository


def _rows(repository: SignalRepository) -> dict[str, Any]:
    with repository.database.reading() as connection:
        found = {}
        for table in (tables.signals, tables.history, tables.fills, tables.outcomes):
            columns = [column for column in table.columns if column.name != "number"]
            query = sa.select(*columns).order_by(table.c.signal_id, table.c.version)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
        return found


def test_a_dry_run_tells_and_moves_nothing(filled: SignalRepository, tmp_path: Path) -> None:
    before = _rows(filled)
    told = filled.archive_signals(tmp_path / "old", older_than=NOW, dry_run=True)
    assert (told.signals, told.by_status) == (21, {"executed": 1, "rejected": 20})
    assert (told.archives, told.dry_run) == ((), True)
    assert _rows(filled) == before
    assert not (tmp_path / "old").exists()


def test_what_is_finished_goes_and_comes_back_as_it_was(
    filled: SignalRepository, tmp_path: Path
) -> None:
    before = _rows(filled)
    nothing = filled.archive_signals(tmp_path, older_than=timedelta(days=1))
    assert (nothing.signals, nothing.archives) == (0, ())
    done = filled.archive_signals(tmp_path, older_than=NOW)
    assert (done.signals, done.changes, done.fills, done.kept) == (21, 43, 2, 0)
    assert [each.signal_id for each in filled.iter_signals()] == ["held", "waiting"]
    assert filled.get_history("r1", every=True) == []
    (archive,) = filled.archives()
    assert (archive["archive_id"], archive["signals"]) == (done.archives[0], 21)
    frame = pq.read_table(Path(archive["folder"]) / "signals.parquet").to_pandas()
    assert sorted(frame["signal_id"]) == sorted({f"r{n}" for n in range(20)} | {"closed"})
    filled.update_signal_status("waiting", "cancelled")
    assert filled.verify().ok
    assert filled.restore_archive(done.archives[0]) == 21
    after = _rows(filled)
    assert {
        name: [r for r in rows if r["signal_id"] != "waiting"] for name, rows in after.items()
    } == {name: [r for r in rows if r["signal_id"] != "waiting"] for name, rows in before.items()}
    assert filled.verify().ok
    with pytest.raises(StoreError, match="restored"):
        filled.restore_archive(done.archives[0])


def test_an_archive_that_was_changed_is_found_and_not_restored(
    filled: SignalRepository, tmp_path: Path
) -> None:
    (archive_id,) = filled.archive_signals(tmp_path, older_than=NOW).archives
    path = tmp_path / archive_id / "history.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    (finding,) = filled.verify().findings
    assert archive_id in str(finding) and "history.parquet" in str(finding)
    before = _rows(filled)
    with pytest.raises(CorruptRecording, match=r"history\.parquet"):
        filled.restore_archive(archive_id)
    assert _rows(filled) == before
    path.unlink()
    assert "is missing" in str(filled.verify())


def test_an_archive_is_restored_from_where_it_was_moved(
    filled: SignalRepository, tmp_path: Path
) -> None:
    (archive_id,) = filled.archive_signals(tmp_path / "old", older_than=NOW).archives
    (tmp_path / "old").rename(tmp_path / "cold")
    assert filled.restore_archive(archive_id, tmp_path / "cold") == 21
    assert filled.verify().ok
    with pytest.raises(UnknownName, match="nothing"):
        filled.restore_archive("nothing")


def test_a_signal_whose_name_was_used_again_is_not_overwritten(
    filled: SignalRepository, signal: Make, tmp_path: Path
) -> None:
    (archive_id,) = filled.archive_signals(tmp_path, older_than=NOW).archives
    filled.save_signal(signal(signal_id="r1"))
    with pytest.raises(InvalidEvent, match="r1"):
        filled.restore_archive(archive_id)


def test_what_changes_while_it_is_moved_stays(
    filled: SignalRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from capture_sql import archiving

    write = archiving._write

    def meanwhile(*words: Any) -> Any:
        filled.record_fill("r1", 1, 100.0)  # a fill that came late
        return write(*words)

    monkeypatch.setattr(archiving, "_write", meanwhile)
    done = filled.archive_signals(tmp_path, older_than=NOW)
    assert (done.signals, done.kept, done.archives) == (0, 21, ())
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert filled.verify().ok and filled.archives() == []


def test_one_process_at_a_time_archives_into_a_folder(
    filled: SignalRepository, tmp_path: Path
) -> None:
    from capture_sql.archiving import _alone

    with _alone(tmp_path), pytest.raises(StoreError, match="another process"):
        filled.archive_signals(tmp_path, older_than=NOW)


_ARCHIVE = """
import sys
from datetime import timedelta
from capture_sql import SignalRepository, archiving
archiving._AT_ONCE = 7
with SignalRepository(sys.argv[1]) as repository:
    print("ready", flush=True)
    repository.archive_signals(sys.argv[2], older_than=timedelta(0))
"""


@pytest.mark.crash
@pytest.mark.slow
def test_killed_at_random_it_loses_nothing_and_doubles_nothing(
    filled: SignalRepository, db_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    moment = random.Random(7)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", _ARCHIVE, db_url, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(moment.uniform(0, 0.25))
        os.kill(process.pid, signals_of_processes.SIGKILL)
        process.communicate()
        here = {each.signal_id for each in filled.iter_signals()}
        there: list[str] = []
        for archive in filled.archives():
            path = Path(archive["folder"]) / "signals.parquet"
            there += pq.read_table(path, columns=["signal_id"])["signal_id"].to_pylist()
        assert sorted([*here, *there]) == sorted(
            [f"r{number}" for number in range(20)] + ["closed", "held", "waiting"]
        )
        assert filled.verify().ok
    filled.archive_signals(folder, older_than=NOW)
    assert {path.name for path in folder.iterdir() if path.is_dir()} == {
        archive["archive_id"] for archive in filled.archives()
    }
