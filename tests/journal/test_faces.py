"""Records that are a row of several tables each: written, read and lost as one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import ConfigError
from capture.journal import NULL_INT, Derived, Face, Field, Layout, read_journal, read_seqs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from capture.journal import Journal

FIELDS = (
    Field("bar_index", "int"),
    Field("direction", "small"),
    Field("size", "float"),
    Field("call", "word"),
    Field("trade", "int"),
)
FACES = (
    Face(
        "signals",
        {"bar_index": "bar_index", "direction": "direction"},
        {"part": 0, "strategy_id": "mine"},
        (Derived("signal_id", "run.0.", "seq"),),
        late=True,
    ),
    Face(
        "orders",
        {"signal_seq": "seq", "bar_index": "bar_index", "size": "size", "call": "call"},
        {"part": 0, "action": "new"},
        (Derived("parent_id", "t", "trade"), Derived("order_id", "o", "seq")),
    ),
)


def joint(writer: Journal) -> tuple[Layout, Any]:
    layout = writer.layout("signals", fields=FIELDS, faces=FACES)
    return layout, writer.appender(layout)


@pytest.mark.parametrize("synced", [False, True], ids=["journal", "fsync"])
def test_a_record_is_a_row_of_each_table_with_numbers_that_follow(
    synced: bool, journal: Callable[..., Journal], tmp_path: Path
) -> None:
    writer = journal(tmp_path, sync=synced)
    _, append = joint(writer)
    buy, close = writer.word("buy"), writer.word("Trade.close")
    assert append(5, 1, 0.5, buy, NULL_INT) == 0
    assert append(6, 0, 1.0, close, 3) == 2
    assert writer.seq == 4
    content = read_journal(tmp_path)
    assert content.tables["signals"].select(["seq", "bar_index", "direction"]).to_pylist() == [
        {"seq": 0, "bar_index": 5, "direction": 1},
        {"seq": 2, "bar_index": 6, "direction": 0},
    ]
    assert content.tables["signals"].column("signal_id").to_pylist() == ["run.0.0", "run.0.2"]
    assert content.tables["signals"].column("late_missing").to_pylist() == [True, True]
    names = ["seq", "signal_seq", "order_id", "parent_id", "call", "size", "action"]
    assert content.tables["orders"].select(names).to_pylist() == [
        dict(zip(names, (1, 0, "o1", None, "buy", 0.5, "new"), strict=True)),
        dict(zip(names, (3, 2, "o3", "t3", "Trade.close", 1.0, "new"), strict=True)),
    ]
    assert "trade" not in content.tables["orders"].column_names
    seqs = read_seqs(tmp_path)
    assert {table: found.tolist() for table, found in seqs.items()} == {
        "signals": [0, 2],
        "orders": [1, 3],
    }


def test_both_rows_of_a_record_that_was_cut_off_are_lost(
    journal: Callable[..., Journal], tmp_path: Path
) -> None:
    writer = journal(tmp_path)
    _, append = joint(writer)
    append(5, 1, 0.5, 0, NULL_INT)
    before = writer.offset
    append(6, 1, 0.5, 0, NULL_INT)
    writer.buffer[writer.offset - 4 : writer.offset] = bytes(4)  # the commit word
    assert writer.offset > before
    content = read_journal(tmp_path)
    assert content.torn == 1
    assert {table: rows.num_rows for table, rows in content.tables.items()} == {
        "signals": 1,
        "orders": 1,
    }


@settings(deadline=None)
@given(records=st.lists(st.booleans(), max_size=60), block_rows=st.integers(1, 9))
def test_blocks_and_counts_are_of_rows(
    records: list[bool], block_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from capture.journal import Journal

    folder, taken = tmp_path_factory.mktemp("journal"), []
    writer: Journal

    def take(_droppable: bool) -> bool:
        block = writer.take_block()
        taken.append(0 if block is None else block.rows)
        return True

    writer = Journal(folder, block_rows=block_rows, segment_bytes=4096, on_full=take)
    _, both = joint(writer)
    single = writer.appender(writer.layout("signals", fields=FIELDS[:1]))
    for is_joint in records:
        if is_joint:
            both(1, 1, 1.0, 0, NULL_INT)
        else:
            single(1)
    rows = sum(2 if is_joint else 1 for is_joint in records)
    assert writer.seq == rows == sum(taken) + writer.waiting
    assert writer.rows("signals") == len(records)
    assert writer.rows("orders") == sum(records)
    assert all(count <= block_rows + 1 for count in taken)
    seqs = read_seqs(folder)
    assert sorted(seq for found in seqs.values() for seq in found.tolist()) == list(range(rows))


def test_faces_survive_their_declaration() -> None:
    layout = Layout(2, "signals", FIELDS, faces=FACES)
    assert Layout.from_declaration(layout.to_declaration()) == layout


def test_a_column_of_a_field_that_is_not_declared_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"(?s)bar_indx.*bar_index"):
        Layout(2, "signals", FIELDS, faces=(Face("signals", {"bar_index": "bar_indx"}),))
