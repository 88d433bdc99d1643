"""The reading side of the journal: what a run had accepted, whatever became of its process."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgpack
import pyarrow as pa

from capture.journal.decode import assemble, decode, words_of
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

__all__ = ["JournalContent", "read_journal"]


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

    def learn(self, said: dict[str, Any]) -> None:
        """Take in one declaration."""
        match said.get("declares"):
            case "layout":
                layout = Layout.from_declaration(said)
                self.layouts[layout.number] = layout
            case "word":
                self.words[said["number"]] = said["text"]
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
    for path in segment_files(folder):
        data = path.read_bytes()
        size += len(data)
        offsets = _walk_segment(path, data, walk)
        for number, at in offsets.items():
            layout = walk.layouts[number]
            table = decode(data, at, layout, words_of(walk.words))
            if layout.table == "signals":
                table = _flag_late(table, missing=layout.late)
            pieces.append((layout.table, table))
    return JournalContent(
        tables=assemble(pieces),
        segments=walk.segments,
        run=walk.run,
        declared=walk.declared,
        bytes=size,
        torn=walk.torn,
        damaged=walk.damaged,
    )


def _flag_late(table: pa.Table, *, missing: bool) -> pa.Table:
    flag = pa.repeat(pa.scalar(missing), table.num_rows)
    place = table.schema.get_field_index("late_missing")
    if place < 0:
        return table.append_column("late_missing", flag)
    return table.set_column(place, "late_missing", flag)


def _walk_segment(path: Path, data: bytes, walk: _Walk) -> dict[int, list[int]]:
    """Learn a segment's declarations and return where its rows lie, by layout."""
    if len(data) < SEGMENT_HEAD.size or data[:4] != MAGIC:
        # A segment that was being made when the process died holds zeros; nothing was in it yet.
        if any(data[: SEGMENT_HEAD.size]):
            walk.damaged = walk.damaged or f"{path.name} does not begin as a journal segment"
        return {}
    checked = bool(SEGMENT_HEAD.unpack_from(data, 0)[2] & CHECKED)
    offsets: dict[int, list[int]] = {}
    for start, size, kind in _records(data, walk, checked=checked):
        body = data[start + HEAD.size : start + size - COMMIT_BYTES]
        if kind == DECLARATION:
            walk.learn(msgpack.unpackb(body, strict_map_key=False))
        elif kind == FRAME:
            frame = msgpack.unpackb(body)
            if zlib.crc32(data[SEGMENT_HEAD.size : start]) != frame["crc32"]:
                walk.damaged = walk.damaged or f"{path.name} does not have its checksum"
        elif kind in walk.layouts:
            offsets.setdefault(kind, []).append(start)
        else:
            walk.damaged = walk.damaged or f"{path.name} has rows of an undeclared layout {kind}"
    return offsets


_SMALLEST: Final = HEAD.size + COMMIT_BYTES


def _records(data: bytes, walk: _Walk, *, checked: bool) -> Iterator[tuple[int, int, int]]:
    """Yield start, size and kind of every committed record, up to the first that is not."""
    start, end = SEGMENT_HEAD.size, len(data)
    while start + _SMALLEST <= end:
        size, kind = HEAD.unpack_from(data, start)
        if size == 0:
            return
        last = start + size - COMMIT_BYTES
        if size < _SMALLEST or last + COMMIT_BYTES > end:
            walk.torn += 1
            return
        word = zlib.crc32(data[start:last]) if checked else COMMIT_WORD
        if COMMIT.unpack_from(data, last)[0] != word:
            walk.torn += 1
            return
        yield start, size, kind
        start += size
