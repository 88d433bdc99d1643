"""Traces: what the indicators of a rehearsed run were at every bar, beside what was recorded."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from capture.contracts.perturbing import rehearsal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Trace", "is_traced", "keep_trace", "read_traces"]

_FOLDER: Final = "traces"


class Trace(NamedTuple):
    """Some indicators of a strategy at every bar.

    Attributes:
        run_id: the run.
        part: its part.
        strategy_id: the strategy.
        labels: labels of the bars, as in `Cut`.
        columns: values by indicator column.
    """

    run_id: str
    part: int
    strategy_id: str
    labels: NDArray[Any]
    columns: Mapping[str, NDArray[Any]]


def is_traced() -> bool:
    """Say whether this process takes part in a rehearsal that wants traces."""
    wanted = rehearsal()
    return wanted is not None and wanted.trace and wanted.store is not None


def keep_trace(trace: Trace) -> None:
    """Keep a trace, if the rehearsal wants it; an adapter calls this when a run has ended."""
    import numpy as np

    wanted = rehearsal()
    if wanted is None or not wanted.trace or wanted.store is None or not trace.columns:
        return
    folder = wanted.store / _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / f"{secrets.token_hex(8)}.npz",
        labels=np.asarray(trace.labels, np.int64),
        names=np.array(list(trace.columns), dtype=np.str_),
        values=np.array(list(trace.columns.values()), dtype=np.float64),
        run=np.array([trace.run_id, str(trace.part), trace.strategy_id], dtype=np.str_),
    )


def read_traces(folder: Path) -> list[Trace]:
    """Return the traces that were kept under a rehearsal's store."""
    import numpy as np

    found = []
    for path in sorted((folder / _FOLDER).glob("*.npz")):
        with np.load(path, allow_pickle=False) as held:
            run_id, part, strategy_id = map(str, held["run"])
            columns = dict(zip(map(str, held["names"]), held["values"], strict=True))
            found.append(Trace(run_id, int(part), strategy_id, held["labels"], columns))
    return sorted(found, key=lambda trace: (trace.run_id, trace.part, trace.strategy_id))
