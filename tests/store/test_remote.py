"""A store on object storage: recorded through a spool, read through a mirror."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Any

import fsspec
import pytest

from capture.errors import CaptureWarning, CorruptRecording, MissingExtra, StoreError
from capture.store.records import read_record
from capture.store.store import Store, open_store
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

URL = "memory://bucket/signals"


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CAPTURE_SPOOL", str(tmp_path / "spool"))
    yield tmp_path / "spool"
    memory = fsspec.filesystem("memory")
    if memory.exists("/bucket"):
        memory.rm("/bucket", recursive=True)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], Store]:
    """Open the store as another machine does: with a spool of its own."""
    count = iter(range(10))

    def _open() -> Store:
        monkeypatch.setenv("CAPTURE_SPOOL", str(tmp_path / f"machine{next(count)}"))
        return open_store(URL)

    return _open


def remote_file(name: str) -> Any:
    memory = fsspec.filesystem("memory")
    (path,) = [p for p in memory.find("/bucket/signals") if p.endswith(name)]
    return memory, path


def test_what_one_machine_records_another_reads(
    record: Callable[..., str], elsewhere: Callable[[], Store]
) -> None:
    run_id = record(Store(URL, create=True), count=12, parts=2)
    there = elsewhere()
    assert list(there.runs()["run_id"]) == [run_id]
    found = there.latest().signals()
    assert len(found) == 24
    assert (found["market_close"] == found["bar_index"] + 1).all()
    assert verify(there).ok
    assert verify(there).signals == 24


def test_a_run_is_fetched_when_it_is_read(
    record: Callable[..., str], elsewhere: Callable[[], Store]
) -> None:
    record(Store(URL, create=True))
    there = elsewhere()
    there.runs()
    assert not list(there.root.rglob("*.parquet"))
    there.latest().signals()
    assert list(there.root.rglob("signals.parquet"))


def test_where_there_is_no_store_the_error_says_what_to_do() -> None:
    with pytest.raises(StoreError, match=rf"{URL}: there is no store; record into it first"):
        open_store(URL)


def test_a_damaged_remote_file_is_refused_and_found(
    record: Callable[..., str], elsewhere: Callable[[], Store]
) -> None:
    writer = Store(URL, create=True)
    run_id = record(writer)
    memory, path = remote_file("signals.parquet")
    content = bytearray(memory.cat_file(path))
    content[100] ^= 1
    memory.pipe_file(path, bytes(content))
    with pytest.raises(CorruptRecording, match="the remote file is not what was written"):
        elsewhere().latest().signals()
    outcome = verify(writer, run_id)
    assert [finding.run_id for finding in outcome.findings] == [run_id]
    assert len(writer.latest().signals()) == 10, "the local copy is as good as it was"


def test_what_could_not_be_pushed_is_pushed_later(
    record: Callable[..., str],
    elsewhere: Callable[[], Store],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = Store(URL, create=True)
    spool = writer.root.parent
    memory = fsspec.filesystem("memory")
    with monkeypatch.context() as offline:
        offline.setattr(type(memory), "pipe_file", _unreachable)
        with pytest.warns(CaptureWarning, match="is safe in .* opening the store again pushes it"):
            run_id = record(writer)
    assert len(writer.latest().signals()) == 10
    assert list(elsewhere()) == []
    monkeypatch.setenv("CAPTURE_SPOOL", str(spool))
    open_store(URL)
    assert list(elsewhere()) == [run_id]


def _unreachable(*_: Any, **__: Any) -> None:
    raise ConnectionError("no route to host")


def test_an_unreachable_store_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as offline:
        offline.setattr(type(fsspec.filesystem("memory")), "exists", _unreachable)
        with pytest.raises(StoreError, match=rf"{URL}: the remote store cannot be reached.*route"):
            open_store(URL)


def test_a_run_that_was_removed_there_is_gone_here(
    record: Callable[..., str], elsewhere: Callable[[], Store]
) -> None:
    kept, removed = (record(Store(URL, create=True)) for _ in range(2))
    there = elsewhere()
    assert len(there) == 2
    fsspec.filesystem("memory").rm(f"/bucket/signals/runs/{removed}", recursive=True)
    assert list(there) == [kept]


def test_a_run_without_a_manifest_is_not_seen(
    record: Callable[..., str], elsewhere: Callable[[], Store]
) -> None:
    record(Store(URL, create=True))
    memory, path = remote_file("manifest.json")
    memory.rm(path)
    assert list(elsewhere()) == []


def test_a_hostile_name_in_the_remote_store_writes_nothing_outside(
    record: Callable[..., str], elsewhere: Callable[[], Store], tmp_path: Path
) -> None:
    run_id = record(Store(URL, create=True))
    memory, path = remote_file("part.json")
    from capture.store.records import canonical, digest_of

    said = read_record(Store(URL).root / "runs" / run_id / "parts" / "0000" / "part.json")
    said["files"].append({"name": "../../../../../evil", "bytes": 1, "sha256": "x", "tables": []})
    said["sha256"] = digest_of(said)
    memory.pipe_file(path, canonical(said).encode())
    with pytest.raises(CorruptRecording, match="outside of this folder"):
        elsewhere().latest().signals()
    assert not list(tmp_path.rglob("evil"))


def test_a_file_url_is_a_folder(tmp_path: Path, record: Callable[..., str]) -> None:
    store = Store(f"file://{tmp_path}/plain", create=True)
    record(store)
    assert store.root == tmp_path / "plain"
    assert len(open_store(tmp_path / "plain")) == 1


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(StoreError, match="this URL cannot be used"):
        open_store("nonsense://bucket")


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtra, match=r"pip install 'signal-capture\[remote\]'"):
        open_store(URL)


def test_a_lost_spool_costs_nothing_that_was_pushed(
    record: Callable[..., str], spool: Path
) -> None:
    run_id = record(Store(URL, create=True))
    shutil.rmtree(spool)
    assert len(open_store(URL)[run_id].signals()) == 10
