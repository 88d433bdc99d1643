"""The bars of a run: its base data, and what was recorded bar by bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from capture.schema import TABLES
from capture.store.uniting import united

if TYPE_CHECKING:
    from capture.store.base import BaseData
    from capture.store.recording import Recording

__all__ = ["bars_table"]


def bars_table(recording: Recording) -> pa.Table:
    """Return every bar once, base data first, in order of symbol, timeframe and time as stored."""
    references: dict[str, dict[str, Any]] = {}
    for part in recording.parts:
        references.update({ref["fingerprint"]: ref for ref in part.base})
    pieces = [_of_base(recording.store.base_data(mark)) for mark in references]
    recorded = recording.table("bars")
    if recorded.num_rows:
        pieces.append(recorded)
    return united([TABLES["bars"].arrow().empty_table(), *pieces]).combine_chunks()


def _of_base(data: BaseData) -> pa.Table:
    rows = data.bars.num_rows
    return (
        data.bars.append_column("symbol", pa.repeat(pa.scalar(data.ref.symbol), rows))
        .append_column("timeframe", pa.repeat(pa.scalar(data.ref.timeframe), rows))
        .append_column("bar_index", pa.array(np.arange(rows)))
    )
