"""The writing side of the journal: one cursor, many layouts, one lock."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import msgpack

from capture.errors import CaptureHalted, ConfigError
from capture.journal.appending import Append, appender
from capture.journal.layout import (
    COMMIT,
    COMMIT_BYTES,
    COMMIT_WORD,
    DECLARATION,
    FIRST_LAYOUT,
    FRAME,
    HEAD,
    Layout,
)
from capture.journal.segment import SEGMENT_HEAD, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from capture.journal.appending import Told

__all__ = ["Block", "Journal"]

_ROOM_FOR_FRAME: Final = 128
_LAST_LAYOUT: Final = 0xFFFF


@dataclass(slots=True)
class Block:
    """Records that were journaled and wait for the backend: where they lie, by layout number."""

    segment: Segment
    offsets: dict[int, list[int]]
    rows: int
    """How many rows the records stand for."""
    stored: set[str] = field(default_factory=set)
    """Tables whose rows the backend has already."""


class Journal:
    """Appends rows to segments; what an appender returned for survives a kill of the process.

    Attributes:
        lock: held while a row is written or a block is taken.
        seq: sequence number of the next event.
        layouts: every declared layout by number.
        words: interned texts; a word field holds the place of its text here, 0 is null.
        dropped: rows that the overload policy refused.
    """

    __slots__ = (
        "_block_rows",
        "_block_start",
        "_closed",
        "_codes",
        "_finished_bytes",
        "_folder",
        "_number",
        "_offsets",
        "_on_full",
        "_roll",
        "_segment",
        "_segment_bytes",
        "_sync",
        "_taken",
        "buffer",
        "dropped",
        "layouts",
        "left",
        "limit",
        "lock",
        "offset",
        "seq",
        "words",
    )

    def __init__(
        self,
        folder: Path | None,
        *,
        block_rows: int,
        segment_bytes: int,
        sync: bool = False,
        on_full: Callable[[bool], bool],
    ) -> None:
        """Begin a journal.

        Args:
            folder: an existing folder, or None to keep the rows in memory alone.
            block_rows: how many rows make a block.
            segment_bytes: size of a segment.
            sync: whether every row is on disk before its appender returns.
            on_full: called, with the lock held, when a block is full or a segment ends, and told
                whether rows may be dropped; it takes the block and returns True, or leaves it
                and returns False if new rows are to be dropped for now, or raises.
        """
        self.lock = RLock()
        self.seq = 0
        self.layouts: dict[int, Layout] = {}
        self.words: list[str | None] = [None]
        self.dropped = 0
        self._codes: dict[str, int] = {}
        self._closed = False
        self._finished_bytes = 0
        self._folder = folder
        self._sync = sync
        self._on_full = on_full
        self._block_rows = block_rows
        self._segment_bytes = segment_bytes
        self._number = 0
        self._offsets: dict[int, list[int]] = {}
        self._taken: dict[int, int] = {}
        self.left = block_rows
        self._roll = False
        self._open_segment(segment_bytes)

    def _open_segment(self, capacity: int) -> None:
        segment = Segment(self._folder, self._number, capacity, self.seq, checked=self._sync)
        self._segment = segment
        self._number += 1
        self.buffer = segment.buffer
        self.offset = self._block_start = SEGMENT_HEAD.size
        self.limit = segment.capacity - _ROOM_FOR_FRAME

    # --- declarations ------------------------------------------------------------------------

    def declare(self, said: Mapping[str, Any]) -> None:
        """Write a declaration: anything that a reader must know before the rows after it."""
        with self.lock:
            self._write_declaration(said)

    def layout(self, table: str, **said: Any) -> Layout:
        """Declare a layout and return it."""
        with self.lock:
            number = FIRST_LAYOUT + len(self.layouts)
            if number > _LAST_LAYOUT:
                raise ConfigError(
                    f"columns of {table}",
                    number,
                    "they changed too often; give what changes one name and many values",
                )
            layout = Layout(number, table, **said)
            self.declare(layout.to_declaration())
            self.layouts[layout.number] = layout
            self._offsets[layout.number] = []
            self._taken[layout.number] = 0
        return layout

    def word(self, text: str | None) -> int:
        """Return the number that stands for a text in a word field."""
        if text is None:
            return 0
        code = self._codes.get(text)
        if code is None:
            with self.lock:
                code = self._codes.get(text)
                if code is None:
                    code = len(self.words)
                    self.declare({"declares": "word", "number": code, "text": text})
                    self.words.append(text)
                    self._codes[text] = code
        return code

    def _write_declaration(self, said: Mapping[str, Any]) -> None:
        body: bytes = msgpack.packb(said)
        size = HEAD.size + len(body) + COMMIT_BYTES
        if self.offset + size > self.limit:
            self.make_room(size, droppable=False)
        start = self.offset
        HEAD.pack_into(self.buffer, start, size, DECLARATION)
        self.buffer[start + HEAD.size : start + HEAD.size + len(body)] = body
        self._commit(start, size)

    def _commit(self, start: int, size: int) -> None:
        end = start + size - COMMIT_BYTES
        word = zlib.crc32(memoryview(self.buffer)[start:end]) if self._sync else COMMIT_WORD
        COMMIT.pack_into(self.buffer, end, word)
        if self._sync:
            self._segment.sync(start, start + size)
        self.offset = start + size

    # --- rows --------------------------------------------------------------------------------

    def appender(self, layout: Layout, told: Sequence[Told] = ()) -> Append:
        """Return the function that writes one row of a layout, as fast as Python can.

        Args:
            layout: the form of the rows.
            told: who gets each row once it is accepted: its number and its values, as one tuple.
        """
        remember = self._offsets[layout.number].append
        return appender(self, layout, told, remember, synced=self._sync)

    def record_written(self, layout: Layout, start: int, size: int) -> int:
        """Take note of a record and return its number; called with the lock held."""
        self._commit(start, size)
        seq, rows = self.seq, len(layout.rows)
        self.seq = seq + rows
        self._offsets[layout.number].append(start)
        self.left -= rows
        if self.left <= 0:
            self.block_full()
        return seq

    def written(self, layout: Layout, offsets: range) -> None:
        """Take note of records that lie at these places; called with the lock held."""
        rows = len(offsets) * len(layout.rows)
        self.offset = offsets.stop
        self.seq += rows
        self._offsets[layout.number].extend(offsets)
        self.left -= rows
        if self.left <= 0:
            self.block_full()

    # --- blocks ------------------------------------------------------------------------------

    def block_full(self) -> None:
        """Hand the block on; called with the lock held.

        The row that filled the block is accepted, so a refusal is for the next one.
        """
        used = self.offset - self._block_start
        try:
            if not self._on_full(True):
                self.limit = 0
            elif self.limit - self.offset < used:  # no room for another block like this one
                self._roll, self.limit = True, 0
        except CaptureHalted:
            self.limit = 0

    def erase(self, layout: Layout) -> None:
        """Forget what an appender wrote before it raised: the next record may be shorter."""
        with self.lock:
            end = min(self.offset + layout.dtype.itemsize + COMMIT_BYTES, self.limit)
            if self.offset < end:
                self.buffer[self.offset : end] = bytes(end - self.offset)

    def make_room(self, size: int, *, droppable: bool = True) -> bool:
        """Begin a new segment that holds at least `size` bytes; False if the row is to be dropped.

        Called with the lock held. If there is no space, the journal stays as it was.
        """
        if not self._on_full(droppable):
            self.limit = 0
            self.dropped += 1
            return False
        self.limit = self._segment.capacity - _ROOM_FOR_FRAME
        roll, self._roll = self._roll, False
        if not roll and self.offset + size <= self.limit:
            return True
        room = SEGMENT_HEAD.size + size + _ROOM_FOR_FRAME
        old, used = self._segment, self.offset
        self._open_segment(max(self._segment_bytes, room))
        self._frame(old, used)
        return True

    def _frame(self, segment: Segment, used: int) -> None:
        """Close a segment with a frame that says what is in it."""
        content = memoryview(segment.buffer)[SEGMENT_HEAD.size : used]
        said = {
            "first_seq": self._first_seq_of(segment),
            "next_seq": self.seq,
            "crc32": zlib.crc32(content),
        }
        content.release()
        body: bytes = msgpack.packb(said)
        size = HEAD.size + len(body) + COMMIT_BYTES
        HEAD.pack_into(segment.buffer, used, size, FRAME)
        segment.buffer[used + HEAD.size : used + HEAD.size + len(body)] = body
        end = used + size - COMMIT_BYTES
        COMMIT.pack_into(segment.buffer, end, zlib.crc32(bytes(segment.buffer[used:end])))
        self._finished_bytes += used + size
        segment.finish(used + size, sync=self._sync)

    @staticmethod
    def _first_seq_of(segment: Segment) -> int:
        first: int = SEGMENT_HEAD.unpack_from(segment.buffer, 0)[4]
        return first

    def take_block(self) -> Block | None:
        """Return the rows since the last block, and begin a new one; None if there are none."""
        with self.lock:
            self.left = self._block_rows
            self._block_start = self.offset
            offsets = {number: list(at) for number, at in self._offsets.items() if at}
            if not offsets:
                return None
            rows = self.waiting
            for number, at in offsets.items():
                self._taken[number] += len(at)
            # The appenders hold on to these lists, so they are emptied and not replaced.
            for at in self._offsets.values():
                at.clear()
            return Block(self._segment, offsets, rows)

    def number(self, count: int) -> int:
        """Give out sequence numbers for events that do not go through the journal."""
        with self.lock:
            first = self.seq
            self.seq += count
            return first

    def rows(self, table: str) -> int:
        """Return how many rows of a table were accepted so far."""
        return sum(
            taken + len(self._offsets[number])
            for number, taken in list(self._taken.items())
            for face in self.layouts[number].rows
            if face.table == table
        )

    @property
    def bytes(self) -> int:
        """Bytes written so far."""
        return self._finished_bytes + (0 if self._closed else self.offset)

    @property
    def waiting(self) -> int:
        """How many rows no block has taken yet."""
        return sum(
            len(at) * len(self.layouts[number].rows) for number, at in list(self._offsets.items())
        )

    def forbid(self) -> None:
        """Let no further row in; every appender then asks for room first."""
        self.limit = 0

    def close(self) -> None:
        """Close the last segment."""
        with self.lock:
            self.limit = 0
            if not self._closed:
                self._frame(self._segment, self.offset)
                self._closed = True

    def disown(self) -> None:
        """Let nothing in any more, in the child of a fork: the journal is its parent's.

        A thread that held the lock when the process forked does not exist in the child.
        """
        self.limit = 0
        reinit = getattr(self.lock, "_at_fork_reinit", None)
        if reinit is not None:
            reinit()
