"""The PostgreSQL backend keeps the contract, against a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
import pytest

import capture
from capture.errors import ConfigError, CorruptRecording, StoreError
from capture.testing import BackendContract
from capture_sql.postgres import PostgresStorageBackend


class TestPostgres(BackendContract):
    backend = "postgres"
    needs_room_for: ClassVar[frozenset[str]] = frozenset({"append"})

    @pytest.fixture(autouse=True)
    def _server(self, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CAPTURE_POSTGRES", postgres)


def _sealed(folder: Path, url: str) -> dict[str, Any]:
    store = PostgresStorageBackend(folder, url=url)
    store.append("signals", pa.record_batch({"seq": [1, 2], "symbol": ["GOOG", "MS\0FT"]}))
    (path,) = store.seal()
    said: dict[str, Any] = json.loads(path.read_text())
    return said


def test_anything_that_speaks_sql_reads_it(tmp_path: Path, postgres_url: str) -> None:
    relation = _sealed(tmp_path, postgres_url)["relation"]
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute(f"SELECT seq, symbol FROM {relation} ORDER BY row").fetchall()
    assert found == [(1, b"GOOG"), (2, b"MS\0FT")]


def test_rows_that_went_away_in_the_database_are_noticed(tmp_path: Path, postgres_url: str) -> None:
    relation = _sealed(tmp_path, postgres_url)["relation"]
    for change, said in (
        (f"DELETE FROM {relation} WHERE seq = 1", "1 are"),
        (f"DROP TABLE {relation}", "no longer"),
    ):
        with psycopg.connect(postgres_url) as connection:
            connection.execute(change)
        with pytest.raises(CorruptRecording, match=said):
            PostgresStorageBackend(tmp_path).scan("signals")


def test_a_password_is_not_recorded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="password") as refused:
        PostgresStorageBackend(tmp_path, url="postgresql://me:geheim@host/name")
    assert "geheim" not in str(refused.value)


def test_a_server_that_is_away_is_named_and_nothing_is_lost(
    tmp_path: Path, postgres_url: str
) -> None:
    away = PostgresStorageBackend(tmp_path, url="postgresql://me@127.0.0.1:1/name")
    away.append("signals", pa.record_batch({"seq": [1]}))
    with pytest.raises(StoreError, match="PostgreSQL refused"):
        away.seal()
    assert away.scan("signals").num_rows == 1
    PostgresStorageBackend(tmp_path, url=postgres_url).seal()
    assert away.scan("signals").num_rows == 1


def test_a_run_is_recorded_read_and_verified(tmp_path: Path, postgres_url: str) -> None:
    config = capture.SignalCaptureConfig(
        storage_path=tmp_path, backend="postgres", options={"url": postgres_url}
    )
    with capture.SignalCaptureEngine(config) as engine:
        for day in range(1, 6):
            engine.capture_signal(
                {"symbol": "GOOG", "direction": 1, "strength": day / 10},
                {"timestamp": day * 10**18 // 5, "strategy_id": "s"},
            )
    recording = capture.open(tmp_path).latest()
    assert recording.signals()["strength"].tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert capture.verify(tmp_path).ok
    part = next(recording.path.glob("parts/0000"))
    relation = json.loads((part / "signals.postgres").read_text())["relation"]
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"UPDATE {relation} SET strength = 9 WHERE seq = 2")
    found = capture.verify(tmp_path)
    assert not found.ok
