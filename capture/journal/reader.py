"""The reading side of the journal: what a run had accepted, whatever became of its process."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgpack
import numpy as np
import pyarrow as pa

from capture.journal.decode import assemble, decode, seqs_of, words_of
from capture.journal.layout import (
    COMMIT,
    COMMIT_BYTES,
    COMMIT_WORD,
    DECLARATION,
    FRAME,
    HEAD,
    Layout,
)
from capture.journal.segment import CHECKED, MAGIC, SEGMENT_HEAD, segment_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["JournalContent", "read_journal", "read_seqs"]


@dataclass(frozen=True)
class JournalContent:
    """What a journal holds.

    Attributes:
        tables: every row by table, in order of sequence; late columns are absent.
        segments: schema segments: strategies with their parameters and indicator metadata.
        run: the facts of the run and part, as declared when it began.
        declared: every other declaration, in order.
        bytes: size of the journal.
        torn: records that were cut off before they were acknowledged.
        damaged: what is wrong with the journal, or None.
    """

    tables: dict[str, pa.Table]
    segments: list[dict[str, Any]]
    run: dict[str, Any]
    declared: list[dict[str, Any]]
    bytes: int
    torn: int
    damaged: str | None


@dataclass
class _Walk:
    """What has been read so far; grows segment by segment."""

    layouts: dict[int, Layout] = field(default_factory=dict)
    words: dict[int, str] = field(default_factory=dict)
    segments: list[dict[str, Any]] = field(default_factory=list)
    run: dict[str, Any] = field(default_factory=dict)
    declared: list[dict[str, Any]] = field(default_factory=list)
    torn: int = 0
    damaged: str | None = None
    unframed: Path | None = None
    """The last segment that has no frame: no row may come after it."""

    def damage(self, what: str) -> None:
        """Keep the first thing that is wrong."""
        self.damaged = self.damaged or what

    def learn(self, said: dict[str, Any]) -> None:
        """Take in one declaration."""
        match said.get("declares"):
            case "layout":
                layout = Layout.from_declaration(said)
                self.layouts[layout.number] = layout
            case "word":
                number, text = said["number"], said["text"]
                if not 0 < number <= len(self.words) + 1 or not isinstance(text, str):
                    raise ValueError(f"{text!r} cannot be word {number}")
                self.words[number] = text
            case "segment":
                self.segments.append({k: v for k, v in said.items() if k != "declares"})
            case "run":
                self.run.update({k: v for k, v in said.items() if k != "declares"})
            case _:
                self.declared.append(said)


def read_journal(folder: Path) -> JournalContent:
    """Read every acknowledged row of a journal; it may be one that is being written."""
    walk, size = _Walk(), 0
    pieces: list[tuple[str, pa.Table]] = []
    for path, data, offsets in _segments(folder, walk):
        size += len(data)
        words = words_of(walk.words)
        for number, at in offsets.items():
            layout = walk.layouts[number]
            try:
                tables = decode(data, at, layout, words)
            except Exception as exc:  # of what was damaged, each library says something else
                walk.damage(f"{path.name} has rows that cannot be read ({exc})")
                continue
            for face, table in zip(layout.rows, tables, strict=True):
                signals = face.table == "signals"
                rows = _flag_late(table, missing=face.late) if signals else table
                pieces.append((face.table, rows))
    return JournalContent(
        tables=assemble(pieces),
        segments=walk.segments,
        run=walk.run,
        declared=walk.declared,
        bytes=size,
        torn=walk.torn,
        damaged=walk.damaged,
    )


def read_seqs(folder: Path) -> dict[str, NDArray[np.int64]]:
    """Return the sequence numbers alone of every row of a journal, by table, in order."""
    walk = _Walk()
    found: dict[str, list[NDArray[np.int64]]] = {}
    for _, data, offsets in _segments(folder, walk):
        for number, at in offsets.items():
            layout = walk.layouts[number]
            seqs = seqs_of(data, at, layout)
            for place, face in enumerate(layout.rows):
                found.setdefault(face.table, []).append(seqs + place)
    return {table: np.sort(np.concatenate(seqs)) for table, seqs in found.items()}


def _segments(folder: Path, walk: _Walk) -> Iterator[tuple[Path, bytes, dict[int, list[int]]]]:
    """Yield every segment with its bytes and where its rows lie, by layout."""
    for place, path in enumerate(segment_files(folder)):
        if path.stem != f"{place:06d}":
            walk.damage(f"a segment before {path.name} is missing")
        yield path, *_read_segment(path, walk)


def _flag_late(table: pa.Table, *, missing: bool) -> pa.Table:
    flag = pa.repeat(pa.scalar(missing), table.num_rows)
    place = table.schema.get_field_index("late_missing")
    if place < 0:
        return table.append_column("late_missing", flag)
    return table.set_column(place, "late_missing", flag)


def _read_segment(path: Path, walk: _Walk) -> tuple[bytes, dict[int, list[int]]]:
    """Return a segment's bytes and where its rows lie, by layout.

    A segment without a frame may be one that is being written. A row whose commit word was seen
    is whole from then on, but the bytes before that word may have been read too early; so they
    are read once more.
    """
    data = path.read_bytes()
    if len(data) < SEGMENT_HEAD.size or data[:4] != MAGIC:
        # A segment that was being made when the process died holds zeros; nothing was in it yet.
        if len(data) >= SEGMENT_HEAD.size and any(data):
            walk.damage(f"{path.name} does not begin as a journal segment")
        return data, {}
    records = list(_records(data, walk, path.name))
    if walk.unframed is not None and records and not _is_framed(walk.unframed):
        walk.damage(f"{walk.unframed.name} is cut off, and {path.name} goes on after it")
    if not records or records[-1].kind != FRAME:
        walk.unframed = path
        data = path.read_bytes()
    return data, _learn_records(path.name, data, records, walk)


def _is_framed(path: Path) -> bool:
    """Say whether a segment has its frame by now: the next one is made just before it."""
    records = list(_records(path.read_bytes(), _Walk(), path.name))
    return bool(records) and records[-1].kind == FRAME


def _learn_records(
    name: str, data: bytes, records: list[_Record], walk: _Walk
) -> dict[int, list[int]]:
    """Learn a segment's declarations and return where its rows lie, by layout."""
    offsets: dict[int, list[int]] = {}
    for start, size, kind in records:
        if kind in walk.layouts:
            offsets.setdefault(kind, []).append(start)
            continue
        body = data[start + HEAD.size : start + size - COMMIT_BYTES]
        try:
            if kind == DECLARATION:
                walk.learn(msgpack.unpackb(body, strict_map_key=False))
            elif kind != FRAME:
                walk.damage(f"{name} has rows of an undeclared layout {kind}")
            elif zlib.crc32(data[SEGMENT_HEAD.size : start]) != msgpack.unpackb(body)["crc32"]:
                walk.damage(f"{name} does not have its checksum")
        except Exception as exc:  # damaged bytes make msgpack raise whatever it stumbles over
            walk.damage(f"{name} has a declaration that cannot be read ({exc})")
    return offsets


