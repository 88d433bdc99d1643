"""The SQLite backend keeps the contract, and anything that speaks SQL reads what it writes."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from capture.errors import StoreError
from capture.filters import Predicate
from capture.testing import BackendContract
from capture.testing.reference import assert_same
from capture_sql.backend import SQLiteStorageBackend


class TestSql(BackendContract):
    backend = "sql"


def _sealed(folder: Path, table: pa.Table) -> Path:
    store = SQLiteStorageBackend(folder)
    for batch in table.to_batches(max_chunksize=4096):
        store.append("signals", batch)
    (path,) = store.seal()
    return path


def test_sqlite_reads_it(tmp_path: Path, realistic: pa.Table) -> None:
    with closing(sqlite3.connect(_sealed(tmp_path, realistic))) as connection:
        query = "SELECT row, seq, symbol, strength, late_missing, timestamp FROM signals"
        found = connection.execute(f"{query} WHERE seq = 7").fetchall()
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    row = realistic.slice(7, 1)
    moment = row["timestamp"].cast(pa.int64())[0].as_py()
    symbol, strength = row["symbol"][0].as_py(), row["strength"][0].as_py()
    assert found == [(8, 7, symbol, strength, 0, moment)]
    assert mode == "delete"


def test_the_types_stand_in_the_database(tmp_path: Path, realistic: pa.Table) -> None:
    with closing(sqlite3.connect(_sealed(tmp_path, realistic))) as connection:
        query = "SELECT name, type FROM capture_columns WHERE table_name = 'signals'"
        found = dict(connection.execute(query))
    assert found == {field.name: str(field.type) for field in realistic.schema}


def test_names_that_differ_in_case_only_stay_apart(tmp_path: Path) -> None:
    table = pa.table({"indicator_SMA": [1.0], "indicator_sma": [2.0], "row": [3], "rowid": [4]})
    path = _sealed(tmp_path, table)
    assert_same(SQLiteStorageBackend(tmp_path).scan("signals"), table)
    with closing(sqlite3.connect(path)) as connection:
        cursor = connection.execute("SELECT * FROM signals")
        names = [name for name, *_ in cursor.description]
    assert names == ["row", "indicator_SMA", "indicator_sma_", "row_", "rowid"]


def test_columns_that_are_not_asked_for_are_not_read(tmp_path: Path, realistic: pa.Table) -> None:
    path = _sealed(tmp_path, realistic)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE signals DROP COLUMN strength")
        connection.commit()
    store = SQLiteStorageBackend(tmp_path)
    others = ["seq", "symbol"]
    where = [Predicate("symbol", "=", "SPY")]
    wanted = realistic.filter(pa.compute.equal(realistic["symbol"], "SPY")).select(others)
    assert_same(store.scan("signals", others, where), wanted)
    with pytest.raises(StoreError, match="strength"):
        store.scan("signals", ["strength"])


@pytest.mark.parametrize("column", ["seq", "timestamp", "symbol"])
def test_a_sealed_database_has_indexes(tmp_path: Path, realistic: pa.Table, column: str) -> None:
    with closing(sqlite3.connect(_sealed(tmp_path, realistic))) as connection:
        query = f"EXPLAIN QUERY PLAN SELECT strength FROM signals WHERE {column} = ? ORDER BY row"
        plan = str(connection.execute(query, (7,)).fetchall())
    assert f"SEARCH signals USING INDEX signals_by_{column}" in plan


def test_a_database_of_someone_else_is_not_taken_for_ours(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "tables.sqlite")) as connection:
        connection.execute("CREATE TABLE signals (seq INTEGER)")
    with pytest.raises(StoreError, match=r"tables\.sqlite"):
        SQLiteStorageBackend(tmp_path).scan("signals")
