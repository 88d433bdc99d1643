"""A SHA-256 per row over its canonical form, and chains of them.

The canonical form of a row does not depend on the backend, nor on the order of columns, nor on
columns that are null: for every value that is there, in order of column name,

    tag (4 bytes) | value

The tag is the start of the SHA-256 of name, NUL and kind. The kinds are `int` and `time` (8 bytes,
signed), `float` (8 bytes, every NaN as 0x7ff8000000000000 and -0.0 as 0.0), `flag` (1 byte) and
`text` (the first 16 bytes of the SHA-256 of its UTF-8). All numbers are little-endian.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgpack
import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

__all__ = [
    "CHAINED",
    "Chain",
    "chain_file",
    "chain_of",
    "row_digest",
    "row_digests",
    "spelled_row",
    "tags_of",
]

CHAINED: Final = ("signals", "statuses")
"""The tables whose rows are chained."""

CHAIN_VERSION: Final = 1
# 1: first release

BLOCK_ROWS: Final = 256
PRINT_BYTES: Final = 4
DIGEST_BYTES: Final = 32
_CANONICAL_NAN: Final = 0x7FF8_0000_0000_0000
_MOST_PATTERNS: Final = 64
_ROWS_AT_ONCE: Final = 4096


def row_digests(table: pa.Table) -> bytes:
    """Return the digests of the rows, one after the other, 32 bytes each."""
    # Rows are spelled out a block at a time: it stays in the processor's cache, and is little.
    starts = range(0, table.num_rows, _ROWS_AT_ONCE)
    return b"".join([_digests(table.slice(start, _ROWS_AT_ONCE)) for start in starts])


def spelled_row(values: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the canonical form of one row, by column, in the order in which it is hashed.

    It is for rows that come one by one, such as those of a repository; a table of one row would
    take many times as long. Values are flags, whole numbers, floats, texts, or None.
    """
    return {
        name: _SPELLED[type(values[name])](name, values[name])
        for name in sorted(values)
        if values[name] is not None
    }


def row_digest(cells: Mapping[str, bytes]) -> bytes:
    """Return the digest of a row from its canonical form, the same that `row_digests` has."""
    return hashlib.sha256(b"".join(cells.values())).digest()


@cache
def _tag(name: str, kind: str) -> bytes:
    return hashlib.sha256(f"{name}\0{kind}".encode()).digest()[:4]


def tags_of(name: str) -> tuple[bytes, ...]:
    """Return the tags that a column of this name can have, one for each kind of value."""
    return tuple(_tag(name, kind) for kind in ("flag", "int", "float", "text", "time"))


def _spelled_float(name: str, value: float) -> bytes:
    if value != value:
        return _tag(name, "float") + struct.pack("<Q", _CANONICAL_NAN)
    return _tag(name, "float") + struct.pack("<d", value + 0.0)


_SPELLED: Final[Mapping[type, Callable[[str, Any], bytes]]] = {
    bool: lambda name, value: _tag(name, "flag") + bytes([value]),
    int: lambda name, value: _tag(name, "int") + struct.pack("<q", value),
    float: _spelled_float,
    str: lambda name, value: _tag(name, "text") + hashlib.sha256(value.encode()).digest()[:16],
}


def _digests(table: pa.Table) -> bytes:
    """Return the digests of a block of rows."""
    rows: int = table.num_rows
    columns = zip(table.column_names, table.columns, strict=True)
    there = sorted((name, column) for name, column in columns if column.null_count < rows)
    if not there:
        return hashlib.sha256(b"").digest() * rows
    cells, ends = _spelled([_cell(name, column) for name, column in there], rows)
    partly = [place for place, (_, column) in enumerate(there) if column.null_count]
    if not partly:
        return _hash_rows(cells)
    masks = np.column_stack([_valid(there[place][1]) for place in partly])
    return _by_pattern(cells, ends, partly, masks)


