"""One part of a run, opened for writing: its journal, its backend and who listens."""

from __future__ import annotations

import shutil
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from capture.errors import CaptureError, CaptureWarning, CorruptRecording
from capture.events import RunInfo, RunState, RunSummary
from capture.host import Host, get_host
from capture.journal import Derived, Face, Field, Journal, Kind, Layout
from capture.journal.many import extender
from capture.observers import PluginFailures, bind
from capture.recorder.blocks import BlockWriter, LateSource
from capture.recorder.channel import OBSERVED, Channel
from capture.recorder.facts import plain
from capture.recorder.kinds import Kinds
from capture.recorder.regimes import Regimes, configured
from capture.recorder.row_events import hearing
from capture.recorder.statistics import Counters, measure
from capture.schema import SCHEMA_VERSION
from capture.store.layout import LOCK
from capture.store.records import sync_folder
from capture.store.run import RunFolder, RunStart
from capture.store.seal import PartFacts, seal_part
from capture.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from capture.config import SignalCaptureConfig
    from capture.recorder.channel import Gather, Share
    from capture.store.base import BaseRef

__all__ = ["ORDER_PREFIX", "OpenPart"]

ORDER_PREFIX: Final = "o"
"""What the identity of an order begins with; its sequence number follows."""

_BY_BLOCK: Final = ("signals", "orders", "fills", "statuses")
"""The tables whose observers can be told a block at a time."""

_SMALLEST_SEGMENT: Final = 64 * 1024
_LARGEST_SEGMENT: Final = 8 * 1024 * 1024
_BYTES_PER_ROW: Final = 384


