"""The functions that write one record each: what every signal goes through."""

from __future__ import annotations

import struct
from time import time_ns
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgpack

from capture.journal.layout import COMMIT, COMMIT_BYTES, COMMIT_WORD, HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from capture.journal.layout import Layout
    from capture.journal.writer import Journal

    Told = Callable[[tuple[Any, ...]], None]

__all__ = ["Append", "appender"]

_ENDED: Final = -1
_COMMITTED: Final = COMMIT.pack(COMMIT_WORD)
_NOT_COMMITTED: Final = bytes(COMMIT_BYTES)


class Append(Protocol):
    """Writes one record and returns its sequence number, or -1 if it was dropped.

    Of a layout with faces, the number is that of the first row. Dropping is an overload policy.
    """

    def __call__(self, *values: Any) -> int:
        """Write the values, in the order of the layout's fields."""
        ...


def appender(
    journal: Journal,
    layout: Layout,
    told: Sequence[Told],
    remember: Callable[[int], None],
    *,
    synced: bool,
) -> Append:
    """Return the function that writes the records of a layout.

    Args:
        journal: what they are written into.
        layout: their form.
        told: who gets each row once it is accepted.
        remember: keeps the place of a record.
        synced: whether each is on disk before the function returns.
    """
    if layout.texts:
        return _telling(_text_appender(journal, layout), told)
    # What is equal in all records is packed as it lies there, which is quicker than as numbers.
    record = struct.Struct(f"<{HEAD.size}sqq{layout.codes}{COMMIT_BYTES}s")
    head = HEAD.pack(record.size, layout.number)
    if synced:
        return _telling(_synced_appender(journal, layout, record, head), told)
    said = {
        "journal": journal,
        "acquire": journal.lock.acquire,
        "release": journal.lock.release,
        "pack_into": record.pack_into,
        "remember": remember,
        "now": time_ns,
        **{f"told{place}": tell for place, tell in enumerate(told)},
    }
    return _written_out(said, len(layout.fields), record.size, head, len(layout.rows), len(told))


def _synced_appender(
    journal: Journal, layout: Layout, record: struct.Struct, head: bytes
) -> Append:
    pack_into, size = record.pack_into, record.size

    def append(*values: Any) -> int:
        with journal.lock:
            if journal.offset + size > journal.limit and not journal.make_room(size):
                return _ENDED
            start = journal.offset
            pack_into(journal.buffer, start, head, journal.seq, time_ns(), *values, _NOT_COMMITTED)
            return journal.record_written(layout, start, size)

    return append


def _text_appender(journal: Journal, layout: Layout) -> Append:
    record = struct.Struct(f"<IHqq{layout.codes}")
    texts = tuple(i for i, f in enumerate(layout.fields) if f.kind == "text")
    fixed = tuple(i for i, f in enumerate(layout.fields) if f.kind != "text")
    number, pack = layout.number, msgpack.Packer().pack

    def append(*values: Any) -> int:
        with journal.lock:
            tail = pack([values[i] for i in texts])
            size = record.size + len(tail) + COMMIT_BYTES
            if journal.offset + size > journal.limit and not journal.make_room(size):
                return _ENDED
            start = journal.offset
            body = start + record.size
            row = [values[i] for i in fixed]
            record.pack_into(journal.buffer, start, size, number, journal.seq, time_ns(), *row)
            journal.buffer[body : body + len(tail)] = tail
            return journal.record_written(layout, start, size)

    return append


# Every signal goes through this function, so it is written out for the number of its values: to
# collect them in a tuple and to spread them out again, and to enter a `with`, would take as long as
# to pack them. An interrupt that comes just before `try` leaves the lock to the thread that was
# interrupted, which may take it again. The commit word is the last that is packed: a kill on the
# way leaves no record.
_WRITTEN_OUT: Final = """
def append({values}):
    acquire()
    try:
        into = journal
        offset = into.offset
        end = offset + {size}
        if end > into.limit:
            if not into.make_room({size}):
                return {ended}
            offset = into.offset
            end = offset + {size}
        seq = into.seq
        pack_into(into.buffer, offset, {head!r}, seq, now(), {values} {commit!r})
        into.offset = end
        into.seq = seq + {rows}
        remember(offset)
        left = into.left = into.left - {rows}
        if left <= 0:
            into.block_full()
    finally:
        release()
{telling}
    return seq
"""


def _written_out(
    said: dict[str, Any], values: int, size: int, head: bytes, rows: int, told: int
) -> Append:
    """Return the function that appends records of this many values and tells of them."""
    names = " ".join(f"v{place}," for place in range(values))
    telling = [f"    row = (seq, {names})", *(f"    told{place}(row)" for place in range(told))]
    text = _WRITTEN_OUT.format(
        values=names,
        size=size,
        head=head,
        rows=rows,
        ended=_ENDED,
        commit=_COMMITTED,
        telling="\n".join(telling) if told else "",
    )
    exec(text, said)  # noqa: S102 - nothing but numbers and bytes was put into the text
    append: Append = said["append"]
    return append


def _telling(append: Append, told: Sequence[Told]) -> Append:
    """Return what also tells of a row that was accepted."""
    if not told:
        return append

    def appended(*values: Any) -> int:
        seq = append(*values)
        if seq >= 0:
            for tell in told:
                tell((seq, *values))
        return seq

    return appended
