"""Whatever is changed in the database, verification finds it and names it."""

from __future__ import annotations

from collections.abc import Callable
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
