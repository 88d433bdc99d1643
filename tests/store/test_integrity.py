"""Digests of rows depend on what the rows say and on nothing else; chains take in their order."""

from __future__ import annotations

import hashlib
import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.schema import TIME
from capture.store.integrity import (
    BLOCK_ROWS,
    Chain,
    chain_of,
    row_digest,
    row_digests,
    spelled_row,
)

KINDS: dict[str, tuple[pa.DataType, Any]] = {
    "small": (pa.int8(), st.integers(-128, 127)),
    "whole": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "real": (pa.float64(), st.floats()),
    "flag": (pa.bool_(), st.booleans()),
    "text": (pa.string(), st.text(max_size=20)),
    "time": (TIME, st.integers(-(2**62), 2**62)),
}


@st.composite
def tables(draw: st.DrawFn, min_rows: int = 0) -> pa.Table:
    rows = draw(st.integers(min_rows, 12))
    columns = {"seq": pa.array(range(rows), pa.int64())}
    for number in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        arrow, values = KINDS[kind]
        cells = draw(st.lists(st.none() | values, min_size=rows, max_size=rows))
        columns[f"{kind}_{number}"] = pa.array(cells, arrow)
    return pa.table(columns)


def plain_digest(row: dict[str, tuple[str, Any]]) -> bytes:
    """Return the digest of one row as the documentation words it."""
    data = b""
    for name, (kind, value) in sorted(row.items()):
        if value is None:
            continue
        data += hashlib.sha256(f"{name}\0{kind}".encode()).digest()[:4]
        if kind == "text":
            data += hashlib.sha256(value.encode()).digest()[:16]
        elif kind == "flag":
            data += bytes([value])
        elif kind == "float":
            bits = struct.pack("<Q", 0x7FF8 << 48) if math.isnan(value) else None
            data += bits or struct.pack("<d", value + 0.0)
        else:
            data += struct.pack("<q", value)
    return hashlib.sha256(data).digest()


def plain_rows(table: pa.Table) -> list[dict[str, tuple[str, Any]]]:
    def kind(of: pa.DataType) -> str:
        if pa.types.is_timestamp(of):
            return "time"
        known = {pa.string(): "text", pa.bool_(): "flag", pa.float64(): "float"}
        return known.get(of, "int")

    columns = {
        field.name: (
            kind(field.type),
            (
                table.column(field.name).cast(pa.int64())
                if pa.types.is_timestamp(field.type)
                else table.column(field.name)
            ).to_pylist(),
        )
        for field in table.schema
    }
    return [
        {name: (word, values[n]) for name, (word, values) in columns.items()}
        for n in range(table.num_rows)
    ]


def split(digests: bytes) -> list[bytes]:
    return [digests[at : at + 32] for at in range(0, len(digests), 32)]


@given(table=tables())
def test_the_fast_digest_is_the_plain_one(table: pa.Table) -> None:
    assert split(row_digests(table)) == [plain_digest(row) for row in plain_rows(table)]


@given(table=tables(min_rows=1), data=st.data())
def test_a_digest_is_of_the_row_alone(table: pa.Table, data: st.DataObject) -> None:
    order = data.draw(st.permutations(table.column_names))
    cut = data.draw(st.integers(0, table.num_rows))
    pieces = pa.concat_tables([table.slice(0, cut), table.slice(cut)])
    grown = pieces.append_column("later", pa.nulls(table.num_rows, pa.float64()))
    assert row_digests(grown.select(["later", *order])) == row_digests(table)
    assert split(row_digests(table.slice(cut))) == split(row_digests(table))[cut:]


def test_rows_that_each_lack_other_columns_are_hashed_alike() -> None:
    rng = np.random.default_rng(1)
    table = pa.table(
        {f"c{n}": pa.array(rng.random(500), mask=rng.random(500) < 0.5) for n in range(12)}
    )
    assert split(row_digests(table)) == [plain_digest(row) for row in plain_rows(table)]


def test_columns_that_begin_or_end_within_a_long_table_are_hashed_alike() -> None:
    rows = 10_000
    numbers = np.arange(rows)
    table = pa.table(
        {
            "early": pa.array(numbers / 7, mask=numbers > 3_000),
            "late": pa.array(numbers, mask=numbers < 9_000),
            "text": pa.array([f"t{n % 5}" for n in numbers]),
            "never": pa.nulls(rows, pa.bool_()),
        }
    )
    assert split(row_digests(table)) == [plain_digest(row) for row in plain_rows(table)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"a": [1]}, {"b": [1]}),
        ({"a": [1]}, {"a": [1.0]}),
        ({"a": [None], "b": [1]}, {"a": [1], "b": [None]}),
        ({"a": [0.0]}, {"a": pa.array([None], pa.float64())}),
        ({"a": [float("nan")]}, {"a": pa.array([None], pa.float64())}),
        ({"a": [""]}, {"a": pa.array([None], pa.string())}),
        ({"a": ["x"], "b": ["y"]}, {"a": ["y"], "b": ["x"]}),
    ],
)
def test_what_differs_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert row_digests(pa.table(one)) != row_digests(pa.table(other))


def chained(table: pa.Table, **words: Any) -> Chain:
    return chain_of("signals", [table], **{"run_id": "run", "part": 0, **words})


def long_table(rows: int = 3 * BLOCK_ROWS + 7) -> pa.Table:
    return pa.table({"seq": np.arange(rows) * 3, "value": np.arange(rows) / 7})


def test_a_chain_survives_its_file() -> None:
    chain = chained(long_table())
    again = Chain.from_bytes(chain.to_bytes())
    assert again.head == chain.head
    assert again.heads == chain.heads
    assert len(chain.heads) == 4
    assert again.seqs.tolist() == chain.seqs.tolist()
    assert again.prints.tolist() == chain.prints.tolist()


def test_a_chain_names_the_rows_that_were_changed_added_or_lost() -> None:
    chain, rows = chained(long_table()), long_table().to_pydict()
    assert chain.changed(long_table()) == []
    rows["value"][5] += 1
    assert chain.changed(pa.table(rows)) == [15]
    for column in rows.values():
        del column[9]
    rows["seq"].append(1_000_000)
    rows["value"].append(0.0)
    assert chain.changed(pa.table(rows)) == [15, 27, 1_000_000]


def test_a_chain_takes_in_order_run_and_part() -> None:
    table = long_table()
    heads = {
        chained(table).head,
        chained(table, run_id="other").head,
        chained(table, part=1).head,
        chained(table.take(pa.array([1, 0, *range(2, table.num_rows)]))).head,
        chained(table.slice(0, table.num_rows - 1)).head,
    }
    assert len(heads) == 5


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xc1", b"\x81\xa1a\x01", b"nonsense"])
def test_what_is_no_chain_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="chain"):
        Chain.from_bytes(data)


_CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"])),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=9), _CELLS))
def test_a_row_that_comes_alone_has_the_digest_that_it_has_in_a_table(row: dict[str, Any]) -> None:
    table = pa.table({name: pa.array([value]) for name, value in row.items()} or {"none": [None]})
    assert row_digest(spelled_row(row)) == row_digests(table)
