"""What is kept of a trial: metrics always, trades and events where they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from capture.study.portfolio.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from capture.study.objectives.observing import Performance

__all__ = ["SPARSE", "kept_of", "metrics_of"]

SPARSE = "sparse"
"""The engine of a trial that was made over signals alone."""


def metrics_of(performance: Performance, verdicts: Any, row: int) -> dict[str, Any]:
    """Return what a portfolio came to beside its objectives: worth, counts, and verdicts."""
    return {
        "final": float(performance.final[row]),
        "fills": int(performance.fills[row]),
        "trades": int(performance.trades[row]),
        "commission": float(performance.costs[row]),
        **{f"signals_{verdict.word}": int(verdicts[verdict]) for verdict in Verdict},
        "engine": SPARSE,
        "because": None,
    }


def kept_of(trades: pd.DataFrame, fills: pd.DataFrame, keep: Sequence[str]) -> dict[str, Any]:
    """Return trades and events of one portfolio, as far as they are to be kept."""
    found: dict[str, Any] = {}
    if "trades" in keep:
        found["trades"] = pa.Table.from_pandas(trades, preserve_index=False)
    if "events" in keep:
        rows = fills.drop(columns="seq", errors="ignore").to_dict("records")
        found["events"] = [{"kind": "fill", **row} for row in rows]
    return found
