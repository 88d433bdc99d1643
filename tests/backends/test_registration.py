"""The backends that come with the product are found by name, and cost nothing to be listed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from capture.host import get_host
from capture.testing import BackendContract

_NAMES = {
    "parquet": "ParquetStorageBackend",
    "hdf5": "HDF5StorageBackend",
    "json": "JSONStorageBackend",
    "sql": "SQLiteStorageBackend",
    "memory": "MemoryStorageBackend",
}


@pytest.mark.parametrize(("word", "name"), _NAMES.items())
def test_each_backend_is_found_by_its_word(word: str, name: str) -> None:
    assert get_host().backend(word).__name__ == name
    assert get_host().backends()[word].summary


@pytest.mark.parametrize(
    "module", ["capture_parquet", "capture_hdf5", "capture_json", "capture_sql"]
)
def test_listing_a_backend_imports_nothing_heavy(module: str) -> None:
    heavy = "{'pyarrow', 'numpy', 'h5py', 'sqlite3', 'pandas'}"
    code = (
        f"import sys, {module} as m; "
        f"print([i.name for i in m.register_backends()], {heavy} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_the_contract_suite_is_part_of_the_public_face() -> None:
    import capture.testing

    assert capture.testing.BackendContract is BackendContract
    assert set(capture.testing.__all__) <= {*dir(capture.testing), *capture.testing.__all__}
