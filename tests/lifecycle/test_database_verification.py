"""Whatever is changed in the database, verification finds it and names it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from capture.store.integrity import tags_of
from capture_sql import SignalRepository, tables

Make = Callable[..., dict[str, Any]]
SEALED = [tables.signals, tables.history, tables.fills, tables.outcomes]
FIELDS = [
    (table.name, column.name)
    for table in (*SEALED, tables.writers)
    for column in table.columns
    if column.name != "number"
]
LINKS = {"history.link", "history.writer", "history.chain"}


@pytest.fixture
def filled(repository: SignalRepository, signal: Make) -> SignalRepository:
    """Two signals with everything: fills, a way out, a mark."""
    for name in ("s1", "s2"):
        given = signal(signal_id=name, confidence=0.5, regime="bull", note="kept", strength=0.1)
        given |= {"timeframe": "1d", "target_price": 120, "stop_price": 90, "quality_score": 1}
        given |= {"run_id": "r", "valid_until": 2**62, "order_id": "o"}
        repository.save_signal(given, actor="strategy", reason="cross")
        repository.update_signal_status(name, "submitted", submitted_price=101, actor="me", x=1)
        repository.update_signal_status(
            name, "executed", executed_price=102, reason="filled", order_id="o", actor="broker"
        )
        repository.update_outcome(name, exit_price=103, quantity=5, reason="out", order_id="p")
        repository.update_outcome(name, mark_price=104)
    assert repository.verify().ok
    return repository


def _tamper(repository: SignalRepository, statement: Any) -> None:
    done = repository.database.write(lambda connection: connection.execute(statement).rowcount)
    assert done


@pytest.mark.parametrize(("table", "field"), FIELDS, ids=[".".join(each) for each in FIELDS])
def test_a_changed_field_is_found_and_named(
    filled: SignalRepository, table: str, field: str
) -> None:
    target = tables.METADATA.tables[table]
    column = target.c[field]
    other: Any = "tampered" if isinstance(column.type, sa.Text) else 77
    update = target.update().values({field: other})
    if "signal_id" in target.c:
        rows = sa.select(sa.func.max(target.c.version)).where(target.c.signal_id == "s1")
        update = update.where(
            target.c.signal_id == "s1", target.c.version == rows.scalar_subquery()
        )
    _tamper(filled, update)
    found = filled.verify()
    assert not found.ok
    if table == "writers":
        assert any(each.table in ("writers", "history") for each in found.findings)
    elif f"{table}.{field}" in LINKS or field == "signal_id":
        assert any(each.table == table for each in found.findings)
    else:
        named = {(each.table, each.field) for each in found.findings if each.signal_id == "s1"}
        assert (table, field) in named, str(found)


@pytest.mark.parametrize("table", [*SEALED, tables.writers], ids=lambda table: table.name)
def test_a_row_that_was_deleted_is_found(filled: SignalRepository, table: sa.Table) -> None:
    chosen = sa.true() if table is tables.writers else table.c.signal_id == "s1"
    if table is tables.history:
        chosen &= table.c.version == 4
    _tamper(filled, table.delete().where(chosen))
    found = filled.verify()
    assert not found.ok
    assert table is tables.writers or "s1" in str(found) or "link" in str(found)


def test_a_signal_that_was_deleted_with_all_that_is_its_own_is_found(
    filled: SignalRepository,
) -> None:
    for table in SEALED:
        _tamper(filled, table.delete().where(table.c.signal_id == "s2"))
    assert "is missing" in str(filled.verify())


def test_changes_that_were_put_into_another_order_are_found(filled: SignalRepository) -> None:
    table = tables.history
    for number, other in ((2, 99), (3, 2), (99, 3)):
        chosen = (table.c.signal_id == "s1") & (table.c.version == number)
        _tamper(filled, table.update().where(chosen).values(version=other))
    found = filled.verify()
    assert {(each.table, each.field) for each in found.findings} >= {("history", "version")}


def test_a_signal_that_was_put_back_to_what_it_once_was_is_found(
    repository: SignalRepository, signal: Make
) -> None:
    repository.save_signal(signal(signal_id="s1"))
    query = sa.select(tables.signals)
    with repository.database.reading() as connection:
        once = dict(connection.execute(query).mappings().one())
    repository.update_signal_status("s1", "rejected")
    _tamper(repository, tables.signals.update().values(once))
    (finding,) = repository.verify().findings
    assert finding.signal_id == "s1" and "is not what change 2 made" in finding.problem


def test_a_forged_row_with_digests_of_its_own_is_found(
    filled: SignalRepository,
) -> None:
    """Whoever computes the row's digest anew still stands in a chain."""
    from capture_sql.chains import sealed

    table = tables.history
    with filled.database.reading() as connection:
        query = sa.select(table).where(table.c.signal_id == "s1", table.c.version == 2)
        row = dict(connection.execute(query).mappings().one())
    row["reason"] = "forged"
    _tamper(filled, table.update().where(table.c.number == row["number"]).values(sealed(row)))
    assert any(each.field == "chain" for each in filled.verify().findings)