class _Record(NamedTuple):
    start: int
    size: int
    kind: int


_SMALLEST: Final = HEAD.size + COMMIT_BYTES


def _records(data: bytes, walk: _Walk, name: str) -> Iterator[_Record]:
    """Yield every committed record, up to the first that is not."""
    checked = bool(SEGMENT_HEAD.unpack_from(data, 0)[2] & CHECKED)
    start, end = SEGMENT_HEAD.size, len(data)
    while start + _SMALLEST <= end:
        size, kind = HEAD.unpack_from(data, start)
        last = start + size - COMMIT_BYTES
        if size < _SMALLEST or last + COMMIT_BYTES > end:
            break
        word = zlib.crc32(data[start:last]) if checked or kind == FRAME else COMMIT_WORD
        if COMMIT.unpack_from(data, last)[0] != word:
            break
        yield _Record(start, size, kind)
        if kind == FRAME:
            return
        start += size
    else:
        size = 0
    rest = data[start:].rstrip(b"\0")
    if rest:
        walk.torn += 1
    # What was cut off is the last that was written. Something after it was acknowledged once. Only
    # a power cut leaves the end of a record without its beginning, and only where each is synced.
    if len(rest) > max(size, _SMALLEST) and (size or not checked):
        walk.damage(f"{name} is damaged at byte {start}, and what follows is lost")
