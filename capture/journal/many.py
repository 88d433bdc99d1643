"""Many records of one layout, written at once."""

from __future__ import annotations

from time import time_ns
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from capture.journal.layout import COMMIT_BYTES, COMMIT_WORD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.journal.appending import Append
    from capture.journal.layout import Layout
    from capture.journal.writer import Journal

__all__ = ["Extend", "extender"]

_FEW: Final = 24
"""So many records are written sooner one by one."""


class Extend(Protocol):
    """Writes many records, as if each was appended in turn."""

    def __call__(self, columns: Sequence[Any]) -> None:
        """Write the values: an array or a list per field of the layout, all of one length."""
        ...


def extender(journal: Journal, layout: Layout, append: Append, *, each: bool) -> Extend:
    """Return the function that writes many records of a layout.

    Args:
        journal: where to.
        layout: the form of the records.
        append: writes one record.
        each: whether every record has to be appended in turn: somebody hears of it, or it must be
            on disk before the next.
    """
    each = each or bool(layout.texts)
    record = np.dtype([*layout.dtype.descr, ("commit", "<u4")])
    assert record.itemsize == layout.dtype.itemsize + COMMIT_BYTES
    rows = len(layout.rows)

    def extend(columns: Sequence[Any]) -> None:
        count = len(columns[0])
        if any(len(column) != count for column in columns):
            raise ValueError(f"columns of {[len(column) for column in columns]} values")
        if each or count < _FEW:
            values = [c.tolist() if isinstance(c, np.ndarray) else c for c in columns]
            for value in zip(*values, strict=True):
                append(*value)
            return
        done = 0
        with journal.lock:
            while done < count:
                room = (journal.limit - journal.offset) // record.itemsize
                if room < 1:
                    if not journal.make_room(record.itemsize):
                        done += 1  # dropped, as the overload policy says
                    continue
                more = min(count - done, room, max(1, -(-journal.left // rows)))
                _write(journal, layout, record, [c[done : done + more] for c in columns])
                done += more

    return extend


def _write(journal: Journal, layout: Layout, record: np.dtype[Any], columns: Sequence[Any]) -> None:
    """Write records for which there is room, in the segment and in the block."""
    count, rows, start = len(columns[0]), len(layout.rows), journal.offset
    placed = np.frombuffer(journal.buffer, record, count, start)
    placed["size"] = record.itemsize
    placed["layout"] = layout.number
    placed["seq"] = np.arange(journal.seq, journal.seq + count * rows, rows)
    placed["recorded_time"] = time_ns()
    for field, values in zip(layout.fields, columns, strict=True):
        placed[f":{field.name}"] = values
    placed["commit"] = COMMIT_WORD  # last, as everywhere: a kill before it leaves no record
    del placed  # a segment that is closed must have no view on it
    journal.written(layout, range(start, start + count * record.itemsize, record.itemsize))
