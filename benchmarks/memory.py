"""How the memory of a process grows while it records; each reading in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from benchmarks.report import Figure, Report, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sizes import Sizes

__all__ = ["run"]

_GOALS_MB: Final = {100_000: 10.0, 1_000_000: 20.0}
_LIST_ROWS: Final = 100_000
_REPEATS: Final = 3
"""Processes per reading of resident memory; the middle one counts."""


def run(sizes: Sizes) -> Report:
    """Measure by durability and count, and a list of tuples beside them."""
    rows, figures = [], []
    for durability, count in _cases(sizes):
        readings = sorted(_grown(durability, count, "resident") for _ in range(_REPEATS))
        resident, sealing = readings[_REPEATS // 2]
        traced, traced_sealing = _grown(durability, count, "traced")
        rows.append(
            (
                "list of tuples" if durability == "list" else f"recorder, {durability}",
                count,
                resident,
                traced,
                resident * 1e6 / count,
                None if durability == "list" else sealing,
                None if durability == "list" else traced_sealing,
            )
        )
        if durability == "journal" and count in _GOALS_MB:
            figures.append(
                Figure(
                    quantity=f"growth of resident memory at {count:,} signals, journal on",
                    measured=resident,
                    goal=_GOALS_MB[count],
                    unit="MB",
                    note=f"Python's own allocations {traced:.1f}; while sealing {sealing:.0f}",
                )
            )
    table = Table(
        "Growth of memory while recording",
        (
            "what",
            "signals",
            "resident MB",
            "traced MB",
            "B per signal",
            "resident MB, sealing",
            "traced MB, sealing",
        ),
        tuple(rows),
        (
            "Growth after the first 10,000 signals, at its highest; resident memory includes "
            "mapped journal pages, traced is what Python and numpy asked for (tracemalloc).",
            "Sealing happens once, at the end of a run, and is counted apart.",
            f"Resident: the middle of {_REPEATS} processes; traced: one.",
        ),
    )
    return Report("memory", (table,), tuple(figures))


def _cases(sizes: Sizes) -> Iterator[tuple[str, int]]:
    for durability in ("journal", "memory"):
        for count in sizes.memory_rows:
            yield durability, count
    yield "fsync", sizes.memory_synced_rows
    yield "list", min(_LIST_ROWS, *sizes.memory_rows)


def _grown(what: str, count: int, how: str) -> tuple[float, float]:
    """Return growth while capturing and while sealing, in MB."""
    command = [sys.executable, "-m", "benchmarks.memory_child", what, str(count), how]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    grown = json.loads(said.splitlines()[-1])
    return grown["capturing"] / 1e6, grown["sealing"] / 1e6
