"""A part has one writer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from capture.errors import PartBusy, StoreError
from capture.events import RunState
from capture.host import get_host
from capture.store.run import RunStart
from capture.store.seal import PartFacts, seal_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from capture.store.run import PartFolder, RunFolder
    from capture.store.store import Store


@pytest.fixture
def run(store: Store) -> RunFolder:
    return store.begin_run(RunStart(host="hand", strategy="Cross"))


def seal(part: PartFolder, state: RunState = RunState.ENDED) -> None:
    backend = get_host().backend("parquet")(part.data_folder)
    seal_part(part, backend, PartFacts(state=state))
    backend.close()
    part.release()


def test_parts_are_numbered_as_they_are_claimed(run: RunFolder) -> None:
    assert [run.claim_part().number for _ in range(3)] == [0, 1, 2]


def test_a_part_that_is_held_is_refused(run: RunFolder) -> None:
    held = run.claim_part(3)
    with pytest.raises(PartBusy, match="another writer is at work here"):
        run.claim_part(3)
    held.release()
    assert run.claim_part(3).number == 3


def test_a_part_that_another_process_holds_is_refused(
    run: RunFolder, start_python: Callable[..., Any]
) -> None:
    other = start_python(
        "import sys; from capture.store.store import Store\n"
        "part = Store(sys.argv[1], recover=False).join_run(sys.argv[2]).claim_part()\n"
        "print(part.number, flush=True); sys.stdin.read()",
        run.store.root,
        run.run_id,
    )
    assert other.stdout.readline().strip() == "0"
    with pytest.raises(PartBusy):
        run.claim_part(0)
    with pytest.raises(PartBusy, match="still being written"):
        run.finish()
    assert run.claim_part().number == 1
    other.kill()
    other.communicate()
    assert run.claim_part(0).number == 0


def test_a_sealed_part_is_refused(run: RunFolder) -> None:
    seal(run.claim_part())
    with pytest.raises(PartBusy, match="the part is sealed"):
        run.claim_part(0)


def test_a_part_with_a_crashed_writers_rows_is_refused(run: RunFolder) -> None:
    part = run.claim_part()
    part.journal_folder.mkdir()
    part.release()
    with pytest.raises(PartBusy, match="opening the store recovers"):
        run.claim_part(0)


def test_a_run_that_has_ended_takes_no_further_part(run: RunFolder) -> None:
    run.finish()
    with pytest.raises(PartBusy, match="the run has ended"):
        run.claim_part()


def test_finishing_twice_gives_the_same_manifest(run: RunFolder) -> None:
    seal(run.claim_part())
    assert run.finish() == run.finish(RunState.FAILED)


def test_a_crashed_part_keeps_its_run_from_ending(run: RunFolder) -> None:
    part = run.claim_part()
    part.journal_folder.mkdir()
    part.release()
    with pytest.raises(StoreError, match="crashed"):
        run.finish()


def test_the_worst_state_of_a_part_is_the_runs(run: RunFolder) -> None:
    seal(run.claim_part())
    seal(run.claim_part(), RunState.FAILED)
    assert run.finish()["state"] == "failed"


def test_a_claimed_part_that_was_never_written_leaves_nothing(run: RunFolder) -> None:
    seal(run.claim_part())
    run.claim_part().release()
    manifest = run.finish()
    assert [part["part"] for part in manifest["parts"]] == [0]
    assert sorted(p.name for p in run.parts.iterdir()) == ["0000"]


def test_a_forked_child_does_not_keep_its_parents_part_alive(run: RunFolder) -> None:
    part = run.claim_part()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(reader, 1)
        os._exit(0 if not part.held else 1)
    part._lock._forget()  # as the kernel does when the parent dies: closed, not unlocked
    try:
        assert run.claim_part(0).number == 0
    finally:
        os.write(writer, b"x")
        assert os.waitpid(child, 0)[1] == 0
        os.close(reader)
        os.close(writer)
