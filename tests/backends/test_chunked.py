"""The machinery of all backends that keep files, seen through the smallest format there is."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa
import pytest

from capture.contracts.chunked import ChunkedBackend
from capture.contracts.conditions import matches
from capture.errors import CorruptRecording, StorageFull
from capture.filters import Predicate
from capture.testing import BackendContract

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from capture.contracts.conditions import Condition


class FeatherBackend(ChunkedBackend):
    """A format in a few lines."""

    suffixes: ClassVar[tuple[str, ...]] = (".arrow",)

    def write_file(
        self, path: Path, schema: pa.Schema, blocks: Iterable[pa.Table], *, sealed: bool
    ) -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for block in blocks:
                writer.write_table(block)

    def file_schema(self, path: Path) -> pa.Schema:
        with pa.OSFile(str(path)) as source:
            return pa.ipc.open_file(source).schema

    def read_file(
        self, path: Path, columns: Sequence[str], conditions: Sequence[Condition]
    ) -> pa.Table:
        with pa.OSFile(str(path)) as source:
            rows = pa.ipc.open_file(source).read_all()
        if conditions:
            rows = rows.filter(matches(rows, conditions))
        return rows.select(columns)


class TestFeather(BackendContract):
    backend = FeatherBackend


def _batch(*seq: int) -> pa.RecordBatch:
    return pa.record_batch({"seq": list(seq)})


def test_each_batch_is_a_file_until_the_part_is_sealed(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    for number in range(3):
        store.append("signals", _batch(number))
    names = [f"signals-{number:06}.arrow" for number in (1, 2, 3)]
    assert sorted(path.name for path in (tmp_path / "chunks").iterdir()) == names
    assert store.seal() == (tmp_path / "signals.arrow",)


class SlowToWrite(FeatherBackend):
    """Leaves chunks to Arrow, and counts the files that it writes itself."""

    suffixes: ClassVar[tuple[str, ...]] = (".feather",)
    arrow_chunks: ClassVar[bool] = True
    written = 0

    def write_file(self, path: Path, *words: Any, **sealed: bool) -> None:
        self.written += 1
        super().write_file(path, *words, **sealed)


def test_a_format_may_leave_chunks_to_arrow(tmp_path: Path) -> None:
    store = SlowToWrite(tmp_path)
    for number in range(2):
        store.append("signals", _batch(number))
    names = [f"signals-{number:06}.arrow" for number in (1, 2)]
    assert sorted(path.name for path in (tmp_path / "chunks").iterdir()) == names
    assert SlowToWrite(tmp_path).scan("signals")["seq"].to_pylist() == [0, 1]
    assert store.written == 0
    assert store.seal() == (tmp_path / "signals.feather",)
    assert store.written == 1
    assert SlowToWrite(tmp_path).scan("signals")["seq"].to_pylist() == [0, 1]


def test_an_arrow_chunk_that_is_damaged_is_named(tmp_path: Path) -> None:
    store = SlowToWrite(tmp_path)
    store.append("signals", _batch(*range(100)))
    path = tmp_path / "chunks" / "signals-000001.arrow"
    content = path.read_bytes()
    for share in (0.0, 0.5, 0.95):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(CorruptRecording, match=r"signals-000001\.arrow"):
            SlowToWrite(tmp_path).scan("signals")


def test_an_empty_batch_that_says_nothing_new_leaves_no_file(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    for batch in (_batch(1), _batch(1).slice(0, 0), _batch(2)):
        store.append("signals", batch)
    assert len(list((tmp_path / "chunks").iterdir())) == 2


def test_a_chunk_that_is_missing_is_named(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    for number in range(3):
        store.append("signals", _batch(number))
    (tmp_path / "chunks" / "signals-000002.arrow").unlink()
    with pytest.raises(CorruptRecording, match="chunk 2 of signals is missing"):
        FeatherBackend(tmp_path).scan("signals")


def test_a_chunk_that_is_damaged_is_named(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    store.append("signals", _batch(1))
    store.append("signals", _batch(2))
    (tmp_path / "chunks" / "signals-000002.arrow").write_bytes(b"nonsense")
    with pytest.raises(CorruptRecording, match=r"signals-000002\.arrow"):
        FeatherBackend(tmp_path).scan("signals")


def test_what_is_half_written_is_not_read_and_goes_away(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    store.append("signals", _batch(1))
    (tmp_path / "writing" / "signals-000002.arrow").write_bytes(b"half of a")
    store = FeatherBackend(tmp_path)
    assert store.scan("signals").num_rows == 1
    store.append("signals", _batch(2))
    assert list((tmp_path / "writing").iterdir()) == []


class FullDisk(FeatherBackend):
    """Runs out of space in the middle of its first file."""

    failed = False

    def write_file(self, path: Path, *words: Any, **sealed: bool) -> None:
        super().write_file(path, *words, **sealed)
        if not self.failed:
            self.failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def test_a_file_that_could_not_be_finished_leaves_its_space_to_others(tmp_path: Path) -> None:
    store = FullDisk(tmp_path)
    with pytest.raises(StorageFull, match="free some space"):
        store.append("signals", _batch(1))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    store.append("signals", _batch(2))
    assert store.scan("signals")["seq"].to_pylist() == [2]


def test_a_chunk_without_the_column_of_a_condition_is_not_opened(tmp_path: Path) -> None:
    store = FeatherBackend(tmp_path)
    store.append("signals", _batch(1))
    store.append("signals", pa.record_batch({"seq": [2], "strength": [0.5]}))
    assert store.scan("signals").num_rows == 2
    (tmp_path / "chunks" / "signals-000001.arrow").write_bytes(b"nonsense")
    found = store.scan("signals", where=[Predicate("strength", ">", 0)])
    assert found.to_pylist() == [{"seq": 2, "strength": 0.5}]


def test_sync_waits_for_files_and_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    store = FeatherBackend(tmp_path, sync=True)
    store.append("signals", _batch(1))
    assert synced == [tmp_path.name, "signals-000001.arrow", "chunks"]
    synced.clear()
    store.seal()
    assert synced == ["signals.arrow", tmp_path.name, tmp_path.name]
    synced.clear()
    (tmp_path / "other").mkdir()
    FeatherBackend(tmp_path / "other").append("signals", _batch(1))
    assert synced == []
