"""The catalogue is a cache: whatever happens to it, the store shows the same runs."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from capture.events import RunState
from capture.store import catalogue
from capture.store.run import RunStart
from capture.store.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.store.store import Store


@pytest.fixture
def full(store: Store, record: Callable[..., str]) -> Store:
    for count in (1, 2, 3):
        record(store, count=count)
    store.runs()
    assert store.layout.catalogue.exists()
    return store


def listed(root: Path) -> list[dict[str, Any]]:
    return open_store(root).summaries()


def test_without_a_catalogue_it_is_made_again(full: Store) -> None:
    before = listed(full.root)
    full.layout.catalogue.unlink()
    assert listed(full.root) == before
    assert full.layout.catalogue.exists()


@pytest.mark.parametrize("damage", ["nonsense", "zeros", "cut", "empty", "middle"])
def test_a_damaged_catalogue_is_made_again(full: Store, damage: str) -> None:
    before, path = listed(full.root), full.layout.catalogue
    content = path.read_bytes()
    path.write_bytes(
        {
            "nonsense": b"nonsense" * 100,
            "zeros": bytes(len(content)),
            "cut": content[: len(content) // 2],
            "empty": b"",
            "middle": content[:4096] + b"\xff" * (len(content) - 4096),
        }[damage]
    )
    assert listed(full.root) == before


def test_a_row_that_was_changed_is_read_again_from_its_manifest(full: Store) -> None:
    before = listed(full.root)
    with closing(sqlite3.connect(full.layout.catalogue)) as cache, cache:
        cache.execute("UPDATE summaries SET summary = replace(summary, 'ended', 'broken')")
    assert listed(full.root) == before


def test_another_version_is_made_again(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    before = listed(full.root)
    monkeypatch.setattr(catalogue, "CATALOGUE_VERSION", 99)
    assert listed(full.root) == before
    with closing(sqlite3.connect(full.layout.catalogue)) as cache:
        assert cache.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_run_that_was_removed_is_gone(full: Store) -> None:
    kept, removed, _ = list(full)
    shutil.rmtree(full.root / "runs" / removed)
    assert removed not in list(open_store(full.root))
    assert kept in open_store(full.root)


def test_reindex_counts_the_runs_that_have_ended(full: Store) -> None:
    full.layout.catalogue.write_bytes(b"nonsense")
    assert full.reindex() == 3
    assert full.reindex() == 3


def test_only_new_runs_are_read(
    full: Store, record: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def noting(path: Path) -> dict[str, Any]:
        read.append(path)
        return original(path)

    original = catalogue.read_record
    monkeypatch.setattr(catalogue, "read_record", noting)
    open_store(full.root).runs()
    assert read == []
    run_id = record(full)
    open_store(full.root).runs()
    assert [path.parent.name for path in read] == [run_id]


def test_a_catalogue_that_cannot_be_written_lives_in_memory(full: Store) -> None:
    before = listed(full.root)
    full.layout.catalogue.unlink()
    full.layout.catalogue.mkdir()  # nothing can be written in this place, whoever tries
    assert listed(full.root) == before
    assert open_store(full.root).reindex() == 3


def test_readers_and_writers_at_once_see_whole_runs(
    full: Store, record: Callable[..., str]
) -> None:
    def work(number: int) -> int:
        if number % 2:
            record(open_store(full.root))
        elif number % 4 == 0:
            full.layout.catalogue.unlink(missing_ok=True)
        return len(open_store(full.root).runs())

    with ThreadPoolExecutor(4) as pool:
        assert all(count >= 3 for count in pool.map(work, range(16)))
    assert len(listed(full.root)) == 11


def test_a_damaged_manifest_is_listed_as_corrupt_and_hides_no_other_run(full: Store) -> None:
    first = next(iter(full))
    path = full.root / "runs" / first / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"ended", b"ENDED"))
    runs = open_store(full.root).runs()
    assert list(runs["state"]) == ["corrupt", "ended", "ended"]
    assert list(runs["strategy"]) == ["Cross"] * 3
    (full.root / "runs" / first / "run.json").unlink()
    assert sorted(open_store(full.root).runs()["state"]) == ["corrupt", "ended", "ended"]


def test_a_run_that_ends_while_the_store_is_listed_is_shown_as_it_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, known = store.begin_run(RunStart(host="hand", strategy="Cross")), catalogue.Catalogue.ended

    def then_it_ends(self: catalogue.Catalogue) -> dict[str, dict[str, Any]]:
        found = known(self)
        run.finish(RunState.FAILED, problem="raised")
        return found

    monkeypatch.setattr(catalogue.Catalogue, "ended", then_it_ends)
    (row,) = store.summaries()
    assert (row["run_id"], row["state"]) == (run.run_id, "failed")
