"""The recorder as adapters see it: rows by channels that are declared once, and whole tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from capture.journal import Following
from capture.recorder.bulk import batches
from capture.recorder.statistics import Statistics, measure
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd

    from capture.config import SignalCaptureConfig
    from capture.errors import CaptureError
    from capture.events import RunInfo
    from capture.journal import Field
    from capture.recorder.channel import Channel, Share
    from capture.recorder.facts import StrategyFacts
    from capture.recorder.parts import OpenPart
    from capture.store.base import BaseRef
    from capture.store.recording import Recording

__all__ = ["PartRecorder"]


class PartRecorder:
    """Records one part of a run, as fast as Python can.

    Attributes:
        config: how it records.
        journal: what it writes into.
    """

    def __init__(self, config: SignalCaptureConfig, part: OpenPart) -> None:
        """Record into a part that is open."""
        self.config = config
        self.journal = part.journal
        self._open = part
        self._flags: dict[str, Any] = {}
        self._following: Following | None = None
        self._closed = False

    # --- who it is ---------------------------------------------------------------------------

    @property
    def info(self) -> RunInfo:
        """What is known of the run."""
        return self._open.info

    @property
    def run_id(self) -> str:
        """Identity of the run in its store."""
        return self._open.info.run_id

    @property
    def part(self) -> int:
        """Number of the part that this engine writes."""
        return self._open.info.part

    @property
    def recording(self) -> Recording:
        """What has been recorded, readable while it is written."""
        return Store(self.config.storage_path, recover=False)[self.run_id]

    @property
    def closed(self) -> bool:
        """Whether the part is sealed, or given up."""
        return self._closed

    @property
    def statistics(self) -> Statistics:
        """The counts at this moment."""
        return measure(self.journal, self._open.counters)

    # --- rows, one by one --------------------------------------------------------------------

    def channel(
        self,
        table: str,
        fields: Sequence[Field],
        *,
        strategy: StrategyFacts | None = None,
        constants: Mapping[str, Any] | None = None,
        late: Callable[..., Mapping[str, Any]] | None = None,
    ) -> Channel:
        """Declare the form of a table's rows and return the channel that appends them.

        Args:
            table: a table of `capture.schema.TABLES`.
            fields: what each row brings.
            strategy: whose rows they are; for signals it opens a schema segment.
            constants: columns that are equal in all rows.
            late: gathers further columns of a block from the columns of its rows.
        """
        own = dict(constants or {})
        if strategy is not None:
            own["strategy_id"] = strategy.strategy_id
            if table == "signals":
                own["segment"] = self.segment(strategy)
        return self._open.channel(table, fields, constants=own, late=late)

    def joint_channel(self, fields: Sequence[Field], shares: Sequence[Share]) -> Channel:
        """Declare records that are a row of several tables each, and return their channel.

        What comes to be in the same moment, such as a signal and its order, is journaled at once.
        `append` returns the number of the first row; the others have the numbers after it.

        Args:
            fields: what each record brings.
            shares: what becomes of it in each table, in this order.
        """
        return self._open.joint_channel(fields, shares)

    def segment(self, strategy: StrategyFacts) -> int:
        """Open a schema segment for signals that come as a table; return its number."""
        return self._open.segment(strategy.strategy_id, strategy.params, strategy.indicators)

    def word(self, text: str | None) -> int:
        """Return the number that stands for a text in a word field."""
        return self.journal.word(text)

    def observer(self, table: str) -> Callable[[Any], None] | None:
        """Return the function that tells observers of a table's rows as they happen.

        None if nobody listens, or if they are told by the block, which is not the adapter's work.
        """
        return self._open.observer(table)

    def signal_id(self, seq: int) -> str | None:
        """Return the identity of the signal with this sequence number; None if it is none."""
        return f"{self._open.prefix}{seq}" if seq >= 0 else None

    @property
    def next_seq(self) -> int:
        """The sequence number that the next event gets."""
        return self.journal.seq

    def flag(self, name: str, value: Any = True) -> None:
        """Keep a fact that a reader of the recording must know."""
        self._flags[name] = value

    def room_for(self, rows: int) -> None:
        """Hand the block on now if it has no room for so many rows.

        What a host still changes of a moment is then not gathered before the moment is over.
        """
        if self.journal.left < rows:
            with self.journal.lock:
                self.journal.block_full()

    @property
    def fills_may_follow(self) -> bool:
        """Whether nobody hears of fills and statuses, or wants them synced, as they happen."""
        heard = any(map(self.observer, ("fills", "statuses")))
        return not heard and self.config.durability != "fsync"

    def fills_follow(self, failed: Callable[[CaptureError], None]) -> Following:
        """Say in the journal that fills and statuses are recorded some time after their signals.

        A run that dies meanwhile, or whose recording stops, has the flag `fills_missing_after_seq`.

        Args:
            failed: is told of trouble with the journal while they follow.
        """
        self._following = Following(self.journal, failed)
        return self._following

    def add_base_data(
        self, bars: pd.DataFrame | pa.Table, *, symbol: str, timeframe: str
    ) -> BaseRef:
        """Store the bars that the run reads, once for all runs that read the same."""
        store, regimes = self._open.folder.store, self._open.regimes
        ref = store.add_base_data(bars, symbol=symbol, timeframe=timeframe)
        with self.journal.lock:
            self._open.base.append(ref)
            self.journal.declare({"declares": "base", **ref.to_dict()})
        if regimes.watching:
            stored = store.base_data(ref.fingerprint).bars
            regimes.add_bars(stored, symbol=symbol, timeframe=timeframe)
        return ref

    def append_table(
        self, table: str, rows: pa.Table, *, events: bool = False, told: bool = True
    ) -> None:
        """Append rows that the host keeps for the whole run, such as its equity curve.

        Args:
            table: a table of `capture.schema.TABLES`.
            rows: its rows; columns that are absent are null.
            events: whether the rows are events, which get sequence numbers.
            told: whether observers hear of events.
        """
        self.hand_over()
        first = self.journal.number(rows.num_rows) if events else None
        numbered = list(batches(table, rows, part=self.part, first_seq=first))
        for batch in numbered:
            self._open.backend.append(table, batch)
        if events:
            self._open.counters.flushed += rows.num_rows
        if events and told and numbered:
            self._open.writer.tell(self._open.heard, {table: pa.Table.from_batches(numbered)})

    def flush(self) -> None:
        """Return when everything captured so far has reached the backend.

        Raises:
            BackendFailed: the backend raised; the events are kept.
            Exception: an observer raised it, and the settings let it through.
        """
        self.hand_over()
        self._open.writer.raise_trouble()

    def hand_over(self) -> None:
        """Return when the backend has everything; what an observer raised is raised later."""
        writer = self._open.writer
        writer.try_again()
        with self.journal.lock:
            if not self._closed:
                self._open.hand_over()
        writer.drain()
        if writer.failure is not None:
            self._open.refuse_if_lossy()
            raise writer.failure
