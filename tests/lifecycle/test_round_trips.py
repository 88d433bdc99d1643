"""How often a caller waits for PostgreSQL: counted in what its library says goes over the wire."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from capture.errors import InvalidEvent
from capture.testing.postgres import schema
from capture_sql import SignalRepository

Make = Callable[..., dict[str, Any]]


class Wire:
    """Counts the answers of the server to a repository that has one connection."""

    def __init__(self, repository: SignalRepository, path: Path) -> None:
        self._repository, self._path = repository, path

    def trips(self, work: Callable[[], Any]) -> int:
        with self._repository.database.engine.connect() as connection:
            pgconn = connection.connection.driver_connection.pgconn  # type: ignore[union-attr]
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            pgconn.trace(file)
            work()
            pgconn.untrace()
        finally:
            os.close(file)
        return self._path.read_text().count("ReadyForQuery")


@pytest.mark.parametrize("sinks", [(), ("http",), ("http", "other")], ids=len)
def test_a_signal_is_saved_in_one_round_trip(
    postgres: str, postgres_migration: str, signal: Make, tmp_path: Path, sinks: tuple[str, ...]
) -> None:
    with (
        schema(postgres, postgres_migration) as url,
        SignalRepository(url, sinks=sinks, pool_size=1) as repository,
    ):
        wire = Wire(repository, tmp_path / "trace")
        for _ in range(8):  # the chain is begun, and the driver has prepared the statement
            repository.save_signal(signal())
        assert wire.trips(lambda: repository.save_signal(signal())) == 1
        assert wire.trips(lambda: repository.save_signal(signal(signal_id="named"))) == 2
        found = repository.get_signals()
        assert len(found) == 10
        assert [row.version for row in repository.get_history("named")] == [1]
        assert {repository.outbox().counts(sink).pending for sink in sinks} <= {10}
        assert repository.verify().ok


def test_what_is_refused_leaves_nothing_and_the_chain_goes_on(
    repository: SignalRepository, signal: Make
) -> None:
    for number in range(3):
        repository.save_signal(signal(signal_id=f"s{number}"))
    with pytest.raises(InvalidEvent, match="already in the repository"):
        repository.save_signal(signal(signal_id="s1"))
    repository.save_signal(signal(signal_id="s3"), executed_price=101.0, status="executed")
    repository.save_signal(signal(signal_id="s4"))
    found = repository.verify()
    assert (found.ok, found.signals, found.changes) == (True, 5, 5)


def test_a_connection_that_rested_is_asked_before_it_is_used(
    postgres: str, postgres_migration: str, signal: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the server: the caller notices nothing."""
    monkeypatch.setattr("capture_sql.database._IDLE_SECONDS", 0.0)
    with (
        schema(postgres, postgres_migration) as url,
        SignalRepository(url, pool_size=1) as repository,
        psycopg.connect(postgres, autocommit=True) as other,
    ):
        repository.save_signal(signal())
        with repository.database.engine.connect() as connection:
            number = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
        other.execute("SELECT pg_terminate_backend(%s)", [number])
        repository.save_signal(signal())
        assert len(repository.get_signals()) == 2
        assert repository.verify().ok
