"""The indicators of a call at every bar: for look-ahead and warm-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from capture.contracts.tracing import Trace, is_traced, keep_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capture.recorder.engine import SignalCaptureEngine
    from capture_vectorbt.indicators import Gathered

__all__ = ["trace_indicators"]


def trace_indicators(
    engine: SignalCaptureEngine,
    strategies: Sequence[str],
    index: pd.Index[str],
    gathered: Gathered,
) -> None:
    """Keep every indicator of each strategy at every bar, if a rehearsal wants it."""
    if not is_traced() or not isinstance(index, pd.DatetimeIndex):
        return
    naive = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    labels = naive.to_numpy("datetime64[ns]").view(np.int64)
    for column, strategy in enumerate(strategies):
        values = {
            name: np.asarray(array, dtype=np.float64)[:, places[column]]
            for name, (array, places) in gathered.arrays.items()
            if places[column] >= 0 and array.dtype.kind in "biuf"
        }
        keep_trace(Trace(engine.run_id, engine.part, strategy, labels, values))
