"""The HDF5 backend keeps the contract, and stores columns, not rows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyarrow as pa
import pytest

from capture.contracts.chunked import BLOCK_ROWS
from capture.errors import CorruptRecording, MissingExtra
from capture.filters import Predicate
from capture.testing import BackendContract
from capture.testing.reference import assert_same
from capture_hdf5.backend import HDF5StorageBackend

if TYPE_CHECKING:
    from collections.abc import Iterable


class TestHdf5(BackendContract):
    backend = "hdf5"


def _sealed(folder: Path, table: pa.Table, compression: str = "gzip") -> Path:
    store = HDF5StorageBackend(folder, compression)
    for batch in table.to_batches(max_chunksize=4096):
        store.append("signals", batch)
    (path,) = store.seal()
    return path


def _datasets(path: Path) -> dict[str, h5py.Dataset]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: type(item)}))
    return found


def _damage(path: Path, column: str, blocks: Iterable[int]) -> None:
    """Overwrite the stored blocks of a column."""
    with h5py.File(path) as file:
        dataset = file[f"columns/{column}"]
        places = [dataset.id.get_chunk_info(block) for block in blocks]
    with path.open("r+b") as raw:
        for place in places:
            raw.seek(place.byte_offset)
            raw.write(b"\xff" * place.size)


def test_more_rows_make_no_more_datasets(tmp_path: Path, realistic: pa.Table) -> None:
    few, many = tmp_path / "few", tmp_path / "many"
    few.mkdir()
    many.mkdir()
    small, large = _sealed(few, realistic.slice(0, 10)), _sealed(many, realistic)
    assert _datasets(small) == _datasets(large)
    assert len(_datasets(large)) < 2 * realistic.num_columns + 5


def test_columns_are_chunked_and_compressed(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    with h5py.File(path) as file:
        for name in ("seq", "strength", "late_missing", "direction"):
            dataset = file[f"columns/{name}"]
            assert dataset.chunks == (BLOCK_ROWS,)
            assert dataset.compression == "gzip"
    assert path.stat().st_size < realistic.nbytes / 2


def test_a_short_table_takes_little_room(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic.slice(0, 10), "none")
    assert path.stat().st_size < 100_000


def test_plain_h5py_reads_the_columns(tmp_path: Path, realistic: pa.Table) -> None:
    with h5py.File(_sealed(tmp_path, realistic)) as file:
        for name in ("seq", "strength", "late_missing", "direction"):
            assert np.array_equal(file[f"columns/{name}"][:], realistic[name].to_numpy())
        assert file["columns/timestamp"].attrs["unit"] == "nanoseconds since 1970-01-01 UTC"
        lengths = file["lengths/symbol"][:5]
        words = file["columns/symbol"][: lengths.sum()].tobytes().decode()
    assert words == "".join(realistic["symbol"][:5].to_pylist())


def test_columns_that_are_not_asked_for_are_not_read(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    _damage(path, "strength", range(3))
    store = HDF5StorageBackend(tmp_path)
    assert_same(store.scan("signals", ["seq", "symbol"]), realistic.select(["seq", "symbol"]))
    with pytest.raises(CorruptRecording, match=r"signals\.h5"):
        store.scan("signals", ["strength"])


def test_blocks_without_matching_rows_are_not_read(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    _damage(path, "strength", [0, 2])
    where = [Predicate("seq", ">=", BLOCK_ROWS), Predicate("seq", "<", BLOCK_ROWS + 100)]
    found = HDF5StorageBackend(tmp_path).scan("signals", ["strength"], where)
    assert_same(found, realistic.select(["strength"]).slice(BLOCK_ROWS, 100))


def test_a_missing_library_names_the_extra(
    tmp_path: Path, realistic: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"signal-capture\[hdf5\]"):
        _sealed(tmp_path, realistic)
