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
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgpack
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["CHAINED", "Chain", "chain_file", "chain_of", "row_digests"]

CHAINED: Final = ("signals", "statuses")
"""The tables whose rows are chained."""

CHAIN_VERSION: Final = 1
# 1: first release

BLOCK_ROWS: Final = 256
PRINT_BYTES: Final = 4
DIGEST_BYTES: Final = 32
_CANONICAL_NAN: Final = 0x7FF8_0000_0000_0000
_MOST_PATTERNS: Final = 64


def row_digests(table: pa.Table) -> bytes:
    """Return the digests of the rows, one after the other, 32 bytes each."""
    rows: int = table.num_rows
    encoded = [
        _encoded(name, table.column(name))
        for name in sorted(table.column_names)
        if table.column(name).null_count < rows
    ]
    if not rows:
        return b""
    if not encoded:
        return bytes(hashlib.sha256(b"").digest() * rows)
    partly = [place for place, (_, there) in enumerate(encoded) if there is not None]
    if not partly:
        return _hash_rows([cell for cell, _ in encoded])
    masks = np.column_stack([encoded[place][1] for place in partly])
    return _by_pattern(encoded, partly, masks)


def _by_pattern(
    encoded: list[tuple[Any, Any]], partly: list[int], masks: np.ndarray[Any, Any]
) -> bytes:
    """Hash the rows in groups that lack the same columns."""
    packed = np.packbits(masks, axis=1)
    keys = np.ascontiguousarray(packed).view(f"V{packed.shape[1]}").ravel()
    patterns, first, which = np.unique(keys, return_index=True, return_inverse=True)
    if len(patterns) > _MOST_PATTERNS:
        return _hash_ragged(encoded, len(masks))
    out = np.empty((len(masks), DIGEST_BYTES), dtype=np.uint8)
    absent_of = {column: place for place, column in enumerate(partly)}
    for number in range(len(patterns)):
        rows = np.flatnonzero(which == number)
        there = masks[first[number]]
        cells = [
            cell[rows]
            for column, (cell, _) in enumerate(encoded)
            if column not in absent_of or there[absent_of[column]]
        ]
        digests = _hash_rows(cells) if cells else hashlib.sha256(b"").digest() * len(rows)
        out[rows] = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
    return out.tobytes()


def _hash_rows(cells: list[Any]) -> bytes:
    """Hash rows that all have the same columns."""
    whole = np.concatenate(cells, axis=1)
    width = whole.shape[1]
    sha256, data = hashlib.sha256, whole.tobytes()
    ends = range(width, len(data) + 1, width)
    return b"".join([sha256(data[end - width : end]).digest() for end in ends])


def _hash_ragged(encoded: list[tuple[Any, Any]], rows: int) -> bytes:
    """Hash rows that each lack other columns."""
    whole = np.concatenate([cell for cell, _ in encoded], axis=1)
    kept = np.empty(whole.shape, dtype=bool)
    start = 0
    for cell, there in encoded:
        stop = start + cell.shape[1]
        kept[:, start:stop] = True if there is None else there[:, None]
        start = stop
    data = whole[kept].tobytes()
    ends = np.cumsum(kept.sum(axis=1)).tolist()
    sha256 = hashlib.sha256
    return b"".join(
        [sha256(data[a:b]).digest() for a, b in zip([0, *ends[: rows - 1]], ends, strict=True)]
    )


def _encoded(name: str, column: pa.ChunkedArray) -> tuple[Any, Any]:
    """Return a column's cells as bytes, a row each, and which are there (None: all)."""
    there = column.is_valid().to_numpy() if column.null_count else None
    kind, values = _values(column)
    tag = np.frombuffer(hashlib.sha256(f"{name}\0{kind}".encode()).digest()[:4], np.uint8)
    cells = np.empty((len(values), 4 + values.shape[1]), dtype=np.uint8)
    cells[:, :4] = tag
    cells[:, 4:] = values
    return cells, there


def _values(column: pa.ChunkedArray) -> tuple[str, Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return "text", _text_values(column)
    if pa.types.is_boolean(kind):
        flags = pc.fill_null(column, False).to_numpy().astype(np.uint8)
        return "flag", flags[:, None]
    if pa.types.is_floating(kind):
        reals = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy() + 0.0
        bits = reals.view(np.uint64).copy()
        bits[np.isnan(reals)] = _CANONICAL_NAN
        return "float", bits.astype("<u8").view(np.uint8).reshape(-1, 8)
    word = "time" if pa.types.is_timestamp(kind) else "int"
    whole = pc.fill_null(column.cast(pa.int64()), 0).to_numpy().astype("<i8")
    return word, np.ascontiguousarray(whole).view(np.uint8).reshape(-1, 8)


def _text_values(column: pa.ChunkedArray) -> Any:
    words = pa.concat_arrays(column.chunks).dictionary_encode()
    sha256 = hashlib.sha256
    known = [sha256(text.encode()).digest()[:16] for text in words.dictionary.to_pylist()]
    table = np.frombuffer(b"".join(known), np.uint8).reshape(-1, 16)
    return table[pc.fill_null(words.indices, 0).to_numpy()]


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
