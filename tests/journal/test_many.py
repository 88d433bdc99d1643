"""Many records that are written at once read as if each had been appended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.errors import CaptureHalted
from capture.journal import NULL_FLOAT, NULL_INT, Face, Field, Journal, read_journal
from capture.journal.many import extender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIELDS = (Field("bar_index", "int"), Field("side", "small"), Field("price", "float"))
FACES = (
    Face("fills", {name: name for name, _ in FIELDS}),
    Face("statuses", {"bar_index": "bar_index"}),
)


def columns_of(count: int) -> list[Any]:
    bars = np.arange(count, dtype=np.int64)
    price = np.linspace(1, 2, count)
    if count > 3:
        bars[1], price[2] = NULL_INT, NULL_FLOAT
    return [bars, np.where(bars % 2, 1, -1).astype(np.int8), price]


def said(folder: Path) -> dict[str, Any]:
    content = read_journal(folder)
    assert content.damaged is None
    return {
        name: table.drop_columns([n for n in table.column_names if n == "recorded_time"])
        for name, table in content.tables.items()
    }


def written(journal: Journal, counts: list[int], *, many: bool) -> None:
    layout = journal.layout("fills", fields=FIELDS, faces=FACES)
    append = journal.appender(layout)
    extend = extender(journal, layout, append, each=not many)
    for count in counts:
        extend(columns_of(count))


def journal_of(folder: Path, blocks: list[int], block_rows: int, segment_bytes: int) -> Journal:
    """Return a journal whose blocks are taken as they fill, and counted."""
    writer: Journal

    def take(_droppable: bool) -> bool:
        block = writer.take_block()
        blocks.extend([] if block is None else [block.rows])
        return True

    writer = Journal(folder, block_rows=block_rows, segment_bytes=segment_bytes, on_full=take)
    return writer


@given(
    counts=st.lists(st.integers(1, 300), max_size=6),
    block_rows=st.integers(1, 120),
    segment_bytes=st.sampled_from([2048, 4096, 65536]),
)
def test_what_is_written_at_once_is_what_appending_writes(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    block_rows: int,
    segment_bytes: int,
) -> None:
    found = []
    for many in (False, True):
        blocks: list[int] = []
        folder = tmp_path_factory.mktemp("journal")
        writer = journal_of(folder, blocks, block_rows, segment_bytes)
        written(writer, counts, many=many)
        assert writer.rows("fills") == writer.rows("statuses") == sum(counts)
        writer.close()
        found.append((said(folder), blocks))
    assert found[0] == found[1]


def test_what_the_overload_policy_drops_is_counted(
    journal: Callable[..., Journal], tmp_path: Path
) -> None:
    for many in (False, True):
        folder = tmp_path / str(many)
        folder.mkdir()
        writer = journal(folder, block_rows=64, segment_bytes=65536, on_full=lambda _: False)
        written(writer, [100, 50], many=many)
        assert (writer.seq, writer.dropped) == (64, 118)
        assert said(folder)["fills"].num_rows == 32


def test_a_halt_stops_after_the_block_that_was_accepted(
    journal: Callable[..., Journal], tmp_path: Path
) -> None:
    def halt(_droppable: bool) -> bool:
        raise CaptureHalted(3)

    for many in (False, True):
        folder = tmp_path / str(many)
        folder.mkdir()
        writer = journal(folder, block_rows=64, segment_bytes=65536, on_full=halt)
        with pytest.raises(CaptureHalted):
            written(writer, [100], many=many)
        assert said(folder)["fills"].num_rows == 32


@pytest.mark.parametrize("each", [False, True])
def test_columns_of_different_lengths_are_refused(
    journal: Callable[..., Journal], each: bool
) -> None:
    writer = journal()
    layout = writer.layout("fills", fields=FIELDS)
    extend = extender(writer, layout, writer.appender(layout), each=each)
    bars, side, price = columns_of(50)
    with pytest.raises(ValueError, match="40"):
        extend([bars, side[:40], price])
    assert writer.seq == 0
    extend([bars, side, price])
    assert writer.rows("fills") == 50