@pytest.mark.parametrize("table", SEALED, ids=lambda table: table.name)
def test_no_two_fields_of_a_table_have_prints_of_one_name(table: sa.Table) -> None:
    tags = [tag[:2] for column in table.columns for tag in tags_of(column.name)]
    assert len(tags) == len(set(tags))


def _valued(repository: SignalRepository, signal: Make) -> SignalRepository:
    """Two positions that were valued twice, and one that never was."""
    for name, symbol in (("s1", "GOOG"), ("s2", "GOOG"), ("s3", "ACME")):
        repository.save_signal(signal(signal_id=name, symbol=symbol))
        repository.update_signal_status(name, "executed", executed_price=102)
    for price in (103.0, 104.0):
        assert repository.mark_positions({"GOOG": price}, at=2_000_000_000 * 10**9) == 2
    assert repository.verify().ok
    return repository


def _outcome(repository: SignalRepository, signal_id: str) -> dict[str, Any]:
    query = sa.select(tables.outcomes).where(tables.outcomes.c.signal_id == signal_id)
    with repository.database.reading() as connection:
        return dict(connection.execute(query).mappings().one())


@pytest.mark.parametrize(
    ("forged", "field"),
    [
        ({"mark_price": 110.0, "unrealised_profit": 80.0}, "mark_price"),
        ({"marked_ns": 7}, "marked_ns"),
        ({"mark_price": None, "marked_ns": None, "unrealised_profit": None}, "mark_price"),
        ({"unrealised_profit": 21.0}, "unrealised_profit"),
        ({"realised_profit": 5.0}, "realised_profit"),
        ({"entry_price": 101.0}, "entry_price"),
    ],
)
def test_a_forged_position_with_digests_of_its_own_is_found(
    repository: SignalRepository, signal: Make, forged: dict[str, Any], field: str
) -> None:
    from capture_sql.chains import sealed

    _valued(repository, signal)
    row = sealed(_outcome(repository, "s1") | forged)
    _tamper(
        repository, tables.outcomes.update().where(tables.outcomes.c.signal_id == "s1").values(row)
    )
    found = repository.verify().findings
    assert ("s1", field) in {(each.signal_id, each.field) for each in found}
    assert {each.signal_id for each in found} == {"s1"}


def test_a_position_that_was_put_back_to_an_earlier_valuation_is_found(
    repository: SignalRepository, signal: Make
) -> None:
    repository.save_signal(signal(signal_id="s1"))
    repository.update_signal_status("s1", "executed", executed_price=102)
    repository.mark_positions({"GOOG": 103.0})
    once = _outcome(repository, "s1")
    repository.update_outcome("s1", mark_price=104.0)
    assert repository.verify().ok
    _tamper(repository, tables.outcomes.update().values(once))
    found = {(each.signal_id, each.field) for each in repository.verify().findings}
    assert found == {("s1", "mark_price"), ("s1", "marked_ns")}


@pytest.mark.parametrize("number", ["first", "last"])
def test_a_valuation_that_was_deleted_is_found(
    repository: SignalRepository, signal: Make, number: str
) -> None:
    _valued(repository, signal)
    end = {"first": sa.func.min, "last": sa.func.max}[number](tables.marks.c.number)
    chosen = tables.marks.c.number == sa.select(end).scalar_subquery()
    _tamper(repository, tables.marks.delete().where(chosen))
    assert "is missing" in str(repository.verify())


def test_a_position_that_was_deleted_with_its_fills_is_found(
    repository: SignalRepository, signal: Make
) -> None:
    _valued(repository, signal)
    _tamper(repository, tables.outcomes.delete().where(tables.outcomes.c.signal_id == "s1"))
    _tamper(repository, tables.fills.delete().where(tables.fills.c.signal_id == "s1"))
    found = {(each.table, each.signal_id) for each in repository.verify().findings}
    assert {("outcomes", "s1"), ("fills", "s1")} <= found


@pytest.mark.parametrize("field", [c.name for c in tables.marks.columns if c.name != "number"])
def test_a_changed_valuation_is_found_and_named(
    repository: SignalRepository, signal: Make, field: str
) -> None:
    _valued(repository, signal)
    column = tables.marks.c[field]
    last = sa.select(sa.func.max(tables.marks.c.number)).scalar_subquery()
    other: Any = "tampered" if isinstance(column.type, sa.Text) else 77
    _tamper(
        repository,
        tables.marks.update().where(tables.marks.c.number == last).values({field: other}),
    )
    found = {(each.table, each.field) for each in repository.verify().findings}
    assert ("marks", field) in found


def test_what_is_archived_and_restored_keeps_its_valuations(
    repository: SignalRepository, signal: Make, tmp_path: Any
) -> None:
    _valued(repository, signal)
    for name in ("s1", "s2", "s3"):
        repository.update_outcome(name, exit_price=105.0)
    done = repository.archive_signals(tmp_path / "archive", older_than=timedelta())
    assert done.signals == 3 and repository.verify().ok
    repository.restore_archive(done.archives[0])
    assert repository.verify().ok
    assert _outcome(repository, "s1")["mark_price"] == 104.0
