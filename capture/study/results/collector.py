"""`ResultCollector`: takes results as they come, and writes them in parts."""

from __future__ import annotations

import gzip
import io
import json
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import pyarrow.parquet as pq

from capture.errors import ConfigError
from capture.store.records import is_temporary, now_text, plain, write_atomically, write_record
from capture.study.results.phase import COVERS, PhaseResults, covered, read_metrics, read_trades
from capture.study.results.trial import TrialResult, metrics_table, trades_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from capture.study.results.layout import PhaseLayout

__all__ = ["ResultCollector"]

_BUFFER_TRIALS: Final = 1000
_BUFFER_SECONDS: Final = 5.0
_BUFFER_BYTES: Final = 32 * 2**20


class ResultCollector:
    """Takes the results of one phase; made by `HybridResultStore.collect`.

    A buffer is written when it is full, or when a result comes and the last write was some time
    ago: a part per buffer, each written beside its place and then moved into it, its metrics last.
    Whoever kills this process loses what is in the buffer. When the phase ends, its parts become
    one table.

    Example:
        ```python
        with results.collect("study-1", "replay") as collector:
            for trial in trials:
                if trial.name not in collector.done:
                    collector.add(run(trial))
        ```
    """

    def __init__(
        self,
        phase: str,
        layout: PhaseLayout,
        *,
        buffer_trials: int = _BUFFER_TRIALS,
        buffer_seconds: float = _BUFFER_SECONDS,
    ) -> None:
        """Collect into these paths; nobody else may do so at the same time.

        Args:
            phase: name of the phase.
            layout: where it lies.
            buffer_trials: how many results are held at most.
            buffer_seconds: a result that comes so long after the last write is written at once.
        """
        if buffer_trials < 1:
            raise ConfigError("buffer_trials", buffer_trials, "at least 1 is needed")
        self.phase: Final = phase
        self._layout = layout
        self._buffer_trials = buffer_trials
        self._buffer_seconds = buffer_seconds
        self._buffer: list[TrialResult] = []
        self._bytes = 0
        self._written = monotonic()
        layout.parts.mkdir(parents=True, exist_ok=True)
        layout.events.mkdir(exist_ok=True)
        self._number = max([covered(layout.metrics), *layout.part_numbers()])
        self._sweep_up()
        self._done = set(PhaseResults(phase, layout, {}).done())

    @property
    def done(self) -> frozenset[str]:
        """The trials that have a result, those of the buffer included."""
        return frozenset(self._done)

    @property
    def buffered(self) -> int:
        """How many results are not written yet."""
        return len(self._buffer)

    def add(self, result: TrialResult) -> None:
        """Take a result; one of a trial that is done already replaces it."""
        self._buffer.append(result)
        self._bytes += 0 if result.trades is None else result.trades.nbytes
        if not result.error:
            self._done.add(result.trial)
        full = len(self._buffer) >= self._buffer_trials or self._bytes >= _BUFFER_BYTES
        if full or monotonic() - self._written >= self._buffer_seconds:
            self.flush()

    def flush(self) -> None:
        """Write the buffer; when this returns, a killed process loses none of it."""
        self._written = monotonic()
        if not self._buffer:
            return
        number = self._number + 1
        events = [(result.trial, event) for result in self._buffer for event in result.events]
        if events:
            write_atomically(self._layout.events_part(number), _packed(events))
        trades = trades_table(self._buffer)
        if trades is not None:
            _write(self._layout.trades_part(number), trades)
        # The part is there when its metrics are: what was written before is not read without.
        _write(self._layout.metrics_part(number), metrics_table(self._buffer))
        self._number = number
        self._buffer.clear()
        self._bytes = 0

    def finish(self, **said: Any) -> dict[str, Any]:
        """Write what is left, make one table of all parts, and note that the phase has ended.

        Args:
            **said: further facts for the phase's record.
        """
        self.flush()
        metrics, trades = read_metrics(self._layout), read_trades(self._layout)
        covers = {COVERS: str(self._number).encode()}
        if trades.num_rows:
            _write(self._layout.trades, trades.replace_schema_metadata(covers))
        # From here on readers leave the parts alone.
        _write(self._layout.metrics, metrics.replace_schema_metadata(covers))
        for path in self._layout.parts.glob("[0-9]*.parquet"):
            path.unlink()
        failed = metrics["status"].to_pylist().count("failed")
        counts = {"trials": metrics.num_rows, "failed": failed, "trades": trades.num_rows}
        record = {"phase": self.phase, "state": "ended", "ended": now_text(), **counts, **said}
        return write_record(self._layout.record, record)

    def _sweep_up(self) -> None:
        """Remove what a killed writer left half done: its part is not there."""
        for path in (*self._layout.parts.iterdir(), *self._layout.events.iterdir()):
            unfinished = path.name[:6].isdigit() and int(path.name[:6]) > self._number
            if is_temporary(path) or unfinished:
                path.unlink()
        # Parts that are in the table already were about to be removed.
        covers = covered(self._layout.metrics)
        for path in self._layout.parts.glob("[0-9]*.parquet"):
            if int(path.name[:6]) <= covers:
                path.unlink()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Write what is left; what went wrong outside does not make it worth less."""
        self.flush()


def _packed(events: Sequence[tuple[str, Any]]) -> bytes:
    """Return events as compressed lines; equal events give equal bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as lines:
        for trial, event in events:
            text = json.dumps({"trial": trial, **plain(event)}, allow_nan=False)
            lines.write(text.encode() + b"\n")
    return packed.getvalue()


def _write(path: Path, table: pa.Table) -> None:
    written = pa.BufferOutputStream()
    pq.write_table(table, written, compression="zstd")
    write_atomically(path, written.getvalue())
