"""The Parquet backend keeps the contract, and is small and quick to search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from capture.contracts.chunked import BLOCK_ROWS
from capture.contracts.columns import STORED_TYPES
from capture.errors import CorruptRecording
from capture.filters import Predicate
from capture.testing import BackendContract
from capture.testing.reference import assert_same
from capture_parquet import encodings
from capture_parquet.backend import ParquetStorageBackend

if TYPE_CHECKING:
    from collections.abc import Iterable


class TestParquet(BackendContract):
    backend = "parquet"


@pytest.fixture
def sealed(tmp_path: Path, realistic: pa.Table) -> Path:
    return _sealed(tmp_path, realistic)


def _sealed(folder: Path, table: pa.Table) -> Path:
    store = ParquetStorageBackend(folder)
    for batch in table.to_batches(max_chunksize=4096):
        store.append("signals", batch)
    (path,) = store.seal()
    return path


def _damage(path: Path, columns: Iterable[str], groups: Iterable[int]) -> None:
    """Overwrite the pages of these columns in these row groups."""
    metadata = pq.read_metadata(path)
    content = bytearray(path.read_bytes())
    for group in groups:
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            if chunk.path_in_schema in columns:
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                content[start : start + chunk.total_compressed_size] = bytes(
                    chunk.total_compressed_size
                )
    path.write_bytes(content)


def test_a_sealed_file_has_row_groups_with_statistics(sealed: Path) -> None:
    metadata = pq.read_metadata(sealed)
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    assert [group.num_rows for group in groups] == [BLOCK_ROWS, BLOCK_ROWS, 40_000 % BLOCK_ROWS]
    for group in groups:
        chunks = [group.column(place) for place in range(metadata.num_columns)]
        assert all(chunk.is_stats_set and chunk.statistics.has_min_max for chunk in chunks)
        assert {chunk.compression for chunk in chunks} == {"ZSTD"}


def test_text_is_plain_text_to_every_reader(sealed: Path) -> None:
    assert pq.read_schema(sealed).field("symbol").type == pa.string()


def test_each_column_has_the_encoding_that_suits_it(sealed: Path) -> None:
    group = pq.read_metadata(sealed).row_group(0)
    chunks = [group.column(place) for place in range(group.num_columns)]
    encodings = {chunk.path_in_schema: set(chunk.encodings) for chunk in chunks}
    assert "DELTA_BINARY_PACKED" in encodings["seq"]
    assert "DELTA_BYTE_ARRAY" in encodings["signal_id"]
    assert "RLE_DICTIONARY" in encodings["symbol"]
    assert "BYTE_STREAM_SPLIT" in encodings["strength"]


def test_the_choice_of_encodings_saves_space(
    sealed: Path, realistic: pa.Table, tmp_path: Path
) -> None:
    pq.write_table(realistic, tmp_path / "default.parquet", compression="zstd")
    assert sealed.stat().st_size < 0.8 * (tmp_path / "default.parquet").stat().st_size


def test_short_tables_of_the_same_columns_are_tried_once(
    realistic: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def spy(sample: pa.Table, *words: Any) -> dict[str, int]:
        tried.append(sample.num_rows)
        return sizes(sample, *words)

    sizes = encodings._sizes
    monkeypatch.setattr(encodings, "_sizes", spy)
    monkeypatch.setattr(encodings, "_REMEMBERED", {})
    found = []
    for number, rows in enumerate((2000, 2500, 4096)):
        folder = tmp_path / str(number)
        folder.mkdir()
        group = pq.read_metadata(_sealed(folder, realistic.slice(0, rows))).row_group(0)
        found.append([group.column(place).encodings for place in range(group.num_columns)])
    assert set(tried) == {2000, 4096}
    assert found[0] == found[1]


def test_columns_that_are_not_asked_for_are_not_read(sealed: Path, realistic: pa.Table) -> None:
    _damage(sealed, ["strength"], range(3))
    store = ParquetStorageBackend(sealed.parent)
    others = [name for name in realistic.column_names if name != "strength"]
    assert_same(store.scan("signals", others), realistic.select(others))
    with pytest.raises(CorruptRecording, match=r"signals\.parquet"):
        store.scan("signals")


@pytest.mark.parametrize(
    "where",
    [
        [Predicate("seq", ">=", 20_000), Predicate("seq", "<", 20_010)],
        [Predicate("seq", "in", range(20_000, 20_010))],
        [Predicate("timestamp", "=", "2023-11-17T16:53:20")],
    ],
)
def test_row_groups_without_matching_rows_are_not_read(
    sealed: Path, realistic: pa.Table, where: list[Predicate]
) -> None:
    expected = ParquetStorageBackend(sealed.parent).scan("signals", where=where)
    assert expected.num_rows in (5, 10)
    _damage(sealed, realistic.column_names, [0, 2])
    assert_same(ParquetStorageBackend(sealed.parent).scan("signals", where=where), expected)


def test_nan_differs_from_a_value_that_is_all_the_statistics_know(tmp_path: Path) -> None:
    nan = float("nan")
    _sealed(tmp_path, pa.table({"strength": [1.0, nan, None, 1.0]}))
    found = ParquetStorageBackend(tmp_path).scan("signals", [], [Predicate("strength", "!=", 1.0)])
    assert found.num_columns == 0
    found = ParquetStorageBackend(tmp_path).scan("signals", where=[Predicate("strength", "!=", 1)])
    assert_same(found, pa.table({"strength": [nan]}))


def test_awkward_names_have_encodings_of_their_own(tmp_path: Path) -> None:
    rows = 3000
    names = ["a.b", "a", "b", "", "é\0", "a.b.c", '"', "list", "element"]
    columns = {
        f"extra_{name}": pa.nulls(rows, type_)
        for name, type_ in zip(names, STORED_TYPES, strict=True)
    }
    table = pa.table(columns)
    path = _sealed(tmp_path, table)
    assert_same(ParquetStorageBackend(path.parent).scan("signals"), table)


def test_other_tools_read_it(sealed: Path, realistic: pa.Table) -> None:
    wanted = realistic.to_pandas()
    pd.testing.assert_frame_equal(pd.read_parquet(sealed), wanted)
    assert pl.read_parquet(sealed).equals(pl.from_arrow(realistic))
    with duckdb.connect() as connection:
        query = "SELECT count(*), sum(seq), max(strength), min(signal_id) FROM read_parquet(?)"
        answer = connection.execute(query, [str(sealed)]).fetchone()
    assert answer == (
        40_000,
        sum(range(40_000)),
        wanted["strength"].max(),
        wanted["signal_id"].min(),
    )
