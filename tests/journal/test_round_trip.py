"""What was appended to a journal is read from it, bit by bit, while it is written and after."""

from __future__ import annotations

import math
import struct
import tempfile
from collections import defaultdict
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture.errors import ConfigError
from capture.journal import (
    NULL_FLOAT,
    NULL_INT,
    NULL_SMALL,
    Derived,
    Field,
    Journal,
    Kind,
    Layout,
    read_journal,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn, SearchStrategy

INT = st.integers(-(2**63) + 1, 2**63 - 1)
VALUES: dict[Kind, SearchStrategy[Any]] = {
    "int": INT,
    "time": INT,
    "small": st.integers(-127, 127),
    "flag": st.booleans(),
    "float": st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf, 5e-324]) | st.floats(),
    "word": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    "text": st.sampled_from(["", "\0", "a\0b", "π🂡", "x" * 9000])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
}
TYPES = {
    "int": pa.int64(),
    "time": pa.timestamp("ns", tz="UTC"),
    "small": pa.int8(),
    "flag": pa.bool_(),
    "float": pa.float64(),
    "word": pa.string(),
    "text": pa.string(),
}
NULLS: dict[Kind, Any] = {
    "int": NULL_INT,
    "time": NULL_INT,
    "small": NULL_SMALL,
    "flag": NULL_SMALL,
    "float": NULL_FLOAT,
    "word": 0,
    "text": None,
}


@st.composite
def histories(draw: DrawFn) -> tuple[list[list[Field]], list[tuple[int, tuple[Any, ...]]]]:
    """Layouts of the table `signals`, and rows of any of them in any order; None is a null."""
    kinds = st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5)
    layouts = [
        [Field(f"extra_{number}_{place}", kind) for place, kind in enumerate(chosen)]
        for number, chosen in enumerate(draw(st.lists(kinds, min_size=1, max_size=3)))
    ]
    rows = []
    for _ in range(draw(st.integers(0, 30))):
        number = draw(st.integers(0, len(layouts) - 1))
        cells = [draw(st.none() | VALUES[kind]) for _, kind in layouts[number]]
        rows.append((number, tuple(cells)))
    return layouts, rows


def written(journal: Journal, cell: Any, kind: Kind) -> Any:
    """Return a value as an appender takes it."""
    if cell is None:
        return NULLS[kind]
    return journal.word(cell) if kind == "word" else cell


def bits(value: Any) -> Any:
    """Return a value such that equal bits are equal; any NaN is as good as any other."""
    if isinstance(value, float):
        return "nan" if math.isnan(value) else struct.pack("<d", value)
    return value


def as_read(table: pa.Table, name: str) -> list[Any]:
    column = table.column(name)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return [bits(value) for value in column.to_pylist()]


@settings(max_examples=60)
@given(histories(), st.booleans(), st.booleans())
def test_any_rows_of_any_layouts_come_back(
    history: tuple[list[list[Field]], list[tuple[int, tuple[Any, ...]]]], sync: bool, close: bool
) -> None:
    fields, rows = history
    with tempfile.TemporaryDirectory() as folder:
        taken = []
        journal = Journal(
            Path(folder),
            block_rows=4,
            segment_bytes=4096,
            sync=sync,
            on_full=lambda _: bool(taken.append(journal.take_block())) or True,
        )
        layouts = [journal.layout("signals", fields=tuple(f)) for f in fields]
        appenders = [journal.appender(layout) for layout in layouts]
        for seq, (number, cells) in enumerate(rows):
            row = [
                written(journal, cell, f.kind)
                for cell, f in zip(cells, fields[number], strict=True)
            ]
            assert appenders[number](*row) == seq
        if close:
            journal.close()
        content = read_journal(Path(folder))
    assert content.damaged is None
    assert content.torn == 0
    if not rows:
        assert content.tables == {}
        return
    table = content.tables["signals"]
    assert table.column("seq").to_pylist() == list(range(len(rows)))
    expected: dict[str, list[Any]] = defaultdict(lambda: [None] * len(rows))
    for seq, (number, cells) in enumerate(rows):
        for cell, f in zip(cells, fields[number], strict=True):
            expected[f.name][seq] = bits(cell)
    for number in {number for number, _ in rows}:
        for name, kind in fields[number]:
            assert table.schema.field(name).type == TYPES[kind]
            assert as_read(table, name) == expected[name]
    assert sum(block.rows for block in taken if block) + journal.waiting == len(rows)


