"""One row per run: what a list of runs shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pandas as pd

__all__ = ["COLUMNS", "runs_frame", "summary_of", "unreadable"]

COLUMNS: Final = (
    "run_id",
    "strategy",
    "host",
    "kind",
    "state",
    "parts",
    "signals",
    "orders",
    "fills",
    "started",
    "ended",
    "symbols",
    "parent",
    "backend",
    "problem",
)
_COUNTS: Final = ("parts", "signals", "orders", "fills")
_TIMES: Final = ("started", "ended")


def summary_of(record: Mapping[str, Any], state: str | None = None) -> dict[str, Any]:
    """Return the row of a run, from its manifest or, while it has none, its start record."""
    counts = record.get("counts", {})
    parts = record.get("parts")
    return {
        "run_id": record["run_id"],
        "strategy": record["strategy"],
        "host": record["host"],
        "kind": record["kind"],
        "state": state or record.get("state"),
        "parts": None if parts is None else len(parts),
        **{name: counts.get(name) for name in ("signals", "orders", "fills")},
        "started": record["started"],
        "ended": record.get("ended"),
        "symbols": record.get("symbols"),
        "parent": record.get("parent"),
        "backend": record["backend"],
        "problem": record.get("problem"),
    }


def unreadable(run_id: str, exc: Exception) -> dict[str, Any]:
    """Return the row of a run whose records cannot be read."""
    return dict.fromkeys(COLUMNS) | {
        "run_id": run_id,
        "state": "corrupt",
        "problem": str(exc),
    }


def runs_frame(summaries: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows as a frame, oldest run first."""
    import pandas as pd

    frame = pd.DataFrame(list(summaries), columns=list(COLUMNS))
    for name in _COUNTS:
        frame[name] = frame[name].astype("Int64")
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").astype(
            "datetime64[ns, UTC]"
        )
    return frame.sort_values(["started", "run_id"], kind="stable", ignore_index=True)
