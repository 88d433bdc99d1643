"""From full blocks to the backend: in the caller's thread or in one of its own."""

from __future__ import annotations

from collections import deque
from threading import Condition, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from capture.errors import BackendFailed, CaptureHalted
from capture.events import FlushReport
from capture.journal.decode import assemble, decode
from capture.recorder.telling import tell
from capture.schema import lean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from capture.config import SignalCaptureConfig
    from capture.contracts.backend import StorageBackend
    from capture.journal import Block, Face, Journal, Kind, Layout
    from capture.recorder.statistics import Counters

__all__ = ["TEXTS", "BlockWriter", "LateSource"]

TEXTS: Final = frozenset({"word", "text"})
"""Kinds of fields that nothing is gathered by."""


class LateSource:
    """Gathers the late columns of one layout from the columns that the journal has."""

    __slots__ = ("_gather",)

    def __init__(
        self, gather: Callable[[Mapping[str, np.ndarray[Any, Any]]], Mapping[str, Any]]
    ) -> None:
        """Keep the function; it gets arrays by column name and returns arrays of equal length."""
        self._gather = gather

    def complete(self, table: pa.Table, face: Face, kinds: Mapping[str, Kind]) -> pa.Table:
        """Return the table with the late columns added."""
        numbers = (c for c, source in face.columns.items() if kinds[source] not in TEXTS)
        known = {name: table.column(name).to_numpy() for name in ("seq", *numbers)}
        for name, values in self._gather(known).items():
            column = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values)
            table = table.append_column(name, column)
        return table

    def one(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the late values of a single row."""
        late = self._gather({name: np.array([value]) for name, value in values.items()})
        return {name: _item(column) for name, column in late.items()}


def _item(column: Any) -> Any:
    value = column[0]
    return (
        value.as_py() if isinstance(value, pa.Scalar) else getattr(value, "item", lambda: value)()
    )


class BlockWriter:
    """Decodes blocks and appends them to the backend; owns the queue and the overload policy.

    Attributes:
        failure: the error with which the backend failed, or None.
        trouble: what an observer raised in the writer thread, until somebody is told.
    """

    def __init__(
        self,
        journal: Journal,
        backend: StorageBackend,
        counters: Counters,
        *,
        config: SignalCaptureConfig,
        folder: Path,
        on_flush: Callable[[FlushReport], None] | None,
        told: Mapping[str, Callable[[Any], None]],
    ) -> None:
        """Begin to write.

        Args:
            journal: knows the layouts and words of the blocks.
            backend: gets the batches.
            counters: what was written is added here.
            config: whether to write in a thread, and what happens when it cannot keep up.
            folder: named in errors.
            on_flush: told about every block written.
            told: who is told of the rows of every block written, by table.
        """
        self._journal = journal
        self._backend = backend
        self._counters = counters
        self._overload = config.overload
        self._most = config.max_pending_blocks
        self._folder = folder
        # What no journal has must stay in memory until the backend takes it.
        self._keep_failed = config.durability == "memory"
        self._on_flush = on_flush
        self._told = told
        self._queue: deque[Block] = deque()
        self._changed = Condition()
        self._busy = False
        self._stopping = False
        self._late: dict[tuple[int, int], LateSource] = {}
        self.failure: BackendFailed | None = None
        self.trouble: Exception | None = None
        self._thread: Thread | None = None
        if config.asynchronous:
            self._thread = Thread(target=self._work, name="capture-writer", daemon=True)
            self._thread.start()

    def gather_late(self, layout: Layout, source: LateSource, place: int = 0) -> None:
        """Complete the rows of a layout, or of its face at this place, with late columns."""
        self._late[layout.number, place] = source

    @property
    def lossy(self) -> bool:
        """Whether the backend failed while no journal has what it did not take."""
        return self._keep_failed and self.failure is not None

    def room(self, *, droppable: bool) -> bool:
        """Return whether a further block may come; wait or raise as the policy says.

        The policy `drop` never waits: what must not be dropped becomes a block beyond the limit.
        """
        if self._thread is None or len(self._queue) < self._most:
            return True
        if self._overload == "halt":
            raise CaptureHalted(len(self._queue))
        if self._overload == "drop":
            return not droppable
        with self._changed:
            self._changed.wait_for(lambda: len(self._queue) < self._most or self.lossy)
        return True

    def raise_trouble(self) -> None:
        """Raise what an observer raised, once."""
        trouble, self.trouble = self.trouble, None
        if trouble is not None:
            raise trouble

    def _ready(self) -> bool:
        return bool(self._queue) and not self.lossy

    def submit(self, block: Block) -> None:
        """Write a block, or put it where the thread finds it."""
        if self._thread is None:
            self._write(block)
            return
        with self._changed:
            self._queue.append(block)
            self._changed.notify_all()

    def drain(self) -> None:
        """Return when every block that was submitted is written, or the backend has failed."""
        if self._thread is not None:
            with self._changed:
                self._changed.wait_for(lambda: not (self._ready() or self._busy))

    def stop(self) -> None:
        """Write what waits and end the thread."""
        self.drain()
        if self._thread is not None:
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ready() or self._stopping)
                if not self._ready():
                    return
                block = self._queue.popleft()
                self._busy = True
                self._changed.notify_all()
            try:
                self._write(block)
            finally:
                with self._changed:
                    self._busy = False
                    self._changed.notify_all()

    def _write(self, block: Block) -> None:
        if self.failure is not None:
            if self._keep_failed:
                self._queue.append(block)
            return  # else the journal has it
        started = perf_counter()
        try:
            tables, size = self._append(block)
        except Exception as exc:
            self._failed(block, exc)
            return
        seconds = perf_counter() - started
        counters = self._counters
        counters.flushed += block.rows
        counters.flushes += 1
        counters.flush_seconds += seconds
        counters.stored_bytes += size
        self.tell(self._told, tables)
        if self._on_flush is not None:
            rows = {name: table.num_rows for name, table in tables.items()}
            try:
                self._on_flush(FlushReport(rows, seconds, size))
            except Exception as exc:
                self.trouble = exc

    def tell(
        self, observers: Mapping[str, Callable[[Any], None]], tables: Mapping[str, pa.Table]
    ) -> None:
        """Tell observers of rows; what one raises goes to whoever captures next, or closes."""
        try:
            tell(observers, tables)
        except Exception as exc:
            self.trouble = exc

    def _append(self, block: Block) -> tuple[dict[str, pa.Table], int]:
        pieces = []
        for number, offsets in block.offsets.items():
            layout = self._journal.layouts[number]
            tables = decode(block.segment.buffer, offsets, layout, self._journal.words)
            for place, (face, table) in enumerate(zip(layout.rows, tables, strict=True)):
                source = self._late.get((number, place))
                whole = table if source is None else source.complete(table, face, layout.kinds)
                pieces.append((face.table, whole))
        size, whole_tables = 0, assemble(pieces)
        for name, table in whole_tables.items():
            size += table.nbytes
            if name in block.stored:
                continue
            for batch in lean(name, table).combine_chunks().to_batches():
                self._backend.append(name, batch)
            block.stored.add(name)
        return whole_tables, size

    def _failed(self, block: Block, exc: Exception) -> None:
        with self._changed:
            if self._keep_failed:
                self._queue.appendleft(block)
            self.failure = self.failed(exc)
            self._changed.notify_all()

    def failed(self, exc: Exception) -> BackendFailed:
        """Return what to say of an error of the backend."""
        mend = "the journal keeps every event; mend the cause, and capture.open() recovers them"
        if self._keep_failed:
            pending = sum(block.rows for block in self._queue) + self._journal.waiting
            mend = (
                f"{pending} events are pending and exist in this process alone; "
                "mend the cause, and flush() or close() tries once more"
            )
        said = f"the storage backend failed: {type(exc).__name__}: {exc}"
        failure = BackendFailed(self._folder, said, mend)
        failure.__cause__ = exc
        return failure

    def try_again(self) -> None:
        """Write the blocks that failed once more, if no journal keeps them."""
        if not self.lossy:
            return
        with self._changed:
            self.failure = None
            blocks = [] if self._thread is not None else list(self._queue)
            for _ in blocks:
                self._queue.popleft()
            self._changed.notify_all()
        for block in blocks:
            self._write(block)
        self.drain()
