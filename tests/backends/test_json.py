"""The JSON backend keeps the contract, and anything reads what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copy
from typing import Any, ClassVar

import duckdb
import polars as pl
import pyarrow as pa
import pytest

from capture.errors import CorruptRecording
from capture.testing import BackendContract
from capture.testing.reference import assert_same
from capture_json.backend import JSONStorageBackend


class TestJson(BackendContract):
    backend = "json"


class TestPlainJson(BackendContract):
    backend = "json"
    settings: ClassVar = {"compression": "none"}


def _sealed(folder: Path, table: pa.Table, compression: str = "none") -> Path:
    store = JSONStorageBackend(folder, compression)
    for batch in table.to_batches(max_chunksize=4096):
        store.append("signals", batch)
    types, rows = sorted(store.seal(), key=lambda path: path.name == "signals.schema.json")[::-1]
    assert types.name == "signals.schema.json"
    return rows


def _refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def test_each_row_is_a_line_of_strict_json(tmp_path: Path) -> None:
    nan = float("nan")
    table = pa.table(
        {
            "seq": [1, 2**63 - 1],
            "strength": [3.0, nan],
            "extra_low": [float("-inf"), None],
            "symbol": ['a"\0π', None],
            "late_missing": [True, None],
            "payload": [b"\0\xff", None],
            "timestamp": pa.array([1, None], pa.timestamp("ns", "UTC")),
        }
    )
    lines = _sealed(tmp_path, table).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line, parse_constant=_refuse) for line in lines] == [
        {
            "seq": 1,
            "strength": 3.0,
            "extra_low": None,
            "extra_low#": "-Infinity",
            "symbol": 'a"\0π',
            "late_missing": True,
            "payload": "AP8=",
            "timestamp": "1970-01-01T00:00:00.000000001Z",
        },
        {
            "seq": 2**63 - 1,
            "strength": None,
            "strength#": "NaN",
            "extra_low": None,
            "symbol": None,
            "late_missing": None,
            "payload": None,
            "timestamp": None,
        },
    ]
    assert isinstance(json.loads(lines[0])["strength"], float)


def test_the_types_stand_beside_the_rows(tmp_path: Path, realistic: pa.Table) -> None:
    _sealed(tmp_path, realistic)
    header = json.loads((tmp_path / "signals.schema.json").read_text(encoding="utf-8"))
    assert list(header["columns"]) == realistic.column_names
    assert header["columns"]["timestamp"] == "timestamp[ns, tz=UTC]"
    assert header["rows"] == realistic.num_rows


def test_what_is_not_asked_for_is_not_decoded(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    text = path.read_text(encoding="utf-8").replace('"strength":', '"strength":"x","dull":')
    path.write_text(text, encoding="utf-8")
    store = JSONStorageBackend(tmp_path)
    assert_same(store.scan("signals", ["seq", "symbol"]), realistic.select(["seq", "symbol"]))
    with pytest.raises(CorruptRecording, match=r"signals\.jsonl"):
        store.scan("signals", ["strength"])


def test_a_line_that_was_lost_is_noticed(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:100] + lines[101:]), encoding="utf-8")
    with pytest.raises(CorruptRecording, match="39999 lines where 40000 were written"):
        JSONStorageBackend(tmp_path).scan("signals")


def test_a_row_may_be_longer_than_what_is_read_at_once(tmp_path: Path) -> None:
    table = pa.table({"seq": [1, 2, 3], "payload": ["x" * 9_000_000, "", "y" * 9_000_000]})
    _sealed(tmp_path, table, "zstd")
    assert_same(JSONStorageBackend(tmp_path).scan("signals"), table)


def test_what_a_seal_that_was_cut_short_left_in_another_compression_goes_away(
    tmp_path: Path, realistic: pa.Table
) -> None:
    folder, other = tmp_path / "part", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    first, second = realistic.slice(0, 10).to_batches()[0], realistic.slice(10, 10).to_batches()[0]
    JSONStorageBackend(folder, "zstd").append("signals", first)
    leftover = _sealed(other, realistic.slice(0, 10), "zstd")
    copy(leftover, folder)  # sealed before the kill, while chunks/ was still there
    store = JSONStorageBackend(folder, "gzip")
    store.append("signals", second)
    store.seal()
    assert_same(JSONStorageBackend(folder).scan("signals"), realistic.slice(0, 20))


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_duckdb_reads_it(tmp_path: Path, realistic: pa.Table, compression: str) -> None:
    path = _sealed(tmp_path, realistic, compression)
    with duckdb.connect() as connection:
        query = "SELECT count(*), sum(seq), max(strength), min(signal_id) FROM read_json_auto(?)"
        answer = connection.execute(query, [str(path)]).fetchone()
    strengths, ids = realistic["strength"].to_pylist(), realistic["signal_id"].to_pylist()
    assert answer == (40_000, sum(range(40_000)), max(strengths), min(ids))


def test_polars_reads_it(tmp_path: Path, realistic: pa.Table) -> None:
    found = pl.read_ndjson(_sealed(tmp_path, realistic))
    columns = ["seq", "strength", "symbol", "market_close", "late_missing"]
    assert found.select(columns).equals(pl.from_arrow(realistic.select(columns)))