def test_a_null_is_not_a_nan(journal: Callable[..., Journal]) -> None:
    writer = journal()
    append = writer.appender(writer.layout("signals", fields=(Field("extra_x", "float"),)))
    for value in (math.nan, NULL_FLOAT, 1.0):
        append(value)
    column = read_journal(folder_of(writer)).tables["signals"].column("extra_x")
    assert column.null_count == 1
    assert math.isnan(column[0].as_py())
    assert not column[1].is_valid


def test_a_text_may_be_longer_than_a_segment(journal: Callable[..., Journal]) -> None:
    writer = journal()
    append = writer.appender(writer.layout("notes", fields=(Field("value", "text"),)))
    texts = ["short", "x" * 100_000, "after", "\0" * 5000]
    for text in texts:
        append(text)
    assert read_journal(folder_of(writer)).tables["notes"].column("value").to_pylist() == texts


def test_constants_and_derived_columns_stand_in_every_row(journal: Callable[..., Journal]) -> None:
    writer = journal()
    layout = writer.layout(
        "fills",
        fields=(Field("order_seq", "int"), Field("order_id", "text")),
        constants={"part": 3, "symbol": "GOOG", "strategy_id": None},
        derived=(Derived("order_id", "o", "order_seq"),),
    )
    append = writer.appender(layout)
    append(7, None)
    append(8, "mine")
    append(NULL_INT, None)
    rows = read_journal(folder_of(writer)).tables["fills"].to_pylist()
    assert [row["order_id"] for row in rows] == ["o7", "mine", None]
    assert {(row["part"], row["symbol"], row["strategy_id"]) for row in rows} == {(3, "GOOG", None)}


def test_a_row_carries_the_time_at_which_it_was_accepted(journal: Callable[..., Journal]) -> None:
    writer = journal()
    append = writer.appender(writer.layout("signals", fields=()))
    before = time_ns()
    append()
    moment = read_journal(folder_of(writer)).tables["signals"].column("recorded_time")[0]
    assert before <= moment.value <= time_ns()


def test_declarations_come_back_in_order(journal: Callable[..., Journal]) -> None:
    writer = journal()
    writer.declare({"declares": "run", "run_id": "r", "part": 2})
    for number in range(200):  # over several segments
        writer.declare({"declares": "segment", "segment": number, "params": {"n": number}})
        writer.declare({"declares": "base", "symbol": f"S{number}"})
    content = read_journal(folder_of(writer))
    assert content.run == {"run_id": "r", "part": 2}
    assert [s["params"]["n"] for s in content.segments] == list(range(200))
    assert [said["symbol"] for said in content.declared] == [f"S{n}" for n in range(200)]
    assert len(list(folder_of(writer).iterdir())) > 1


def test_a_word_is_declared_once(journal: Callable[..., Journal]) -> None:
    writer = journal()
    first = writer.word("GOOG")
    size = writer.offset
    assert writer.word("GOOG") == first
    assert writer.offset == size
    assert writer.word(None) == 0
    assert writer.word("") not in {0, first}


def test_rows_that_may_have_late_columns_are_flagged(journal: Callable[..., Journal]) -> None:
    writer = journal()
    for late in (True, False):
        writer.appender(writer.layout("signals", fields=(), late=late))()
    column = read_journal(folder_of(writer)).tables["signals"].column("late_missing")
    assert column.to_pylist() == [True, False]


def test_a_layout_says_how_it_lies_in_the_journal() -> None:
    layout = Layout(2, "signals", (Field("bar_index", "int"), Field("value", "text")), late=True)
    said = layout.to_declaration()
    assert said["struct"] == "<IHqqq"
    assert Layout.from_declaration(said) == layout


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ([Field("a", "flaot")], 'Did you mean "float"'),  # type: ignore[arg-type]
        ([Field("a", "int"), Field("a", "int")], "declared only once"),
        ([Field("seq", "int")], "declared only once"),
    ],
)
def test_a_layout_that_cannot_be_is_refused(fields: list[Field], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Layout(2, "signals", tuple(fields))


def test_layouts_without_end_are_refused(journal: Callable[..., Journal]) -> None:
    writer = journal(segment_bytes=1 << 20)
    writer.layouts.update({n: Layout(n, "signals", ()) for n in range(2, 0x10000)})
    with pytest.raises(ConfigError, match="changed too often"):
        writer.layout("signals", fields=())


def folder_of(writer: Journal) -> Path:
    folder = writer._folder
    assert folder is not None
    return folder
