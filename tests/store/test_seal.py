"""Sealing a part loses nothing and doubles nothing, or it leaves the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from capture.errors import CorruptRecording
from capture.host import get_host
from capture.journal import Derived, Field, Journal
from capture.store.run import RunStart
from capture.store.seal import PartFacts, seal_part
from capture.store.verify import verify

if TYPE_CHECKING:
    from capture.contracts.backend import StorageBackend
    from capture.store.run import PartFolder, RunFolder
    from capture.store.store import Store

TAKES = 30


@pytest.fixture
def run(store: Store) -> RunFolder:
    return store.begin_run(RunStart(host="hand", strategy="Cross"))


@pytest.fixture
def part(run: RunFolder) -> PartFolder:
    """Return a part with thirty signals in its journal and none in its backend."""
    part = run.claim_part()
    part.journal_folder.mkdir()
    journal = Journal(
        part.journal_folder, block_rows=1000, segment_bytes=1 << 16, on_full=lambda _: True
    )
    layout = journal.layout(
        "signals",
        fields=(Field("bar_index", "int"), Field("direction", "small")),
        constants={"part": 0, "symbol": "GOOG", "segment": 0},
        derived=(Derived("signal_id", f"{part.run_id}.0.", "seq"),),
    )
    append = journal.appender(layout)
    for bar in range(TAKES):
        append(bar, 1)
    journal.close()
    return part


def parquet(part: PartFolder) -> StorageBackend:
    backend: StorageBackend = get_host().backend("parquet")(part.data_folder)
    return backend


class Forgetful:
    """A backend that says it took a row, and did not."""

    def __init__(self, backend: StorageBackend) -> None:
        self._backend = backend

    def append(self, table: str, batch: pa.RecordBatch) -> None:
        self._backend.append(table, batch.slice(1))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


class Shrinking:
    """A backend whose sealed tables lack their first row."""

    def __init__(self, backend: StorageBackend) -> None:
        self._backend = backend
        self._sealed = False

    def seal(self) -> Any:
        self._sealed = True
        return self._backend.seal()

    def scan(self, *words: Any, **more: Any) -> pa.Table:
        return self._backend.scan(*words, **more).slice(int(self._sealed))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def test_what_was_journaled_and_did_not_reach_the_backend_is_sealed(
    run: RunFolder, part: PartFolder
) -> None:
    backend = parquet(part)
    record = seal_part(part, backend, PartFacts())
    backend.close()
    part.release()
    assert record["tables"]["signals"]["rows"] == TAKES
    assert (record["first_seq"], record["last_seq"]) == (0, TAKES - 1)
    assert not part.journal_folder.exists()
    run.finish()
    assert list(run.store[run.run_id].signals()["bar_index"]) == list(range(TAKES))
    assert verify(run.store).ok


def test_a_row_that_is_missing_afterwards_leaves_the_journal(part: PartFolder) -> None:
    backend = parquet(part)
    with pytest.raises(CorruptRecording, match=r"1 rows of signals \(seq 0 to 0\) did not arrive"):
        seal_part(part, Forgetful(backend), PartFacts())
    backend.close()
    assert list(part.journal_folder.iterdir())
    assert not (part.path / "part.json").exists()


def test_a_row_that_no_journal_has_is_missed_too(run: RunFolder) -> None:
    part = run.claim_part()
    part.journal_folder.mkdir()
    backend = parquet(part)
    backend.append("equity", pa.RecordBatch.from_pydict({"equity": [1.0, 2.0, 3.0]}))
    with pytest.raises(CorruptRecording, match="equity has 2 rows, where 3 were to be sealed"):
        seal_part(part, Shrinking(backend), PartFacts())
    backend.close()
    assert not (part.path / "part.json").exists()


def test_a_part_that_is_too_large_to_be_held_is_sealed_alike(
    run: RunFolder, part: PartFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.store.brief._SMALL_BYTES", 0)
    monkeypatch.setattr("capture.store.brief._PIECE_ROWS", 256)
    rows = 2 * 256 + 7
    backend = parquet(part)
    for start in (TAKES + 300, TAKES):  # recovered rows come behind those of a later block
        seqs = range(start, min(start + 300, TAKES + rows))
        backend.append("signals", pa.record_batch({"seq": list(seqs), "symbol": ["A"] * len(seqs)}))
    record = seal_part(part, backend, PartFacts())
    backend.close()
    part.release()
    assert record["tables"]["signals"]["rows"] == TAKES + rows
    assert record["symbols"] == ["A", "GOOG"]
    run.finish()
    assert list(run.store[run.run_id].signals()["seq"]) == list(range(TAKES + rows))
    assert verify(run.store).ok


def test_a_row_that_is_there_twice_leaves_the_journal(part: PartFolder) -> None:
    backend = parquet(part)
    row = pa.RecordBatch.from_pydict({"seq": [3], "signal_id": ["x"]})
    backend.append("signals", row)
    backend.append("signals", row)
    with pytest.raises(CorruptRecording, match="holds rows twice"):
        seal_part(part, backend, PartFacts())
    backend.close()
    assert list(part.journal_folder.iterdir())


def test_a_part_that_was_left_is_recovered_whole(
    run: RunFolder, part: PartFolder, store: Store
) -> None:
    backend = parquet(part)
    with pytest.raises(CorruptRecording):
        seal_part(part, Forgetful(backend), PartFacts())
    backend.close()
    part.release()
    run.release()
    assert store.recover() == [run.run_id]
    assert list(store[run.run_id].signals()["seq"]) == list(range(TAKES))
    assert verify(store).ok


def test_a_part_of_which_nothing_is_known_but_that_it_ended_is_sealed(run: RunFolder) -> None:
    part = run.claim_part()
    backend = parquet(part)
    record = seal_part(part, backend, PartFacts())
    backend.close()
    part.release()
    assert record["first_seq"] is None
    assert record["chains"] == {}
    run.finish()
    assert run.store[run.run_id].signals().empty
    assert verify(run.store).ok