def _spelled(
    cells: list[tuple[bytes, np.ndarray[Any, Any]]], rows: int
) -> tuple[np.ndarray[Any, Any], list[int]]:
    """Return every row's canonical form as if nothing were null, and where each column ends."""
    form = np.dtype(
        [part for n, (_, v) in enumerate(cells) for part in ((f"t{n}", "V4"), (f"v{n}", v.dtype))]
    )
    whole = np.empty(rows, form)
    for number, (tag, values) in enumerate(cells):
        whole[f"t{number}"] = np.void(tag)
        whole[f"v{number}"] = values
    widths = [4 + values.dtype.itemsize for _, values in cells]
    return whole.view(np.uint8).reshape(rows, form.itemsize), np.cumsum(widths).tolist()


def _by_pattern(
    cells: np.ndarray[Any, Any], ends: list[int], partly: list[int], masks: np.ndarray[Any, Any]
) -> bytes:
    """Hash the rows in groups that lack the same columns."""
    packed = np.packbits(masks, axis=1)
    keys = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    patterns, first, which = np.unique(keys, return_index=True, return_inverse=True)
    kept = np.ones((len(patterns), len(ends)), dtype=bool)
    kept[:, partly] = masks[first]
    if len(patterns) > _MOST_PATTERNS:
        return _hash_ragged(cells, np.repeat(kept, np.diff(ends, prepend=0), axis=1)[which])
    out = np.empty((len(masks), DIGEST_BYTES), dtype=np.uint8)
    for number, those in enumerate(kept):
        rows = np.flatnonzero(which == number)
        digests = _hash_rows(_without(cells[rows], ends, those))
        out[rows] = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
    return out.tobytes()


