"""The contract suite for storage backends: subclass it, name the backend, and run pytest."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from shutil import copytree
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar, Final

import pytest

from capture.errors import CorruptRecording, StoreError
from capture.testing import victim
from capture.testing.reference import assert_same, united
from capture.testing.samples import BATCH_ROWS, every_type, numbered
from capture.testing.volatile import VolatileBackendContract

if TYPE_CHECKING:
    from capture.contracts.backend import StorageBackend

__all__ = ["BackendContract"]

_KILLS: Final = 12


class BackendContract(VolatileBackendContract):
    """What every storage backend must do that keeps what it was given.

    Example:
        ```python
        class TestFeather(BackendContract):
            backend = "feather"
        ```

    It kills and starves processes of its own, so the backend's class must be importable by name.

    Attributes:
        needs_room_for: what needs room in the folder, and fails where there is none; a backend
            that keeps sealed tables elsewhere seals all the same.
    """

    needs_room_for: ClassVar[frozenset[str]] = frozenset({"append", "seal"})

    def ordeal(self, name: str, **arguments: Any) -> Any:
        """Put the backend through an ordeal in another process."""
        return victim.run(name, self.backend_class(), self.settings, **arguments)

    def check(self, store: StorageBackend, batches: int) -> None:
        """Fail unless the table of signals is made of so many whole batches."""
        found = store.scan("signals")
        assert_same(found, united([numbered(batch) for batch in range(batches)]))

    # --- files ---

    def test_sealing_leaves_its_files_and_nothing_else(self, folder: Path) -> None:
        """What others keep in the folder stays; the files are readable by whoever opens it."""
        (folder / "journal").mkdir()
        others = {folder / name for name in ("part.json", "journal/0001", "chain-signals.bin")}
        for other in others:
            other.write_text("not the backend's")
        with closing(self.make(folder)) as store:
            store.append("signals", every_type())
            store.append("part", every_type())
            files = store.seal()
        assert files
        assert {path for path in folder.rglob("*") if path.is_file()} == others | set(files)
        assert all(other.read_text() == "not the backend's" for other in others)
        assert_same(self.make(folder).scan("part"), united([every_type()]))

    def test_reading_changes_no_file(self, folder: Path) -> None:
        """A sealed part can be hashed, and may lie on a medium that cannot be written to."""
        with closing(self.make(folder)) as store:
            store.append("signals", numbered(0))
            files = store.seal()
        before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
        with closing(self.make(folder)) as store:
            self.check(store, 1)
        assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.iterdir()} == before

    def test_a_folder_that_is_not_there_is_refused(self, folder: Path) -> None:
        """The error names it."""
        with pytest.raises(StoreError, match="elsewhere"):
            self.make(folder / "elsewhere")

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
    def test_a_file_that_was_cut_is_named(self, folder: Path, share: float) -> None:
        """Half a file is an error, not half the rows."""
        with closing(self.make(folder)) as store:
            for batch in range(200):
                store.append("signals", numbered(batch))
            files = store.seal()
        largest = max(files, key=lambda path: path.stat().st_size)
        largest.write_bytes(largest.read_bytes()[: int(largest.stat().st_size * share)])
        with pytest.raises(CorruptRecording, match=largest.name):
            self.make(folder).scan("signals")

    # --- crashes ---

    def test_a_killed_writer_loses_no_batch_it_was_promised(self, tmp_path: Path) -> None:
        """Killed at any moment: whole batches, all that were promised, at most one more."""
        folders = _folders(tmp_path, _KILLS)
        promised = self.ordeal("kill_at_random", folders=folders)
        assert len(promised) == _KILLS
        for folder, batches in zip(folders, promised, strict=True):
            with closing(self.make(Path(folder))) as store:
                there = store.scan("signals").num_rows // BATCH_ROWS
                assert there in (batches, batches + 1)
                self.check(store, there)
                store.append("signals", numbered(there))
                store.seal()
                self.check(store, there + 1)

    def test_a_batch_is_there_whole_or_not_at_all(self, tmp_path: Path) -> None:
        """Killed at each step of an append."""
        for folder in self.survivors(tmp_path, "append"):
            with closing(self.make(folder)) as store:
                there = store.scan("signals").num_rows // BATCH_ROWS
                assert there in (3, 4)
                self.check(store, there)
                store.append("signals", numbered(there))
                self.check(store, there + 1)
                _check_files(folder, store.seal())
                self.check(store, there + 1)

    def test_a_seal_that_was_cut_short_neither_loses_nor_doubles(self, tmp_path: Path) -> None:
        """Killed at each step of a seal: the rows are there once, and sealing again ends it.

        More rows may follow where the seal did not come far enough to count.
        """
        ends = set()
        for number, folder in enumerate(self.survivors(tmp_path, "seal")):
            other = copytree(folder, tmp_path / f"other-{number}")
            with closing(self.make(folder)) as store:
                for _ in range(2):
                    self.check(store, 3)
                    assert_same(store.scan("fills"), united([every_type()]))
                    _check_files(folder, store.seal())
            with closing(self.make(other)) as store:
                try:
                    store.append("signals", numbered(3))
                    there = 4
                except StoreError:
                    there = 3
                self.check(store, there)
                assert store.tables() == ("fills", "signals")
                _check_files(other, store.seal())
                self.check(store, there)
            ends.add(there)
        assert ends == {3, 4}

    def survivors(self, tmp_path: Path, action: str) -> list[Path]:
        """Return folders of three batches, as kills during an action left them."""
        (template,) = _folders(tmp_path, 1)
        with closing(self.make(Path(template))) as store:
            for batch in range(3):
                store.append("signals", numbered(batch))
            store.append("fills", every_type())
        killed = self.ordeal("kill_each_step", template=template, into=str(tmp_path), action=action)
        assert len(killed) > 1
        return [Path(folder) for folder in killed]

    def test_a_full_disk_is_an_error_and_loses_nothing(self, folder: Path) -> None:
        """What was there stays, what fits follows, and a seal can be tried again."""
        errors = self.ordeal("starve", folder=str(folder))
        assert set(errors) == self.needs_room_for
        assert all(str(folder) in error for error in errors.values())
        batches = 2 if "seal" in errors else 1
        with closing(self.make(folder)) as store:
            for _ in range(2):
                self.check(store, batches)
                assert store.scan("noise").num_rows == 400
                _check_files(folder, store.seal())

    # --- others look on ---

    def test_another_process_reads_while_batches_are_added_and_sealed(self, folder: Path) -> None:
        """It sees the batches from the first to some last one, and never fewer than before."""
        writer = Thread(
            target=self.ordeal,
            args=("write_slowly",),
            kwargs={"folder": str(folder), "batches": 60},
        )
        writer.start()
        seen = {0}
        with closing(self.make(folder)) as store:
            while max(seen) < 60:
                alive = writer.is_alive()
                rows = store.scan("signals").num_rows
                assert rows % BATCH_ROWS == 0
                assert rows // BATCH_ROWS >= max(seen)
                seen.add(rows // BATCH_ROWS)
                self.check(store, max(seen)) if not alive else None
                assert alive or max(seen) == 60
            writer.join()
            self.check(store, 60)
        assert len(seen) > 3


def _folders(tmp_path: Path, count: int) -> list[str]:
    folders = [tmp_path / f"part-{number:02}" for number in range(count)]
    for folder in folders:
        folder.mkdir()
    return [str(folder) for folder in folders]


def _check_files(folder: Path, files: tuple[Path, ...]) -> None:
    """Fail unless the files of a sealed part are all that is in its folder."""
    assert set(folder.iterdir()) == set(files)
