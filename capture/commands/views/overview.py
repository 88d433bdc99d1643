"""A run at a glance: what it was, what it holds, what became of its signals."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from capture.commands.terminal.document import plain, utc
from capture.schema import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from capture.store.recording import Recording

__all__ = [
    "counts_of",
    "dispositions",
    "first_and_last",
    "overview",
    "strategies",
    "tally",
    "these",
    "traded",
]

_TOLD: Final = (
    "run_id",
    "state",
    "kind",
    "parent",
    "strategy",
    "host",
    "host_version",
    "backend",
    "seed",
    "problem",
    "flags",
    "settings",
    "symbols",
    "plugin_failures",
    "git_revision",
    "git_dirty",
    "code_sha256",
    "config_sha256",
    "libraries",
    "python",
)
TRADED: Final = frozenset({"executed", "partially_filled"})
"""The dispositions of signals that traded."""


def overview(recording: Recording, rows: int) -> dict[str, Any]:
    """Return what there is to know of a run, with its first and last signals.

    Args:
        recording: the run.
        rows: how many of the first, and of the last signals.
    """
    record = recording.manifest
    first, last = first_and_last(recording, rows)
    return {
        **{name: record.get(name) for name in _TOLD},
        "started": utc(record["started"]),
        "ended": utc(record.get("ended")),
        "seconds": _seconds(record["started"], record.get("ended")),
        "parts": len(recording.parts),
        "counts": counts_of(recording),
        "strategies": strategies(recording),
        "dispositions": dispositions(recording),
        "first_signals": first,
        "last_signals": last,
    }


def _seconds(started: str, ended: str | None) -> float | None:
    if ended is None:
        return None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(started)).total_seconds()


def counts_of(recording: Recording) -> dict[str, int]:
    """Return the number of rows of every table that has any, in the order of the schema."""
    counted = recording.manifest.get("counts")
    if counted is None:
        counted = {name: recording.table(name, ["seq"]).num_rows for name in TABLES}
    return {name: counted[name] for name in TABLES if counted.get(name)}


def strategies(recording: Recording) -> list[dict[str, Any]]:
    """Return every strategy of a run with its parameters and indicators, each once.

    `parts` says how many parts ran it, and `signals` how many signals it gave in all of them.
    """
    found: list[dict[str, Any]] = []
    ran: Counter[str] = Counter()
    for part in recording.parts:
        ran.update({segment["strategy_id"] for segment in part.segments})
        for segment in part.segments:
            said = {name: segment[name] for name in ("strategy_id", "params", "indicators")}
            if said not in found:
                found.append(said)
    gave = Counter(recording.signals(columns=["strategy_id"])["strategy_id"].tolist())
    return [{**s, "parts": ran[s["strategy_id"]], "signals": gave[s["strategy_id"]]} for s in found]


def dispositions(recording: Recording) -> list[dict[str, Any]]:
    """Return how many signals came to which end and why, the most frequent first."""
    fates = recording.signals(columns=["disposition", "reason"])
    counted = tally(fates)
    return [
        {"disposition": disposition, "reason": reason, "signals": number}
        for (disposition, reason), number in counted
    ]


def tally(frame: pd.DataFrame) -> list[tuple[tuple[Any, ...], int]]:
    """Return the different rows of a frame and how often each is there, the most frequent first."""
    rows = (tuple(map(plain, row)) for row in frame.itertuples(index=False, name=None))
    return Counter(rows).most_common()


def traded(ends: list[dict[str, Any]]) -> int:
    """Return how many signals of these dispositions traded."""
    return sum(end["signals"] for end in ends if end["disposition"] in TRADED)


def first_and_last(recording: Recording, rows: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the first signals, and the last ones that are not among them, as frames."""
    numbers = recording.signals(columns=["part", "seq"])
    chosen = numbers.head(rows), numbers.iloc[rows:].tail(rows)
    first, last = (these(recording, some) for some in chosen)
    return first, last


def these(recording: Recording, numbers: pd.DataFrame) -> pd.DataFrame:
    """Return the signals that have these parts and sequence numbers, which are in order."""
    import pandas as pd

    by_part: dict[int, list[int]] = {}
    for part, seq in zip(numbers["part"].tolist(), numbers["seq"].tolist(), strict=True):
        by_part.setdefault(part, []).append(seq)
    pieces = [
        recording.signals(where=[("part", "=", part), ("seq", "in", seqs)])
        for part, seqs in by_part.items()
    ]
    if len(pieces) == 1:
        return pieces[0]
    return pd.concat(pieces, ignore_index=True) if pieces else recording.signals().head(0)
