"""Any change to a sealed store is found, and is named as exactly as it can be."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import RunNotFound, StoreError
from capture.store.layout import StoreLayout
from capture.store.records import read_record, write_record
from capture.store.run import RunStart
from capture.store.store import Store
from capture.store.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CACHES = ("catalogue.sqlite", "recovery.lock", "latest")


def sealed_files(root: Path) -> list[Path]:
    """Return every file whose bytes are promised: all but caches and pointers."""
    files = [p for p in root.rglob("*") if p.is_file()]
    return sorted(p for p in files if not p.name.startswith(CACHES))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, record: Callable[..., str]) -> Path:
    """Return a store with runs of several backends; a test puts back what it damages."""
    root = tmp_path_factory.mktemp("sealed") / "store"
    store = Store(root, create=True)
    for backend in ("parquet", "json", "sql", "hdf5"):
        record(store, strategy=backend, backend=backend, count=12, parts=2)
    assert verify(store).ok
    return root


@settings(max_examples=150)
@given(data=st.data())
@pytest.mark.slow
def test_any_changed_byte_is_found_and_named(sealed: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sealed_files(sealed)))
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1), label="offset")
    mask = data.draw(st.integers(1, 255), label="mask")
    damaged = bytearray(content)
    damaged[place] ^= mask
    path.write_bytes(damaged)
    try:
        outcome = verify(sealed)
    finally:
        path.write_bytes(content)
    name = path.relative_to(sealed).as_posix()
    assert not outcome.ok
    assert all(finding.file == name for finding in outcome.findings), outcome
    if name == "capture-store.json":
        return
    for finding in outcome.findings:
        assert finding.run_id in sealed_runs(sealed)
        assert name.startswith("base/") or f"runs/{finding.run_id}/" in name
        assert 0 <= finding.first_seq <= finding.last_seq <= 23
    if "/parts/" in name:
        assert {finding.part for finding in outcome.findings} == {int(name.split("/")[3])}


def sealed_runs(root: Path) -> set[str]:
    return {path.name for path in (root / "runs").iterdir()}


@settings(max_examples=40)
@given(data=st.data())
def test_a_file_that_was_cut_grown_or_removed_is_found(sealed: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sealed_files(sealed)))
    content = path.read_bytes()
    change = data.draw(st.sampled_from(["cut", "grown", "empty", "removed"]))
    if change == "removed":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-1], "grown": content + b"\n", "empty": b""}[change])
    try:
        if path.name == "capture-store.json" and change == "removed":
            with pytest.raises(StoreError):
                Store(sealed)
            return
        if path.name == "manifest.json" and change == "removed":
            assert verify(sealed).unsealed == {path.parent.name: "crashed"}
            return
        findings = verify(sealed).findings
    finally:
        path.write_bytes(content)
    assert path.relative_to(sealed).as_posix() in {finding.file for finding in findings}


def test_a_changed_signal_is_named(store: Store, record: Callable[..., str]) -> None:
    run_id = record(store, backend="json", config={"compression": "none"})
    path = next((store.root / "runs" / run_id / "parts" / "0000").glob("signals*"))
    content = path.read_bytes()
    assert content.count(b'"strength":0.8,') == 1, "the ninth signal has this strength"
    path.write_bytes(content.replace(b'"strength":0.8,', b'"strength":0.9,'))
    (finding,) = verify(store).findings
    assert (finding.run_id, finding.part) == (run_id, 0)
    assert finding.file == path.relative_to(store.root).as_posix()
    assert (finding.first_seq, finding.last_seq) == (16, 16)
    assert finding.signal_id == f"{run_id}.0.16"
    assert f"signal {run_id}.0.16" in str(finding)


def test_one_run_can_be_checked_alone(store: Store, record: Callable[..., str]) -> None:
    good, bad = record(store, strategy="good"), record(store, strategy="bad")
    (store.root / "runs" / bad / "manifest.json").write_bytes(b"")
    assert verify(store, good).ok
    assert verify(store, good).runs == 1
    assert not verify(store, bad).ok
    with pytest.raises(RunNotFound):
        verify(store, "nothing")


def test_what_does_not_belong_is_found(store: Store, record: Callable[..., str]) -> None:
    run_id = record(store)
    run = store.root / "runs" / run_id
    for name in ("parts/0000/more.parquet", "extra.txt", "parts/note.txt"):
        (run / name).write_text("x")
    shutil.copytree(run / "parts" / "0000", run / "parts" / "0007")
    (store.root / "runs" / "stranger").mkdir()
    files = {finding.file.removeprefix(f"runs/{run_id}/") for finding in verify(store).findings}
    assert files == {
        "parts/0000/more.parquet",
        "extra.txt",
        "parts/note.txt",
        "parts/0007",
        "runs/stranger",
    }


def test_what_a_desktop_leaves_is_no_finding(store: Store, record: Callable[..., str]) -> None:
    run_id = record(store)
    (store.root / "runs" / run_id / ".DS_Store").write_text("x")
    (store.root / "runs" / run_id / "parts" / "0000" / ".DS_Store").write_text("x")
    assert verify(store).ok


def test_a_missing_part_is_found_with_its_range(store: Store, record: Callable[..., str]) -> None:
    run_id = record(store, parts=2)
    shutil.rmtree(store.root / "runs" / run_id / "parts" / "0001")
    (finding,) = verify(store).findings
    assert (finding.part, finding.problem) == (1, "the part is missing")
    assert (finding.first_seq, finding.last_seq) == (0, 19)


def test_a_part_of_another_run_is_found(store: Store, record: Callable[..., str]) -> None:
    one, other = record(store), record(store)
    runs = store.root / "runs"
    shutil.rmtree(runs / one / "parts" / "0000")
    shutil.copytree(runs / other / "parts" / "0000", runs / one / "parts" / "0000")
    assert {finding.run_id for finding in verify(store).findings} == {one}


def test_a_record_that_was_forged_with_its_hash_is_found(
    store: Store, record: Callable[..., str]
) -> None:
    run_id = record(store)
    path = store.root / "runs" / run_id / "run.json"
    write_record(path, {**read_record(path), "seed": 99})
    (finding,) = verify(store).findings
    assert finding.file.endswith("run.json")
    assert "not the one that the run ended with" in finding.problem


def test_base_data_that_were_forged_with_their_hash_are_found(
    store: Store, record: Callable[..., str]
) -> None:
    import pyarrow.parquet as pq

    from capture.store.seal import hash_file

    run_id = record(store)
    (folder,) = (store.root / "base").iterdir()
    path = folder / "bars.parquet"
    bars = pq.read_table(path)
    pq.write_table(bars.slice(0, 49), path)
    said = read_record(folder / "base.json")
    said |= {"file_sha256": hash_file(path), "bytes": path.stat().st_size, "rows": 49}
    write_record(folder / "base.json", said)
    (finding,) = verify(store).findings
    assert (finding.run_id, finding.problem) == (
        run_id,
        "these are not the base data that the run read",
    )


def test_base_data_that_no_run_uses_are_checked_too(
    store: Store, record: Callable[..., str]
) -> None:
    import pyarrow as pa

    record(store)
    ref = store.add_base_data(pa.table({"close": [1.0]}), symbol="X", timeframe="1d")
    assert verify(store).ok
    path = store.layout.base_data(ref.fingerprint) / "bars.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    (finding,) = verify(store).findings
    assert finding.run_id is None


def test_running_runs_are_not_corrupt(store: Store, record: Callable[..., str]) -> None:
    record(store)
    run = store.begin_run(RunStart(host="hand", strategy="Cross"))
    outcome = verify(store)
    assert outcome.ok
    assert outcome.unsealed == {run.run_id: "running"}


def test_the_outcome_counts_what_was_checked(store: Store, record: Callable[..., str]) -> None:
    record(store, count=7, parts=2)
    outcome = verify(store)
    assert (outcome.runs, outcome.signals) == (1, 14)
    assert str(outcome).startswith("clean: 1 runs")
    assert outcome.to_dict()["ok"] is True


def test_a_hostile_file_name_in_a_record_reads_nothing_outside(
    store: Store, record: Callable[..., str]
) -> None:
    run_id = record(store)
    path = StoreLayout(store.root).run(run_id) / "parts" / "0000" / "part.json"
    said: dict[str, Any] = read_record(path)
    said["files"].append({"name": "../../../../x", "bytes": 1, "sha256": "", "tables": []})
    write_record(path, said)
    problems = [finding.problem for finding in verify(store).findings]
    assert any("outside of this folder" in problem for problem in problems)


def test_the_lock_of_a_writer_that_was_killed_at_the_very_end_is_no_corruption(
    store: Store, record: Callable[..., str]
) -> None:
    run = store.root / "runs" / record(store)
    (run / "lock").touch()
    (run / "parts" / "0007").mkdir()
    (run / "parts" / "0007" / "lock").touch()
    assert verify(store).ok
    (run / "lock").write_text("something else")
    assert [finding.file for finding in verify(store).findings] == [f"runs/{run.name}/lock"]
