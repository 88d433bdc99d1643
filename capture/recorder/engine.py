"""The recorder's public face: `SignalCaptureEngine`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Self

from capture.config import SignalCaptureConfig
from capture.errors import InvalidEvent, PartBusy, StoreError
from capture.events import RunState, RunSummary
from capture.recorder import lifetimes
from capture.recorder.beginning import beginning_of
from capture.recorder.book import SignalBook
from capture.recorder.flushing import AsyncFlusher
from capture.recorder.part_recorder import PartRecorder
from capture.recorder.parts import OpenPart
from capture.recorder.quarantine import Quarantine
from capture.recorder.rows import RowWriter
from capture.recorder.signals import SignalWriter
from capture.store.run import RunFolder, RunStart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from capture.host import Host

__all__ = ["SignalCaptureEngine"]

_ONE_EACH: Final = "make a recorder in each process; each writes a part of its own"


class SignalCaptureEngine(PartRecorder):
    """Records the events of one part of a run.

    Each event is journaled before the call returns. All methods may be called from several
    threads. Use it as a context manager, or call `close`: that seals the recording.

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
        config = config or SignalCaptureConfig()
        beginning = beginning_of(config, run, resume)
        ends_run = not isinstance(run, RunFolder)
        super().__init__(config, OpenPart(config, beginning, host, ends_run=ends_run))
        book = SignalBook(self._open.prefix)
        self._rows = RowWriter(self._open, book)
        self._signals = SignalWriter(self._open, book, partial(self._rows.check, "orders"))
        self._quarantine = Quarantine(self._open)
        self._async = AsyncFlusher(self.flush, self.config)
        lifetimes.keep(self)

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

    # --- the end -----------------------------------------------------------------------------

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
            # Before the last block, of which observers may be told: no event of theirs comes late.
            self._open.refuse(
                StoreError(self.run_id, "the recorder is closed", "begin a new one to go on")
            )
            self._open.hand_over()
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
