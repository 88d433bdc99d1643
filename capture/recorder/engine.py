"""The recorder's public face: `SignalCaptureEngine`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from capture.config import SignalCaptureConfig
from capture.errors import InvalidEvent, PartBusy, StoreError
from capture.events import RunState, RunSummary
from capture.journal import Following
from capture.recorder import lifetimes
from capture.recorder.beginning import beginning_of
from capture.recorder.book import SignalBook
from capture.recorder.bulk import batches
from capture.recorder.facts import StrategyFacts
from capture.recorder.flushing import AsyncFlusher
from capture.recorder.parts import OpenPart
from capture.recorder.quarantine import Quarantine
from capture.recorder.rows import RowWriter
from capture.recorder.signals import SignalWriter
from capture.recorder.statistics import Statistics, measure
from capture.store.run import RunFolder, RunStart
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    import pandas as pd
    import pyarrow as pa

    from capture.events import RunInfo
    from capture.host import Host
    from capture.journal import Field
    from capture.recorder.channel import Channel, Share
    from capture.store.base import BaseRef
    from capture.store.recording import Recording

__all__ = ["SignalCaptureEngine"]

_ONE_EACH: Final = "make a recorder in each process; each writes a part of its own"


class SignalCaptureEngine:
    """Records the events of one part of a run.

    Each event is journaled before the call returns. All methods may be called from several
    threads. Use it as a context manager, or call `close`: that seals the recording.

    Attributes:
        config: how it records.
        journal: what it writes into.

    Example:
        ```python
        with SignalCaptureEngine(SignalCaptureConfig(storage_path="signals")) as engine:
            engine.capture_signal({"symbol": "GOOG", "direction": 1}, context)
        ```
    """

    def __init__(
        self,
        config: SignalCaptureConfig | None = None,
        *,
        run: RunStart | RunFolder | None = None,
        resume: str | None = None,
        host: Host | None = None,
    ) -> None:
        """Open the store and begin to record.

        Args:
            config: how to record; the defaults write Parquet into the folder `signals`.
            run: what is known of the run, or a run that this is a further part of.
            resume: identity of a run that has ended, or "latest": what is recorded now is
                appended to it as a further part.
            host: the plugin host; the process's own by default.
        """
        self.config = config or SignalCaptureConfig()
        self._open = OpenPart(
            self.config,
            beginning_of(self.config, run, resume),
            host,
            ends_run=not isinstance(run, RunFolder),
        )
        self.journal = self._open.journal
        book = SignalBook(self._open.prefix)
        self._rows = RowWriter(self._open, book)
        self._signals = SignalWriter(self._open, book, partial(self._rows.check, "orders"))
        self._quarantine = Quarantine(self._open)
        self._async = AsyncFlusher(self.flush, self.config)
        self._flags: dict[str, Any] = {}
        self._following: Following | None = None
        self._closed = False
        lifetimes.keep(self)

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

    # --- the fast way in, for adapters -------------------------------------------------------

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
        """Return the function that tells observers of a table's rows; None if nobody listens."""
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

    def fills_follow(self) -> Following:
        """Say in the journal that fills and statuses are recorded some time after their signals.

        A run that dies meanwhile, or whose recording stops, has the flag `fills_missing_after_seq`.
        """
        self._following = Following(self.journal)
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

    def append_table(self, table: str, rows: pa.Table, *, events: bool = False) -> None:
        """Append rows that the host keeps for the whole run, such as its equity curve.

        Args:
            table: a table of `capture.schema.TABLES`.
            rows: its rows; columns that are absent are null.
            events: whether the rows are events, which get sequence numbers.
        """
        self.flush()
        first = self.journal.number(rows.num_rows) if events else None
        for batch in batches(table, rows, part=self.part, first_seq=first):
            self._open.backend.append(table, batch)
        if events:
            self._open.counters.flushed += rows.num_rows

    # --- events, one by one ------------------------------------------------------------------

    def capture_signal(self, signal: Any, context: Any = None) -> str | None:
        """Record a signal and return its identity.

        Args:
            signal: a mapping or an object with symbol, direction, strength, signal_type.
            context: a mapping or an object with at least timestamp and strategy_id.

        Returns:
            The signal's identity; None if the overload policy dropped the signal, or if it was
            quarantined because the settings say so.

        Raises:
            InvalidEvent: a field cannot be what it is, and the settings say `invalid="raise"`.
        """
        try:
            seq, signal_id, intake = self._signals.write(signal, context)
        except InvalidEvent as exc:
            self._invalid("signals", {"signal": signal, "context": context}, exc)
            return None
        if seq >= 0 and intake.order is not None:
            moment = {"symbol": intake.symbol, "timestamp": intake.timestamp_ns}
            self._capture(
                "orders", intake.order, {"signal_id": signal_id, "action": "new", **moment}
            )
        self._after_event()
        return signal_id

    def capture_order(self, order: Any, signal_id: str | None = None) -> int | None:
        """Record an order intent; return its sequence number."""
        return self._capture("orders", order, {"signal_id": signal_id, "action": "new"})

    def capture_fill(self, fill: Any) -> int | None:
        """Record a fill; return its sequence number."""
        return self._capture("fills", fill, {})

    def capture_bar(self, bar: Any) -> int | None:
        """Record a bar, where no base data could be stored at the start."""
        return self._capture("bars", bar, {})

    def capture_regime_change(self, change: Any) -> int | None:
        """Record that a classifier changed its mind; return the sequence number."""
        return self._capture("regimes", change, {})

    def capture_status(
        self,
        signal_id: str | None,
        status: str,
        reason: str | None = None,
        *,
        actor: str | None = None,
        detail: str | None = None,
        **more: Any,
    ) -> int | None:
        """Record what became of a signal; return the sequence number."""
        said = {"status": status, "reason": reason, "actor": actor, "detail": detail, **more}
        return self._capture("statuses", said, {"signal_id": signal_id})

    def note(
        self, name: str, value: Any = None, *, signal_id: str | None = None, **more: Any
    ) -> int | None:
        """Record a named value on a signal, or on the bar that `more` names."""
        said = {"name": name, "value": value, **more}
        return self._capture("notes", said, {"signal_id": signal_id})

    def _capture(self, table: str, event: Any, known: Mapping[str, Any]) -> int | None:
        try:
            seq = self._rows.write(table, event, known)
        except InvalidEvent as exc:
            self._invalid(table, event, exc)
            return None
        self._after_event()
        return seq if seq >= 0 else None

    # --- what goes wrong ---------------------------------------------------------------------

    def _invalid(self, kind: str, event: Any, exc: InvalidEvent) -> None:
        """Raise, or keep the event in quarantine with its reason."""
        if self.config.invalid == "raise":
            raise exc
        self.quarantine(kind, event, exc)

    def quarantine(self, kind: str, event: Any, exc: InvalidEvent) -> None:
        """Keep an event that cannot be recorded as it is, with what is wrong with it."""
        self._quarantine.keep(kind, event, exc)

    def _after_event(self) -> None:
        """Say what happened to what was handed to the backend and to observers meanwhile."""
        if self._open.writer.failure is not None:
            self._open.complain()
        self._open.writer.raise_trouble()

    # --- asyncio -----------------------------------------------------------------------------

    async def capture_signal_async(self, signal: Any, context: Any = None) -> str | None:
        """Record a signal from a coroutine.

        The signal is journaled when this returns; the backend gets batches of `batch_size`
        signals, or what there is after `batch_seconds`, from a thread of its own.
        """
        if self.config.durability == "fsync":
            signal_id = await self._async.run(self.capture_signal, signal, context)
        else:
            signal_id = self.capture_signal(signal, context)
        self._async.count()
        return signal_id

    # --- flush and close ---------------------------------------------------------------------

    def flush(self) -> None:
        """Return when everything captured so far has reached the backend.

        Raises:
            BackendFailed: the backend raised; the events are kept.
        """
        writer = self._open.writer
        writer.try_again()
        with self.journal.lock:
            if not self._closed:
                self._open.hand_over()
        writer.drain()
        if writer.failure is not None:
            self._open.refuse_if_lossy()
            raise writer.failure
        self._open.writer.raise_trouble()

    def close(
        self, state: RunState = RunState.ENDED, *, problem: str | None = None
    ) -> RunSummary | None:
        """Flush, seal the part and, if this engine began the run, end the run.

        Args:
            state: how the run ended.
            problem: what went wrong, if anything did.

        Raises:
            BackendFailed: the backend raised; the journal is left as it is, and opening the store
                recovers every event from it.
        """
        with self.journal.lock:
            if self._closed:
                return None
            self._closed = True
            self._async.stop()
            self._open.regimes.finish()
            self._open.hand_over()
            self._open.refuse(
                StoreError(self.run_id, "the recorder is closed", "begin a new one to go on")
            )
        lifetimes.forget(self)
        part = self._open
        if self._following is not None:
            self._flags |= self._following.flags
        try:
            summary = part.seal(state, problem, self._flags)
        except Exception as exc:
            if part.ends_run:
                part.folder.release()  # nobody writes it any more: opening the store recovers it
            part.tell_end(RunSummary(RunState.FAILED, {}, part.failures.counts, str(exc)))
            raise
        finally:
            part.let_go()
        if part.ends_run:
            part.folder.finish(state, problem=problem, sync=part.synced)
        part.tell_end(summary)
        part.writer.raise_trouble()
        return summary

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close; a run that an exception ended is marked as failed."""
        if error is None:
            self.close()
        else:
            self.close(RunState.FAILED, problem=f"{type(error).__name__}: {error}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Refuse to be pickled: a part has one writer."""
        raise PartBusy(self.run_id, "a recorder cannot go to another process", _ONE_EACH)

    def disown(self) -> None:
        """Let the child of a fork write nothing: the part belongs to its parent."""
        self._closed = True
        self.journal.disown()
        self._open.refuse(
            PartBusy(self.run_id, "this part belongs to the parent process", _ONE_EACH)
        )