def _without(
    cells: np.ndarray[Any, Any], ends: list[int], kept: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the cells of the columns that are kept; neighbours are copied together."""
    turns = np.flatnonzero(np.diff(kept, prepend=False, append=False))
    places = [ends[turn - 1] if turn else 0 for turn in turns]
    runs = [cells[:, a:b] for a, b in zip(places[::2], places[1::2], strict=True)]
    return np.concatenate(runs, axis=1) if runs else cells[:, :0]


def _hash_rows(cells: np.ndarray[Any, Any]) -> bytes:
    """Hash rows that all have the same columns."""
    rows, width = cells.shape
    sha256, data = hashlib.sha256, cells.tobytes()
    ends = range(width, rows * width + 1, width) if width else [0] * rows
    return b"".join([sha256(data[end - width : end]).digest() for end in ends])


def _hash_ragged(cells: np.ndarray[Any, Any], kept: np.ndarray[Any, Any]) -> bytes:
    """Hash rows that each lack other columns."""
    data = cells[kept].tobytes()
    ends = np.cumsum(kept.sum(axis=1)).tolist()
    sha256 = hashlib.sha256
    return b"".join(
        [sha256(data[a:b]).digest() for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    )


def _valid(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    there: np.ndarray[Any, Any] = column.is_valid().to_numpy()
    return there


def _cell(name: str, column: pa.ChunkedArray) -> tuple[bytes, np.ndarray[Any, Any]]:
    """Return a column's tag and its values, a cell each; what a null holds does not matter."""
    kind, values = _values(column)
    return _tag(name, kind), values


def _values(column: pa.ChunkedArray) -> tuple[str, np.ndarray[Any, Any]]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text", _text_values(column)
    if pa.types.is_boolean(kind):
        return "flag", _filled(column, False).to_numpy().astype(np.uint8)
    if pa.types.is_floating(kind):
        reals = _filled(_as(column, pa.float64()), 0.0).to_numpy() + 0.0
        bits = reals.view(np.uint64)
        bits[np.isnan(reals)] = _CANONICAL_NAN
        return "float", bits.astype("<u8", copy=False)
    word = "time" if pa.types.is_timestamp(kind) else "int"
    whole = _filled(_as(column, pa.int64()), 0).to_numpy()
    return word, whole.astype("<i8", copy=False)


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    return column if column.type == kind else column.cast(kind)


def _filled(column: pa.ChunkedArray, value: Any) -> pa.ChunkedArray:
    return column.fill_null(value) if column.null_count else column


def _text_values(column: pa.ChunkedArray) -> np.ndarray[Any, Any]:
    words = pa.concat_arrays(column.chunks).dictionary_encode()
    sha256 = hashlib.sha256
    known = [sha256(text.encode()).digest()[:16] for text in words.dictionary.to_pylist()]
    cells = np.frombuffer(b"".join(known), "V16")
    chosen: np.ndarray[Any, Any] = cells[_filled(words.indices, 0).to_numpy()]
    return chosen


@dataclass(frozen=True)
class Chain:
    """The chain over the rows of one table of one part.

    Attributes:
        table: name of the table.
        seqs: sequence numbers of the rows, in order.
        prints: the first bytes of every row's digest, by which a changed row is named.
        heads: the head after every block of rows; each takes in the one before.
        head: the last head, or the chain's seed if there are no rows.
    """

    table: str
    seqs: np.ndarray[Any, Any]
    prints: np.ndarray[Any, Any]
    heads: tuple[bytes, ...]
    head: bytes

    def to_bytes(self) -> bytes:
        """Return the chain as its file keeps it."""
        said = {
            "version": CHAIN_VERSION,
            "algorithm": "sha256",
            "table": self.table,
            "rows": len(self.seqs),
            "block_rows": BLOCK_ROWS,
            "print_bytes": PRINT_BYTES,
            "heads": b"".join(self.heads),
            "prints": self.prints.tobytes(),
            "seq_steps": zlib.compress(np.diff(self.seqs, prepend=0).astype("<i8").tobytes(), 6),
        }
        packed: bytes = msgpack.packb(said)
        return packed

    @classmethod
    def from_bytes(cls, data: bytes) -> Chain:
        """Return the chain that a file keeps; ValueError if it holds none."""
        try:
            said = msgpack.unpackb(data)
            steps = np.frombuffer(zlib.decompress(said["seq_steps"]), "<i8")
            prints = np.frombuffer(said["prints"], np.uint8).reshape(-1, PRINT_BYTES)
            heads = tuple(
                said["heads"][at : at + DIGEST_BYTES]
                for at in range(0, len(said["heads"]), DIGEST_BYTES)
            )
            seqs = np.cumsum(steps)
            if not len(seqs) == len(prints) == said["rows"]:
                raise ValueError("the chain's lengths differ")
            return cls(said["table"], seqs, prints, heads, heads[-1] if heads else b"")
        except (TypeError, KeyError, ValueError, zlib.error, msgpack.UnpackException) as exc:
            raise ValueError(f"this is no chain: {exc}") from exc

    def to_record(self) -> dict[str, Any]:
        """Return what the part's record says of the chain."""
        return {"rows": len(self.seqs), "head": self.head.hex()}

    def changed(self, table: pa.Table) -> list[int]:
        """Return the sequence numbers of rows that were changed, added or lost in a table."""
        digests = row_digests(table)
        prints = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)[:, :PRINT_BYTES]
        now = dict(zip(table.column("seq").to_pylist(), map(bytes, prints), strict=True))
        was = dict(zip(self.seqs.tolist(), map(bytes, self.prints), strict=True))
        numbers = {seq for seq in was.keys() | now.keys() if was.get(seq) != now.get(seq)}
        return sorted(seq for seq in numbers if seq is not None)


def chain_of(name: str, pieces: Iterable[pa.Table], *, run_id: str, part: int) -> Chain:
    """Return the chain over a table's rows.

    Args:
        name: name of the table.
        pieces: its rows in order of sequence; each piece but the last holds whole blocks.
        run_id: run that the rows are of.
        part: part that they are of.
    """
    seed = f"capture chain {CHAIN_VERSION}\0{run_id}\0{part}\0{name}"
    head = hashlib.sha256(seed.encode()).digest()
    heads: list[bytes] = []
    prints, seqs = [np.empty((0, PRINT_BYTES), np.uint8)], [np.empty(0, np.int64)]
    step = BLOCK_ROWS * DIGEST_BYTES
    for piece in pieces:
        digests = row_digests(piece)
        for start in range(0, len(digests), step):
            head = hashlib.sha256(head + digests[start : start + step]).digest()
            heads.append(head)
        rows = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
        prints.append(rows[:, :PRINT_BYTES].copy())
        seqs.append(piece.column("seq").to_numpy() if piece.num_rows else seqs[0])
    return Chain(name, np.concatenate(seqs), np.concatenate(prints), tuple(heads), head)


def chain_file(part: Path, name: str) -> Path:
    """Return the file of a table's chain."""
    return part / f"chain-{name}.bin"
