"""A journal can be read while it is written, and a disk that is full loses nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest

from capture.errors import StorageFull, StoreError
from capture.journal import Field, Journal, read_journal

if TYPE_CHECKING:
    from collections.abc import Callable

LIMITED = """
import resource, signal, sys
from pathlib import Path
from capture.errors import StorageFull
from capture.journal import Field, Journal, read_journal

folder = Path(sys.argv[1])
writer = Journal(
    folder, block_rows=7, segment_bytes=8192, on_full=lambda _: writer.take_block() is None or True
)
append = writer.appender(writer.layout("notes", fields=(Field("value", "text"),)))
told = [append(f"note {n}") for n in range(100)]
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
refused = 0
while refused < 5:
    try:
        told.append(append("x" * 500))
    except StorageFull as error:
        assert "no space" in str(error) and "make room" in str(error), error
        refused += 1
content = read_journal(folder)
assert content.damaged is None, content.damaged
assert content.tables["notes"].column("seq").to_pylist() == told
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
told += [append(f"again {n}") for n in range(300)]
writer.close()
assert told == list(range(len(told)))
content = read_journal(folder)
assert content.damaged is None, content.damaged
assert content.tables["notes"].column("seq").to_pylist() == told
"""

FULL_DISK = """
import os, sys
from pathlib import Path
from capture.errors import StorageFull
from capture.journal import Field, Journal, read_journal

disk = Path(sys.argv[1])
folder = disk / "journal"
folder.mkdir()
ballast = disk / "ballast"
writer = Journal(
    folder, block_rows=7, segment_bytes=65536, on_full=lambda _: writer.take_block() is None or True
)
append = writer.appender(writer.layout("notes", fields=(Field("value", "text"),)))
told = [append("before")]
with ballast.open("wb") as file:
    try:
        while True:
            file.write(bytes(65536))
    except OSError:
        pass
refused = 0
while refused < 3:
    try:
        told.append(append("x" * 1000))
    except StorageFull:
        refused += 1
assert read_journal(folder).tables["notes"].num_rows == len(told)
assert len(list(folder.iterdir())) == 1, "a segment that had no room was left behind"
ballast.unlink()
told += [append("after" * 50) for _ in range(1000)]
writer.close()
assert told == list(range(len(told)))
assert read_journal(folder).tables["notes"].column("seq").to_pylist() == told
"""


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.crash
def test_a_limit_on_file_size_refuses_rows_and_loses_none(tmp_path: Path) -> None:
    done = run(LIMITED, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="mounts a small disk of its own")
def test_a_full_disk_refuses_rows_and_loses_none(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    mounted = f'mount -t tmpfs -o size=1m none "{tmp_path}" && exec "$@"'
    inside = ["unshare", "--mount", "--map-root-user", "sh", "-c", mounted, "sh", *command]
    if os.geteuid() == 0:
        inside.remove("--map-root-user")
    done = subprocess.run(inside, capture_output=True, text=True, check=False)
    if done.returncode and "Operation not permitted" in done.stderr:
        # A container may not mount: the limit on file size above is the nearest thing it allows.
        assert run(LIMITED, tmp_path).returncode == 0
        return
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written_to_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written to"):
        Journal(tmp_path / "gone", block_rows=1, segment_bytes=4096, on_full=lambda _: True)


def test_two_writers_of_one_journal_are_refused(journal: Callable[..., Journal]) -> None:
    folder = journal()._folder
    with pytest.raises(StoreError, match="another writer is at work"):
        journal(folder)


def test_too_large_a_segment_is_refused_before_anything_is_lost(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="make room"):
        Journal(tmp_path, block_rows=1, segment_bytes=1 << 55, on_full=lambda _: True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sync", [False, True], ids=["journal", "fsync"])
def test_what_is_read_while_it_is_written_is_a_prefix(
    journal: Callable[..., Journal], tmp_path: Path, sync: bool
) -> None:
    writer = journal(tmp_path, sync=sync, segment_bytes=16_384)
    plain = writer.appender(
        writer.layout("signals", fields=tuple(Field(f"extra_{n}", "int") for n in range(30)))
    )
    noted = writer.appender(writer.layout("notes", fields=(Field("value", "text"),)))
    ended = Event()

    def write() -> None:
        try:
            for n in range(1500 if sync else 15_000):
                if n % 10 == 0:
                    noted(f"{n} " + "x" * (n % 300))
                else:
                    plain(*[n] * 30)
        finally:
            ended.set()

    thread = Thread(target=write)
    thread.start()
    seen = 0
    while not ended.is_set():
        accepted = writer.seq
        content = read_journal(tmp_path)
        assert content.damaged is None
        rows = {s: r for t in content.tables.values() for r in t.to_pylist() for s in [r["seq"]]}
        assert sorted(rows) == list(range(len(rows)))
        assert len(rows) >= accepted >= seen
        for seq, row in rows.items():
            if seq % 10 == 0:
                assert row["value"] == f"{seq} " + "x" * (seq % 300)
            else:
                assert {row[f"extra_{n}"] for n in range(30)} == {seq}
        seen = accepted
        if seen > 4000:
            break
    thread.join()
    content = read_journal(tmp_path)
    assert sum(t.num_rows for t in content.tables.values()) == writer.seq
