"""The schema: made on first use, upgraded in place, the same whichever way it came to be."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from capture.errors import StoreError
from capture_sql import SignalRepository, tables, versions
from capture_sql.chains import sealed
from capture_sql.database import Database
from capture_sql.positions import fills_of_many, outcomes_of, valued, write_outcomes

Make = Callable[..., dict[str, Any]]
DATA: Final = Path(__file__).parent / "data"


@pytest.fixture
def first(empty_db_url: str) -> Iterator[Database]:
    """A database of version 1, filled at that time: a dump, so that no code of today had a part."""
    if empty_db_url.startswith("sqlite"):
        with closing(sqlite3.connect(empty_db_url.removeprefix("sqlite:///"))) as lite:
            lite.executescript((DATA / "version_1.sqlite.sql").read_text())
    else:
        with psycopg.connect(empty_db_url) as server:
            server.execute((DATA / "version_1.postgresql.sql").read_bytes())
    database = Database(empty_db_url, "journal", 5)
    yield database
    database.close()


def _everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    with database.reading() as connection:
        found = sa.MetaData()
        found.reflect(connection)
        return {
            name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for name, table in sorted(found.tables.items())
            if name != versions.VERSION_TABLE
        }


def test_a_database_of_version_1_is_upgraded_in_place_with_nothing_lost(
    first: Database, empty_db_url: str
) -> None:
    before = _everything(first)
    assert {name: len(rows) for name, rows in before.items()} == {
        "fills": 5,
        "history": 20,
        "outbox": 2,
        "outcomes": 2,
        "signals": 8,
        "writers": 3,
    }
    assert versions.upgrade(first) == ("0001", versions.NEWEST)
    after = _everything(first)
    for name, rows in before.items():
        kept = [{column: row[column] for column in rows[0]} for row in after[name]]
        assert kept == rows
    with SignalRepository(empty_db_url) as repository:
        assert str(repository.verify()).endswith("8 signals, 20 changes")
        done = repository.get_signals({"status": "executed"})
        assert {each.finished_ns for each in done} == {
            repository.get_history(each.signal_id)[-1].at_ns for each in done
        }
        assert all(e.finished_ns is None for e in repository.get_signals({"status": "submitted"}))
        moved = repository.update_signal_status("waiting", "executed", executed_price=101.0)
        assert (moved.slippage, moved.outcome is not None) == (1.0, True)
        assert repository.verify().ok


def test_what_was_valued_before_version_3_is_the_first_valuation_of_its_chain(
    first: Database, empty_db_url: str
) -> None:
    versions.upgrade(first, "0002")

    def value(connection: sa.Connection) -> None:
        (held,) = outcomes_of(connection, ["short"]).values()
        held |= {"mark_price": 99.5, "marked_ns": 2_000_000_000 * 10**9}
        made = valued(held, fills_of_many(connection, ["short"])["short"])
        assert made is not None
        write_outcomes(connection, [made])

    first.write(value)
    assert versions.upgrade(first) == ("0002", versions.NEWEST)
    table = tables.outcomes
    with SignalRepository(empty_db_url) as repository:
        assert repository.verify().ok
        forged = sealed({**_everything(first)["outcomes"][1], "mark_price": 1.0})
        first.write(
            lambda it: it.execute(table.update().where(table.c.signal_id == "short").values(forged))
        )
        assert "mark_price" in {each.field for each in repository.verify().findings}


def test_an_older_database_is_not_touched_unasked(first: Database, empty_db_url: str) -> None:
    with pytest.raises(StoreError, match=r"version 0001.*run `capture lifecycle migrate`"):
        SignalRepository(empty_db_url)
    with first.reading() as connection:
        assert versions.version_of(connection) == "0001"


def test_a_newer_database_is_refused(empty_db_url: str) -> None:
    SignalRepository(empty_db_url).close()
    database = Database(empty_db_url, "journal", 5)
    table = sa.table(versions.VERSION_TABLE, sa.column("version_num"))
    database.write(lambda c: c.execute(table.update().values(version_num="9999")))
    database.close()
    with pytest.raises(StoreError, match=r"version 9999.*upgrade signal-capture"):
        SignalRepository(empty_db_url)


def test_a_migration_that_is_interrupted_leaves_the_version_before(
    first: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic import op

    before = _everything(first)

    def broken(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(op, "create_table", broken)  # the last step of version 2
        with pytest.raises(KeyboardInterrupt):
            versions.upgrade(first)
    with first.reading() as connection:
        assert versions.version_of(connection) == "0001"
    assert _everything(first) == before
    assert versions.upgrade(first) == ("0001", versions.NEWEST)


def test_the_migrations_make_the_tables_that_the_program_knows(empty_db_url: str) -> None:
    with SignalRepository(empty_db_url) as repository, repository.database.reading() as connection:
        options = {"version_table": versions.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.METADATA) == []


def test_several_processes_make_an_empty_database_ready_at_once(empty_db_url: str) -> None:
    code = (
        "import sys\nfrom capture_sql import SignalRepository\n"
        "repository = SignalRepository(sys.argv[1])\n"
        "repository.save_signal({'symbol': 'GOOG', 'side': 'buy'})\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, empty_db_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    assert [(one.communicate()[1], one.returncode) for one in running] == [("", 0)] * 6
    with SignalRepository(empty_db_url) as repository:
        assert repository.get_execution_stats().total_signals == 6
        assert repository.verify().ok


def test_the_write_ahead_log_is_on(tmp_path: Path) -> None:
    place = tmp_path / "signals.sqlite"
    with SignalRepository(place) as repository, repository.database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    assert place.read_bytes()[:15] == b"SQLite format 3"


def test_a_database_in_memory_is_a_database(signal: Make) -> None:
    with SignalRepository("sqlite://") as repository:
        repository.save_signal(signal())
        assert len(repository.get_signals()) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("signals.sqlite", "db_url='signals.sqlite'"),
        ("mysql://localhost/x", "db_url='mysql'"),
        ("postgresql://nobody:geheim@127.0.0.1:1/x", "cannot be used|refused"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password(url: str, said: str) -> None:
    from capture.errors import CaptureError

    with pytest.raises(CaptureError, match=said) as refused:
        SignalRepository(url)
    assert "geheim" not in str(refused.value)
