"""The tables of events of a run, written in the order in which they are numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.recorder.facts import StrategyFacts
from capture_vectorbt import signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from capture.recorder.engine import SignalCaptureEngine
    from capture_vectorbt.accounts import Account
    from capture_vectorbt.cells import Cells, Simulated
    from capture_vectorbt.fates import Fates
    from capture_vectorbt.frame import Frame
    from capture_vectorbt.indicators import Gathered
    from capture_vectorbt.repeating import Repeats

__all__ = ["Tables", "open_segments"]


class Tables:
    """Writes the tables of events, which refer to one another by sequence number.

    Attributes:
        told: whether observers are told of them.
        late_missing: whether the signals' indicators are lost.
    """

    def __init__(
        self,
        engine: SignalCaptureEngine,
        frame: Frame,
        account: Account | None,
        cells: Cells,
        fates: Fates | None,
        repeats: Repeats | None,
    ) -> None:
        """Remember what is written; account and fates are unknown of a run that raised."""
        self.told = True
        self.late_missing = False
        self._engine = engine
        self._frame = frame
        self._account = account
        self._cells = cells
        self._fates = fates
        self._repeats = repeats

    def append(
        self, simulated: Simulated | None, segments: NDArray[np.int32], gathered: Gathered
    ) -> None:
        """Write signals, orders, fills and statuses, in this order."""
        engine, frame, cells, count = self._engine, self._frame, self._cells, len(self._cells)
        seqs = engine.next_seq + np.arange(count)
        order_seqs = seqs + count
        prefix = (engine.signal_id(0) or "")[:-1]
        ids = pc.binary_join_element_wise(prefix, pa.array(seqs).cast(pa.string()), "")
        refs = {"signal_id": ids, "signal_seq": seqs}
        if simulated is not None and count:
            rows = signals.signal_table(
                cells,
                frame,
                self._account,
                segments=segments,
                signal_ids=ids,
                gathered=gathered.columns,
                late_missing=self.late_missing,
            )
            if self._repeats is not None:
                rows = rows.append_column("source_signal_id", self._repeats.ids(cells))
            self._write("signals", rows)
            self._write("orders", signals.order_table(cells, frame, simulated, order_seqs, refs))
        account = self._account
        if account is not None and self._fates is not None and len(account.records):
            fills = signals.fill_table(
                cells,
                frame,
                account,
                self._fates,
                seqs=seqs,
                order_seqs=order_seqs,
                signal_ids=ids,
            )
            self._write("fills", fills)
        if count and self._fates is not None:
            self._write(
                "statuses", signals.status_table(cells, frame, self._fates, order_seqs, refs)
            )

    def _write(self, table: str, rows: pa.Table) -> None:
        self._engine.append_table(table, rows, events=True, told=self.told)


def open_segments(
    engine: SignalCaptureEngine, frame: Frame, gathered: Gathered
) -> NDArray[np.int32]:
    """Open a segment per strategy; return that of each column."""
    opened: dict[str, int] = {}
    for column, strategy in enumerate(frame.columns.strategies):
        if strategy not in opened:
            facts = StrategyFacts(strategy, frame.columns.params[column], gathered.metadata[column])
            opened[strategy] = engine.segment(facts)
    return np.array([opened[s] for s in frame.columns.strategies], dtype=np.int32)