class OpenPart:
    """A part that is being written; owns everything that must be closed in the right order."""

    def __init__(
        self,
        config: SignalCaptureConfig,
        run: RunStart | RunFolder,
        host: Host | None = None,
        *,
        ends_run: bool,
    ) -> None:
        """Begin the run, unless it was begun, claim a part of it and open its journal.

        Args:
            config: how to record.
            run: what is known of a run that begins, or the folder of one that goes on.
            host: the plugin host; the process's own by default.
            ends_run: whether the run ends with this part; otherwise somebody else ends it.
        """
        host = host or get_host()
        self.config = config
        make_backend = host.backend(config.backend)  # before anything is written
        classifiers = configured(config.classifiers, host)
        self.ends_run = ends_run
        self.folder = (
            Store(config.storage_path, create=True, recover=False).begin_run(run)
            if isinstance(run, RunStart)
            else run
        )
        self.part = self.folder.claim_part()
        try:
            self._open(make_backend, host)
            self.regimes = Regimes(self, classifiers)
        except BaseException as exc:
            self._give_up(exc)
            raise

    def _open(self, make_backend: Callable[..., Any], host: Host) -> None:
        config, part = self.config, self.part
        start = self.folder.start
        self.info = RunInfo(
            run_id=part.run_id,
            part=part.number,
            host=start.host,
            strategy=start.strategy,
            store=str(config.storage_path),
            started_ns=self.folder.started_ns,
            settings=start.settings,
            kind=start.kind,
            parent=start.parent,
        )
        self.prefix = f"{part.run_id}.{part.number}."
        self.counters = Counters()
        self.segments: list[dict[str, Any]] = []
        self.base: list[BaseRef] = []
        self._kinds: dict[str, Kinds] = {}
        self.failures = PluginFailures(policy=config.plugin_failure)
        self._observers = {
            hook: bind(host, hook, self.info, self.failures)
            for hook in (*OBSERVED.values(), "on_run_start", "on_run_stop", "on_flush")
        }
        self.backend = make_backend(
            part.data_folder, compression=config.compression, **config.options
        )
        kept = config.durability != "memory"
        if kept:
            part.journal_folder.mkdir(exist_ok=True)
            if self.synced:
                for folder in (part.path, part.path.parent, self.folder.path):
                    sync_folder(folder)
        self.journal = Journal(
            part.journal_folder if kept else None,
            block_rows=config.buffer_size,
            segment_bytes=min(
                max(config.buffer_size * _BYTES_PER_ROW, _SMALLEST_SEGMENT), _LARGEST_SEGMENT
            ),
            sync=self.synced,
            on_full=self._block_full,
        )
        self.journal.declare(
            {"declares": "run", "run_id": part.run_id, "part": part.number, "host": start.host}
        )
        self.writer = BlockWriter(
            self.journal,
            self.backend,
            self.counters,
            config=config,
            folder=part.path,
            on_flush=self._observers["on_flush"],
            told=self.heard if config.tell == "by_block" else {},
        )
        self.refusal: CaptureError | None = None
        self._warned = False
        if (started := self._observers["on_run_start"]) is not None:
            started(self.info)

    def _give_up(self, exc: BaseException) -> None:
        """Leave nothing behind that would look like a crash: nothing was accepted yet."""
        if (writer := getattr(self, "writer", None)) is not None:
            writer.stop()
        if (backend := getattr(self, "backend", None)) is not None:
            with suppress(Exception):
                backend.close()
        for entry in self.part.path.iterdir():
            if entry.name != LOCK:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.part.release()
        if self.ends_run:
            with suppress(CaptureError, OSError):
                self.folder.finish(RunState.FAILED, problem=f"could not begin: {exc}")

    @property
    def synced(self) -> bool:
        """Whether what was accepted is on disk before the caller goes on."""
        return self.config.durability == "fsync"

    # --- writing -----------------------------------------------------------------------------

    @property
    def heard(self) -> dict[str, Callable[[Any], None]]:
        """Who hears of signals, orders, fills and statuses, by table, at whatever time."""
        found = {table: self._observers[OBSERVED[table]] for table in _BY_BLOCK}
        return {table: observe for table, observe in found.items() if observe is not None}

    def observer(self, table: str) -> Callable[[Any], None] | None:
        """Return who hears of a table's rows as they happen, or None."""
        if self.config.tell == "by_block" and table in _BY_BLOCK:
            return None
        observe = self._observers.get(OBSERVED.get(table, ""))
        return self.regimes.heard(observe) if table == "bars" else observe

    def channel(
        self,
        table: str,
        fields: Sequence[Field],
        *,
        constants: Mapping[str, Any],
        late: Gather | None,
    ) -> Channel:
        """Declare a layout and return the channel that appends its rows."""
        layout = self.journal.layout(
            table,
            fields=tuple(fields),
            constants=self.constants(table, constants),
            derived=self.derived(table, fields),
            late=late is not None,
        )
        return self._bound(layout, [late])

    def joint_channel(self, fields: Sequence[Field], shares: Sequence[Share]) -> Channel:
        """Declare a layout whose records are a row of each share, and return its channel."""
        kinds: dict[str, Kind] = {"seq": "int", **dict(fields)}
        faces = tuple(
            Face(
                table,
                columns,
                self.constants(table, constants),
                (*derived, *self.derived(table, [Field(c, kinds[f]) for c, f in columns.items()])),
                late is not None,
            )
            for table, columns, constants, derived, late in shares
        )
        layout = self.journal.layout(shares[0].table, fields=tuple(fields), faces=faces)
        return self._bound(layout, [share.late for share in shares])

    def _bound(self, layout: Layout, late: Sequence[Gather | None]) -> Channel:
        told, words = [], self.journal.words
        for place, (face, gather) in enumerate(zip(layout.rows, late, strict=True)):
            kinds = {name: layout.kinds[source] for name, source in face.columns.items()}
            self.kinds(face.table).learn(kinds)
            source = None if gather is None else LateSource(gather)
            if source is not None:
                self.writer.gather_late(layout, source, place)
            observe = self.observer(face.table)
            if observe is not None:
                told.append(hearing(layout, place, words, source, observe))
        append = self.journal.appender(layout, told=told)
        each = bool(told) or self.synced
        return Channel(layout, append, extender(self.journal, layout, append, each=each))

    def kinds(self, table: str) -> Kinds:
        """Return what the free columns of a table hold, for all who write it."""
        return self._kinds.setdefault(table, Kinds())

    def constants(self, table: str, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns that are equal in all rows of a layout."""
        constants = {"part": self.part.number, **own}
        if table == "signals":
            constants |= {"schema_version": SCHEMA_VERSION, "late_missing": False}
        return constants

    def derived(self, table: str, fields: Sequence[Field]) -> tuple[Derived, ...]:
        """Return how identities follow from the sequence numbers of signals and orders."""
        names = {f.name for f in fields}
        found = []
        if table == "signals":
            found.append(Derived("signal_id", self.prefix, "seq"))
        elif "signal_seq" in names:
            found.append(Derived("signal_id", self.prefix, "signal_seq"))
        if table == "orders":
            found.append(Derived("order_id", ORDER_PREFIX, "seq"))
        elif "order_seq" in names:
            found.append(Derived("order_id", ORDER_PREFIX, "order_seq"))
        return tuple(found)

    def segment(
        self, strategy_id: str, params: Mapping[str, Any], indicators: Mapping[str, Any]
    ) -> int:
        """Declare a schema segment: a strategy's parameters and indicator metadata."""
        with self.journal.lock:
            said = {
                "segment": len(self.segments),
                "strategy_id": strategy_id,
                "params": plain(params),
                "indicators": plain(indicators),
                "first_seq": self.journal.seq,
            }
            self.journal.declare({"declares": "segment", **said})
            self.segments.append(said)
            return len(self.segments) - 1

    def _block_full(self, droppable: bool) -> bool:
        if self.refusal is not None:
            raise self.refusal
        self.refuse_if_lossy()
        if not self.writer.room(droppable=droppable):
            return False
        self.hand_over()
        if self.writer.failure is not None:
            self.complain()
        return True

    def complain(self) -> None:
        """Say once that the backend failed; raise if no journal has what it did not take."""
        self.refuse_if_lossy()
        if not self._warned and self.writer.failure is not None:
            self._warned = True
            warnings.warn(str(self.writer.failure), CaptureWarning, stacklevel=4)

    def refuse_if_lossy(self) -> None:
        """Let nothing in while what the backend did not take has no other home than memory."""
        if self.writer.lossy:
            self.journal.forbid()
            assert self.writer.failure is not None
            raise self.writer.failure

    def hand_over(self) -> None:
        """Give the rows that no block has taken yet to the writer."""
        block = self.journal.take_block()
        if block is not None:
            self.writer.submit(block)

    def refuse(self, why: CaptureError) -> None:
        """Let nothing more in."""
        self.refusal = why
        self.journal.forbid()

    # --- closing -----------------------------------------------------------------------------

    def seal(self, state: RunState, problem: str | None, flags: Mapping[str, Any]) -> RunSummary:
        """Seal the part: everything that was accepted is in its files afterwards.

        Raises:
            BackendFailed: the backend did not take everything.
        """
        self.writer.stop()
        self.writer.try_again()
        if self.writer.failure is not None:
            raise self.writer.failure
        self.journal.close()
        facts = PartFacts(
            state=state,
            segments=self.segments,
            base=[ref.to_dict() for ref in self.base],
            statistics=measure(self.journal, self.counters).to_dict(),
            plugin_failures=self.failures.to_dict(),
            problem=problem,
            flags=flags,
        )
        tables = self._sealed(facts)["tables"]
        rows = {name: table["rows"] for name, table in tables.items()}
        return RunSummary(state, rows, self.failures.counts, problem)

    def _sealed(self, facts: PartFacts) -> dict[str, Any]:
        try:
            return seal_part(self.part, self.backend, facts, sync=self.synced, complete=True)
        except CorruptRecording as exc:
            raise self.writer.failed(exc) from exc
        except CaptureError:
            raise
        except Exception as exc:
            raise self.writer.failed(exc) from exc

    def let_go(self) -> None:
        """Close the backend and free the part, whatever state it is in."""
        self.backend.close()
        self.part.release()

    def tell_end(self, summary: Any) -> None:
        """Tell observers that the part ended."""
        stopped = self._observers["on_run_stop"]
        if stopped is not None:
            stopped(summary)
